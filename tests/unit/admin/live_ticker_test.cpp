#include "admin/live_ticker.h"

#include <cmath>

#include "admin/admin_call.h"
#include "catch.h"
#include "fake_policies.h"

using namespace pollux;
using std::chrono::milliseconds;

namespace {

struct Event {
  std::string name;
  Json data;
};

std::vector<Event> parsed(std::string_view text) {
  std::vector<Event> events;
  while (!text.empty()) {
    const auto end = text.find("\n\n");
    const auto block = text.substr(0, end);
    text.remove_prefix(end + 2);
    const auto data = block.find("\ndata: ");
    if (block == ":") {
      events.push_back({"comment", nullptr});
    } else {
      events.push_back({std::string(block.substr(7, data - 7)), Json::parse(block.substr(data + 7))});
    }
  }
  return events;
}

struct Play {
  SystemClock clock;
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);
  Metrics metrics;
  FakePolicies policies;
  Loop loop;
  LiveFeed feed;
  LiveTicker ticker{loop, feed, {metrics, *pool, policies, clock}};
  std::unique_ptr<LiveFeed::Listener> listener;

  void listen() {
    listener = feed.listen([this] { loop.stop(); });
    uv_run(loop.uv(), UV_RUN_NOWAIT);  // The ticker looks at how things are.
  }
  // Until the ticker has told of a second.
  std::vector<Event> second() {
    std::vector<Event> events;
    while (events.empty() || events.front().name != "traffic") {
      loop.run();
      events = parsed(listener->take());
    }
    return events;
  }
};

}  // namespace

TEST_CASE_METHOD(Play, "each second it tells how traffic went, in rates of that second") {
  listen();
  ExchangeRecord record;
  record.dialect = "gemini", record.endpoint = "generate", record.outcome = "answered", record.status = 200;
  record.duration = milliseconds(30);
  record.tokens = TokenCounts{.input = 100, .cached = 50, .output = 10, .thoughts = 1};
  for (int i = 0; i < 3; ++i) metrics.exchange_begun();
  metrics.exchange_over(record);
  record.outcome = "failed", record.duration = milliseconds(10);
  metrics.exchange_over(record);

  const auto busy = second().front().data;
  CHECK(busy["in_flight"] == 1);
  CHECK(busy["waiting"] == 0);
  CHECK(busy["latency_ms"] == 20.0);
  const auto requests = busy["requests_per_second"].get<double>();
  CHECK(requests <= 2.1);
  CHECK(requests > 0);
  CHECK(std::abs(busy["failed_per_second"].get<double>() - requests / 2) < 0.11);
  CHECK(std::abs(busy["tokens_per_second"].get<double>() - requests * 111) < 12);
  CHECK(busy["keys"] == Json{{"ready", 0}, {"resting", 0}, {"disabled", 0}, {"probing", 0}});

  const auto idle = second().front().data;
  CHECK(idle["requests_per_second"] == 0.0);
  CHECK(idle["latency_ms"].is_null());
}

TEST_CASE_METHOD(Play, "it tells of keys that came, went or fare otherwise, and of no others") {
  const auto add = [this](const std::string& secret) { return pool->add({.secret = secret})->key; };
  const auto stays = add("stays"), fails = add("fails"), goes = add("goes"), returns = add("returns");
  listen();
  pool->disable(*fails, "for a test");
  pool->remove(goes->id());
  pool->remove(returns->id());
  add("returns");
  const auto comes = add("comes");

  const auto events = second();
  std::vector<std::pair<std::string, std::string>> told;
  for (const auto& [name, data] : events) {
    if (name == "key") told.emplace_back(data["id"], data["state"]);
  }
  CHECK(told == std::vector<std::pair<std::string, std::string>>{{fails->id(), "disabled"},
                                                                 {goes->id(), "removed"},
                                                                 {returns->id(), "removed"},
                                                                 {returns->id(), "ready"},
                                                                 {comes->id(), "ready"}});
  CHECK(events.front().data["keys"]["ready"] == 3);
  CHECK(second().size() == 1);
}

TEST_CASE_METHOD(Play, "it tells of a load of policies, good or bad") {
  policies.now.version = 1;
  listen();
  policies.now.error = "keys.lua:7: oh";
  auto events = second();
  REQUIRE(events.size() == 2);
  CHECK(events[1].name == "policies");
  CHECK(events[1].data == Json{{"version", 1}, {"error", "keys.lua:7: oh"}});
  policies.now.error.clear();
  policies.now.version = 2;
  events = second();
  REQUIRE(events.size() == 2);
  CHECK(events[1].data == Json{{"version", 2}, {"error", nullptr}});
}

TEST_CASE_METHOD(Play, "when nobody listens any more it sleeps, and wakes for the next") {
  listen();
  second();
  listener.reset();
  const auto started = loop.now();
  Timer later(loop, [this] { loop.stop(); });
  later.start(milliseconds(1200));
  loop.run();  // Its last tick, at which it finds nobody.
  CHECK(loop.now() - started >= milliseconds(1200));
  listen();
  CHECK(second().front().name == "traffic");
}
