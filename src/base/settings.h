// What a user has set, as typed values. `app/settings_reader` fills it from the command line, the environment
// and .env, `app/live_settings` changes copies of it while Pollux runs; every other part only reads it. The
// names of the variables stand beside the fields.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace pollux {

// A key as it was configured or pasted, before it is in the pool.
struct GivenKey {
  std::string secret;
  std::string name;
  std::string project;
  std::vector<std::string> tags;
  double weight = 1;
  bool enabled = true;
};

// Which exchanges the request log keeps with what was said.
enum class KeptBodies { off, errors, all };

struct Settings {
  std::vector<std::string> gemini_api_keys;     // GEMINI_API_KEYS and KEY_FILE together, no duplicates.
  std::vector<std::string> remove_google_keys;  // REMOVE_GOOGLE_KEYS
  std::vector<std::string> allowed_tokens;      // ALLOWED_TOKENS
  std::optional<std::string> auth_token;        // AUTH_TOKEN
  std::string admin_username = "admin";         // ADMIN_USERNAME

  std::string host = "0.0.0.0";             // HOST
  std::uint16_t port = 8000;                // PORT; 0 takes a free one.
  std::string tls_cert_file, tls_key_file;  // TLS_CERT_FILE, TLS_KEY_FILE; both or none.

  std::string gemini_base_url =
      "https://generativelanguage.googleapis.com";  // GEMINI_BASE_URL, without /v1beta
  bool gemini_base_url_set = false;
  std::string upstream_ca_file;      // UPSTREAM_CA_FILE; empty: the system's bundle.
  std::vector<std::string> proxies;  // PROXIES, as URLs: http://user:password@host:port, socks5://...

  int max_retries = 3;                          // MAX_RETRIES, after the first attempt.
  int max_failures = 3;                         // MAX_FAILURES
  double retry_delay_seconds = 0;               // RETRY_DELAY_SECONDS
  double max_wait_seconds = 10;                 // MAX_WAIT_SECONDS
  std::optional<int> default_rpm_limit;         // DEFAULT_RPM_LIMIT
  std::optional<int> default_rpd_limit;         // DEFAULT_RPD_LIMIT
  double check_interval_hours = 1;              // CHECK_INTERVAL_HOURS
  std::chrono::milliseconds time_out{300'000};  // TIME_OUT, given in seconds.

  int workers = 1;                               // WORKERS
  std::string data_dir = "data";                 // DATA_DIR
  std::string policies_dir;                      // --policies; empty: DATA_DIR/policies
  std::string shipped_policies_dir;              // Those that come with the program.
  std::string web_dir;                           // --web, else the shipped one; empty: there is no page.
  LogOptions log;                                // LOG_LEVEL, LOG_FORMAT, LOG_FILE
  std::uint64_t max_body_bytes = 2ULL << 30;     // MAX_BODY_BYTES
  std::uint64_t retry_body_bytes = 32ULL << 20;  // RETRY_BODY_BYTES

  int request_log_days = 14;                           // REQUEST_LOG_DAYS; 0: nothing is kept.
  int request_log_rows = 200'000;                      // REQUEST_LOG_ROWS
  std::uint64_t request_log_bytes = 256ULL << 20;      // REQUEST_LOG_BYTES
  KeptBodies request_log_bodies = KeptBodies::off;     // REQUEST_LOG_BODIES
  std::uint64_t request_log_body_bytes = 16ULL << 10;  // REQUEST_LOG_BODY_BYTES

  // The names of all of these variables, and the other names that they have: no policy may declare one of
  // them.
  std::span<const std::string_view> own_names;

  // Every variable that was given, as text: the settings above by their main names (secrets masked), and
  // whatever else .env and the environment hold, since policies read their own settings here.
  std::map<std::string, std::string, std::less<>> given;
  // What was set while Pollux ran, for settings that policies declare. `given` comes before it, and a text
  // that is no value of its setting (any more) counts for nothing.
  std::map<std::string, std::string, std::less<>> given_here;
};

}  // namespace pollux
