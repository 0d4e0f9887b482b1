// Requests under way: whatever becomes of their model, project or key meanwhile, they are counted once.
#include <string>
#include <vector>

#include "catch.h"
#include "pool/key_pool.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1795262400000ms};             // 2026-11-21 12:00 UTC, 04:00 in Los Angeles
constexpr WallTime before_midnight{1795334399000ms};  // 23:59:59 in Los Angeles
const std::string flash = "gemini-3.5-flash";

struct Fixture {
  ManualClock clock{noon};
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);

  KeyRef add(const std::string& name, const std::string& project = "") {
    return pool->add({.secret = "secret-of-" + name, .name = name, .project = project, .tags = {}})->key;
  }
  void limit(Limits limits) {
    pool->set_limits(std::make_shared<const LimitTable>(std::vector<std::string>{},
                                                        std::vector<LimitTable::Row>{}, limits));
  }
};

std::string numbered(const char* name, int number) {
  return name + std::to_string(number);
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a stream that ends after its minute changes nothing in the minutes of others") {
  limit({.tpm = 1000});
  const auto key = add("a");
  auto stream = pool->reserve(key, flash, 900);
  stream.answered();
  clock.advance(61s);
  auto next = pool->reserve(key, flash, 900);
  REQUIRE(next);
  next.answered();
  stream.used({.input = 100});
  stream.release();

  CHECK(pool->remaining(*key, "tpm", flash) == 100);
}

TEST_CASE_METHOD(Fixture, "requests of very many models under way at once are all counted till their end") {
  limit({.rpm = 1});
  const auto key = add("a");
  std::vector<KeyPool::Reservation> under_way;
  for (int i = 0; i < 100; ++i) under_way.push_back(pool->reserve(key, numbered("model-", i), 1));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(pool->reserve(key, numbered("model-", i), 1));
  under_way.clear();
  for (int i = 0; i < 100; ++i) under_way.push_back(pool->reserve(key, numbered("other-", i), 1));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(pool->reserve(key, numbered("other-", i), 1));
}

TEST_CASE_METHOD(Fixture, "invented models do not push out what a model that answers has counted today") {
  limit({.rpd = 1});
  const auto key = add("a");
  pool->reserve(key, flash, 1).release();
  pool->succeeded(*key, flash);
  for (int i = 0; i < 2000; ++i) {
    clock.advance(1s);
    auto invented = pool->reserve(key, numbered("invented-", i), 1);
    pool->failed(*key, numbered("invented-", i), 404, "not found");
  }
  CHECK_FALSE(pool->can_pay(*key, flash));
}

TEST_CASE("a request that is under way at midnight counts for the day in which it is answered, too") {
  ManualClock clock{before_midnight};
  const auto pool = KeyPool::create(clock);
  pool->set_limits(std::make_shared<const LimitTable>(std::vector<std::string>{},
                                                      std::vector<LimitTable::Row>{}, Limits{.rpd = 1}));
  const auto key = pool->add({.secret = "secret", .name = "", .project = "", .tags = {}})->key;
  auto request = pool->reserve(key, flash, 1);
  clock.advance(2s);

  SECTION("answered") {
    request.answered();
    CHECK_FALSE(pool->can_pay(*key, flash));
  }
  SECTION("refused: then for none") {
    request.answered();
    request.give_back();
    CHECK(pool->can_pay(*key, flash));
  }
}

TEST_CASE_METHOD(Fixture, "a key that changes its project while it is asked is counted there to the end") {
  limit({.rpm = 2});
  const auto a = add("a"), b = add("b", "ours");
  auto one = pool->reserve(a, flash, 1), two = pool->reserve(b, flash, 1);
  pool->learn_project(*a, "ours");
  CHECK_FALSE(pool->can_pay(*a, flash));
  CHECK_FALSE(pool->can_pay(*b, flash));

  SECTION("given back there") {
    one.give_back();
    one.release();
    CHECK(pool->remaining(*b, "rpm", flash) == 1);
  }
  SECTION("also once it is removed") {
    CHECK(pool->remove(a->id()));
    one.answered();
    one.release();
    two.give_back();
    two.release();
    CHECK(pool->remaining(*b, "rpm", flash) == 1);
  }
  SECTION("and a reset leaves it under way") {
    pool->reset(std::nullopt);
    CHECK(pool->remaining(*b, "rpm", flash) == 0);
    one.release();
    two.release();
    CHECK(pool->remaining(*b, "rpm", flash) == 0);
    clock.advance(61s);
    CHECK(pool->remaining(*b, "rpm", flash) == 2);
  }
}

TEST_CASE_METHOD(Fixture, "a limit that is learned changes at once which key has most left") {
  limit({.rpd = 20});
  const auto rich = add("rich"), other = add("other");
  for (int i = 0; i < 10; ++i) pool->reserve(rich, flash, 1).release();
  for (int i = 0; i < 5; ++i) pool->reserve(other, flash, 1).release();
  CHECK(pool->most_remaining({.model = flash}).key == other);
  pool->learn_limit(*rich, flash, "rpd", 1000);
  CHECK(pool->most_remaining({.model = flash}).key == rich);
}

TEST_CASE_METHOD(Fixture, "a rest that doubles without end stays at its longest") {
  const auto key = add("a");
  constexpr Milliseconds years = 400 * 24h;
  pool->restore(QuotaState{.project = "key:" + key->id(),
                           .model = flash,
                           .minute = {},
                           .cooldown_until = {},
                           .back_offs = 28,
                           .learned = {}});
  pool->back_off(*key, flash, {years, years});
  CHECK(pool->next_free_in({.model = flash}) > Milliseconds(365 * 24h));
}

TEST_CASE_METHOD(Fixture, "whoever comes while a key is on trial may wait for the outcome") {
  const auto key = add("a");
  pool->disable(*key, "refused");
  pool->bring_back(*key);
  const auto trial = pool->reserve(key, flash, 1);
  const auto choice = pool->least_busy({.model = flash});
  CHECK(choice.key == nullptr);
  REQUIRE(choice.free_in);
  CHECK(*choice.free_in <= 10s);
}

TEST_CASE_METHOD(Fixture, "a client's own key leaves no trace of the models it names") {
  const auto known = add("a");
  pool->reserve(known, flash, 1).release();
  const auto guest = *pool->guest("a-client's-own-secret");
  for (int i = 0; i < 3000; ++i) {
    clock.advance(1s);
    auto request = pool->reserve(guest, numbered("invented-", i), 1, true);
    pool->succeeded(*guest, numbered("invented-", i));
    pool->failed(*guest, numbered("invented-", i), 500, "no");
  }
  CHECK(pool->status(known->id())->models.front().model == flash);
}

TEST_CASE_METHOD(
    Fixture, "what was counted before a restart counts for its whole minute, and no steps of time cut it") {
  limit({.rpm = 1});
  clock.advance(249ms);
  const auto key = add("a");
  auto request = pool->reserve(key, flash, 1);
  const auto restarted = [this](const KeyPool& old, ManualClock& later) {
    auto state = pool->take_changes();
    auto fresh = KeyPool::create(later);
    fresh->restore({.id = old.find("a")->id(), .secret = "secret-of-a", .profile = {}, .added_at = {}}, {});
    for (auto& quota : state.quotas) fresh->restore(std::move(quota));
    fresh->set_limits(std::make_shared<const LimitTable>(std::vector<std::string>{},
                                                         std::vector<LimitTable::Row>{}, Limits{.rpm = 1}));
    return fresh;
  };
  ManualClock later(noon - 3999ms);
  later.advance(5001ms);

  SECTION("answered before it") {
    request.release();
    const auto fresh = restarted(*pool, later);
    later.advance(59'200ms);  // 59.952 s after the answer.
    CHECK_FALSE(fresh->can_pay(*fresh->find(key->id()), flash));
    later.advance(1s);
    CHECK(fresh->can_pay(*fresh->find(key->id()), flash));
  }
  SECTION("under way when it was last stored, and at Google when the process died") {
    const auto fresh = restarted(*pool, later);
    later.advance(59'900ms);
    CHECK_FALSE(fresh->can_pay(*fresh->find(key->id()), flash));
    later.advance(2s);
    CHECK(fresh->can_pay(*fresh->find(key->id()), flash));
  }
}

TEST_CASE_METHOD(Fixture, "what is forgotten or reset is stored, and so is what comes after") {
  const auto key = add("a", "ours");
  const auto stored = [this] { return pool->take_changes().quotas; };
  pool->learn_limit(*key, flash, "rpm", 5);
  pool->reserve(key, flash, 1).release();
  REQUIRE(stored().size() == 1);

  SECTION("a limit") {
    pool->forget_limits(key->id());
  }
  SECTION("of all") {
    pool->forget_limits(std::nullopt);
  }
  SECTION("everything") {
    pool->reset(key->id());
  }
  const auto changes = pool->take_changes();
  CHECK(changes.quotas.size() + changes.forgotten_quotas.size() == 1);

  pool->learn_limit(*key, flash, "rpm", 6);
  const auto later = stored();
  REQUIRE(later.size() == 1);
  CHECK(later.front().learned.rpm == 6);
}
