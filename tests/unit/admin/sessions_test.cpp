#include "admin/sessions.h"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.h"
#include "temporary_folder.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

// A store in a folder of its own, and a clock that stands still.
struct House {
  House() { open(); }

  void open() {
    store.reset();
    store = *Store::open(folder.root());
  }
  void wait_for_disk() const {
    std::promise<void> written;
    store->barrier([&written](const Result<void>&) { written.set_value(); });
    written.get_future().wait();
  }
  Sessions sessions(const std::string& account = "account") { return {*store, account, clock}; }

  TemporaryFolder folder;
  std::unique_ptr<Store> store;
  ManualClock clock{WallTime{Milliseconds(1'800'000'000'000)}};
};

}  // namespace

TEST_CASE("a session is known by its token, until it is ended") {
  House house;
  auto sessions = house.sessions();
  const auto one = sessions.begin(), other = sessions.begin();
  CHECK(one.token != other.token);
  CHECK(one.token.size() >= 43);  // 256 bits.
  CHECK(sessions.use(one.token) == one.expires_at);
  for (const auto& wrong : {std::string(), std::string("x"), one.token.substr(1)})
    CHECK(!sessions.use(wrong));
  sessions.end(one.token);
  sessions.end(one.token);
  CHECK(!sessions.use(one.token));
  CHECK(sessions.use(other.token));
}

TEST_CASE("a session ends a week after its last use") {
  House house;
  auto sessions = house.sessions();
  const auto session = sessions.begin();
  house.clock.advance(Sessions::longest_idle - 1h);
  CHECK(sessions.use(session.token) == house.clock.wall() + Sessions::longest_idle);
  house.clock.advance(Sessions::longest_idle - 1ms);
  CHECK(sessions.use(session.token));
  house.clock.advance(Sessions::longest_idle);
  CHECK(!sessions.use(session.token));
}

TEST_CASE("a session that is used every day ends after 30 days") {
  House house;
  auto sessions = house.sessions();
  const auto session = sessions.begin();
  for (int day = 1; day < 30; ++day) {
    house.clock.advance(24h);
    REQUIRE(sessions.use(session.token));
  }
  house.clock.advance(24h);
  CHECK(!sessions.use(session.token));
}

TEST_CASE("a session that was begun while the clock was ahead ends 30 days after it was set right") {
  House house;
  auto sessions = house.sessions();
  house.clock.set_wall(house.clock.wall() + 24h * 365);
  const auto session = sessions.begin();
  house.clock.set_wall(house.clock.wall() - 24h * 365);
  REQUIRE(sessions.use(session.token));
  for (int day = 1; day < 30; ++day) {
    house.clock.advance(24h);
    REQUIRE(sessions.use(session.token));
  }
  house.clock.advance(24h);
  CHECK(!sessions.use(session.token));
}

TEST_CASE("sessions outlive a restart, with their ends, and nothing of their tokens is on the disk") {
  House house;
  std::string token, ended;
  {
    auto sessions = house.sessions();
    token = sessions.begin().token, ended = sessions.begin().token;
    house.clock.advance(48h);
    sessions.use(token);
    sessions.end(ended);
    house.wait_for_disk();
  }
  house.open();
  house.clock.advance(Sessions::longest_idle - 1h);
  {
    auto sessions = house.sessions();
    CHECK(sessions.use(token));
    CHECK(!sessions.use(ended));
    house.wait_for_disk();
  }
  for (const auto& record : house.store->load_sessions())
    CHECK(record.token_hash.find(token) == std::string::npos);
  house.open();
  house.clock.advance(30 * 24h);
  CHECK(!house.sessions().use(token));
  house.wait_for_disk();
  CHECK(house.store->load_sessions().empty());
}

TEST_CASE("another name or token of the administrator ends all sessions") {
  House house;
  const auto token = house.sessions().begin().token;
  house.wait_for_disk();
  house.open();
  CHECK(!house.sessions("another").use(token));
  house.wait_for_disk();
  CHECK(!house.sessions().use(token));  // For good.
}

TEST_CASE("there are so many sessions at most, and the first one gives way") {
  House house;
  auto sessions = house.sessions();
  const auto first = sessions.begin().token;
  house.clock.advance(1ms);
  const auto second = sessions.begin().token;
  house.clock.advance(1ms);
  for (std::size_t i = 1; i < Sessions::most; ++i) sessions.begin();
  CHECK(!sessions.use(first));
  CHECK(sessions.use(second));
}

TEST_CASE("workers begin, use and end sessions at once") {
  House house;
  auto sessions = house.sessions();
  const auto shared = sessions.begin().token;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&sessions, &shared] {
      for (int round = 0; round < 20; ++round) {
        const auto own = sessions.begin().token;
        sessions.use(shared);
        sessions.end(own);
      }
    });
  }
  for (auto& worker : workers) worker.join();
  CHECK(sessions.use(shared));
}
