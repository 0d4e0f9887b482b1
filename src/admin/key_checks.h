// Checks of many keys at a person's wish: a few at a time, beside the requests, on the loop of one worker.
// What they find is in the keys' states.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "admin/admin.h"

namespace pollux {

class KeyChecker;

// Keys that wait for their check; shared by all workers, safe from any thread.
class KeyChecks {
 public:
  // One that waits already is not put in twice.
  void add(std::vector<KeyRef> keys);

 private:
  friend class KeyChecker;
  KeyRef next();  // Null: none waits.

  std::mutex mutex_;
  std::deque<KeyRef> waiting_;
  std::unordered_set<const Key*> in_line_;
  KeyChecker* checker_ = nullptr;  // Null before a worker has one, and when it ends.
  Loop* loop_ = nullptr;           // The checker's.
};

// Of one worker alone. Destroying it abandons what is under way and what waits.
class KeyChecker {
 public:
  static constexpr std::size_t most_at_once = 4;

  explicit KeyChecker(Admin& admin);
  ~KeyChecker();
  KeyChecker(const KeyChecker&) = delete;
  KeyChecker& operator=(const KeyChecker&) = delete;

 private:
  friend class KeyChecks;
  struct Running;

  void go_on();
  void check(KeyRef key);

  Admin& admin_;
  std::vector<std::unique_ptr<Running>> running_;
  bool going_on_ = false;  // A check may be over before it has begun to wait.
  // Tasks posted to the loop look here whether there is still a checker.
  std::shared_ptr<KeyChecker*> alive_ = std::make_shared<KeyChecker*>(this);
};

}  // namespace pollux
