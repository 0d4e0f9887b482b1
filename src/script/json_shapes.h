// How Lua tables remember that they are JSON objects or arrays, and the order of an object's properties.
//
// The values lie in the table itself; the order lies in its metatable, at the indexes 1 to n. Objects decoded
// with the same properties in the same order share one metatable, their shape. When a policy adds a property,
// the object gets a metatable of its own, which also holds where each property stands: an object that is
// edited pays for it, the others do not.
#pragma once

#include <cstdint>
#include <lua.hpp>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pollux {

enum class JsonKind { plain, object, array };

class JsonShapes {
 public:
  // Makes what all shapes share. Once, while the state is opened.
  void open(lua_State* state);

  // Pushes the metatable of objects with these properties: strings of the state, compared by their address,
  // which the caller keeps alive. A name that stands there twice counts at its first place.
  void push_shape(lua_State* state, std::span<const char* const> names, std::span<const std::size_t> sizes);
  void push_array_mark(lua_State* state) const;
  void push_new_number(lua_State* state, std::string_view text) const;  // One that keeps its text.

  // Of the table at `index`.
  JsonKind kind(lua_State* state, int index) const;
  // Gives the table at `index` an order of its own: that which it has, or for a plain table an empty one.
  void make_object(lua_State* state, int index);
  // Puts the name on top, which it pops, last in the order whose metatable lies at `order`.
  static void append_name(lua_State* state, int order);

  // The text of a number that keeps it, or null data.
  std::string_view number_text(lua_State* state, int index) const;

  // Decoding runs protected: this pushes the function for it without an allocation.
  void push_decoder(lua_State* state) const;
  void push_encoder(lua_State* state) const;

 private:
  struct Shape {
    int reference;
    std::vector<const char*> names;
  };
  void forget_shapes(lua_State* state);

  std::unordered_map<std::uint64_t, Shape> shapes_;  // By a hash of the addresses.
  int add_property_ = LUA_NOREF;
  int array_mark_ = LUA_NOREF;
  int number_mark_ = LUA_NOREF;
  int decoder_ = LUA_NOREF;
  int encoder_ = LUA_NOREF;
};

// Walks over an object's properties in order.
class JsonOrder {
 public:
  // `object` and `shape` (its metatable) are absolute indexes.
  JsonOrder(lua_State* state, int object, int shape);
  JsonOrder(lua_State* state, int object, int shape, int place);
  // Pushes the next name and its value; or nothing, and returns false.
  bool next();
  int place() const { return place_; }

 private:
  lua_State* state_;
  int object_, shape_;
  bool own_;  // Some names may have been removed and added again: only their last place counts.
  int place_ = 0;
};

void push_json_library(lua_State* state);

// What json_decode and json_encode call protected; their work is a light userdata.
int decode_protected(lua_State* state);
int encode_protected(lua_State* state);

}  // namespace pollux
