#include "admin/many_keys.h"

#include <chrono>
#include <memory>
#include <utility>

namespace pollux {
namespace {

constexpr std::chrono::milliseconds longest_turn{2};

class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(Loop& loop, ManyKeys work, AdminReply& reply) : loop_(loop), work_(std::move(work)), reply_(&reply) {}

  // Holds itself until it is through.
  void take_turn() {
    const auto began = std::chrono::steady_clock::now();
    while (next_ < work_.count) {
      work_.each(next_++);
      if (std::chrono::steady_clock::now() - began < longest_turn) continue;
      return loop_.post([self = shared_from_this()] { self->take_turn(); });
    }
    auto answer = work_.answer();
    if (reply_) std::exchange(reply_, nullptr)->answer(std::move(answer));
  }

  void forget_client() { reply_ = nullptr; }

 private:
  Loop& loop_;
  const ManyKeys work_;
  AdminReply* reply_;
  std::size_t next_ = 0;
};

class Task final : public AdminTask {
 public:
  explicit Task(std::shared_ptr<Run> run) : run_(std::move(run)) {}
  ~Task() override { run_->forget_client(); }

 private:
  std::shared_ptr<Run> run_;
};

}  // namespace

AdminAnswer answer_in_turns(Loop& loop, ManyKeys work) {
  AdminAnswer answer;
  answer.task = [&loop, work = std::move(work)](AdminReply& reply) mutable -> std::unique_ptr<AdminTask> {
    auto run = std::make_shared<Run>(loop, std::move(work), reply);
    run->take_turn();
    return std::make_unique<Task>(std::move(run));
  };
  return answer;
}

}  // namespace pollux
