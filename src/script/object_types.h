// How a type of object is made known to Lua: its fields read through a switch, its methods by name.
// Internal to src/script.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "script/exchange_objects.h"

namespace pollux {

// The first member of every userdata of ours: what it is.
enum class ObjectType : std::uint32_t {
  request = 0x504c5801,
  headers,
  attempt,
  response,
  pool,
  key,
  client,
  keys_left
};
const char* name_of(ObjectType type) noexcept;  // "request"

// A userdata that belongs to an exchange. No destructor: Lua just drops it.
struct ExchangeBox {
  ObjectType type;
  LoadedPolicies::ExchangeName exchange;
  std::uint32_t number;  // Of the select, attempt or response that it was made for.
  std::uint32_t index;   // Of the pool's query; of headers: whose.
};

struct KeyBox {
  ObjectType type;
  KeyPool* pool;
  KeyRef key;
};

struct ClientBox {
  ObjectType type;
  ClientRef client;
};

// Null if the value is none of this type.
template <typename Box>
Box* box_at(lua_State* state, int index, ObjectType type) {
  if (lua_type(state, index) != LUA_TUSERDATA || lua_objlen(state, index) < sizeof(Box)) return nullptr;
  auto* box = static_cast<Box*>(lua_touserdata(state, index));
  return box->type == type ? box : nullptr;
}

// Of the C functions made by make_type(): their first upvalue.
inline LoadedPolicies& policies_of(lua_State* state) {
  return *static_cast<LoadedPolicies*>(lua_touserdata(state, lua_upvalueindex(1)));
}
void push_function(LoadedPolicies& policies, lua_State* state, lua_CFunction function);

// The box and its exchange for a C function of ours; raises "this request is over", or that `self` is none.
struct Opened {
  ExchangeBox* box;
  ExchangeObjects* exchange;
};
Opened open_box(lua_State* state, int index, ObjectType type);

struct Method {
  const char* name;
  lua_CFunction function;
};
struct TypeTable {
  ObjectType type;
  std::span<const char* const> fields;  // Their places are the numbers that `read` is given.
  std::span<const Method> methods;
  lua_CFunction index;  // index_entry<...>
  lua_CFunction newindex;
  lua_CFunction collect;  // May be null.
  lua_CFunction equal;    // May be null.
};
// Pushes the metatable.
void make_type(LoadedPolicies& policies, lua_State* state, const TypeTable& table);

// The number of the field that stands at index 2, or -1 with a method pushed; raises for an unknown name.
int field_number(lua_State* state, ObjectType type);
// For assignments: the number of a known field, or raises.
int assigned_field(lua_State* state, ObjectType type);
[[noreturn]] void raise_read_only(lua_State* state, ObjectType type);

template <int (*Read)(lua_State*, int field), ObjectType Type>
int index_body(lua_State* state) {
  const int field = field_number(state, Type);
  return field < 0 ? 1 : Read(state, field);
}

template <ObjectType Type>
int refuse_write(lua_State* state) {
  raise_read_only(state, Type);
}

inline void push_text(lua_State* state, std::string_view text) {
  lua_pushlstring(state, text.data(), text.size());
}

// Pushes the decoded text; false, and nothing pushed, if it is no JSON. Raises if there is not the memory for
// it. Of a text that is lent, blobs may be made.
bool push_json(lua_State* state, std::string_view text, const LentText* lent = nullptr);

// The argument as text without conversion of its stack slot; raises what was expected.
std::string_view text_argument(lua_State* state, int index, const char* what);

// A list of texts.
void push_texts(lua_State* state, const std::vector<std::string>& texts);

// Objects that are the same at every look, as long as somebody holds them: a weak table, by id.
LuaRef weak_table(lua_State* state);
// What the cache holds for this id goes on top of the stack, with the cache itself below it.
void push_cached(lua_State* state, const LuaRef& cache, std::string_view id);
// Stack: cache, whatever was found, the new object. Leaves the object.
void cache_top(lua_State* state, std::string_view id);

}  // namespace pollux
