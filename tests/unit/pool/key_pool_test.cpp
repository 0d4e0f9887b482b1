#include "pool/key_pool.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "pool/model_table.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1795262400000ms};  // 2026-11-21 12:00 UTC, 04:00 in Los Angeles
const std::string flash = "gemini-3.5-flash";
const std::string lite = "gemini-3.5-flash-lite";

struct Fixture {
  ManualClock clock{noon};
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);

  KeyRef add(const std::string& name, std::vector<std::string> tags = {}, const std::string& project = "") {
    auto added =
        pool->add({.secret = "secret-of-" + name, .name = name, .project = project, .tags = std::move(tags)});
    REQUIRE(added);
    return added->key;
  }
  // The names chosen in so many turns.
  using Way = Choice (KeyPool::*)(const KeyQuery&);
  std::vector<std::string> choose(Way way, int times, const KeyQuery& query = {}) {
    std::vector<std::string> names;
    for (int i = 0; i < times; ++i) {
      const auto key = (pool.get()->*way)(query).key;
      names.push_back(key ? key->profile().name : "none");
    }
    return names;
  }
  KeyModelStatus model_status(const Key& key, const std::string& model) {
    const auto status = pool->status(key.id());
    for (const auto& of_model : status->models) {
      if (of_model.model == model) return of_model;
    }
    return {};
  }
};

using Names = std::vector<std::string>;

class RecordingObserver final : public PoolObserver {
 public:
  void on_key_changed(const KeyRecord& record) override { changed.push_back(record); }
  void on_key_removed(const std::string& id) override { removed.push_back(id); }
  void on_state_changed() override { ++states_told; }
  std::vector<KeyRecord> changed;
  std::vector<std::string> removed;
  int states_told = 0;
};

}  // namespace

// -- Who is in the pool

TEST_CASE_METHOD(Fixture, "the same secret is the same key with the same id for ever") {
  const auto first = pool->add({.secret = "secret-one"}),
             again = pool->add({.secret = "secret-one", .name = "other"});

  REQUIRE(first);
  REQUIRE(again);
  CHECK(first->is_new);
  CHECK_FALSE(again->is_new);
  CHECK(first->key == again->key);
  CHECK(first->key->id().size() == 12);
  CHECK(first->key->profile().name == "key-" + first->key->id().substr(0, 6));
  CHECK(pool->size() == 1);
}

TEST_CASE_METHOD(Fixture, "names are unique: a key that comes with a taken one gets a number") {
  REQUIRE(pool->add({.secret = "secret-a", .name = "work"}));
  const auto second = pool->add({.secret = "secret-b", .name = "work"});
  const auto third = pool->add({.secret = "secret-c", .name = "work"});
  CHECK(second->key->profile().name == "work-2");
  CHECK(third->key->profile().name == "work-3");
  CHECK(pool->find("work-2") == second->key);
  CHECK(pool->find(third->key->id()) == third->key);

  const auto renamed = pool->change(third->key->id(), {.name = "work"});
  REQUIRE_FALSE(renamed);
  CHECK(renamed.error().kind == Error::Kind::conflict);
  CHECK(pool->change(third->key->id(), {.name = "home"}));
  CHECK(pool->find("home") == third->key);
  CHECK(pool->find("work-3") == nullptr);
}

TEST_CASE_METHOD(Fixture, "a change is made whole or not at all, and says which field is wrong") {
  const auto key = add("a");
  const auto wrong_weight = pool->change(key->id(), {.tags = {{"paid"}}, .weight = -1});
  REQUIRE_FALSE(wrong_weight);
  CHECK(wrong_weight.error().message.starts_with("weight: "));
  CHECK(key->profile().tags.empty());

  CHECK(pool->change(key->id(), {.name = "\n"}).error().message.starts_with("name: "));
  CHECK(pool->change(key->id(), {.tags = {{""}}}).error().message.starts_with("tags: "));
  CHECK(pool->change("unknown", {}).error().kind == Error::Kind::not_found);
  CHECK_FALSE(pool->add({.secret = "two words"}));
  CHECK_FALSE(pool->add({.secret = "secret", .name = std::string(200, 'a')}));
}

TEST_CASE_METHOD(Fixture, "a removed key is no longer chosen, and those who hold it may finish") {
  const auto key = add("a");
  auto in_flight = pool->reserve(key, flash, 1);

  CHECK(pool->remove(key->id()));

  CHECK_FALSE(pool->remove(key->id()));
  CHECK(pool->round_robin({}).key == nullptr);
  CHECK(pool->find("a") == nullptr);
  pool->succeeded(*key, flash);
  pool->disable(*key, "too late");
  CHECK(key->in_flight() == 1);
  in_flight.release();
  CHECK(key->in_flight() == 0);
  const auto changes = pool->take_changes();
  CHECK(changes.keys.empty());
  CHECK(changes.quotas.empty());
  CHECK(changes.forgotten_quotas.size() == 1);
}

TEST_CASE_METHOD(Fixture, "an observer hears of what must be stored, and of nothing at a restore") {
  RecordingObserver observer;
  pool->set_observer(&observer);
  pool->restore({.id = "0123456789ab", .secret = "restored-secret", .profile = {.name = "old"}}, {});
  CHECK(observer.changed.empty());

  const auto key = add("a");
  CHECK(observer.changed.size() == 1);
  CHECK(observer.changed.back().secret == "secret-of-a");
  CHECK(observer.changed.back().added_at == noon);
  REQUIRE(pool->change(key->id(), {.project = "p1"}));
  CHECK(observer.changed.back().profile.project == "p1");
  pool->disable(*key, "API key not valid");
  pool->disable(*key, "a later reason");
  CHECK(observer.changed.size() == 3);
  CHECK(observer.changed.back().profile.disabled_reason == "API key not valid");
  CHECK(observer.changed.back().profile.disabled_since == noon);
  pool->remove(key->id());
  CHECK(observer.removed == Names{key->id()});
}

// -- Choosing

TEST_CASE_METHOD(Fixture, "round robin gives every key its turn") {
  add("a"), add("b"), add("c");
  CHECK(choose(&KeyPool::round_robin, 6) == Names{"a", "b", "c", "a", "b", "c"});
}

TEST_CASE_METHOD(Fixture, "an empty pool chooses nothing") {
  for (const auto way : {&KeyPool::round_robin, &KeyPool::least_busy, &KeyPool::most_remaining,
                         &KeyPool::best, &KeyPool::weighted}) {
    CHECK((pool.get()->*way)({}).key == nullptr);
  }
  CHECK_FALSE(pool->next_free_in({}));
  CHECK_FALSE(pool->any_usable());
}

TEST_CASE_METHOD(Fixture, "the least busy key has the fewest requests in flight, and equals take turns") {
  const auto a = add("a"), b = add("b"), c = add("c");
  auto first = pool->reserve(a, flash, 1), second = pool->reserve(a, flash, 1),
       third = pool->reserve(b, flash, 1);
  CHECK(choose(&KeyPool::least_busy, 2) == Names{"c", "c"});
  auto fourth = pool->reserve(c, flash, 1);
  CHECK(choose(&KeyPool::least_busy, 4) == Names{"b", "c", "b", "c"});
  first.release(), second.release();
  CHECK(choose(&KeyPool::least_busy, 1) == Names{"a"});
}

TEST_CASE_METHOD(Fixture, "most remaining is the key whose day is least used for the model") {
  const auto a = add("a"), b = add("b");
  (void)pool->reserve(a, flash, 1);
  (void)pool->reserve(b, lite, 1), (void)pool->reserve(b, lite, 1);
  CHECK(choose(&KeyPool::most_remaining, 2, {.model = flash}) == Names{"b", "b"});
  CHECK(choose(&KeyPool::most_remaining, 2, {.model = lite}) == Names{"a", "a"});
  CHECK(choose(&KeyPool::most_remaining, 1) == Names{"a"});
}

TEST_CASE_METHOD(Fixture, "the best key is the one that succeeded lately, until failures fade") {
  const auto a = add("a"), b = add("b");
  for (int i = 0; i < 3; ++i) pool->failed(*a, flash, 500, "internal");
  CHECK(choose(&KeyPool::best, 3) == Names{"b", "b", "b"});
  for (int i = 0; i < 20; ++i) pool->failed(*b, flash, 500, "internal");
  CHECK(choose(&KeyPool::best, 2) == Names{"a", "a"});

  clock.advance(2h);

  const auto later = choose(&KeyPool::best, 2);
  CHECK(std::set<std::string>(later.begin(), later.end()) == std::set<std::string>{"a", "b"});
}

TEST_CASE_METHOD(Fixture, "weights are kept evenly, and a weight of zero means never") {
  const auto a = add("a"), b = add("b"), c = add("c");
  REQUIRE(pool->change(a->id(), {.weight = 2}));
  REQUIRE(pool->change(c->id(), {.weight = 0}));
  CHECK(choose(&KeyPool::weighted, 6) == Names{"a", "b", "a", "a", "b", "a"});
}

TEST_CASE_METHOD(Fixture, "conditions narrow the choice, all of them together") {
  using Kind = KeyQuery::Condition::Kind;
  const auto a = add("a", {"paid"}, "p1"), b = add("b", {"paid"}, "p2"), c = add("c", {"free"}, "p1");
  CHECK(choose(&KeyPool::round_robin, 2, {.conditions = {{Kind::tagged, "paid"}}}) == Names{"a", "b"});
  CHECK(choose(&KeyPool::round_robin, 2,
               {.conditions = {{Kind::tagged, "paid"}, {Kind::in_project, "p1"}}}) == Names{"a", "a"});
  CHECK(choose(&KeyPool::weighted, 1, {.conditions = {{Kind::named, c->id()}}}) == Names{"c"});
  CHECK(choose(&KeyPool::least_busy, 1, {.conditions = {{Kind::named, "b"}}}) == Names{"b"});
  CHECK(choose(&KeyPool::best, 1, {.conditions = {{Kind::tagged, "none"}}}) == Names{"none"});

  pool->cool_down(*a, "", 1min);
  CHECK(pool->count({.conditions = {{Kind::tagged, "paid"}}}) == 2);
  CHECK(pool->each({.conditions = {{Kind::in_project, "p1"}}}) == std::vector<KeyRef>{a, c});
  pool->disable(*b, "gone");
  CHECK(pool->count({}) == 2);
}

TEST_CASE_METHOD(Fixture, "keys tried before are chosen only when no other can pay") {
  const auto a = add("a"), b = add("b");
  const std::vector<std::string> tried{a->id()};
  for (const auto way : {&KeyPool::round_robin, &KeyPool::least_busy, &KeyPool::most_remaining,
                         &KeyPool::best, &KeyPool::weighted}) {
    CHECK(choose(way, 2, {.avoid = tried}) == Names{"b", "b"});
  }
  pool->disable(*b, "gone");
  CHECK(choose(&KeyPool::round_robin, 1, {.avoid = tried}) == Names{"a"});
  CHECK(choose(&KeyPool::weighted, 1, {.avoid = tried}) == Names{"a"});
}

// -- Rests

TEST_CASE_METHOD(Fixture, "a key rests for one model and pays for others") {
  const auto a = add("a");
  pool->cool_down(*a, flash, 30s);

  CHECK_FALSE(pool->can_pay(*a, flash));
  CHECK(pool->can_pay(*a, lite));
  CHECK(pool->can_pay(*a, ""));
  CHECK(pool->round_robin({.model = flash}).key == nullptr);
  CHECK(pool->next_free_in({.model = flash}) == Milliseconds(30s));
  CHECK(pool->next_free_in({.model = lite}) == Milliseconds(0));
  CHECK(model_status(*a, flash).cooldown_until == noon + 30s);
  CHECK(pool->status(a->id())->state == "ready");

  clock.advance(30s);
  CHECK(pool->can_pay(*a, flash));
  CHECK_FALSE(model_status(*a, flash).cooldown_until);
}

TEST_CASE_METHOD(Fixture, "a key that rests as a whole pays for nothing") {
  const auto a = add("a"), b = add("b");
  pool->cool_down(*a, "", 1min);
  pool->cool_down(*b, flash, 20s);

  CHECK_FALSE(pool->can_pay(*a, lite));
  CHECK(pool->status(a->id())->state == "resting");
  CHECK(pool->status(a->id())->cooldown_until == noon + 1min);
  CHECK(pool->next_free_in({.model = flash}) == Milliseconds(20s));
  CHECK(pool->any_usable());
  pool->cool_down(*b, "", 2min);
  CHECK_FALSE(pool->any_usable());
  CHECK(pool->next_free_in({.model = flash}) == Milliseconds(1min));
}

TEST_CASE_METHOD(Fixture, "a later, shorter rest never shortens a longer one") {
  const auto a = add("a");
  pool->cool_down(*a, flash, 1h);
  pool->cool_down(*a, flash, 1s);
  pool->cool_down(*a, flash, 0s);
  pool->cool_down(*a, flash, -5s);
  CHECK(pool->next_free_in({.model = flash}) == Milliseconds(1h));
  pool->cool_down(*a, flash, 2h);
  CHECK(pool->next_free_in({.model = flash}) == Milliseconds(2h));
  pool->cool_down(*a, "", Milliseconds::max());
  CHECK(*pool->next_free_in({}) < 10'000h);
}

TEST_CASE_METHOD(Fixture, "a rest ends as soon as either clock says so") {
  const auto a = add("a");
  pool->cool_down(*a, "", 1h);

  SECTION("a wall clock that is set back cannot prolong it") {
    clock.set_wall(noon - 48h);
    clock.advance(59min);
    CHECK_FALSE(pool->can_pay(*a, ""));
    clock.advance(1min);
    CHECK(pool->can_pay(*a, ""));
  }
  SECTION("a wall clock that was put right ends it") {
    clock.set_wall(noon + 1h);
    CHECK(pool->can_pay(*a, ""));
  }
}

TEST_CASE_METHOD(Fixture, "a disabled key is not waited for") {
  const auto a = add("a");
  pool->cool_down(*a, "", 1h);
  pool->disable(*a, "API key not valid");
  CHECK_FALSE(pool->next_free_in({}));
}

// -- What became of requests

TEST_CASE_METHOD(Fixture, "requests are counted in flight, by minute and by day") {
  const auto a = add("a");
  {
    const auto one = pool->reserve(a, flash, 1), two = pool->reserve(a, lite, 1);
    CHECK(a->in_flight() == 2);
  }
  CHECK(a->in_flight() == 0);
  CHECK(a->requests_today() == 2);
  CHECK(model_status(*a, flash).requests_today == 1);
  CHECK(model_status(*a, flash).requests_this_minute == 1);

  clock.advance(61s);
  CHECK(model_status(*a, flash).requests_this_minute == 0);
  CHECK(model_status(*a, flash).requests_today == 1);
}

TEST_CASE_METHOD(Fixture, "a minute's count slides") {
  const auto a = add("a");
  for (int i = 0; i < 90; ++i) {
    (void)pool->reserve(a, flash, 1);
    clock.advance(1s);
  }
  const auto count = model_status(*a, flash).requests_this_minute;
  CHECK(count >= 55);
  CHECK(count <= 60);
}

TEST_CASE_METHOD(Fixture, "the day's count starts anew at midnight in Los Angeles") {
  const auto a = add("a");
  (void)pool->reserve(a, flash, 1);
  clock.advance(20h - 1ms);  // 23:59:59.999 there
  CHECK(a->requests_today() == 1);
  clock.advance(1ms);
  CHECK(a->requests_today() == 0);
  CHECK(model_status(*a, flash).requests_today == 0);
  (void)pool->reserve(a, flash, 1);
  CHECK(a->requests_today() == 1);
}

TEST_CASE_METHOD(Fixture, "a token that is moved counts once") {
  const auto a = add("a");
  auto one = pool->reserve(a, flash, 1);
  auto two = std::move(one);
  CHECK_FALSE(one);  // NOLINT(bugprone-use-after-move): that is the point.
  CHECK(a->in_flight() == 1);
  one = std::move(two);
  one.release();
  one.release();
  CHECK(a->in_flight() == 0);
}

TEST_CASE_METHOD(Fixture, "failures in a row disable a key, and a success clears them") {
  const auto a = add("a");
  pool->strike(*a, 3, "failed three times");
  pool->strike(*a, 3, "failed three times");
  CHECK(a->failures_in_a_row() == 2);
  pool->succeeded(*a, flash);
  CHECK(a->failures_in_a_row() == 0);

  for (int i = 0; i < 5; ++i) pool->strike(*a, 0, "never");
  CHECK(a->profile().enabled);
  pool->strike(*a, 3, "failed three times");
  CHECK_FALSE(a->profile().enabled);
  CHECK(a->profile().disabled_reason == "failed three times");
  CHECK_FALSE(a->profile().disabled_by_owner);
  CHECK(pool->status(a->id())->state == "disabled");
}

TEST_CASE_METHOD(Fixture, "recent errors are kept redacted, newest first, and not without end") {
  const auto a = add("a");
  const std::string secret = "AIzaSyA1234567890abcdefghijklmnopqrx9Qk";
  for (int i = 0; i < 30; ++i) {
    pool->failed(*a, flash, 400 + i, "Consumer 'api_key:" + secret + "' " + std::string(2000, 'x'));
    clock.advance(1s);
  }
  const auto status = *pool->status(a->id());
  REQUIRE(status.recent_errors.size() == 20);
  CHECK(status.recent_errors.front().status == 429);
  CHECK(status.recent_errors.front().at == noon + 29s);
  CHECK(status.recent_errors.front().message.size() <= 500);
  CHECK(status.recent_errors.front().message.find(secret) == std::string::npos);
  CHECK(status.failures == 30);
  CHECK(pool->statuses().front().recent_errors.empty());
}

TEST_CASE_METHOD(Fixture,
                 "a reset clears counters and rests, and wakes keys that were not disabled by hand") {
  const auto a = add("a"), b = add("b");
  (void)pool->reserve(a, flash, 1);
  pool->failed(*a, flash, 500, "internal");
  pool->cool_down(*a, flash, 1h);
  pool->cool_down(*a, "", 1h);
  pool->disable(*a, "API key not valid");
  REQUIRE(pool->change(b->id(), {.enabled = false}));

  CHECK(pool->reset(std::nullopt));

  CHECK(pool->can_pay(*a, flash));
  CHECK(a->requests_today() == 0);
  CHECK(pool->status(a->id())->failures == 0);
  CHECK(a->profile().disabled_reason.empty());
  CHECK_FALSE(b->profile().enabled);
  CHECK(b->profile().disabled_by_owner);
  CHECK_FALSE(pool->reset("unknown"));
  CHECK(pool->reset(a->id()));
}

TEST_CASE_METHOD(Fixture, "enabling a key by hand forgets why it was disabled") {
  const auto a = add("a");
  pool->strike(*a, 1, "API key not valid");
  REQUIRE(pool->change(a->id(), {.enabled = true}));
  CHECK(a->profile().enabled);
  CHECK(a->profile().disabled_reason.empty());
  CHECK_FALSE(a->profile().disabled_since);
  CHECK(a->failures_in_a_row() == 0);
}

// -- What survives

TEST_CASE_METHOD(Fixture, "only states that changed are handed to the store") {
  const auto a = add("a"), b = add("b");
  CHECK(pool->take_changes().empty());
  (void)pool->reserve(b, flash, 1);
  pool->succeeded(*b, flash);

  const auto states = pool->take_changes().keys;

  REQUIRE(states.size() == 1);
  CHECK(states.front().first == b->id());
  const auto& model = states.front().second.models.front();
  CHECK(model.model == flash);
  CHECK(model.day == 20261121);
  CHECK(model.requests_today == 1);
  CHECK(model.successes == 1);
  CHECK(pool->take_changes().empty());
}

TEST_CASE_METHOD(Fixture, "the store is told once that there is something to hand over") {
  const auto a = add("a"), b = add("b");
  RecordingObserver observer;
  pool->set_observer(&observer);
  CHECK(observer.states_told == 0);

  (void)pool->reserve(a, flash, 1);
  pool->succeeded(*a, flash);
  (void)pool->reserve(b, flash, 1);
  CHECK(observer.states_told == 1);

  CHECK(pool->take_changes().keys.size() == 2);
  CHECK(observer.states_told == 1);
  (void)pool->round_robin({.model = flash});
  CHECK(observer.states_told == 1);
  pool->cool_down(*b, flash, 1h);
  CHECK(observer.states_told == 2);

  CHECK_FALSE(pool->take_changes().empty());
  pool->remove(a->id());
  CHECK(observer.states_told == 3);
  CHECK(pool->take_changes().forgotten_quotas.size() == 1);
  pool->set_observer(nullptr);
  pool->failed(*b, flash, 500, "late");
  CHECK(observer.states_told == 3);
}

TEST_CASE_METHOD(Fixture, "a pool that is restored goes on where the old one was") {
  const auto a = add("a");
  (void)pool->reserve(a, flash, 1);
  pool->failed(*a, flash, 429, "quota");
  pool->cool_down(*a, flash, 1h);
  pool->cool_down(*a, "", 10min);
  pool->strike(*a, 5, "?");
  const auto state = pool->take_changes();

  ManualClock later(noon + 20min);  // Its monotonic clock starts at zero.
  const auto restored = KeyPool::create(later);
  restored->restore({.id = a->id(), .secret = a->secret(), .profile = a->profile()},
                    state.keys.front().second);
  restored->restore(state.quotas.front());

  const auto key = restored->find("a");
  REQUIRE(key);
  CHECK(key->requests_today() == 1);
  CHECK(key->failures_in_a_row() == 1);
  CHECK(restored->can_pay(*key, lite));
  CHECK(restored->next_free_in({.model = flash}) == Milliseconds(40min));
  CHECK(restored->status(key->id())->failures == 1);
  later.advance(40min);
  CHECK(restored->can_pay(*key, flash));
}

TEST_CASE("a machine that starts with a wrong clock rests no key for ever") {
  ManualClock clock(WallTime(0ms));  // A Pi without a battery, before it has asked for the time.
  const auto pool = KeyPool::create(clock);
  pool->restore({.id = "0123456789ab", .secret = "s", .profile = {.name = "a"}}, {.cooldown_until = noon});
  CHECK_FALSE(pool->any_usable());
  clock.set_wall(noon);
  CHECK(pool->any_usable());
}

// -- Bounds

TEST_CASE_METHOD(Fixture, "a client that names millions of models costs no memory and no rest") {
  const auto a = add("a");
  pool->cool_down(*a, flash, 1h);
  for (int i = 0; i < 20'000; ++i) {
    clock.advance(1ms);
    const auto model = "invented-" + std::to_string(i);
    (void)pool->reserve(a, model, 1);
    pool->failed(*a, model, 404, "not found");
  }
  (void)pool->reserve(a, std::string(100'000, 'm'), 1);

  const auto status = *pool->status(a->id());
  CHECK(status.models.size() <= 2 * 64);  // What the key and what its project has seen.
  CHECK(status.requests_today == 20'001);
  CHECK(status.failures == 20'000);
  CHECK_FALSE(pool->can_pay(*a, flash));
  const auto changes = pool->take_changes();
  CHECK(changes.keys.front().second.models.size() <= 64);
  CHECK(changes.quotas.size() <= 64);
  CHECK(changes.forgotten_quotas.size() <= 1000);
}

TEST_CASE_METHOD(Fixture, "a key in a model's place is counted, but not kept by its name") {
  const std::string secret = "AIzaSyA1234567890abcdefghijklmnopqrx9Qk";
  const auto a = add("a");
  (void)pool->reserve(a, secret, 1);
  pool->failed(*a, secret, 404, "not found");

  const auto status = *pool->status(a->id());
  CHECK(status.requests_today == 1);
  CHECK(status.recent_errors.front().model == mask_secret(secret));
  for (const auto& model : status.models) CHECK(model.model.find(secret) == std::string::npos);
  for (const auto& quota : pool->take_changes().quotas) CHECK(quota.model.find(secret) == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "what is no longer counted is no longer stored") {
  const auto a = add("a");
  std::set<std::string> stored;
  for (int i = 0; i < 3'000; ++i) {
    clock.advance(1ms);
    (void)pool->reserve(a, "invented-" + std::to_string(i), 1);
    if (i % 100 != 99) continue;
    const auto changes = pool->take_changes();
    for (const auto& [project, model] : changes.forgotten_quotas) stored.erase(model);
    for (const auto& quota : changes.quotas) stored.insert(quota.model);
  }
  CHECK(stored.size() <= 64);
}

TEST_CASE("a table of models forgets the one used least recently, but none that rests") {
  ModelTable models;
  const auto resting = models.remember("resting", 1ms), old = models.remember("old", 2ms);
  models.keep_until(resting, 1h);
  for (int i = 0; models.knows(old); ++i) models.remember("model-" + std::to_string(i), 10ms);

  CHECK(models.knows(resting));
  CHECK(models.name(old).empty());
  CHECK(models.find("old") == ModelTable::others);
  CHECK(models.name(resting) == "resting");
  const auto again = models.remember("old", 11ms);
  CHECK(again != old);
  CHECK(models.name(again) == "old");
}

TEST_CASE_METHOD(Fixture, "ten thousand keys are chosen in turn") {
  std::map<std::string, int> seen;
  for (int i = 0; i < 10'000; ++i) pool->restore({.id = "id" + std::to_string(i), .secret = "s"}, {});
  for (int i = 0; i < 100; ++i) ++seen[pool->round_robin({.model = flash}).key->id()];
  CHECK(seen.size() == 100);
  CHECK(pool->statuses().size() == 10'000);
}
