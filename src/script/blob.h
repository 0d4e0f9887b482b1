// Blobs: bytes that policies hold without having them. A blob names a text that lies outside of Lua (the body
// of a request, of an answer), a piece of it, and how its bytes are to be written: as they lie there, as
// base64, or decoded from base64. Nothing is copied before the bytes are written where they belong. Internal
// to src/script.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "script/lent_text.h"

namespace pollux {

// What is shorter is a text of Lua's.
inline constexpr std::size_t least_blob_bytes = std::size_t{64} * 1024;
// Of all blobs that are written to one place.
inline constexpr std::size_t most_written_bytes = std::size_t{256} * 1024 * 1024;
// So many bytes more than a blob's length are in use while it is written.
inline constexpr std::size_t most_trimmed_bytes = 8;

struct Blob {
  enum class Form : std::uint8_t { plain, encoded, decoded };
  LentTexts::Name text;
  std::size_t offset = 0, size = 0;   // The bytes in that text, of which
  std::size_t first = 0, length = 0;  // this piece of their form is meant. Plain: all of them.
  Form form = Form::plain;
  bool is_clean = false;  // It holds nothing that JSON would escape.
  bool operator==(const Blob&) const = default;

  static Blob plain(LentTexts::Name text, std::size_t offset, std::size_t size, bool is_clean);
  // Of these bytes, counted from 0.
  Blob piece(std::size_t from, std::size_t count) const;
};

// What all blobs of a state share.
class Blobs {
 public:
  void open(lua_State* state);  // Once, while the state is opened.
  void push_metatable(lua_State* state) const;

 private:
  int metatable_ = LUA_NOREF;
};

void push_blob(lua_State* state, const Blob& blob);  // May raise "not enough memory".
// Pushes a blob of a text that nobody else keeps; the text and its room are taken unless it raises.
void push_kept_blob(lua_State* state, std::string& text, TextRoom& room, Blob blob);
// Null if the value is none. Never raises.
const Blob* blob_at(lua_State* state, int index);

// Appends its bytes; false if the text that they lie in is gone.
bool append_blob(lua_State* state, const Blob& blob, std::string& out);
// The bytes of a plain one as they lie there; nothing if they are gone.
std::optional<std::string_view> bytes_of_plain(lua_State* state, const Blob& blob);
// Whether both are the same bytes in the same form.
bool same_bytes(lua_State* state, const Blob& one, const Blob& other);
inline constexpr const char* blob_is_over = "this blob is over: the body that it lies in is gone";

// Appends what a hook returned as bytes: a text, a blob, or a list of them. Raises no Lua error; on an error
// `out` is as it was.
Result<void> append_bytes(lua_State* state, int index, std::string& out);

}  // namespace pollux
