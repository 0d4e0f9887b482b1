// The administration: what its parts share, and the handler of one request to it.
//
//   GET /health, GET /ready                no authorization
//   GET /metrics, everything under /admin  AUTH_TOKEN as Bearer, or as the password of Basic, or a session's
//                                          cookie
//
// Answers and errors are JSON; an error names the field it is about.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "admin/live_feed.h"
#include "admin/metrics_reporter.h"
#include "admin/settings_service.h"
#include "base/clock.h"
#include "base/job_thread.h"
#include "base/settings.h"
#include "http/server.h"
#include "pool/clients.h"
#include "pool/key_pool.h"
#include "script/policy_library.h"
#include "store/request_log.h"
#include "store/store.h"

namespace pollux {

class KeyChecks;
class Sessions;
class SignInThrottle;

// The administrator: a name, and the token as a hash only.
struct AdminAccount {
  std::string username;
  std::string token_hash;  // SHA-256, hexadecimal.
};

// One for each worker.
struct Admin {
  Loop& loop;
  const Settings& settings;
  KeyPool& pool;
  Clients& clients;
  Store& store;
  RequestLog& requests;
  PolicyLibrary& policies;
  LiveFeed& feed;
  MetricsReporter& metrics;
  SettingsService& live_settings;
  JobThread& jobs;         // For what may block.
  const PolicyHost& host;  // Of this worker, for health checks.
  std::size_t worker = 0;
  const AdminAccount& account;
  Sessions& sessions;
  SignInThrottle& throttle;
  KeyChecks& key_checks;
  const Clock& clock;
  std::string_view version;
};

// Whether a path (put right) is the administration's.
bool is_admin_path(std::string_view path) noexcept;

std::unique_ptr<RequestHandler> answer_admin(Admin& admin, RequestHead head, std::string path,
                                             BodyLength body, const ClientInfo& client, Reply& reply);

}  // namespace pollux
