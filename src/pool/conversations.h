// Which key a conversation was last answered with, for a while: Google's implicit caches and thought
// signatures belong to a project. The least recently used ones are forgotten first. Guarded by the pool's
// mutex.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "pool/model_table.h"

namespace pollux {

class Conversations {
 public:
  static constexpr std::size_t most = 10'000;
  static constexpr std::size_t longest_name = 256;
  static constexpr Milliseconds kept_for = std::chrono::hours(1);

  void keep(std::string_view conversation, std::string_view key_id, Milliseconds now);
  // The key's id; empty: none.
  std::string_view key_of(std::string_view conversation, Milliseconds now);

 private:
  struct Kept {
    std::string conversation, key_id;
    Milliseconds at;
  };
  std::list<Kept> by_age_;                                                   // Latest first.
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_name_;  // Named by what is in the list.
};

}  // namespace pollux
