#include <array>
#include <string>
#include <vector>

#include "catch.h"
#include "pool/key_pool.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1795262400000ms};
const std::string flash = "gemini-3.5-flash";

KeyQuery for_model(std::string_view model, std::vector<KeyQuery::Condition> conditions = {}) {
  KeyQuery query;
  query.model = model;
  query.conditions = std::move(conditions);
  return query;
}

struct Fixture {
  ManualClock clock{noon};
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);
  KeyQuery any = for_model(flash);
  std::vector<std::string> told;

  KeyRef add(const std::string& name, std::vector<std::string> tags = {}) {
    return pool->add({.secret = "secret-of-" + name, .name = name, .project = "", .tags = std::move(tags)})
        ->key;
  }
  std::unique_ptr<WaitingPlace> wait(const std::string& name, const std::vector<KeyQuery>& queries) {
    return pool->wait_in_line(queries, [this, name] { told.push_back(name); });
  }
  KeyRef choose(const WaitingPlace* place, KeyQuery query) {
    query.place = place;
    return pool->least_busy(query).key;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(Fixture, "whoever waits is served in order, and a newcomer does not overtake") {
  const auto key = add("a");
  pool->cool_down(*key, flash, 10s);
  auto first = wait("first", {any}), second = wait("second", {any});
  CHECK(pool->is_first(*first));
  CHECK_FALSE(pool->is_first(*second));

  clock.advance(10s);

  CHECK(choose(nullptr, any) == nullptr);
  CHECK(pool->least_busy(any).free_in == Milliseconds(0));
  CHECK(choose(second.get(), any) == nullptr);
  CHECK(choose(first.get(), any) == key);
  first.reset();
  CHECK(told == Names{"second"});
  CHECK(choose(second.get(), any) == key);
  second.reset();
  CHECK(choose(nullptr, any) == key);
}

TEST_CASE_METHOD(Fixture, "whoever waits for other keys or another model stands in another line") {
  const auto paid = add("paid", {"paid"});
  const auto free = add("free", {"free"});
  pool->cool_down(*free, flash, 1h);
  const auto only_free = for_model(flash, {{KeyQuery::Condition::Kind::tagged, "free"}});
  const auto only_paid = for_model(flash, {{KeyQuery::Condition::Kind::tagged, "paid"}});
  const auto waits = wait("waits", {only_free});

  CHECK(choose(nullptr, only_paid) == paid);
  CHECK(choose(nullptr, for_model("another")) != nullptr);
  CHECK(choose(nullptr, only_free) == nullptr);
}

TEST_CASE_METHOD(Fixture,
                 "who waits in several lines is told by the first that moves, and leaves all of them") {
  add("a");
  const auto one = for_model("one"), two = for_model("two");
  auto before = wait("before", {one});
  auto both = wait("both", {one, two, two});
  auto after = wait("after", {two});
  CHECK(pool->is_first(*both));
  before.reset();
  CHECK(told == Names{"both"});
  both.reset();
  CHECK(told == Names{"both", "after"});
  CHECK(pool->is_first(*after));
}

TEST_CASE_METHOD(Fixture, "those who are first are told when a key may have become free before its time") {
  const auto a = add("a");
  pool->cool_down(*a, "", 1h);
  const auto first = wait("first", {any}), second = wait("second", {any});
  const auto told_by = [&](auto what) {
    told.clear();
    what();
    return told == Names{"first"};
  };
  CHECK(told_by([&] { add("b"); }));
  CHECK(told_by([&] { pool->reset(std::nullopt); }));
  CHECK(told_by([&] {
    REQUIRE(pool->change(a->id(), {.name = {}, .project = {}, .tags = {{"x"}}, .weight = {}, .enabled = {}}));
  }));
  pool->disable(*a, "ill");
  CHECK(told_by([&] { pool->bring_back(*a); }));
  CHECK(told_by([&] { pool->set_limits(nullptr); }));
}

TEST_CASE_METHOD(Fixture, "a reservation that is given back tells those who wait for its project") {
  const auto a = add("a");
  pool->set_limits(std::make_shared<const LimitTable>(
      std::vector<std::string>{}, std::vector<LimitTable::Row>{}, Limits{.rpm = 1, .tpm = {}, .rpd = {}}));
  auto under_way = pool->reserve(a, flash, 1);
  CHECK(choose(nullptr, any) == nullptr);
  const auto waits = wait("waits", {any});
  under_way.give_back();
  CHECK(told == Names{"waits"});
  CHECK(choose(waits.get(), any) == a);
}

TEST_CASE_METHOD(Fixture, "the lines have a bound, and leaving makes room") {
  std::vector<std::unique_ptr<WaitingPlace>> places;
  for (std::size_t i = 0; i < KeyPool::most_waiting; ++i) {
    places.push_back(wait("somebody", {any}));
    REQUIRE(places.back());
  }
  CHECK(wait("one too many", {any}) == nullptr);
  places.pop_back();
  CHECK(wait("the last", {any}) != nullptr);
  CHECK(wait("nobody waits for nothing", {}) == nullptr);
}
