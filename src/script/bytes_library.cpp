// The library `bytes` of policies: what can be done with texts and blobs alike.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/base64.h"
#include "script/lua_libraries.h"
#include "script/script_state.h"

namespace pollux {
namespace {

// What a function was given: a blob, or else a text.
struct Given {
  const Blob* blob = nullptr;
  std::string_view text;  // Or the bytes that the blob is made of.
};

Given given(lua_State* state, const char* function) {
  if (lua_type(state, 1) == LUA_TSTRING) {
    std::size_t size = 0;
    const char* text = lua_tolstring(state, 1, &size);
    return {nullptr, {text, size}};
  }
  const auto* blob = blob_at(state, 1);
  if (!blob) luaL_error(state, "%s: expected a text or a blob, got %s", function, luaL_typename(state, 1));
  const auto bytes = blob ? bytes_of_plain(state, *blob) : std::nullopt;
  if (!bytes) luaL_error(state, "%s: %s", function, blob_is_over);
  return {blob, bytes.value_or(std::string_view())};
}

int push_view(lua_State* state, std::string_view text) {
  make_room(state, text.size());
  lua_pushlstring(state, text.data(), text.size());
  return 1;
}

// Text that was put together in the state's scratch, which large ones do not stay in.
int push_scratch(lua_State* state) {
  constexpr std::size_t worth_keeping = 65'536;
  auto& scratch = ScriptState::of(state).scratch();
  push_view(state, scratch);
  if (scratch.capacity() > worth_keeping) std::string().swap(scratch);
  return 1;
}

// The blob's bytes in the state's scratch.
std::string& write_out(lua_State* state, const Blob& blob) {
  auto& scratch = ScriptState::of(state).scratch();
  scratch.clear();
  append_blob(state, blob, scratch);
  return scratch;
}

int push_text_of(lua_State* state, const Blob& blob) {
  if (blob.form == Blob::Form::plain) return push_view(state, *bytes_of_plain(state, blob));
  write_out(state, blob);
  return push_scratch(state);
}

int push_piece(lua_State* state, const Blob& blob) {
  if (blob.length < least_blob_bytes) return push_text_of(state, blob);
  push_blob(state, blob);
  return 1;
}

int is_text(lua_State* state) {
  lua_pushboolean(state, lua_type(state, 1) == LUA_TSTRING || blob_at(state, 1) != nullptr);
  return 1;
}

int length(lua_State* state) {
  const auto [blob, text] = given(state, "bytes.length");
  lua_pushnumber(state, static_cast<double>(blob ? blob->length : text.size()));
  return 1;
}

int text_of(lua_State* state) {
  const auto [blob, text] = given(state, "bytes.text");
  if (blob) return push_text_of(state, *blob);
  lua_settop(state, 1);
  return 1;
}

// As string.sub counts: from 1, from the end where negative.
int sub(lua_State* state) {
  const auto [blob, text] = given(state, "bytes.sub");
  const auto size = static_cast<double>(blob ? blob->length : text.size());
  double from = luaL_checknumber(state, 2), to = luaL_optnumber(state, 3, -1);
  if (from < 0) from = std::max(from + size + 1, 1.0);
  if (to < 0) to += size + 1;
  from = std::max(std::floor(from), 1.0);
  to = std::min(std::floor(to), size);
  if (!(from <= to)) return push_view(state, {});
  const auto first = static_cast<std::size_t>(from) - 1, count = static_cast<std::size_t>(to) - first;
  return blob ? push_piece(state, blob->piece(first, count)) : push_view(state, text.substr(first, count));
}

// The piece is whole groups: nothing is cut through, but at the end.
bool is_whole(const Blob& blob, std::size_t group, std::size_t all) {
  return blob.first % group == 0 && (blob.length % group == 0 || blob.first + blob.length == all);
}

bool is_standard_base64(std::string_view text) {
  return text.size() % 4 == 0 && text.find_first_of("-_") == std::string_view::npos;
}

// The blob whose base64 `decoded` is made of; false if there is none that is written as we write it.
bool encoded_again(const Blob& decoded, std::string_view base64, Blob& blob) {
  const auto all = base64_decoded_size(base64);
  if (!all || !is_whole(decoded, 3, *all)) return false;
  const auto from = decoded.first / 3 * 4, count = base64_size(decoded.length);
  if (from + count > base64.size() || !is_standard_base64(base64.substr(from, count))) return false;
  blob = Blob::plain(decoded.text, decoded.offset + from, count, true);
  return true;
}

int to_base64(lua_State* state) {
  const auto [blob, text] = given(state, "bytes.to_base64");
  auto& scratch = ScriptState::of(state).scratch();
  if (!blob || blob->form == Blob::Form::encoded) {
    scratch = base64_encode(blob ? std::string_view(write_out(state, *blob)) : text);
    return push_scratch(state);
  }
  auto encoded = *blob;
  if (blob->form == Blob::Form::plain) {
    encoded.form = Blob::Form::encoded;
    encoded.length = base64_size(blob->size);
    return push_piece(state, encoded);
  }
  if (encoded_again(*blob, text, encoded)) return push_piece(state, encoded);
  scratch = base64_encode(write_out(state, *blob));
  return push_scratch(state);
}

// The blob that `encoded` was made of; false if the piece cuts through its bytes.
bool decoded_again(const Blob& encoded, Blob& blob) {
  if (!is_whole(encoded, 4, base64_size(encoded.size))) return false;
  const auto from = encoded.first / 4 * 3;
  blob = Blob::plain(encoded.text, encoded.offset + from,
                     std::min(encoded.length / 4 * 3, encoded.size - from), encoded.is_clean);
  return true;
}

int push_decoded(lua_State* state, std::string_view text) {
  bool good = false;
  {
    std::string bytes;  // The text may lie in the scratch itself.
    good = base64_decode(text, bytes);
    ScriptState::of(state).scratch() = std::move(bytes);
  }
  return good ? push_scratch(state) : (lua_pushnil(state), 1);
}

int from_base64(lua_State* state) {
  const auto [blob, text] = given(state, "bytes.from_base64");
  if (!blob) return push_decoded(state, text);
  auto decoded = *blob;
  switch (blob->form) {
    case Blob::Form::plain: {
      const auto size = base64_decoded_size(text);
      if (!size) return lua_pushnil(state), 1;
      decoded.form = Blob::Form::decoded;
      decoded.length = *size;
      return push_piece(state, decoded);
    }
    case Blob::Form::encoded:
      if (decoded_again(*blob, decoded)) return push_piece(state, decoded);
      break;
    case Blob::Form::decoded:
      break;
  }
  return push_decoded(state, write_out(state, *blob));
}

void append_float32(std::string& out, float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(bits >> shift & 0xff);
}

int float32(lua_State* state) {
  luaL_checktype(state, 1, LUA_TTABLE);
  auto& bytes = ScriptState::of(state).scratch();
  bytes.clear();
  const auto count = static_cast<int>(lua_objlen(state, 1));
  for (int at = 1; at <= count; ++at) {
    lua_rawgeti(state, 1, at);
    if (lua_type(state, -1) != LUA_TNUMBER) {
      return luaL_error(state, "bytes.float32: its element %d is a %s, expected a number", at,
                        luaL_typename(state, -1));
    }
    append_float32(bytes, static_cast<float>(lua_tonumber(state, -1)));
    lua_pop(state, 1);
  }
  return push_scratch(state);
}

}  // namespace

void add_bytes_library(lua_State* state, int base) {
  add_library(state, base, "bytes",
              {{"is_text", &lua_entry<is_text>},
               {"length", &lua_entry<length>},
               {"text", &lua_entry<text_of>},
               {"sub", &lua_entry<sub>},
               {"to_base64", &lua_entry<to_base64>},
               {"from_base64", &lua_entry<from_base64>},
               {"float32", &lua_entry<float32>}});
}

}  // namespace pollux
