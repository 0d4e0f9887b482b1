#include "admin/sign_in_throttle.h"

#include <string>

#include "catch.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

struct Door {
  ManualClock clock{WallTime{Milliseconds(1'800'000'000'000)}};
  SignInThrottle throttle{clock};

  SignInThrottle::Verdict try_it(const std::string& address, bool right = false) {
    return throttle.judge(address, [right] { return right; });
  }
  void guess(const std::string& address, int times) {
    for (int i = 0; i < times; ++i) REQUIRE(!try_it(address).wait);
  }
};

}  // namespace

TEST_CASE("a few wrong tries are free, then each costs a wait that doubles up to a minute") {
  Door door;
  door.guess("192.0.2.1", SignInThrottle::free_tries);
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    CHECK(door.try_it("192.0.2.1").wait == Milliseconds(wait));
    door.clock.advance(Milliseconds(wait) - 1ms);
    CHECK(door.try_it("192.0.2.1").wait == 1ms);
    door.clock.advance(1ms);
    CHECK(!door.try_it("192.0.2.1").wait);
  }
}

TEST_CASE("a try within the wait is not looked at, even if it is right, and costs nothing more") {
  Door door;
  door.guess("192.0.2.1", SignInThrottle::free_tries);
  bool looked = false;
  for (int i = 0; i < 10; ++i) {
    const auto verdict = door.throttle.judge("192.0.2.1", [&] { return looked = true; });
    CHECK(!verdict.right);
    CHECK(verdict.wait == 1s);
  }
  CHECK(!looked);
}

TEST_CASE("a right try clears what was wrong before") {
  Door door;
  door.guess("192.0.2.1", SignInThrottle::free_tries - 1);
  CHECK(door.try_it("192.0.2.1", true).right);
  door.guess("192.0.2.1", SignInThrottle::free_tries);
  CHECK(door.try_it("192.0.2.1").wait);
}

TEST_CASE("wrong tries are forgotten after an hour without one") {
  Door door;
  door.guess("192.0.2.1", SignInThrottle::free_tries + 0);
  door.clock.advance(SignInThrottle::forgotten_after + 1ms);
  door.guess("192.0.2.1", SignInThrottle::free_tries);
}

TEST_CASE("addresses are apart, those of one IPv6 network are one") {
  Door door;
  door.guess("192.0.2.1", SignInThrottle::free_tries);
  CHECK(!door.try_it("192.0.2.2").wait);
  CHECK(door.try_it("::ffff:192.0.2.1").wait);

  for (int i = 0; i < SignInThrottle::free_tries; ++i) door.guess("2001:db8::" + std::to_string(i + 1), 1);
  CHECK(door.try_it("2001:db8::ffff:1").wait);
  CHECK(!door.try_it("2001:db8:0:1::1").wait);
}

TEST_CASE("many addresses cost no more than so much memory, and the latest are remembered") {
  Door door;
  door.guess("192.0.2.1", SignInThrottle::free_tries);
  for (std::size_t i = 0; i < 2 * SignInThrottle::most; ++i) {
    door.clock.advance(1ms);
    door.guess("10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
                   std::to_string(i % 256),
               1);
  }
  CHECK(!door.try_it("192.0.2.1").wait);  // Forgotten, for others were later.
  const auto last = 2 * SignInThrottle::most - 1;
  door.guess("10.0." + std::to_string(last / 256) + "." + std::to_string(last % 256),
             SignInThrottle::free_tries - 1);
  CHECK(door.try_it("10.0." + std::to_string(last / 256) + "." + std::to_string(last % 256)).wait);
}
