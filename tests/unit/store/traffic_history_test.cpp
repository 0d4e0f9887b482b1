// The numbers behind the charts.
#include "store/traffic_history.h"

#include <random>

#include "store/logged_requests.h"

using namespace pollux;
using namespace std::chrono_literals;

TEST_CASE("a histogram's quantiles are within 7 percent of the truth") {
  std::mt19937 random(7);
  std::lognormal_distribution<> spread(13, 1.5);
  std::vector<std::int64_t> times;
  TimeHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    times.push_back(static_cast<std::int64_t>(spread(random)));
    histogram.add(std::chrono::microseconds(times.back()));
  }
  std::sort(times.begin(), times.end());
  const auto read_back = TimeHistogram(SparseCounts::decode(histogram.counts().encode()));
  for (const double share : {0.01, 0.5, 0.95, 0.99}) {
    const auto truth = static_cast<double>(times[static_cast<std::size_t>(share * 20'000)]);
    CHECK(std::abs(static_cast<double>(read_back.quantile(share)->count()) - truth) / truth < 0.07);
  }
  CHECK(histogram.counts().encode().size() < 600);
  CHECK_FALSE(TimeHistogram().quantile(0.5));
  TimeHistogram extremes;
  extremes.add(0us);
  extremes.add(-5us);
  extremes.add(std::chrono::hours(24 * 365));
  CHECK(extremes.quantile(0.5)->count() <= 1);
}

TEST_CASE("damaged counts end where the damage begins") {
  CHECK(SparseCounts::decode("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").empty());
  CHECK(SparseCounts::decode(std::string("\x05\x02\x05", 3)).entries().size() == 1);
  SparseCounts counts;
  counts.add(200, 3);
  counts.add(5);
  counts.add(200);
  CHECK(SparseCounts::decode(counts.encode()).entries() ==
        std::vector<SparseCounts::Entry>{{5, 1}, {200, 4}});
}

TEST_CASE("every step of a window is there, and sums are right") {
  Desk desk;
  for (int i = 0; i < 10; ++i) desk.add(a_request(-i * 60'000 - 1));
  auto failed = a_request(-1, "laptop", "work", 503);
  failed.attempts = {an_attempt("a", 429), an_attempt("b", 500), an_attempt("work", 503)};
  failed.tokens.reset();
  desk.add(failed);

  const auto stats = desk.stats(5min, noon - 1s);

  CHECK(stats.step == 60s);
  REQUIRE(stats.series.size() == 5);
  CHECK(stats.until == noon);
  CHECK(stats.since == noon - 5min);
  const auto& last = stats.series.back();
  CHECK(last.requests == 2);
  CHECK(last.answered == 1);
  CHECK(last.failed == 1);
  CHECK(last.retries == 2);
  CHECK(last.tokens == TokenCounts{100, 40, 20, 5});
  CHECK(last.statuses.entries() == std::vector<SparseCounts::Entry>{{200, 1}, {503, 1}});
  CHECK(last.latency.counts().entries().size() == 1);
  CHECK(stats.series.front().requests == 1);
  REQUIRE(stats.models.size() == 1);
  CHECK(stats.models.at("gemini-3.5-flash").requests == 6);
}

TEST_CASE("the numbers outlive a restart and the requests themselves") {
  Desk desk;
  desk.add(a_request(-1));
  (void)desk.find();
  desk.close();
  desk.open();
  desk.add(a_request(-1));
  CHECK(desk.remove({}) == 2);
  for (const std::chrono::minutes window : {5min, 1440min, 2 * 1440min, 7 * 1440min, 30 * 1440min}) {
    const auto stats = desk.stats(window, noon);
    std::int64_t requests = 0;
    for (const auto& counts : stats.series) requests += counts.requests;
    CHECK(requests == 2);
    CHECK(stats.series.size() <= 181);
    CHECK(stats.step * stats.series.size() >= window);
  }
}

TEST_CASE("models beyond two hundred in a minute are counted as one") {
  Desk desk;
  for (int i = 0; i < 400; ++i) {
    auto record = a_request(-i - 1);
    record.upstream_model = "model-" + std::to_string(i);
    desk.add(record);
    if (i % 100 == 99) (void)desk.find();
  }
  const auto stats = desk.stats(60min, noon);
  CHECK(stats.models.size() <= 201);
  CHECK(stats.models.at("other").requests == 200);
}

TEST_CASE("what never came to Google names no model") {
  Desk desk;
  auto refused = a_request(-1, "nobody", "work", 401);
  refused.attempts.clear();
  desk.add(refused);
  const auto stats = desk.stats(60min, noon);
  CHECK(stats.models.at("").requests == 1);
}

TEST_CASE("a name is a model once Google has answered for it, and then in failures, too") {
  Desk desk;
  auto made_up = a_request(-1, "nobody", "work", 404);
  made_up.upstream_model = "no-such-model";
  made_up.attempts.back().status = 404;
  desk.add(made_up);
  auto good = a_request(-2);
  good.upstream_model = "gemini-3.5-flash";
  good.attempts.back().status = 200;
  desk.add(good);
  auto broken = good;
  broken.attempts.back().status = 503;
  desk.add(broken);

  const auto stats = desk.stats(60min, noon);

  CHECK(stats.models.size() == 2);
  CHECK(stats.models.at("").requests == 1);
  CHECK(stats.models.at("gemini-3.5-flash").requests == 2);
}
