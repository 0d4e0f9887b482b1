// What must hold whatever happens: a pool is driven at random against an upstream that counts as Google does.
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "catch.h"
#include "pool/key_pool.h"
#include "pool/pacific_day.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

const std::string model = "gemini-3.5-flash";
constexpr std::int64_t rpm = 7, tpm = 10'000, rpd = 60;

// Counts what reaches it by project, at the time of its choosing, in any 60 seconds and in each day of Los
// Angeles.
class CountingUpstream {
 public:
  explicit CountingUpstream(const Clock& clock) : clock_(clock) {}

  void count(const std::string& project, std::int64_t tokens) {
    auto& seen = seen_[project];
    seen.push_back({clock_.monotonic(), tokens});
    while (clock_.monotonic() - seen.front().at >= 60s) seen.pop_front();
    std::int64_t in_window = 0;
    for (const auto& one : seen) in_window += one.tokens;
    most_requests = std::max(most_requests, static_cast<std::int64_t>(seen.size()));
    most_tokens = std::max(most_tokens, in_window);
    most_a_day = std::max(most_a_day, ++by_day_[{project, pacific_day(clock_.wall())}]);
    ++requests;
  }

  std::int64_t most_requests = 0, most_tokens = 0, most_a_day = 0, requests = 0;

 private:
  struct Seen {
    Milliseconds at;
    std::int64_t tokens;
  };
  const Clock& clock_;
  std::map<std::string, std::deque<Seen>> seen_;
  std::map<std::pair<std::string, std::int64_t>, std::int64_t> by_day_;
};

std::shared_ptr<const LimitTable> limits(Limits all) {
  return std::make_shared<const LimitTable>(std::vector<std::string>{}, std::vector<LimitTable::Row>{}, all);
}

// A pool with requests under way, moved on in small steps of time.
class Play {
 public:
  Play(unsigned seed, WallTime start, Limits all) : clock(start), random_(seed), limits_(limits(all)) {
    for (int i = 0; i < 12; ++i) {
      secrets_.push_back("secret-" + std::to_string(i));
      projects_.push_back(i < 8 ? "project-" + std::to_string(i % 3) : "");
    }
    pool = open();
    for (std::size_t i = 0; i < secrets_.size(); ++i) {
      REQUIRE(pool->add({.secret = secrets_[i], .name = "", .project = projects_[i], .tags = {}}));
    }
  }

  int number(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

  void step(CountingUpstream& upstream) {
    clock.advance(Milliseconds(number(900)));
    for (int wishes = number(6); wishes > 0; --wishes) send();
    for (auto& request : under_way) {
      if (!request.counted && number(4) == 0) count(request, upstream);
    }
    while (!under_way.empty() && number(3) == 0)
      finish(static_cast<std::size_t>(number(static_cast<int>(under_way.size()))), upstream);
  }

  // As after a kill: what was handed to the store is all that is left, and the answers of what was under way
  // are lost.
  void restart(CountingUpstream& upstream) {
    gather();
    for (auto& request : under_way) {
      if (!request.counted) count(request, upstream);
    }
    under_way.clear();
    pool = open();
    for (const auto& [id, stored] : keys_) pool->restore(stored.first, stored.second);
    for (const auto& [name, quota] : quotas_) pool->restore(quota);
  }

  void finish_all(CountingUpstream& upstream) {
    while (!under_way.empty()) finish(under_way.size() - 1, upstream);
  }

  ManualClock clock;
  std::unique_ptr<KeyPool> pool;
  struct Request {
    KeyPool::Reservation reservation;
    std::string project;
    std::int64_t tokens = 0;
    bool counted = false;
  };
  std::vector<Request> under_way;
  int refused = 0;

 private:
  std::unique_ptr<KeyPool> open() {
    auto made = KeyPool::create(clock);
    made->set_limits(limits_);
    return made;
  }

  void send() {
    using Way = Choice (KeyPool::*)(const KeyQuery&);
    constexpr Way ways[] = {&KeyPool::round_robin, &KeyPool::least_busy, &KeyPool::most_remaining,
                            &KeyPool::best, &KeyPool::weighted};
    Request request;
    request.tokens = 1 + number(3000);
    KeyQuery query;
    query.model = model;
    query.tokens = request.tokens;
    const auto chosen = (pool.get()->*ways[number(5)])(query);
    if (!chosen.key) {
      ++refused;
      return;
    }
    request.reservation = pool->reserve(chosen.key, model, request.tokens);
    REQUIRE(request.reservation);  // Nobody else is here to be faster.
    const auto profile = chosen.key->profile();
    request.project = profile.project.empty() ? chosen.key->id() : profile.project;
    under_way.push_back(std::move(request));
  }

  void count(Request& request, CountingUpstream& upstream) {
    request.counted = true;
    upstream.count(request.project, request.tokens);
  }

  void finish(std::size_t at, CountingUpstream& upstream) {
    auto request = std::move(under_way[at]);
    under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(at));
    if (!request.counted && number(3) == 0) return request.reservation.give_back();  // It never got there.
    if (!request.counted) count(request, upstream);
    request.reservation.answered();
    request.reservation.used({.input = request.tokens, .cached = 0, .output = 5, .thoughts = 0});
    pool->succeeded(*request.reservation.key(), model);
  }

  void gather() {
    for (const auto& status : pool->statuses()) {
      const auto key = pool->find(status.id);
      keys_[status.id] = {
          {.id = status.id, .secret = key->secret(), .profile = status.profile, .added_at = {}}, {}};
    }
    auto changes = pool->take_changes();
    for (auto& [id, state] : changes.keys) keys_[id].second = std::move(state);
    for (auto& quota : changes.quotas) quotas_[quota.project + " " + quota.model] = std::move(quota);
    for (const auto& [project, name] : changes.forgotten_quotas) quotas_.erase(project + " " + name);
  }

  std::mt19937 random_;
  std::shared_ptr<const LimitTable> limits_;
  std::vector<std::string> secrets_, projects_;
  std::map<std::string, std::pair<KeyRecord, KeyState>> keys_;
  std::map<std::string, QuotaState> quotas_;
};

constexpr WallTime morning{1795262400000ms};  // 2026-11-21 12:00 UTC

}  // namespace

TEST_CASE("no project is ever asked more than its limits allow, in any 60 seconds and in any day") {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    Play play(seed, morning, {.rpm = rpm, .tpm = tpm, .rpd = rpd});
    CountingUpstream upstream(play.clock);
    for (int i = 0; i < 1500; ++i) play.step(upstream);
    play.finish_all(upstream);
    CHECK(upstream.most_requests <= rpm);
    CHECK(upstream.most_tokens <= tpm);
    CHECK(upstream.most_a_day <= rpd);
    CHECK(upstream.requests > 7 * rpd / 2);  // And it was asked for something.
  }
}

TEST_CASE("restarts in between lose no count that was stored") {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    Play play(seed, morning, {.rpm = rpm, .tpm = {}, .rpd = rpd});
    CountingUpstream upstream(play.clock);
    for (int i = 0; i < 800; ++i) {
      play.step(upstream);
      if (play.number(40) == 0) play.restart(upstream);
    }
    CHECK(upstream.most_requests <= rpm);
    CHECK(upstream.most_a_day <= rpd);
  }
}

TEST_CASE("the days on which the clocks change have one allowance each, too") {
  const auto around =
      GENERATE(WallTime(1773014400000ms),   // 2026-03-09 00:00 UTC, the change was at 10:00 the day before
               WallTime(1772928000000ms),   // 2026-03-08 00:00 UTC
               WallTime(1793491200000ms));  // 2026-11-01 00:00 UTC
  Play play(3, around, {.rpm = {}, .tpm = {}, .rpd = 40});
  CountingUpstream upstream(play.clock);
  for (int i = 0; i < 600; ++i) {
    play.step(upstream);
    play.clock.advance(3min);
  }
  play.finish_all(upstream);
  CHECK(upstream.most_a_day == 40);
}

TEST_CASE("every reservation is returned: nothing stays under way") {
  Play play(11, morning, {.rpm = rpm, .tpm = tpm, .rpd = {}});
  CountingUpstream upstream(play.clock);
  for (int i = 0; i < 500; ++i) play.step(upstream);
  play.finish_all(upstream);
  for (const auto& status : play.pool->statuses()) CHECK(status.in_flight == 0);

  play.clock.advance(61s);

  for (const auto& status : play.pool->statuses()) {
    for (const auto& of_model : status.models) {
      CHECK(of_model.requests_this_minute == 0);
      CHECK(of_model.tokens_this_minute == 0);
    }
  }
}

TEST_CASE("what a limit allows is used up to the last request") {
  Play play(5, morning, {.rpm = rpm, .tpm = {}, .rpd = {}});
  CountingUpstream upstream(play.clock);
  for (int i = 0; i < 400; ++i) play.step(upstream);
  CHECK(upstream.most_requests == rpm);
  CHECK(play.refused > 0);
}

TEST_CASE("a key at rest is never chosen, and the time that is foretold is true") {
  std::mt19937 random(7);
  const auto number = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };
  ManualClock clock(morning);
  const auto pool = KeyPool::create(clock);
  std::vector<KeyRef> keys;
  std::map<std::string, Milliseconds> rests_until;
  for (int i = 0; i < 20; ++i)
    keys.push_back(
        pool->add({.secret = "s" + std::to_string(i), .name = "", .project = "", .tags = {}})->key);
  for (int i = 0; i < 5000; ++i) {
    clock.advance(Milliseconds(number(300)));
    const auto& unlucky = keys[static_cast<std::size_t>(number(20))];
    const auto rest = Milliseconds(number(20'000));
    pool->cool_down(*unlucky, model, rest);
    auto& until = rests_until[unlucky->id()];
    until = std::max(until, clock.monotonic() + rest);

    KeyQuery query;
    query.model = model;
    const auto chosen = pool->least_busy(query);
    if (chosen.key) {
      CHECK(rests_until[chosen.key->id()] <= clock.monotonic());
      continue;
    }
    auto first = Milliseconds::max();
    for (const auto& [id, time] : rests_until) first = std::min(first, time);
    CHECK(chosen.free_in == first - clock.monotonic());
  }
}
