#include "gateway/health_clock.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace pollux {
namespace {

constexpr Milliseconds longest_first_wait{60'000};
constexpr Milliseconds shortest_interval{1000};  // For fractions that are none of a sane person's.

Milliseconds interval_of(const Settings& settings) {
  const Milliseconds interval(static_cast<std::int64_t>(settings.check_interval_hours * 3'600'000));
  return std::max(interval, shortest_interval);
}

}  // namespace

HealthClock::HealthClock(Gateway& gateway)
    : gateway_(gateway), timer_(gateway.loop, [this] { begin_round(); }), random_(std::random_device{}()) {
  begin();
}

void HealthClock::begin() {
  interval_hours_ = gateway_.settings.check_interval_hours;
  timer_.stop();
  if (interval_hours_ > 0) wait(std::min(interval_of(gateway_.settings), longest_first_wait), 0.5);
}

void HealthClock::settings_changed() {
  if (interval_hours_ != gateway_.settings.check_interval_hours) begin();
}

// Not all Pollux of the world at the same moment.
void HealthClock::wait(Milliseconds most, double least_share) {
  std::uniform_real_distribution<double> share(least_share, 1);
  timer_.start(Milliseconds(static_cast<std::int64_t>(static_cast<double>(most.count()) * share(random_))));
}

void HealthClock::begin_round() {
  auto sick = gateway_.pool.sick_keys();
  std::shuffle(sick.begin(), sick.end(), random_);  // A round that ends early is not always of the same keys.
  left_.assign(std::make_move_iterator(sick.begin()), std::make_move_iterator(sick.end()));
  without_answer_ = 0;
  if (!left_.empty()) log_debug("checking keys", {{"count", left_.size()}});
  go_on();
}

void HealthClock::go_on() {
  if (std::exchange(going_on_, true)) return;
  while (!left_.empty() && running_.size() < most_at_once) {
    const auto key = std::move(left_.front());
    left_.pop_front();
    if (gateway_.pool.find(key->id()) == key) check(key);
  }
  going_on_ = false;
  if (running_.empty() && !timer_.running() && interval_hours_ > 0) wait(interval_of(gateway_.settings), 0.9);
}

void HealthClock::check(const KeyRef& key) {
  running_.push_back({key, nullptr});
  auto policies = gateway_.policies.current(gateway_.worker, gateway_.host);
  auto check = HealthCheck::start(std::move(policies), key,
                                  [this, key](const HealthFinding& finding) { on_found(key, finding); });
  if (!check) return;
  std::ranges::find(running_, key, &Running::key)->check = std::move(check);
}

void HealthClock::on_found(const KeyRef& key, const HealthFinding& finding) {
  heed(gateway_.pool, *key, finding);
  without_answer_ = finding.status == 0 && !finding.well ? without_answer_ + 1 : 0;
  if (without_answer_ >= most_without_answer && !left_.empty()) {
    log_warn("the other keys are not checked this time: nothing can be found out",
             {{"left", left_.size()}, {"error", finding.message}});
    left_.clear();
  }
  running_.erase(std::ranges::find(running_, key, &Running::key));
  go_on();
}

}  // namespace pollux
