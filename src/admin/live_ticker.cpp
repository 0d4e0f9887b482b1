#include "admin/live_ticker.h"

#include <cmath>

#include "admin/admin_call.h"
#include "admin/metrics_text.h"

namespace pollux {
namespace {

constexpr std::chrono::milliseconds period{1000};
constexpr int seconds_between_comments = 15;

double rounded(double value) {
  return std::round(value * 10) / 10;
}

}  // namespace

LiveTicker::LiveTicker(Loop& loop, LiveFeed& feed, const Sources& sources)
    : loop_(loop), feed_(feed), sources_(sources), timer_(loop, [this] { tick(); }) {
  feed_.set_on_listen([this] { loop_.post([this] { start(); }); });
}

LiveTicker::~LiveTicker() {
  feed_.set_on_listen(nullptr);
}

void LiveTicker::start() {
  if (timer_.running()) return;
  last_ = look();
  seconds_since_comment_ = 0;
  timer_.start(period);
}

void LiveTicker::tick() {
  if (!feed_.is_heard()) {
    last_ = {};
    return;
  }
  timer_.start(period);
  auto now = look();
  tell_traffic(last_, now);
  tell_keys(last_, now);
  tell_policies(last_, now);
  last_ = std::move(now);
  if (++seconds_since_comment_ < seconds_between_comments) return;
  seconds_since_comment_ = 0;
  feed_.publish_comment();
}

LiveTicker::Snapshot LiveTicker::look() const {
  auto policies = sources_.policies.report();
  return {std::chrono::steady_clock::now(), sources_.metrics.totals(), sources_.pool.standings(),
          policies.version, std::move(policies.error)};
}

void LiveTicker::tell_traffic(const Snapshot& before, const Snapshot& now) {
  const auto seconds = std::max(0.001, std::chrono::duration<double>(now.at - before.at).count());
  const auto rate = [&](std::int64_t Metrics::Totals::*sum) {
    return rounded(static_cast<double>(now.totals.*sum - before.totals.*sum) / seconds);
  };
  const auto requests = now.totals.requests - before.totals.requests;
  const auto spent = std::chrono::duration<double, std::milli>(now.totals.duration - before.totals.duration);
  const auto keys = count_by_standing(now.keys);
  Json traffic = {{"time", iso_time(sources_.clock.wall())},
                  {"requests_per_second", rate(&Metrics::Totals::requests)},
                  {"failed_per_second", rate(&Metrics::Totals::failed)},
                  {"in_flight", sources_.metrics.in_flight()},
                  {"waiting", sources_.pool.waiting()},
                  {"tokens_per_second", rate(&Metrics::Totals::tokens)},
                  {"latency_ms", nullptr},
                  {"keys", Json::object()}};
  if (requests > 0) traffic["latency_ms"] = rounded(spent.count() / static_cast<double>(requests));
  for (std::size_t at = 0; at < keys.size(); ++at)
    traffic["keys"][std::string(name_of(static_cast<KeyStanding>(at)))] = keys[at];
  feed_.publish_traffic(traffic.dump());
}

// Keys keep their order, and new ones come last: so one walk along both lists finds every difference.
void LiveTicker::tell_keys(const Snapshot& before, const Snapshot& now) {
  auto next = now.keys.begin();
  for (const auto& known : before.keys) {
    if (next == now.keys.end() || next->key != known.key) {
      tell_key(*known.key, "removed");
      continue;
    }
    if (next->standing != known.standing) tell_key(*next->key, name_of(next->standing));
    ++next;
  }
  for (; next != now.keys.end(); ++next) tell_key(*next->key, name_of(next->standing));
}

void LiveTicker::tell_key(const Key& key, std::string_view state) {
  feed_.publish("key", Json({{"id", key.id()}, {"state", state}}).dump());
}

void LiveTicker::tell_policies(const Snapshot& before, const Snapshot& now) {
  if (now.policies_version == before.policies_version && now.policies_error == before.policies_error) return;
  const Json error = now.policies_error.empty() ? Json(nullptr) : Json(now.policies_error);
  feed_.publish("policies", Json({{"version", now.policies_version}, {"error", error}})
                                .dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace pollux
