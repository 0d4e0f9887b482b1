// Looks at folders when the system tells of a change in them, and once a second where it may not.
// Internal to src/script.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "net/loop.h"
#include "net/timer.h"
#include "script/policy_files.h"

namespace pollux {

class PolicyWatch {
 public:
  struct Looked {
    bool settled = true;  // False: a file was still changing; look again soon.
    std::vector<PolicyFolder> folders;
    bool tells = false;  // The system tells of every change in them, if it can be asked to.
  };

  // `look` runs on a thread of libuv's pool, one at a time, never after the destructor has returned.
  PolicyWatch(Loop& loop, std::function<Looked()> look);
  // Waits for a look that is under way.
  ~PolicyWatch();
  PolicyWatch(const PolicyWatch&) = delete;
  PolicyWatch& operator=(const PolicyWatch&) = delete;

 private:
  struct Job;
  struct Watched {
    PolicyFolder folder;
    Handle<uv_fs_event_t> handle;
  };
  void look_now();
  void on_looked(const Looked& looked);
  void on_event(const char* file);
  void follow(const std::vector<PolicyFolder>& folders);
  bool is_worth_a_look(std::string_view file) const;

  Loop& loop_;
  std::function<Looked()> look_;
  Timer next_look_;
  std::vector<Watched> watched_;
  bool all_watched_ = false;  // Every folder of the last look is in watched_.
  bool watched_anew_ = true;  // A change may have come between the look and the watching.
  std::shared_ptr<Job> job_;  // Null: nobody looks.
  bool changed_meanwhile_ = false;
};

}  // namespace pollux
