#include "app/settings_table.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <numeric>
#include <string>

#include "app/env_file.h"
#include "base/redact.h"
#include "net/connector.h"

namespace pollux {
namespace {

using Wrongs = std::vector<WrongValue>;

constexpr double day_s = 86'400;
constexpr std::int64_t billion = 1'000'000'000;
constexpr std::size_t key_file_most_bytes = 16ULL << 20;

bool is_visible_ascii(char c) {
  return c > 0x20 && c < 0x7f;
}
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

Wrongs wrong(std::string_view found, Error expected) {
  return {{quoted(found), std::move(expected.message)}};
}

// -- Readers by kind, made for a field

template <auto Field, std::int64_t Least, std::int64_t Most>
Wrongs whole_number(std::string_view value, Settings& settings) {
  auto number = read_whole_number(value, Least, Most);
  if (!number) return wrong(value, std::move(number).error());
  settings.*Field = static_cast<int>(*number);
  return {};
}

template <auto Field, int Most>
Wrongs number(std::string_view value, Settings& settings) {
  auto number = read_number(value, 0, Most);
  if (!number) return wrong(value, std::move(number).error());
  settings.*Field = *number;
  return {};
}

template <auto Field, std::uint64_t Most>
Wrongs bytes(std::string_view value, Settings& settings) {
  auto number = read_bytes(value, Most);
  if (!number) return wrong(value, std::move(number).error());
  settings.*Field = *number;
  return {};
}

template <auto Field>
Wrongs readable_file(std::string_view value, Settings& settings) {
  settings.*Field = std::string(value);
  if (auto readable = check_readable_file(settings.*Field); !readable) {
    return wrong(value, std::move(readable).error());
  }
  return {};
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
      wrongs.push_back(
          {"item " + std::to_string(at + 1) + ", " + quoted(mask_secret(item)) + where, std::string(flaw)});
    } else if (std::ranges::find(into, item) == into.end()) {
      into.push_back(std::move(item));
    }
  }
  return wrongs;
}

template <auto Field, std::string_view (*FlawOf)(std::string_view)>
Wrongs secrets(std::string_view value, Settings& settings) {
  return add_secrets(value, settings.*Field, FlawOf);
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
    return {{quoted(mask_secret(value)), "at most 1024 characters without line ends and control characters"}};
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

// With user name and password masked, as far as they can be told.
std::string shown_url(std::string_view url) {
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return quoted(redact_keys(url));
  const std::size_t scheme = url.find("://");
  const std::string begin(scheme == std::string_view::npos || scheme > at ? "" : url.substr(0, scheme + 3));
  return quoted(begin + "…" + std::string(url.substr(at)));
}

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
    if (!Proxy::parse((*items)[at])) {
      wrongs.push_back(
          {"item " + std::to_string(at + 1) + ", " + shown_url((*items)[at]),
           "http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host where needed"});
    }
  }
  settings.proxies = std::move(*items);
  return wrongs;
}

// -- The rest

Wrongs read_time_out(std::string_view value, Settings& settings) {
  auto seconds = read_number(value, 0.001, day_s);
  if (!seconds) return wrong(value, invalid_input("seconds from 0.001 to 86400"));
  settings.time_out = std::chrono::milliseconds(std::llround(*seconds * 1000));
  return {};
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
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

using S = Settings;

constexpr std::array table{
    Setting{"GEMINI_API_KEYS", "API_KEYS,GOOGLE_KEYS", "", "Gemini API keys to add to the pool at start.",
            true, secrets<&S::gemini_api_keys, flaw_of_key>},
    Setting{"KEY_FILE", "", "key.txt where it exists", "A file of such keys, one a line; # begins a comment.",
            false, read_key_file},
    Setting{"REMOVE_GOOGLE_KEYS", "", "", "Keys to remove from the pool at start.", true,
            secrets<&S::remove_google_keys, flaw_of_secret>},
    Setting{"ALLOWED_TOKENS", "ALLOWED_API_KEYS,USER_KEYS,PLACEHOLDER_GEMINI_TOKEN",
            "one is made at first start and shown once", "Tokens that clients may present.", true,
            secrets<&S::allowed_tokens, flaw_of_secret>},
    Setting{"AUTH_TOKEN", "ADMIN_PASSWORD", "made at first start and shown once",
            "The administrator's password and API token.", true, read_auth_token},
    Setting{"ADMIN_USERNAME", "", "admin", "The administrator's name at the login.", false,
            read_admin_username},
    Setting{"HOST", "", "0.0.0.0", "The address to listen on; :: takes IPv6 and IPv4.", false, read_host},
    Setting{"PORT", "", "8000", "The port to listen on; 0 takes a free one.", false, read_port},
    Setting{"TLS_CERT_FILE", "", "", "HTTPS for clients: the certificate chain, a PEM file.", false,
            readable_file<&S::tls_cert_file>},
    Setting{"TLS_KEY_FILE", "", "", "HTTPS for clients: the private key, a PEM file.", false,
            readable_file<&S::tls_key_file>},
    Setting{"GEMINI_BASE_URL", "BASE_URL", "https://generativelanguage.googleapis.com",
            "The upstream, http or https; once set it stands for Google everywhere.", false, read_base_url},
    Setting{"UPSTREAM_CA_FILE", "", "the system's bundle",
            "The certificate authorities that upstream is verified by, a PEM file.", false,
            readable_file<&S::upstream_ca_file>},
    Setting{"MAX_RETRIES", "", "3", "How often a failed request is tried again with another key.", false,
            whole_number<&S::max_retries, 0, 1000>},
    Setting{"MAX_FAILURES", "", "3", "Failures in a row of its own that disable a key; 0: never.", false,
            whole_number<&S::max_failures, 0, billion>},
    Setting{"RETRY_DELAY_SECONDS", "", "0", "Seconds to wait before a retry.", false,
            number<&S::retry_delay_seconds, 3600>},
    Setting{"MAX_WAIT_SECONDS", "", "10", "Seconds that a request may wait for a key that can pay.", false,
            number<&S::max_wait_seconds, 3600>},
    Setting{"DEFAULT_RPM_LIMIT", "", "by model", "Requests a minute of a model whose limit is not known.",
            false, whole_number<&S::default_rpm_limit, 1, billion>},
    Setting{"DEFAULT_RPD_LIMIT", "", "by model", "Requests a day of a model whose limit is not known.", false,
            whole_number<&S::default_rpd_limit, 1, billion>},
    Setting{"CHECK_INTERVAL_HOURS", "", "1",
            "Hours between two checks of keys that are disabled or at rest; fractions allowed, 0: never.",
            false, number<&S::check_interval_hours, 8760>},
    Setting{"TIME_OUT", "", "300",
            "Seconds without a byte from upstream that end a request; fractions allowed.", false,
            read_time_out},
    Setting{"PROXIES", "", "", "Outgoing proxies: http://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT.",
            true, read_proxies},
    Setting{"WORKERS", "", "the processor's cores, at most 4", "Event loops, each a thread.", false,
            whole_number<&S::workers, 1, 256>},
    Setting{"DATA_DIR", "", "data", "The folder of the database and of the owner's policies.", false,
            read_data_dir},
    Setting{"LOG_LEVEL", "", "info", "The least that is logged: trace, debug, info, warn, error or off.",
            false, read_log_level},
    Setting{"LOG_FORMAT", "", "text", "text, or json: one object a line.", false, read_log_format},
    Setting{"LOG_FILE", "", "standard error",
            "A file to log to; put aside at 10 MiB, five old ones are kept.", false, read_log_file},
    Setting{"MAX_BODY_BYTES", "", "2GiB", "Bytes of the largest request body.", false,
            bytes<&S::max_body_bytes, 1ULL << 40>},
    Setting{"RETRY_BODY_BYTES", "", "32MiB", "Bytes of the largest request body that is held for a retry.",
            false, bytes<&S::retry_body_bytes, 1ULL << 30>},
    Setting{"REQUEST_LOG_DAYS", "", "14", "Days that the request log goes back; 0: nothing is kept.", false,
            whole_number<&S::request_log_days, 0, 3650>},
    Setting{"REQUEST_LOG_ROWS", "", "200000", "Requests that the request log keeps at most; 0: none.", false,
            whole_number<&S::request_log_rows, 0, billion>},
    Setting{"REQUEST_LOG_BYTES", "", "256MiB",
            "Bytes of the request log's file, at most; 0: nothing is kept.", false,
            bytes<&S::request_log_bytes, 1ULL << 40>},
    Setting{"REQUEST_LOG_BODIES", "", "off",
            "Whether the request log keeps what was said: off, errors (of failed requests only) or all.",
            false, read_request_log_bodies},
    Setting{"REQUEST_LOG_BODY_BYTES", "", "16KiB", "Bytes that are kept of each body; the rest is cut.",
            false, bytes<&S::request_log_body_bytes, 1ULL << 20>},
};

// How many letters must be put in, left out, changed or swapped with their neighbour to make `a` of `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, changed});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

// RETRY for RETRIES, FILE for FILES.
std::string singular(std::string_view name) {
  if (name.ends_with("IES")) return std::string(name.substr(0, name.size() - 3)) + "Y";
  if (name.ends_with('S')) name.remove_suffix(1);
  return std::string(name);
}

std::string upper_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

}  // namespace

std::span<const Setting> all_settings() {
  return table;
}

std::vector<std::string_view> aliases_of(const Setting& setting) {
  std::vector<std::string_view> names;
  std::string_view rest = setting.aliases;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    names.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : table) {
    if (setting.name == name || std::ranges::count(aliases_of(setting), name) > 0) return &setting;
  }
  return nullptr;
}

std::string_view nearest_setting(std::string_view unknown_name) {
  const std::string name = upper_case(unknown_name);
  // Short names have many neighbours: HOME is no misspelt HOST, and PATH no PORT.
  const std::size_t tolerated = name.size() <= 6 ? 1 : 2;
  std::string_view nearest;
  std::size_t least = tolerated + 1;
  for (const Setting& setting : table) {
    auto names = aliases_of(setting);
    names.insert(names.begin(), setting.name);
    for (const std::string_view known : names) {
      const std::size_t distance = singular(name) == singular(known) ? 0 : edit_distance(name, known);
      if (distance < least) nearest = known, least = distance;
    }
  }
  return nearest;
}

}  // namespace pollux
