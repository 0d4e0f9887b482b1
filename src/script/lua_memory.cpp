#include "script/lua_memory.h"

#include <cstdio>
#include <cstdlib>
#include <lua.hpp>

namespace pollux {

void* LuaMemory::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) noexcept {
  auto& memory = *static_cast<LuaMemory*>(self);
  if (new_size == 0) {
    std::free(block);
    if (block) memory.in_use_ -= old_size;
    return nullptr;
  }
  if (!block) old_size = 0;
  const bool grows = new_size > old_size;  // Shrinking may not fail.
  if (grows && memory.enforced_for_ && memory.in_use_ + (new_size - old_size) > memory.cap_) {
    memory.note_failure();
    return nullptr;
  }
  void* moved = std::realloc(block, new_size);
  if (moved) memory.in_use_ += new_size - old_size;
  return moved;
}

// Looks at the frames alone and allocates nothing: Lua is in the middle of something.
void LuaMemory::note_failure() noexcept {
  lua_Debug where;
  for (int level = 0; lua_getstack(enforced_for_, level, &where); ++level) {
    if (!lua_getinfo(enforced_for_, "Sl", &where) || where.currentline <= 0 || where.source[0] != '@')
      continue;
    std::snprintf(failed_at_, sizeof failed_at_, "%s:%d: ", where.short_src, where.currentline);
    return;
  }
}

}  // namespace pollux
