#include "app/setting_kinds.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "app/env_file.h"
#include "base/redact.h"
#include "net/connector.h"

namespace pollux::kinds {

Wrongs wrong(std::string_view found, Error expected) {
  return {{in_quotes(found), std::move(expected.message)}};
}

Json number_json(double number) {
  constexpr double exact = 9e15;  // Whole numbers up to here are.
  const bool is_whole = number == std::floor(number) && std::abs(number) < exact;
  return is_whole ? Json(static_cast<std::int64_t>(number)) : Json(number);
}

namespace {

constexpr double day_s = 86'400;
constexpr std::size_t key_file_most_bytes = 16ULL << 20;

bool is_visible_ascii(char c) {
  return c > 0x20 && c < 0x7f;
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// -- Secrets

// What is wrong with a key or token as such; empty: nothing.
std::string_view flaw_of_secret(std::string_view secret) {
  if (!std::ranges::all_of(secret, is_visible_ascii)) return "letters, digits and signs without blanks";
  if (secret.size() > 1024) return "at most 1024 characters";
  return {};
}

std::string_view flaw_of_key(std::string_view key) {
  if (key.starts_with("ya29."))
    return "a Gemini API key; this is an OAuth access token, which expires within the hour";
  if (key.starts_with("eyJ")) return "a Gemini API key; this is a JSON web token";
  if (key.starts_with("auth_tokens/")) return "a Gemini API key; this is a short-lived token for one session";
  return flaw_of_secret(key);
}

// Appends the items of a list of secrets to `into`, without duplicates. `where` ends the sentence of what was
// found.
Wrongs add_secrets(std::string_view list, std::vector<std::string>& into,
                   std::string_view (*flaw_of)(std::string_view), const std::string& where = {}) {
  auto items = read_list(list);
  if (!items) return {{"a list that cannot be read" + where, std::move(items).error().message}};
  Wrongs wrongs;
  for (std::size_t at = 0; at < items->size(); ++at) {
    std::string& item = (*items)[at];
    if (const auto flaw = flaw_of(item); !flaw.empty()) {
      wrongs.push_back({"item " + std::to_string(at + 1) + ", " + in_quotes(mask_secret(item)) + where,
                        std::string(flaw)});
    } else if (std::ranges::find(into, item) == into.end()) {
      into.push_back(std::move(item));
    }
  }
  return wrongs;
}

Json counted(std::size_t count, const char* what) {
  if (count == 0) return nullptr;
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}
}  // namespace

Wrongs read_given_keys(std::string_view value, Settings& settings) {
  return add_secrets(value, settings.gemini_api_keys, flaw_of_key);
}
Wrongs read_removed_keys(std::string_view value, Settings& settings) {
  return add_secrets(value, settings.remove_google_keys, flaw_of_secret);
}
Wrongs read_tokens(std::string_view value, Settings& settings) {
  return add_secrets(value, settings.allowed_tokens, flaw_of_secret);
}

Json show_given_keys(const Settings& settings) {
  return counted(settings.gemini_api_keys.size(), "key");
}
Json show_removed_keys(const Settings& settings) {
  return counted(settings.remove_google_keys.size(), "key");
}
Json show_tokens(const Settings& settings) {
  return counted(settings.allowed_tokens.size(), "token");
}
Json show_auth_token(const Settings& settings) {
  return settings.auth_token ? Json("set") : Json(nullptr);
}
Json show_key_file(const Settings& settings) {
  const auto given = settings.given.find("KEY_FILE");
  return given == settings.given.end() ? Json(nullptr) : Json(given->second);
}

Wrongs read_key_file(std::string_view value, Settings& settings) {
  auto text = read_whole_file(std::string(value), key_file_most_bytes);
  if (!text) return wrong(value, std::move(text).error());
  Wrongs wrongs;
  std::string_view rest = without_byte_order_mark(*text);
  for (std::size_t line_number = 1; !rest.empty(); ++line_number) {
    const std::string_view whole = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(whole.size() + 1, rest.size()));
    const std::string_view line = trimmed(whole.substr(0, whole.find('#')));
    const std::string where = " in " + std::string(value) + ":" + std::to_string(line_number);
    for (auto& flaw : add_secrets(line, settings.gemini_api_keys, flaw_of_key, where))
      wrongs.push_back(std::move(flaw));
  }
  return wrongs;
}

Wrongs read_auth_token(std::string_view value, Settings& settings) {
  if (std::ranges::any_of(value, is_control) || value.size() > 1024) {
    return {
        {in_quotes(mask_secret(value)), "at most 1024 characters without line ends and control characters"}};
  }
  settings.auth_token = std::string(value);
  return {};
}

Wrongs read_admin_username(std::string_view value, Settings& settings) {
  if (std::ranges::any_of(value, is_control) || value.find(':') != std::string_view::npos ||
      value.size() > 200) {
    return wrong(value, invalid_input("a name of at most 200 characters without a colon"));
  }
  settings.admin_username = std::string(value);
  return {};
}

// -- Addresses

Wrongs read_host(std::string_view value, Settings& settings) {
  std::string_view host = value;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool clean = std::ranges::all_of(host, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view(".:-_%").find(c) != std::string_view::npos;
  });
  const bool has_port = host.size() == value.size() && std::ranges::count(host, ':') == 1;
  if (host.empty() || !clean || has_port) {
    return wrong(
        value, invalid_input(
                   "an address such as 127.0.0.1, 0.0.0.0 or ::, or a host's name; the port is set by PORT"));
  }
  settings.host = std::string(host);
  return {};
}

Wrongs read_port(std::string_view value, Settings& settings) {
  auto port = read_whole_number(value, 0, 65'535);
  if (!port) return wrong(value, std::move(port).error());
  settings.port = static_cast<std::uint16_t>(*port);
  return {};
}

namespace {

// "…/v1beta/" and "…/v1" name a version, which every request brings itself.
std::string_view without_version(std::string_view path) {
  const auto drop_slashes = [&path] {
    while (path.ends_with('/')) path.remove_suffix(1);
  };
  drop_slashes();
  for (const std::string_view version : {"/v1beta", "/v1"}) {
    if (!path.ends_with(version)) continue;
    path.remove_suffix(version.size());
    break;
  }
  drop_slashes();
  return path;
}

std::string shown_url(std::string_view url) {
  return in_quotes(masked_url(url));
}

}  // namespace

Wrongs read_base_url(std::string_view value, Settings& settings) {
  const auto expected = "an address such as https://HOST, http://HOST:PORT or https://HOST/PREFIX";
  std::string path;
  auto origin = Origin::parse(value, &path);
  const bool plain =
      value.find_first_of("?#@ ") == std::string_view::npos && std::ranges::none_of(value, is_control);
  if (!origin || !plain) return {{shown_url(value), expected}};
  const std::string google = Settings{}.gemini_base_url;
  settings.gemini_base_url = origin->text() + std::string(without_version(path));
  settings.gemini_base_url_set = settings.gemini_base_url != google;
  return {};
}

Wrongs read_proxies(std::string_view value, Settings& settings) {
  auto items = read_list(value);
  if (!items) return {{"a list that cannot be read", std::move(items).error().message}};
  Wrongs wrongs;
  for (std::size_t at = 0; at < items->size(); ++at) {
    const auto& url = (*items)[at];
    const auto found = "item " + std::to_string(at + 1) + ", " + shown_url(url);
    if (!Proxy::parse(url)) {
      wrongs.push_back(
          {found,
           "http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host where needed"});
    } else if (is_masked_url(url)) {
      wrongs.push_back(
          {found, "its user name and password in full, for this is none of the proxies set now"});
    }
  }
  settings.proxies = std::move(*items);
  return wrongs;
}

Json show_proxies(const Settings& settings) {
  Json urls = Json::array();
  for (const auto& url : settings.proxies) urls.push_back(masked_url(url));
  return urls;
}

// -- The rest

Json show_time_out(const Settings& settings) {
  return number_json(static_cast<double>(settings.time_out.count()) / 1000);
}

Wrongs read_time_out(std::string_view value, Settings& settings) {
  auto seconds = read_number(value, 0.001, day_s);
  if (!seconds) return wrong(value, invalid_input("seconds from 0.001 to 86400"));
  settings.time_out = std::chrono::milliseconds(std::llround(*seconds * 1000));
  return {};
}

namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

Json show_log_level(const Settings& settings) {
  constexpr std::array<const char*, 6> names{"trace", "debug", "info", "warn", "error", "off"};
  return names[static_cast<std::size_t>(settings.log.level)];
}
Json show_log_format(const Settings& settings) {
  return settings.log.json ? "json" : "text";
}
Json show_request_log_bodies(const Settings& settings) {
  constexpr std::array<const char*, 3> names{"off", "errors", "all"};
  return names[static_cast<std::size_t>(settings.request_log_bodies)];
}
Json show_log_file(const Settings& settings) {
  return settings.log.file.empty() ? Json(nullptr) : Json(settings.log.file);
}

Wrongs read_log_level(std::string_view value, Settings& settings) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 9> levels{{{"trace", LogLevel::trace},
                                                                         {"debug", LogLevel::debug},
                                                                         {"info", LogLevel::info},
                                                                         {"warn", LogLevel::warn},
                                                                         {"warning", LogLevel::warn},
                                                                         {"error", LogLevel::error},
                                                                         {"critical", LogLevel::error},
                                                                         {"fatal", LogLevel::error},
                                                                         {"off", LogLevel::off}}};
  const std::string name = lower_case(value);
  const auto* const found = std::ranges::find(levels, name, [](const auto& level) { return level.first; });
  if (found == levels.end()) return wrong(value, invalid_input("trace, debug, info, warn, error or off"));
  settings.log.level = found->second;
  return {};
}

Wrongs read_log_format(std::string_view value, Settings& settings) {
  const std::string name = lower_case(value);
  if (name != "text" && name != "json") return wrong(value, invalid_input("text or json"));
  settings.log.json = name == "json";
  return {};
}

Wrongs read_request_log_bodies(std::string_view value, Settings& settings) {
  const std::string name = lower_case(value);
  if (name != "off" && name != "errors" && name != "all")
    return wrong(value, invalid_input("off, errors or all"));
  settings.request_log_bodies = name == "off"   ? KeptBodies::off
                                : name == "all" ? KeptBodies::all
                                                : KeptBodies::errors;
  return {};
}

Wrongs read_data_dir(std::string_view value, Settings& settings) {
  settings.data_dir = std::string(value);
  return {};
}

Wrongs read_log_file(std::string_view value, Settings& settings) {
  settings.log.file = std::string(value);
  return {};
}

}  // namespace pollux::kinds
