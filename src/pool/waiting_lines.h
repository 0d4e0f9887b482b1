// Who waits for a key, in order: a line for each model and set of conditions. Whoever is first in a line may
// try; whoever comes later may not overtake.
//
// Guarded by the pool's mutex, but for the callbacks, which are handed out to be called without it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "pool/key_pool.h"

namespace pollux {

class WaitingLines {
 public:
  using OnTurn = std::function<void()>;
  struct Waiter {
    std::vector<std::string> lines;
    OnTurn on_turn;
  };

  bool empty() const noexcept { return lines_.empty(); }
  std::size_t size() const noexcept { return waiting_; }

  void join(Waiter& waiter, std::span<const KeyQuery> queries);
  // Whoever is first now where the waiter was first is to be told.
  void leave(const Waiter& waiter, std::vector<OnTurn>& to_tell);
  bool is_first(const Waiter& waiter) const;
  // Somebody else stands before the one who asks, or before a newcomer (null).
  bool somebody_before(const Waiter* waiter, const KeyQuery& query) const;
  // A key may have become free: the first of every line are to be told, each once.
  void tell_first(std::vector<OnTurn>& to_tell) const;

 private:
  std::unordered_map<std::string, std::deque<const Waiter*>> lines_;
  std::size_t waiting_ = 0;
};

}  // namespace pollux
