// GET /health, /ready, /admin/status, /admin/status/{key_id}; POST /admin/reset.

#include "admin/admin_call.h"
#include "admin/key_json.h"
#include "base/log.h"

namespace pollux {

AdminAnswer answer_health(const AdminCall& call) {
  return {200, {{"status", "ok"}, {"version", call.admin.version}}};
}

// Ready means: a request could be served now. What is wrong but hinders nobody yet is told as a warning.
AdminAnswer answer_ready(const AdminCall& call) {
  auto& admin = call.admin;
  Json problems = Json::array(), warnings = Json::array();
  if (admin.pool.size() == 0) {
    problems.push_back("there is no key in the pool");
  } else if (!admin.pool.any_usable()) {
    problems.push_back("every key is disabled or at rest");
  }
  if (auto trouble = admin.store.health(); !trouble.empty()) warnings.push_back(std::move(trouble));
  if (auto error = admin.policies.report().error; !error.empty()) warnings.push_back("policies: " + error);
  const bool ready = problems.empty();
  return {ready ? 200 : 503, {{"ready", ready}, {"problems", problems}, {"warnings", warnings}}};
}

AdminAnswer answer_status(const AdminCall& call, std::string_view key_id) {
  if (call.method != "GET" && call.method != "HEAD") return admin_error(405, "only GET is offered here");
  auto& pool = call.admin.pool;
  if (key_id.empty()) {
    const auto keys = pool.statuses();
    Json answer = {{"keys", Json::array()}};
    for (const auto& key : keys) answer["keys"].push_back(key_json(key));
    answer.update(totals_json(keys));
    return {200, std::move(answer)};
  }
  const auto key = pool.status(key_id);
  if (!key) return admin_error(404, "there is no key with the id " + std::string(key_id), "key_id");
  auto answer = key_json(*key);
  auto& errors = answer["recent_errors"] = Json::array();
  for (const auto& error : key->recent_errors) {
    errors.push_back({{"at", iso_time(error.at)},
                      {"model", error.model},
                      {"status", error.status == 0 ? Json(nullptr) : Json(error.status)},
                      {"message", error.message}});
  }
  return {200, std::move(answer)};
}

AdminAnswer answer_reset(const AdminCall& call) {
  if (call.method != "POST") return admin_error(405, "only POST is offered here");
  for (const auto& [name, value] : call.body.items()) {
    if (name != "key_id") return admin_error(400, "unknown property; expected key_id or nothing", name);
    if (!value.is_string()) return admin_error(400, "expected the id of a key as text", name);
  }
  if (!call.body.is_object() || !call.body.contains("key_id")) {
    call.admin.pool.reset(std::nullopt);
    log_info("all keys reset");
    return {200, {{"reset", "all"}}, true};
  }
  const auto id = call.body["key_id"].get<std::string>();
  if (!call.admin.pool.reset(id)) return admin_error(404, "there is no key with the id " + id, "key_id");
  log_info("key reset", {{"id", id}});
  return {200, {{"reset", id}}, true};
}

}  // namespace pollux
