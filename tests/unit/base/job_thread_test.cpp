#include "base/job_thread.h"

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include "catch.h"

using namespace pollux;

TEST_CASE("jobs run one at a time and in their order") {
  std::vector<int> seen;  // Of the thread alone.
  std::promise<void> last;
  JobThread jobs;
  for (int number = 0; number < 50; ++number) REQUIRE(jobs.post([&seen, number] { seen.push_back(number); }));
  REQUIRE(jobs.post([&last] { last.set_value(); }));
  last.get_future().wait();
  jobs.stop();
  REQUIRE(seen.size() == 50);
  for (int number = 0; number < 50; ++number) CHECK(seen[static_cast<std::size_t>(number)] == number);
}

TEST_CASE("too many waiting jobs are refused, and stopping drops those that wait") {
  JobThread jobs;
  std::promise<void> began, go_on;
  REQUIRE(jobs.post([&] {
    began.set_value();
    go_on.get_future().wait();
  }));
  began.get_future().wait();
  const auto kept = std::make_shared<int>(7);
  std::atomic<int> ran = 0;
  for (std::size_t number = 0; number < JobThread::most_waiting; ++number)
    REQUIRE(jobs.post([&ran, kept] { ran += *kept; }));
  CHECK_FALSE(jobs.post([] {}));
  auto stopping = std::async(std::launch::async, [&jobs] { jobs.stop(); });
  while (kept.use_count() > 1) std::this_thread::yield();
  go_on.set_value();
  stopping.wait();
  CHECK(ran == 0);
  CHECK_FALSE(jobs.post([] {}));
}
