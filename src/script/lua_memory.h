// The memory of one Lua state: counted, and capped while policies run.
#pragma once

#include <cstddef>

struct lua_State;

namespace pollux {

class ScriptState;

class LuaMemory {
 public:
  LuaMemory(ScriptState& owner, std::size_t cap) : owner_(owner), cap_(cap) {}
  LuaMemory(const LuaMemory&) = delete;
  LuaMemory& operator=(const LuaMemory&) = delete;

  // A lua_Alloc; `self` is the LuaMemory.
  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) noexcept;

  ScriptState& owner() const noexcept { return owner_; }
  std::size_t in_use() const noexcept { return in_use_; }
  std::size_t cap() const noexcept { return cap_; }
  // "keys.lua:7: ": where the last allocation failed, which Lua itself does not tell; empty: nowhere.
  const char* failed_at() const noexcept { return failed_at_; }

  // While one lives, what goes past the cap fails with "not enough memory". Only inside protected calls:
  // outside of them such an error would end the process.
  class Enforced {
   public:
    // `running`: the thread that allocates.
    Enforced(LuaMemory& memory, lua_State* running) : memory_(memory), before_(memory.enforced_for_) {
      memory.enforced_for_ = running;
      memory.failed_at_[0] = '\0';
    }
    ~Enforced() { memory_.enforced_for_ = before_; }
    Enforced(const Enforced&) = delete;
    Enforced& operator=(const Enforced&) = delete;

   private:
    LuaMemory& memory_;
    lua_State* before_;
  };

 private:
  void note_failure() noexcept;

  ScriptState& owner_;
  std::size_t cap_;
  std::size_t in_use_ = 0;
  lua_State* enforced_for_ = nullptr;
  char failed_at_[128] = {};
};

}  // namespace pollux
