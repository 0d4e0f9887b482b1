#include "admin/key_json.h"

namespace pollux {
namespace {

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(iso_time(*time)) : Json(nullptr);
}

Json number_or_null(const std::optional<std::int64_t>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json model_json(const KeyModelStatus& model) {
  return {{"requests_today", model.requests_today},
          {"requests_this_minute", model.requests_this_minute},
          {"successes", model.successes},
          {"failures", model.failures},
          {"rpm_limit", number_or_null(model.rpm_limit)},
          {"tpm_limit", number_or_null(model.tpm_limit)},
          {"rpd_limit", number_or_null(model.rpd_limit)},
          {"cooldown_until", time_or_null(model.cooldown_until)}};
}

}  // namespace

Json key_json(const KeyStatus& key) {
  Json json = {
      {"id", key.id},
      {"name", key.profile.name},
      {"masked_key", key.masked_secret},
      {"project_id", key.profile.project.empty() ? Json(nullptr) : Json(key.profile.project)},
      {"tags", key.profile.tags},
      {"weight", key.profile.weight},
      {"enabled", key.profile.enabled},
      {"state", key.state},
      {"reason", key.profile.disabled_reason.empty() ? Json(nullptr) : Json(key.profile.disabled_reason)},
      {"disabled_since", time_or_null(key.profile.disabled_since)},
      {"cooldown_until", time_or_null(key.cooldown_until)},
      {"in_flight", key.in_flight},
      {"requests_today", key.requests_today},
      {"successes", key.successes},
      {"failures", key.failures},
      {"failures_in_a_row", key.failures_in_a_row},
      {"last_used", time_or_null(key.last_used)},
      {"last_success", time_or_null(key.last_success)}};
  auto& models = json["models"] = Json::object();
  for (const auto& model : key.models) models[model.model] = model_json(model);
  return json;
}

Json totals_json(const std::vector<KeyStatus>& keys) {
  std::int64_t ready = 0, resting = 0, disabled = 0, in_flight = 0, requests = 0, successes = 0, failures = 0;
  for (const auto& key : keys) {
    ready += key.state == "ready";
    resting += key.state == "resting";
    disabled += key.state == "disabled";
    in_flight += key.in_flight;
    requests += key.requests_today;
    successes += key.successes;
    failures += key.failures;
  }
  return {{"total_keys", keys.size()}, {"ready_keys", ready},    {"resting_keys", resting},
          {"disabled_keys", disabled}, {"in_flight", in_flight}, {"requests_today", requests},
          {"successes", successes},    {"failures", failures}};
}

}  // namespace pollux
