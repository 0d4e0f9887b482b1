// `request.form`: the parts of a form as a Lua list, read at first use. Internal to src/script.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/form.h"
#include "script/lent_text.h"
#include "script/script_run.h"

namespace pollux {

class FormBody {
 public:
  // Pushes the list, or nil: see push_problem(). Long values are blobs in the text, which is lent.
  void push(lua_State* state, std::string_view content_type, std::string_view text, const LentText& lent);
  // Pushes why there is no list, or nil if there is one.
  void push_problem(lua_State* state, std::string_view content_type, std::string_view text,
                    const LentText& lent);

 private:
  void read(std::string_view content_type, std::string_view text, const LentText& lent);
  void push_list(lua_State* state, std::string_view text) const;

  std::optional<LentTexts::Name> read_text_;  // Another text is read anew.
  std::vector<FormPart> parts_;               // Until they are in the list.
  std::string problem_;                       // Empty: there is a form.
  LuaRef list_;
};

}  // namespace pollux
