#include "admin/client_json.h"

#include <cmath>

namespace pollux {
namespace {

template <typename Value>
Json value_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(iso_time(*time)) : Json(nullptr);
}

using Problem = std::optional<AdminAnswer>;

Problem read(const Json& value, std::string_view name, std::optional<std::string>& target) {
  if (!value.is_string()) return admin_error(400, "expected text", name);
  target = value.get<std::string>();
  return std::nullopt;
}

Problem read(const Json& value, std::string_view name, std::optional<bool>& target) {
  if (!value.is_boolean()) return admin_error(400, "expected true or false", name);
  target = value.get<bool>();
  return std::nullopt;
}

// null: an empty list.
Problem read(const Json& value, std::string_view name, std::optional<std::vector<std::string>>& target) {
  std::vector<std::string> words;
  bool good = value.is_array() || value.is_null();
  for (const auto& word : good&& value.is_array() ? value : Json::array()) {
    good = good && word.is_string();
    if (good) words.push_back(word.get<std::string>());
  }
  if (!good) return admin_error(400, "expected a list of words", name);
  target = std::move(words);
  return std::nullopt;
}

Problem read(const Json& value, std::string_view name, std::optional<ClientPatch::Limit>& target) {
  constexpr std::string_view expected =
      "expected a whole number from 1 to 1000000000000, or null for no limit";
  if (value.is_null()) return target = ClientPatch::Limit(), std::nullopt;
  const double number = value.is_number() ? value.get<double>() : -1;
  const bool fits = number >= 0 && number <= 1e15;
  if (!fits || number != std::floor(number)) return admin_error(400, expected, name);
  target = ClientPatch::Limit(static_cast<std::int64_t>(number));  // 60.0 is as whole as 60.
  return std::nullopt;
}

Problem read(const Json& value, std::string_view name, std::optional<std::optional<WallTime>>& target) {
  if (value.is_null()) return target = std::optional<WallTime>(), std::nullopt;
  const auto time = value.is_string() ? parse_iso_time(value.get_ref<const std::string&>()) : std::nullopt;
  if (!time) return admin_error(400, "expected a time like 2026-11-21T08:00:00Z, or null for no end", name);
  target = time;
  return std::nullopt;
}

}  // namespace

Json client_json(const Client& client, const Moment& now) {
  const auto usage = client.usage->numbers(now);
  return {{"id", client.id},
          {"name", client.name},
          {"tags", client.tags},
          {"models", client.models},
          {"rpm", value_or_null(client.quota.rpm)},
          {"daily_requests", value_or_null(client.quota.daily_requests)},
          {"daily_tokens", value_or_null(client.quota.daily_tokens)},
          {"expires_at", time_or_null(client.expires_at)},
          {"enabled", client.enabled},
          {"created_at", iso_time(client.created_at)},
          {"last_used", time_or_null(usage.last_used)},
          {"from_settings", client.from_settings},
          {"token_hint", client.token_hint.empty() ? Json(nullptr) : Json("…" + client.token_hint)},
          {"usage",
           {{"requests_this_minute", usage.requests_this_minute},
            {"requests_today", usage.requests_today},
            {"tokens_today", usage.tokens_today},
            {"resets_at", iso_time(usage.resets_at)}}}};
}

std::optional<AdminAnswer> read_client_patch(const Json& body, ClientPatch& patch,
                                             std::string_view other_property) {
  for (const auto& [name, value] : body.items()) {
    Problem problem;
    if (name == "name") {
      problem = read(value, name, patch.name);
    } else if (name == "tags") {
      problem = read(value, name, patch.tags);
    } else if (name == "models") {
      problem = read(value, name, patch.models);
    } else if (name == "rpm") {
      problem = read(value, name, patch.rpm);
    } else if (name == "daily_requests") {
      problem = read(value, name, patch.daily_requests);
    } else if (name == "daily_tokens") {
      problem = read(value, name, patch.daily_tokens);
    } else if (name == "expires_at") {
      problem = read(value, name, patch.expires_at);
    } else if (name == "enabled") {
      problem = read(value, name, patch.enabled);
    } else if (name != other_property) {
      const std::string expected =
          "unknown property; expected some of name, tags, models, rpm, daily_requests, daily_tokens, "
          "expires_at, enabled";
      const auto other = other_property.empty() ? "" : ", " + std::string(other_property);
      problem = admin_error(400, expected + other, name);
    }
    if (problem) return problem;
  }
  return std::nullopt;
}

}  // namespace pollux
