#include "net/loop.h"

#include <thread>

#include "catch.h"
#include "net/test_loop.h"
#include "net/timer.h"

using namespace pollux;
using pollux::test::TestLoop;
using namespace std::chrono_literals;

namespace {

class CountingFlush final : public Flushable {
 public:
  void flush() override {
    ++flushes;
    if (after) after();
  }
  int flushes = 0;
  std::function<void()> after;
};

struct NotesItsEnd {
  explicit NotesItsEnd(bool& noted) : ended(noted) {}
  ~NotesItsEnd() { ended = true; }
  NotesItsEnd(const NotesItsEnd&) = delete;
  bool& ended;
};

}  // namespace

TEST_CASE("a loop flushes once a turn however often it was asked") {
  TestLoop loop;
  CountingFlush flushable;
  loop.get().flush_later(flushable);
  loop.get().flush_later(flushable);

  loop.turn();

  CHECK(flushable.flushes == 1);
}

TEST_CASE("a flush that asks for another one gets it in the same turn") {
  TestLoop loop;
  CountingFlush first, second;
  first.after = [&] { loop.get().flush_later(second); };
  loop.get().flush_later(first);

  loop.turn(1);

  CHECK(second.flushes == 1);
}

TEST_CASE("a flushable that is forgotten is not flushed") {
  TestLoop loop;
  CountingFlush first, second;
  first.after = [&] { loop.get().forget(second); };
  loop.get().flush_later(first);
  loop.get().flush_later(second);

  loop.turn();

  CHECK(second.flushes == 0);
}

TEST_CASE("a retired object lives until the next turn") {
  TestLoop loop;
  bool ended = false;
  auto object = std::make_shared<NotesItsEnd>(ended);
  loop.get().retire(std::move(object));
  CHECK_FALSE(ended);

  loop.turn();

  CHECK(ended);
}

TEST_CASE("an adopted object is destroyed once it is released, or with the loop") {
  bool released = false, kept = false;
  {
    Loop loop;
    auto one = std::make_shared<NotesItsEnd>(released);
    const auto* key = one.get();
    loop.adopt(std::move(one));
    loop.adopt(std::make_shared<NotesItsEnd>(kept));
    loop.release(key);
    uv_run(loop.uv(), UV_RUN_NOWAIT);
    CHECK(released);
    CHECK_FALSE(kept);
  }
  CHECK(kept);
}

TEST_CASE("tasks from other threads run on the loop in their order") {
  Loop loop;
  const auto home = std::this_thread::get_id();
  std::vector<int> seen;
  bool at_home = true;

  std::thread other([&] {
    for (int number = 0; number < 1000; ++number) {
      loop.post([&, number] {
        at_home = at_home && std::this_thread::get_id() == home;
        seen.push_back(number);
        if (number == 999) loop.stop();
      });
    }
  });
  loop.run();
  other.join();

  CHECK(at_home);
  REQUIRE(seen.size() == 1000);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("a loop stopped from another thread returns and can run again") {
  Loop loop;
  for (int round = 0; round < 3; ++round) {
    std::thread other([&] { loop.stop(); });
    loop.run();
    other.join();
  }
  SUCCEED();
}

TEST_CASE("tasks that come too late are destroyed with the loop and never run") {
  bool ran = false, ended = false;
  {
    Loop loop;
    auto held = std::make_shared<NotesItsEnd>(ended);
    loop.post([&ran, held] { ran = true; });
    held.reset();
  }
  CHECK_FALSE(ran);
  CHECK(ended);
}

TEST_CASE("a timer calls once when it is due") {
  TestLoop loop;
  int calls = 0;
  Timer timer(loop, [&] { ++calls; });
  timer.start(1ms);
  CHECK(timer.running());

  REQUIRE(loop.wait_until([&] { return calls > 0; }));

  CHECK_FALSE(timer.running());
  loop.turn();
  CHECK(calls == 1);
}

TEST_CASE("a timer started anew waits for the later deadline") {
  TestLoop loop;
  const auto begin = uv_hrtime();
  std::uint64_t fired = 0;
  Timer timer(loop, [&] { fired = uv_hrtime(); });
  timer.start(5ms);
  timer.start(60ms);

  REQUIRE(loop.wait_until([&] { return fired != 0; }));

  CHECK(fired - begin >= 55'000'000);
}

TEST_CASE("a timer started anew for an earlier deadline fires then") {
  TestLoop loop;
  bool fired = false;
  Timer timer(loop, [&] { fired = true; });
  timer.start(1h);
  timer.start(1ms);

  CHECK(loop.wait_until([&] { return fired; }));
}

TEST_CASE("a stopped timer does not call, and starts again") {
  TestLoop loop;
  int calls = 0, other_calls = 0;
  Timer timer(loop, [&] { ++calls; });
  Timer other(loop, [&] { ++other_calls; });
  timer.start(1ms);
  timer.stop();
  other.start(5ms);
  REQUIRE(loop.wait_until([&] { return other_calls == 1; }));
  CHECK(calls == 0);

  timer.start(1ms);

  CHECK(loop.wait_until([&] { return calls == 1; }));
}

TEST_CASE("a timer may be started and destroyed inside its own call") {
  TestLoop loop;
  int calls = 0;
  std::unique_ptr<Timer> timer;
  const auto captured = std::make_shared<std::string>("alive");
  timer = std::make_unique<Timer>(loop, [&calls, &timer, captured] {
    if (++calls < 3) return timer->start(1ms);
    timer.reset();
    CHECK(*captured == "alive");
  });
  timer->start(1ms);

  CHECK(loop.wait_until([&] { return timer == nullptr; }));
  CHECK(calls == 3);
}
