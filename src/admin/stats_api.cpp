// GET /admin/stats?window=1h: what went through, for charts.

#include <array>
#include <map>

#include "admin/admin_call.h"
#include "admin/request_filter.h"

namespace pollux {
namespace {

Json quantile_json(const TimeHistogram& times, double share) {
  const auto time = times.quantile(share);
  return time ? Json(static_cast<double>(time->count()) / 1000.0) : Json(nullptr);
}

Json quantiles_json(const TimeHistogram& times) {
  return {{"p50", quantile_json(times, 0.5)},
          {"p95", quantile_json(times, 0.95)},
          {"p99", quantile_json(times, 0.99)}};
}

Json counts_json(const TrafficCounts& counts) {
  return {{"requests", counts.requests},
          {"answered", counts.answered},
          {"failed", counts.failed},
          {"client_gone", counts.client_gone},
          {"retries", counts.retries},
          {"input_tokens", counts.tokens.input},
          {"cached_tokens", counts.tokens.cached},
          {"output_tokens", counts.tokens.output},
          {"thought_tokens", counts.tokens.thoughts}};
}

Json models_json(const TrafficStats& stats) {
  Json models = Json::array();
  for (const auto& [model, counts] : stats.models) {
    if (model.empty()) continue;  // Those that came to no model.
    models.push_back({{"model", model},
                      {"requests", counts.requests},
                      {"failed", counts.failed},
                      {"input_tokens", counts.tokens.input},
                      {"output_tokens", counts.tokens.output}});
  }
  return models;
}

Json stats_json(std::string_view window, const TrafficStats& stats) {
  TrafficCounts totals;
  Json series = Json::array();
  auto time = stats.since;
  for (const auto& counts : stats.series) {
    totals.add(counts);
    Json point = {{"time", iso_time(time)}};
    point.update(counts_json(counts));
    point["p50_ms"] = quantile_json(counts.latency, 0.5);
    point["p95_ms"] = quantile_json(counts.latency, 0.95);
    series.push_back(std::move(point));
    time += stats.step;
  }
  auto sums = counts_json(totals);
  sums["latency_ms"] = quantiles_json(totals.latency);
  sums["first_byte_ms"] = quantiles_json(totals.first_byte);
  Json statuses = Json::object();
  for (const auto& [status, count] : totals.statuses.entries()) statuses[std::to_string(status)] = count;
  return {{"window", window},
          {"since", iso_time(stats.since)},
          {"until", iso_time(stats.until)},
          {"step_seconds", stats.step.count()},
          {"totals", std::move(sums)},
          {"series", std::move(series)},
          {"models", models_json(stats)},
          {"statuses", std::move(statuses)}};
}

class Stats final : public AdminTask {
 public:
  Stats(Admin& admin, AdminReply& reply, std::string window, std::chrono::minutes length) {
    question_ = admin.requests.stats(admin.loop, length, admin.clock.wall(),
                                     [&reply, window = std::move(window)](Result<TrafficStats> stats) {
                                       reply.answer(stats ? AdminAnswer{200, stats_json(window, *stats)}
                                                          : admin_error(503, stats.error().message));
                                     });
  }

 private:
  RequestLog::Question question_;
};

}  // namespace

AdminAnswer answer_stats(const AdminCall& call, std::string_view rest) {
  if (!rest.empty()) return admin_error(404, "there is no " + call.path);
  if (call.method != "GET") return only_offered({"GET"});
  constexpr std::array<std::string_view, 1> parameters{"window"};
  if (auto refused = refused_parameters(call, parameters)) return *std::move(refused);
  const auto window = call.parameter("window").value_or("1h");
  const auto length = read_span(window);
  const bool in_minutes = length && window.back() != 's';
  if (!in_minutes || *length < std::chrono::minutes(1) || *length > TrafficHistory::longest_window)
    return admin_error(400, "expected minutes, hours or days, such as 15m, 24h or 30d, up to 30d", "window");
  AdminAnswer answer;
  answer.task = [&admin = call.admin, window,
                 minutes = std::chrono::duration_cast<std::chrono::minutes>(*length)](AdminReply& reply) {
    return std::make_unique<Stats>(admin, reply, window, minutes);
  };
  return answer;
}

}  // namespace pollux
