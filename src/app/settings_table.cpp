#include "app/settings_table.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <string>

namespace pollux {
namespace {

using namespace kinds;

constexpr std::int64_t billion = 1'000'000'000;

// Headings, as the administration shows them.
constexpr std::string_view clients = "Keys and clients";
constexpr std::string_view administration = "Administration";
constexpr std::string_view server = "Server";
constexpr std::string_view upstream = "Upstream";
constexpr std::string_view retries = "Retries and limits";
constexpr std::string_view request_log = "Request log";
constexpr std::string_view logging = "Logging";

// The upstream's address stays for the process's life: whoever may sign in could else have all keys sent to
// a place of their own.
constexpr std::array table{
    Setting{"GEMINI_API_KEYS", "API_KEYS,GOOGLE_KEYS", "", "Gemini API keys to add to the pool at start.",
            true, given_keys_kind, clients},
    Setting{"KEY_FILE", "", "key.txt where it exists", "A file of such keys, one a line; # begins a comment.",
            false, key_file_kind, clients},
    Setting{"REMOVE_GOOGLE_KEYS", "", "", "Keys to remove from the pool at start.", true, removed_keys_kind,
            clients},
    Setting{"ALLOWED_TOKENS", "ALLOWED_API_KEYS,USER_KEYS,PLACEHOLDER_GEMINI_TOKEN",
            "one is made at first start and shown once", "Tokens that clients may present.", true,
            tokens_kind, clients},
    Setting{"AUTH_TOKEN", "ADMIN_PASSWORD", "made at first start and shown once",
            "The administrator's password and API token.", true, auth_token_kind, administration},
    Setting{"ADMIN_USERNAME", "", "admin", "The administrator's name at the login.", false,
            admin_username_kind, administration},
    Setting{"HOST", "", "0.0.0.0", "The address to listen on; :: takes IPv6 and IPv4.", false, host_kind,
            server},
    Setting{"PORT", "", "8000", "The port to listen on; 0 takes a free one.", false, port_kind, server},
    Setting{"TLS_CERT_FILE", "", "", "HTTPS for clients: the certificate chain, a PEM file.", false,
            readable_file<&S::tls_cert_file>, server},
    Setting{"TLS_KEY_FILE", "", "", "HTTPS for clients: the private key, a PEM file.", false,
            readable_file<&S::tls_key_file>, server},
    Setting{"GEMINI_BASE_URL", "BASE_URL", "https://generativelanguage.googleapis.com",
            "The upstream, http or https; once set it stands for Google everywhere.", false, base_url_kind,
            upstream},
    Setting{"UPSTREAM_CA_FILE", "", "the system's bundle",
            "The certificate authorities that upstream is verified by, a PEM file.", false,
            readable_file<&S::upstream_ca_file>, upstream},
    Setting{"MAX_RETRIES", "", "3", "How often a failed request is tried again with another key.", false,
            whole_number<&S::max_retries, 0, 1000>, retries, Change::while_running},
    Setting{"MAX_FAILURES", "", "3", "Failures in a row of its own that disable a key; 0: never.", false,
            whole_number<&S::max_failures, 0, billion>, retries, Change::while_running},
    Setting{"RETRY_DELAY_SECONDS", "", "0", "Seconds to wait before a retry.", false,
            number<&S::retry_delay_seconds, 3600>, retries, Change::while_running},
    Setting{"MAX_WAIT_SECONDS", "", "10", "Seconds that a request may wait for a key that can pay.", false,
            number<&S::max_wait_seconds, 3600>, retries, Change::while_running},
    Setting{"DEFAULT_RPM_LIMIT", "", "by model", "Requests a minute of a model whose limit is not known.",
            false, whole_number<&S::default_rpm_limit, 1, billion>, retries, Change::while_running},
    Setting{"DEFAULT_RPD_LIMIT", "", "by model", "Requests a day of a model whose limit is not known.", false,
            whole_number<&S::default_rpd_limit, 1, billion>, retries, Change::while_running},
    Setting{"CHECK_INTERVAL_HOURS", "", "1",
            "Hours between two checks of keys that are disabled or at rest; fractions allowed, 0: never.",
            false, number<&S::check_interval_hours, 8760>, retries, Change::while_running},
    Setting{"TIME_OUT", "", "300",
            "Seconds without a byte from upstream that end a request; fractions allowed.", false,
            time_out_kind, upstream, Change::while_running},
    Setting{"PROXIES", "", "", "Outgoing proxies: http://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT.",
            true, proxies_kind, upstream, Change::while_running},
    Setting{"WORKERS", "", "the processor's cores, at most 4", "Event loops, each a thread.", false,
            whole_number<&S::workers, 1, 256>, server},
    Setting{"DATA_DIR", "", "data", "The folder of the database and of the owner's policies.", false,
            data_dir_kind, server},
    Setting{"LOG_LEVEL", "", "info", "The least that is logged: trace, debug, info, warn, error or off.",
            false, log_level_kind, logging, Change::while_running},
    Setting{"LOG_FORMAT", "", "text", "text, or json: one object a line.", false, log_format_kind, logging},
    Setting{"LOG_FILE", "", "standard error",
            "A file to log to; put aside at 10 MiB, five old ones are kept.", false, log_file_kind, logging},
    Setting{"MAX_BODY_BYTES", "", "2GiB", "Bytes of the largest request body.", false,
            bytes<&S::max_body_bytes, 1ULL << 40>, server, Change::while_running},
    Setting{"RETRY_BODY_BYTES", "", "32MiB", "Bytes of the largest request body that is held for a retry.",
            false, bytes<&S::retry_body_bytes, 1ULL << 30>, retries, Change::while_running},
    Setting{"REQUEST_LOG_DAYS", "", "14", "Days that the request log goes back; 0: nothing is kept.", false,
            whole_number<&S::request_log_days, 0, 3650>, request_log, Change::while_running},
    Setting{"REQUEST_LOG_ROWS", "", "200000", "Requests that the request log keeps at most; 0: none.", false,
            whole_number<&S::request_log_rows, 0, billion>, request_log, Change::while_running},
    Setting{"REQUEST_LOG_BYTES", "", "256MiB",
            "Bytes of the request log's file, at most; 0: nothing is kept.", false,
            bytes<&S::request_log_bytes, 1ULL << 40>, request_log, Change::while_running},
    Setting{"REQUEST_LOG_BODIES", "", "off",
            "Whether the request log keeps what was said: off, errors (of failed requests only) or all.",
            false, request_log_bodies_kind, request_log, Change::while_running},
    Setting{"REQUEST_LOG_BODY_BYTES", "", "16KiB", "Bytes that are kept of each body; the rest is cut.",
            false, bytes<&S::request_log_body_bytes, 1ULL << 20>, request_log, Change::while_running},
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

namespace {

std::vector<std::string_view> parts_of(std::string_view rest) {
  std::vector<std::string_view> names;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    names.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

}  // namespace

std::vector<std::string_view> aliases_of(const Setting& setting) {
  return parts_of(setting.aliases);
}

std::vector<std::string_view> choices_of(const Setting& setting) {
  return parts_of(setting.kind.choices);
}

std::span<const std::string_view> all_setting_names() {
  static const auto names = [] {
    std::vector<std::string_view> all;
    for (const Setting& setting : table) {
      all.push_back(setting.name);
      for (const auto alias : aliases_of(setting)) all.push_back(alias);
    }
    return all;
  }();
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
