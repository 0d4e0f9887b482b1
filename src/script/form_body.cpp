#include "script/form_body.h"

#include "script/blob.h"
#include "script/object_types.h"

namespace pollux {
namespace {

void set_text(lua_State* state, const char* name, const std::optional<std::string>& text) {
  if (!text) return;
  push_text(state, *text);
  lua_setfield(state, -2, name);
}

void push_value(lua_State* state, const FormPart& part, std::string_view text, LentTexts::Name lent) {
  const auto value = part.value();
  if (part.decoded || value.size() < least_blob_bytes) return push_text(state, value);
  push_blob(state,
            Blob::plain(lent, static_cast<std::size_t>(value.data() - text.data()), value.size(), false));
}

}  // namespace

void FormBody::read(std::string_view content_type, std::string_view text, const LentText& lent) {
  if (read_text_ == lent.name()) return;
  list_ = {};
  auto parts = parse_form(content_type, text);
  problem_ = parts ? "" : parts.error().message;
  parts_ = parts ? std::move(*parts) : std::vector<FormPart>();
  read_text_ = lent.name();
}

void FormBody::push_list(lua_State* state, std::string_view text) const {
  lua_createtable(state, static_cast<int>(parts_.size()), 0);
  int place = 0;
  for (const auto& part : parts_) {
    lua_createtable(state, 0, 4);
    push_text(state, part.name);
    lua_setfield(state, -2, "name");
    set_text(state, "filename", part.filename);
    set_text(state, "type", part.type);
    push_value(state, part, text, *read_text_);
    lua_setfield(state, -2, "value");
    lua_rawseti(state, -2, ++place);
  }
}

void FormBody::push(lua_State* state, std::string_view content_type, std::string_view text,
                    const LentText& lent) {
  read(content_type, text, lent);
  if (list_) return list_.push(state);
  if (!problem_.empty()) return lua_pushnil(state);
  push_list(state, text);
  list_ = LuaRef(state, -1);
  parts_ = {};
}

void FormBody::push_problem(lua_State* state, std::string_view content_type, std::string_view text,
                            const LentText& lent) {
  read(content_type, text, lent);
  if (problem_.empty()) return lua_pushnil(state);
  push_text(state, problem_);
}

}  // namespace pollux
