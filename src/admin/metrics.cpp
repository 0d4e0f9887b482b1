#include "admin/metrics.h"

#include <algorithm>

namespace pollux {
namespace {

constexpr auto bounds_us = [] {
  std::array<std::int64_t, Histogram::bounds.size()> all{};
  for (std::size_t at = 0; at < all.size(); ++at) {
    // NOLINTNEXTLINE(bugprone-incorrect-roundings): positive; lround() is not constexpr.
    all[at] = static_cast<std::int64_t>(Histogram::bounds[at] * 1'000'000 + 0.5);
  }
  return all;
}();

bool is_fit_for_a_label(std::string_view name) {
  return name.size() <= Metrics::longest_model &&
         std::ranges::all_of(name, [](char letter) { return letter > ' ' && letter < '\x7f'; });
}

std::string result_of(const AttemptRecord& attempt) {
  if (attempt.reason.empty()) return attempt.status == 0 ? "abandoned" : "ok";
  if (attempt.reason == "http") return "http_" + std::to_string(attempt.status);
  return attempt.reason;
}

template <typename Series, typename Places, typename Labels>
auto& place_of(Series& series, Places& places, const Labels& labels) {
  const auto [found, is_new] = places.try_emplace(labels, series.size());
  if (is_new) series.emplace_back(labels, typename Series::value_type::second_type{});
  return series[found->second].second;
}

}  // namespace

void Histogram::observe(std::chrono::microseconds value) noexcept {
  const auto bucket = std::lower_bound(bounds_us.begin(), bounds_us.end(), value.count()) - bounds_us.begin();
  ++buckets_[static_cast<std::size_t>(bucket)];
  sum_ += value;
}

std::size_t Metrics::LabelsHash::operator()(const LatencyLabels& labels) const noexcept {
  const std::hash<std::string_view> hash;
  return hash(labels.endpoint) * 31 + hash(labels.dialect);
}

std::size_t Metrics::LabelsHash::operator()(const RequestLabels& labels) const noexcept {
  const auto first = (*this)(LatencyLabels{labels.dialect, labels.endpoint});
  return (first * 31 + labels.model) * 1009 + static_cast<std::size_t>(labels.status);
}

void Metrics::exchange_over(const ExchangeRecord& record) {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  const auto model = model_of(record);
  count_request(record, model);
  count_attempts(record.attempts);

  auto& latency =
      place_of(counts_.latencies, latency_places_, LatencyLabels{record.dialect, record.endpoint});
  latency.duration.observe(record.duration);
  if (record.first_byte) latency.first_byte.observe(*record.first_byte);

  ++totals_.requests;
  totals_.failed += record.outcome == "failed";
  totals_.duration += record.duration;
  if (!record.tokens) return;
  counts_.tokens[model] += *record.tokens;
  totals_.tokens += record.tokens->input + record.tokens->output + record.tokens->thoughts;
}

ModelNumber Metrics::model_of(const ExchangeRecord& record) {
  const std::string_view name = record.upstream_model.empty() ? record.model : record.upstream_model;
  if (name.empty()) return ExchangeCounts::no_model;
  if (const auto known = model_numbers_.find(name); known != model_numbers_.end()) return known->second;
  const bool full = model_numbers_.size() >= most_models;
  if (full || !was_answered_by_google(record) || !is_fit_for_a_label(name))
    return ExchangeCounts::other_models;
  const auto number = static_cast<ModelNumber>(counts_.models.size());
  counts_.models.emplace_back(name);
  counts_.tokens.emplace_back();
  model_numbers_.emplace(name, number);
  return number;
}

void Metrics::count_request(const ExchangeRecord& record, ModelNumber model) {
  RequestLabels labels{record.dialect, record.endpoint, model, record.status};
  if (request_places_.size() >= most_requests && !request_places_.contains(labels))
    labels.model = ExchangeCounts::other_models;
  ++place_of(counts_.requests, request_places_, labels);
  ++counts_.outcomes[std::string(record.outcome)];
}

void Metrics::count_attempts(const std::vector<AttemptRecord>& attempts) {
  for (const auto& attempt : attempts) {
    auto result = result_of(attempt);
    if (counts_.attempts.size() >= most_results && !counts_.attempts.contains(result)) result = "other";
    ++counts_.attempts[std::move(result)];
  }
}

ExchangeCounts Metrics::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

Metrics::Totals Metrics::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace pollux
