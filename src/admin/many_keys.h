// A call that is about thousands of keys: they are taken a few a turn, so that the loop serves others
// meanwhile.
#pragma once

#include <functional>

#include "admin/admin_call.h"

namespace pollux {

struct ManyKeys {
  std::size_t count = 0;
  std::function<void(std::size_t)> each;  // Called for 0 to count - 1.
  std::function<AdminAnswer()> answer;    // Called at the end.
};

// What has begun is done to its end, also where the client does not wait for it.
AdminAnswer answer_in_turns(Loop& loop, ManyKeys work);

}  // namespace pollux
