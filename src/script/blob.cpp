#include "script/blob.h"

#include <algorithm>

#include "base/base64.h"
#include "script/script_state.h"

namespace pollux {
namespace {

int describe(lua_State* state) {
  const auto* blob = blob_at(state, 1);
  if (!blob) return luaL_error(state, "expected a blob");
  lua_pushfstring(state, "blob of %f bytes", static_cast<double>(blob->length));
  return 1;
}

int length(lua_State* state) {
  const auto* blob = blob_at(state, 1);
  if (!blob) return luaL_error(state, "expected a blob");
  lua_pushnumber(state, static_cast<double>(blob->length));
  return 1;
}

int collect(lua_State* state) {
  if (const auto* blob = blob_at(state, 1)) ScriptState::of(state).lent_texts().let_go(blob->text);
  return 0;
}

int refuse_index(lua_State* state) {
  return luaL_error(state, "a blob is no text: the library bytes knows what can be done with it");
}

// Makes the fresh userdata on top a blob. Raises nothing.
void finish_blob(lua_State* state, void* place, const Blob& blob) {
  auto& script = ScriptState::of(state);
  new (place) Blob(blob);
  script.lent_texts().hold(blob.text);
  script.blobs().push_metatable(state);
  lua_setmetatable(state, -2);
}

// Base64 is read and written in whole groups: of those that were appended, these bytes are meant.
void trim(std::string& out, std::size_t old_size, std::size_t skipped, std::size_t length) {
  out.erase(old_size, skipped);
  out.resize(old_size + length);
}

void append_encoded(const Blob& blob, std::string_view bytes, std::string& out) {
  const auto from = blob.first / 4, to = (blob.first + blob.length + 3) / 4;
  const auto old_size = out.size();
  append_base64(out, bytes.substr(from * 3, (to - from) * 3));
  trim(out, old_size, blob.first - from * 4, blob.length);
}

void append_decoded(const Blob& blob, std::string_view bytes, std::string& out) {
  const auto from = blob.first / 3, to = (blob.first + blob.length + 2) / 3;
  const auto old_size = out.size();
  append_base64_decoded(out, bytes.substr(from * 4, (to - from) * 4));
  trim(out, old_size, blob.first - from * 3, blob.length);
}

// One text or blob of those that append_bytes() is given.
Result<std::size_t> size_of_bytes(lua_State* state, int index) {
  if (lua_type(state, index) == LUA_TSTRING) return lua_objlen(state, index);
  if (const auto* blob = blob_at(state, index)) return blob->length;
  return invalid_input(std::string("a ") + luaL_typename(state, index) + ", expected a text or a blob");
}

Result<void> append_one(lua_State* state, int index, std::string& out) {
  if (const auto* blob = blob_at(state, index)) {
    return append_blob(state, *blob, out) ? Result<void>() : invalid_input(blob_is_over);
  }
  std::size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  out.append(text, size);
  return {};
}

// Calls `visit` for the value, or for each of the list.
template <typename Visit>
Result<void> for_each_part(lua_State* state, int index, Visit&& visit) {
  if (!lua_istable(state, index)) return visit(index);
  const auto count = static_cast<int>(lua_objlen(state, index));
  for (int at = 1; at <= count; ++at) {
    const LuaStackGuard guard(state);
    lua_rawgeti(state, index, at);
    if (auto visited = visit(lua_gettop(state)); !visited) {
      return std::move(visited).error().within("[" + std::to_string(at) + "]");
    }
  }
  return {};
}

}  // namespace

Blob Blob::plain(LentTexts::Name text, std::size_t offset, std::size_t size, bool is_clean) {
  return {text, offset, size, 0, size, Form::plain, is_clean};
}

Blob Blob::piece(std::size_t from, std::size_t count) const {
  auto part = *this;
  part.length = count;
  if (form == Form::plain) {
    part.offset += from;
    part.size = count;
  } else {
    part.first += from;
  }
  return part;
}

void Blobs::open(lua_State* state) {
  lua_createtable(state, 0, 6);
  lua_pushcfunction(state, collect);
  lua_setfield(state, -2, "__gc");
  lua_pushcfunction(state, describe);
  lua_setfield(state, -2, "__tostring");
  lua_pushcfunction(state, length);
  lua_setfield(state, -2, "__len");
  lua_pushcfunction(state, refuse_index);
  lua_setfield(state, -2, "__index");
  lua_pushcfunction(state, refuse_index);
  lua_setfield(state, -2, "__newindex");
  lua_pushliteral(state, "blob");
  lua_setfield(state, -2, "__metatable");
  metatable_ = luaL_ref(state, LUA_REGISTRYINDEX);
}

void Blobs::push_metatable(lua_State* state) const {
  lua_rawgeti(state, LUA_REGISTRYINDEX, metatable_);
}

void push_blob(lua_State* state, const Blob& blob) {
  finish_blob(state, lua_newuserdata(state, sizeof(Blob)), blob);
}

void push_kept_blob(lua_State* state, std::string& text, TextRoom& room, Blob blob) {
  void* const place = lua_newuserdata(state, sizeof(Blob));
  blob.text = ScriptState::of(state).lent_texts().keep(std::move(text), std::move(room));
  finish_blob(state, place, blob);
}

const Blob* blob_at(lua_State* state, int index) {
  if (lua_type(state, index) != LUA_TUSERDATA || lua_objlen(state, index) != sizeof(Blob)) return nullptr;
  const auto* blob = static_cast<const Blob*>(lua_touserdata(state, index));
  if (!lua_getmetatable(state, index)) return nullptr;
  ScriptState::of(state).blobs().push_metatable(state);
  const bool is_blob = lua_rawequal(state, -1, -2) != 0;
  lua_pop(state, 2);
  return is_blob ? blob : nullptr;
}

std::optional<std::string_view> bytes_of_plain(lua_State* state, const Blob& blob) {
  const auto text = ScriptState::of(state).lent_texts().find(blob.text);
  if (!text) return std::nullopt;
  return text->substr(blob.offset, blob.size);
}

bool same_bytes(lua_State* state, const Blob& one, const Blob& other) {
  if (one == other) return true;
  const bool alike = one.form == other.form && one.first == other.first && one.length == other.length;
  return alike && bytes_of_plain(state, one) == bytes_of_plain(state, other);
}

bool append_blob(lua_State* state, const Blob& blob, std::string& out) {
  const auto bytes = bytes_of_plain(state, blob);
  if (!bytes) return false;
  switch (blob.form) {
    case Blob::Form::plain:
      out.append(*bytes);
      break;
    case Blob::Form::encoded:
      append_encoded(blob, *bytes, out);
      break;
    case Blob::Form::decoded:
      append_decoded(blob, *bytes, out);
      break;
  }
  return true;
}

Result<void> append_bytes(lua_State* state, int index, std::string& out) {
  if (!lua_checkstack(state, 8)) return unavailable("too many values on the stack");
  const auto old_size = out.size();
  std::size_t total = 0;
  auto counted = for_each_part(state, index, [&](int part) -> Result<void> {
    const auto size = size_of_bytes(state, part);
    if (!size) return size.error();
    total += *size + most_trimmed_bytes;
    return total <= most_written_bytes ? Result<void>() : invalid_input("its bytes are too many");
  });
  if (!counted) return counted;
  out.reserve(old_size + total);
  auto written = for_each_part(state, index, [&](int part) { return append_one(state, part, out); });
  if (!written) out.resize(old_size);
  return written;
}

}  // namespace pollux
