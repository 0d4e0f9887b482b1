#include "admin/key_json.h"

#include <array>
#include <memory>

#include "admin/many_keys.h"

namespace pollux {
namespace {

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(iso_time(*time)) : Json(nullptr);
}

Json number_or_null(const std::optional<std::int64_t>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json tokens_json(const TokenCounts& tokens) {
  return {{"input", tokens.input},
          {"cached", tokens.cached},
          {"output", tokens.output},
          {"thoughts", tokens.thoughts}};
}

struct KindOfLimit {
  const char *name, *words;
  std::optional<std::int64_t> Limits::*limit;
  bool KeyModelStatus::*learned;
};
constexpr std::array kinds_of_limits{
    KindOfLimit{"rpm", "requests a minute", &Limits::rpm, &KeyModelStatus::rpm_learned},
    KindOfLimit{"tpm", "input tokens a minute", &Limits::tpm, &KeyModelStatus::tpm_learned},
    KindOfLimit{"rpd", "requests a day", &Limits::rpd, &KeyModelStatus::rpd_learned}};

// Why the key may never use the model; empty: it may.
std::string reason_against(const KeyModelStatus& model) {
  for (const auto& kind : kinds_of_limits) {
    if (model.limits.*kind.limit != 0) continue;
    const bool learned = model.*kind.learned;
    return std::string(learned ? "Google gives the key's project" : "the limits known beforehand allow") +
           " no " + kind.words + " for this model (a limit of 0)";
  }
  return {};
}

Json model_json(const KeyModelStatus& model) {
  const auto reason = reason_against(model);
  Json json = {{"requests_today", model.requests_today},
               {"successes", model.successes},
               {"failures", model.failures},
               {"tokens_today", tokens_json(model.tokens_today)},
               {"requests_this_minute", model.requests_this_minute},
               {"tokens_this_minute", model.tokens_this_minute},
               {"project_requests_today", model.project_requests_today}};
  Json learned = Json::array();
  for (const auto& kind : kinds_of_limits) {
    json[std::string(kind.name) + "_limit"] = number_or_null(model.limits.*kind.limit);
    if (model.*kind.learned) learned.push_back(kind.name);
  }
  json["learned"] = std::move(learned);
  json["may_use"] = reason.empty();
  json["reason"] = text_or_null(reason);
  json["cooldown_until"] = time_or_null(model.cooldown_until);
  return json;
}

const std::string& reason_for(const KeyStatus& key) {
  return key.profile.enabled ? key.rest_reason : key.profile.disabled_reason;
}

}  // namespace

Json key_json(const KeyStatus& key) {
  Json json = {{"id", key.id},
               {"name", key.profile.name},
               {"masked_key", key.masked_secret},
               {"project_id", text_or_null(key.profile.project)},
               {"tags", key.profile.tags},
               {"weight", key.profile.weight},
               {"enabled", key.profile.enabled},
               {"added_at", iso_time(key.added_at)},
               {"state", key.state},
               {"reason", text_or_null(reason_for(key))},
               {"disabled_by_hand", key.profile.disabled_by_owner},
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

AdminAnswer keys_in_turns(Loop& loop, std::vector<KeyStatus> keys, Json rest) {
  struct List {
    std::vector<KeyStatus> keys;
    AdminAnswer answer;
  };
  auto list = std::make_shared<List>(List{std::move(keys), {200, std::move(rest)}});
  list->answer.list = WrittenList{.name = "keys"};
  const auto count = list->keys.size();
  return answer_in_turns(
      loop, {.count = count,
             .each = [list](std::size_t at) { list->answer.list->add(key_json(list->keys[at])); },
             .answer = [list] { return std::move(list->answer); }});
}

Json totals_json(const std::vector<KeyStatus>& keys) {
  std::int64_t ready = 0, resting = 0, disabled = 0, probing = 0;
  std::int64_t in_flight = 0, requests = 0, successes = 0, failures = 0;
  for (const auto& key : keys) {
    ready += key.state == "ready";
    resting += key.state == "resting";
    disabled += key.state == "disabled";
    probing += key.state == "probing";
    in_flight += key.in_flight;
    requests += key.requests_today;
    successes += key.successes;
    failures += key.failures;
  }
  return {{"total_keys", keys.size()},  {"ready_keys", ready},       {"resting_keys", resting},
          {"probing_keys", probing},    {"disabled_keys", disabled}, {"in_flight", in_flight},
          {"requests_today", requests}, {"successes", successes},    {"failures", failures}};
}

}  // namespace pollux
