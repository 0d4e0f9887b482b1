// An answer of the administration that another thread has to be waited for.
#pragma once

#include <functional>

#include "admin/admin_call.h"

namespace pollux {

// Has the answer made on the loop of the call, unless the client has left by then. Called once, from any
// thread.
using Tell = std::function<void(std::function<AdminAnswer()> make)>;

// `begin` is called at once.
AdminAnswer answer_later(Loop& loop, std::function<void(Tell)> begin);

// The same for work that may block, on the thread of `jobs`; 503 where too much waits there.
AdminAnswer answer_from(JobThread& jobs, Loop& loop, std::function<AdminAnswer()> work);

}  // namespace pollux
