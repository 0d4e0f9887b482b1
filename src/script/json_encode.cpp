// Lua values to JSON text.
#include <algorithm>
#include <string>
#include <vector>

#include "script/json_outline.h"
#include "script/json_text.h"
#include "script/script_state.h"
#include "script/watchdog.h"

namespace pollux {

namespace {

constexpr int max_depth = 200;

// Holds what owns memory; lives outside of the protected call.
class Encoder {
 public:
  Encoder(std::string& out, std::vector<JsonOutline::Gap>& gaps)
      : out_(out), gaps_(gaps), size_before_(out.size()) {}

  bool encode(lua_State* state, int index) {
    state_ = state;
    ScriptState& script = ScriptState::of(state);
    json_ = &script.json();
    most_bytes_ = script.limits().memory_bytes;
    return value(index, 0);
  }

  // "contents[1].parts: a function has no JSON form".
  std::string problem() const {
    if (path_.empty()) return problem_;
    return (path_.front() == '.' ? path_.substr(1) : path_) + ": " + problem_;
  }

  void undo() {
    out_.resize(size_before_);
    gaps_.clear();
  }

 private:
  // The name of a property of a table that keeps no order.
  struct Name {
    std::string_view text;  // Of the string in the table; empty for a number.
    std::string digits;     // Of a number.
    double number = 0;
    std::string_view shown() const { return digits.empty() ? text : std::string_view(digits); }
  };

  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool value(int index, int depth) {
    switch (lua_type(state_, index)) {
      case LUA_TNIL:
        out_ += "null";
        return true;
      case LUA_TBOOLEAN:
        out_ += lua_toboolean(state_, index) ? "true" : "false";
        return true;
      case LUA_TNUMBER:
        return append_json_number(out_, lua_tonumber(state_, index)) ||
               fail("NaN and infinity have no JSON form");
      case LUA_TSTRING: {
        std::size_t size = 0;
        const char* text = lua_tolstring(state_, index, &size);
        return append_json_text(out_, {text, size}) || fail("a text that is not UTF-8 has no JSON form");
      }
      case LUA_TTABLE:
        return table(index, depth);
      default:
        break;
    }
    if (json_is_null(state_, index)) {
      out_ += "null";
      return true;
    }
    const std::string_view number = json_->number_text(state_, index);
    if (number.data()) {
      out_ += number;
      return true;
    }
    if (const Blob* const held = blob_at(state_, index)) return blob(*held);
    return fail(std::string("a ") + luaL_typename(state_, index) + " has no JSON form");
  }

  bool blob(const Blob& blob) {
    const auto bytes = bytes_of_plain(state_, blob);
    if (!bytes) return fail(blob_is_over);
    if (blob.form == Blob::Form::decoded) {
      return fail("bytes have no JSON form: bytes.to_base64() gives them one");
    }
    blob_bytes_ += blob.length + most_trimmed_bytes;
    if (blob_bytes_ > most_written_bytes) return fail("its text is too long");
    if (blob.form == Blob::Form::plain && !blob.is_clean) {
      return append_json_text(out_, *bytes) || fail("a text that is not UTF-8 has no JSON form");
    }
    out_ += '"';
    gaps_.push_back({out_.size(), blob});
    out_ += '"';
    return true;
  }

  bool table(int index, int depth) {
    const void* address = lua_topointer(state_, index);
    if (std::ranges::find(ancestors_, address) != ancestors_.end())
      return fail("the table lies within itself");
    if (depth == max_depth) return fail("it is nested deeper than 200 levels");
    // A table that stands in many places can make a long text of little memory.
    if (out_.size() - size_before_ > most_bytes_) return fail("its text is too long");
    if (burst_is_spent()) return fail("stopped: it takes too long");
    luaL_checkstack(state_, 8, "too many values");
    ancestors_.push_back(address);
    const int absolute = index > 0 ? index : lua_gettop(state_) + index + 1;
    const bool done = contents(absolute, depth);
    ancestors_.pop_back();
    return done;
  }

  bool contents(int index, int depth) {
    const JsonKind kind = json_->kind(state_, index);
    if (kind == JsonKind::object) return ordered_object(index, depth);
    const auto size = static_cast<int>(lua_objlen(state_, index));
    if (kind == JsonKind::plain && size == 0) return sorted_object(index, depth);
    if (!has_other_names(index, size)) return array(index, size, depth);
    if (kind == JsonKind::array)
      return fail("a list with names besides its positions 1 to " + std::to_string(size));
    return sorted_object(index, depth);
  }

  // Whether there is anything but 1 to size.
  bool has_other_names(int index, int size) {
    // Positions lie before names in most tables, so the search begins after the last.
    if (size > 0)
      lua_pushinteger(state_, size);
    else
      lua_pushnil(state_);
    while (lua_next(state_, index)) {
      lua_pop(state_, 1);
      const double position = lua_type(state_, -1) == LUA_TNUMBER ? lua_tonumber(state_, -1) : 0;
      if (!(position >= 1 && position <= size && position == static_cast<int>(position))) {
        lua_pop(state_, 1);
        return true;
      }
    }
    return false;
  }

  bool array(int index, int size, int depth) {
    out_ += '[';
    for (int i = 1; i <= size; ++i) {
      if (i > 1) out_ += ',';
      lua_rawgeti(state_, index, i);
      if (!value(-1, depth + 1)) return within("[" + std::to_string(i) + "]");
      lua_pop(state_, 1);
    }
    out_ += ']';
    return true;
  }

  bool ordered_object(int index, int depth) {
    out_ += '{';
    lua_getmetatable(state_, index);
    JsonOrder order(state_, index, lua_gettop(state_));
    bool first = true;
    while (order.next()) {
      if (!std::exchange(first, false)) out_ += ',';
      if (!property_name(-2)) return false;
      out_ += ':';
      if (!value(-1, depth + 1)) return within("." + std::string(shown_name(-2)));
      lua_pop(state_, 2);
    }
    lua_pop(state_, 1);
    out_ += '}';
    return true;
  }

  bool property_name(int index) {
    if (lua_type(state_, index) == LUA_TNUMBER) {
      out_ += '"';
      const bool finite = append_json_number(out_, lua_tonumber(state_, index));
      out_ += '"';
      return finite || fail("NaN and infinity have no JSON form");
    }
    if (lua_type(state_, index) != LUA_TSTRING) {
      return fail(std::string("a ") + luaL_typename(state_, index) + " cannot be a property's name");
    }
    std::size_t size = 0;
    const char* text = lua_tolstring(state_, index, &size);
    return append_json_text(out_, {text, size}) ||
           fail("a property's name that is not UTF-8 has no JSON form");
  }

  std::string shown_name(int index) {
    if (lua_type(state_, index) == LUA_TSTRING) return lua_tostring(state_, index);
    std::string digits;
    append_json_number(digits, lua_tonumber(state_, index));
    return digits;
  }

  // Of a table made in Lua, which knows no order: by name, so that the same table gives the same text.
  bool sorted_object(int index, int depth) {
    const std::size_t first = names_.size();
    if (!collect_names(index)) return false;
    std::sort(names_.begin() + static_cast<std::ptrdiff_t>(first), names_.end(),
              [](const Name& one, const Name& other) { return one.shown() < other.shown(); });
    out_ += '{';
    for (std::size_t i = first; i < names_.size(); ++i) {
      if (i > first) out_ += ',';
      if (names_[i].digits.empty())
        lua_pushlstring(state_, names_[i].text.data(), names_[i].text.size());
      else
        lua_pushnumber(state_, names_[i].number);
      if (!property_name(-1)) return false;
      out_ += ':';
      lua_rawget(state_, index);
      if (!value(-1, depth + 1)) return within("." + std::string(names_[i].shown()));
      lua_pop(state_, 1);
    }
    names_.resize(first);
    out_ += '}';
    return true;
  }

  bool collect_names(int index) {
    lua_pushnil(state_);
    while (lua_next(state_, index)) {
      lua_pop(state_, 1);
      Name& name = names_.emplace_back();
      if (lua_type(state_, -1) == LUA_TNUMBER) {
        name.number = lua_tonumber(state_, -1);
        if (!append_json_number(name.digits, name.number)) return fail("NaN and infinity have no JSON form");
      } else if (lua_type(state_, -1) == LUA_TSTRING) {
        std::size_t size = 0;
        const char* text = lua_tolstring(state_, -1, &size);
        name.text = {text, size};
      } else {
        return fail(std::string("a ") + luaL_typename(state_, -1) + " cannot be a property's name");
      }
    }
    return true;
  }

  bool within(const std::string& part) {
    path_.insert(0, part);
    return false;
  }

  std::string& out_;
  std::vector<JsonOutline::Gap>& gaps_;
  std::size_t size_before_, most_bytes_ = 0, blob_bytes_ = 0;
  lua_State* state_ = nullptr;
  const JsonShapes* json_ = nullptr;
  std::string path_, problem_;
  std::vector<const void*> ancestors_;
  std::vector<Name> names_;  // Of all tables that are open.
};

struct EncodeWork {
  Encoder encoder;
  bool done = false;
};

// Appends the text; what it lacks of blobs is said in `gaps`.
Result<void> encode(lua_State* state, int index, std::string& text, std::vector<JsonOutline::Gap>& gaps) {
  ScriptState& script = ScriptState::of(state);
  if (!lua_checkstack(state, 4)) return unavailable("too many values on the stack");
  EncodeWork work{Encoder(text, gaps)};
  const int top = lua_gettop(state);
  lua_pushvalue(state, index);
  script.json().push_encoder(state);
  lua_insert(state, -2);
  lua_pushlightuserdata(state, &work);
  lua_insert(state, -2);
  int status = 0;
  {
    const LuaMemory::Enforced capped(script.memory(), state);
    status = lua_pcall(state, 2, 0, 0);
  }
  if (status == 0 && work.done) return {};
  work.encoder.undo();
  lua_settop(state, top);
  if (status != 0) lua_gc(state, LUA_GCCOLLECT, 0);
  if (status != 0) return unavailable("not enough memory");
  return invalid_input(work.encoder.problem());
}

}  // namespace

int encode_protected(lua_State* state) {
  auto& work = *static_cast<EncodeWork*>(lua_touserdata(state, 1));
  work.done = work.encoder.encode(state, 2);
  return 0;
}

bool JsonOutline::reads_as(const JsonOutline& other, lua_State* state) const {
  const auto same = [state](const Gap& one, const Gap& two) {
    return one.at == two.at && same_bytes(state, one.blob, two.blob);
  };
  return text == other.text && std::ranges::equal(gaps, other.gaps, same);
}

// In one piece of just the size that it needs: texts that grow are copied.
std::string JsonOutline::filled(lua_State* state) && {
  if (gaps.empty()) return std::move(text);
  std::size_t size = text.size() + most_trimmed_bytes;
  for (const Gap& gap : gaps) size += gap.blob.length;
  std::string whole;
  whole.reserve(size);
  std::size_t written = 0;
  for (const Gap& gap : gaps) {
    whole.append(text, written, gap.at - written);
    written = gap.at;
    append_blob(state, gap.blob, whole);
  }
  whole.append(text, written);
  return whole;
}

Result<JsonOutline> json_outline(lua_State* state, int index) {
  JsonOutline outline;
  auto encoded = encode(state, index, outline.text, outline.gaps);
  if (!encoded) return std::move(encoded).error();
  return outline;
}

Result<void> json_encode(lua_State* state, int index, std::string& text) {
  JsonOutline outline{std::move(text), {}};
  auto encoded = encode(state, index, outline.text, outline.gaps);
  text = std::move(outline).filled(state);
  return encoded;
}

}  // namespace pollux
