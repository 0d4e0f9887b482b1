// The parts of the library that policies see; each is put into the table on top, or under a name into `base`.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <lua.hpp>

namespace pollux {

void add_string_functions(lua_State* state);  // find, match, gmatch, gsub, rep
void add_table_functions(lua_State* state);   // insert, remove, sort
int sort_list(lua_State* state);              // table.sort
void add_libraries(lua_State* state, int base);

// A read-only table of these functions.
void add_library(lua_State* state, int base, const char* name, std::initializer_list<luaL_Reg> functions);
void add_bytes_library(lua_State* state, int base);    // bytes
void add_table_libraries(lua_State* state, int base);  // shared, cache
void add_log_library(lua_State* state, int base);      // log, print
void add_waiting_library(lua_State* state, int base);  // sleep, http

// Bytes that grow in a userdata of Lua's, so that an error which passes by leaves nothing behind.
class LuaBuffer {
 public:
  // `index`: a place of the stack that is the buffer's own.
  LuaBuffer(lua_State* state, int index) : state_(state), index_(index) {}
  void add(const char* bytes, std::size_t size) {
    if (size > capacity_ - size_) grow(size);
    append(bytes, size);
  }
  void add(char c) { add(&c, 1); }
  void push() { lua_pushlstring(state_, data_ ? data_ : small_, size_); }

 private:
  void grow(std::size_t size);
  void append(const char* bytes, std::size_t size);

  lua_State* state_;
  int index_;
  std::size_t size_ = 0;
  std::size_t capacity_ = sizeof small_;
  char* data_ = nullptr;  // In the userdata; null: the bytes lie in small_.
  char small_[256];
};

}  // namespace pollux
