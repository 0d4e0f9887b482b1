#include "admin/later_answer.h"

#include <utility>

namespace pollux {
namespace {

class LaterAnswer final : public AdminTask {
 public:
  explicit LaterAnswer(AdminReply& reply) : reply_(reply) {}
  ~LaterAnswer() override { *alive_ = nullptr; }

  Tell teller(Loop& loop) {
    return [&loop, alive = alive_](std::function<AdminAnswer()> make) {
      loop.post([alive, make = std::move(make)] {
        if (*alive) (*alive)->reply_.answer(make());
      });
    };
  }

 private:
  AdminReply& reply_;
  std::shared_ptr<LaterAnswer*> alive_ =
      std::make_shared<LaterAnswer*>(this);  // Read on the loop's thread only.
};

}  // namespace

AdminAnswer answer_later(Loop& loop, std::function<void(Tell)> begin) {
  AdminAnswer answer;
  answer.task = [&loop, begin = std::move(begin)](AdminReply& reply) {
    auto task = std::make_unique<LaterAnswer>(reply);
    begin(task->teller(loop));
    return task;
  };
  return answer;
}

AdminAnswer answer_from(JobThread& jobs, Loop& loop, std::function<AdminAnswer()> work) {
  return answer_later(loop, [&jobs, work = std::move(work)](const Tell& tell) {
    const bool taken = jobs.post([tell, work] { tell([answer = work()] { return answer; }); });
    if (!taken) tell([] { return admin_error(503, "too much waits here; try again in a moment"); });
  });
}

}  // namespace pollux
