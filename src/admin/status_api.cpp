// GET /health, /ready, /admin/status, /admin/status/{key_id}; POST /admin/reset.

#include "admin/admin_call.h"
#include "admin/key_json.h"
#include "admin/shared_secrets.h"
#include "base/log.h"

namespace pollux {

AdminAnswer answer_health(const AdminCall& call, std::string_view) {
  return {200, {{"status", "ok"}, {"version", call.admin.version}}};
}

namespace {

// Problems: why no request could be served, now or once a rest is over. What is wrong but hinders nobody yet
// is told as a warning.
Json troubles(Admin& admin) {
  Json problems = Json::array(), warnings = Json::array();
  if (admin.pool.size() == 0) {
    problems.push_back("there is no key in the pool");
  } else if (!admin.pool.any_usable()) {
    const auto free_in = admin.pool.next_free_in({});
    if (!free_in) {
      problems.push_back("every key is disabled");
    } else {
      warnings.push_back("every key is disabled or at rest; the first one can pay again at " +
                         iso_time(admin.clock.wall() + *free_in));
    }
  }
  if (auto trouble = admin.store.health(); !trouble.empty()) warnings.push_back(std::move(trouble));
  if (auto trouble = admin.requests.health(); !trouble.empty()) warnings.push_back(std::move(trouble));
  if (auto error = admin.policies.report().error; !error.empty()) warnings.push_back("policies: " + error);
  return {{"problems", std::move(problems)}, {"warnings", std::move(warnings)}};
}

}  // namespace

AdminAnswer answer_ready(const AdminCall& call, std::string_view) {
  auto answer = troubles(call.admin);
  const bool ready = answer["problems"].empty();
  answer["ready"] = ready;
  return {ready ? 200 : 503, std::move(answer)};
}

AdminAnswer answer_status(const AdminCall& call, std::string_view key_id) {
  if (call.method != "GET") return only_offered({"GET"});
  auto& pool = call.admin.pool;
  if (key_id.empty()) {
    auto keys = pool.statuses();
    auto totals = totals_json(keys);
    totals["waiting"] = pool.waiting();
    totals.update(troubles(call.admin));
    // For the administrator alone: what they say would help whoever has such a token.
    for (auto& warning : shared_secrets(pool, call.admin.clients, call.admin.account))
      totals["warnings"].push_back(std::move(warning));
    return keys_in_turns(call.admin.loop, std::move(keys), std::move(totals));
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

AdminAnswer answer_reset(const AdminCall& call, std::string_view) {
  if (call.method != "POST") return only_offered({"POST"});
  std::optional<std::string> id;
  bool learned_limits = false;
  for (const auto& [name, value] : call.body.items()) {
    if (name == "key_id") {
      if (!value.is_string()) return admin_error(400, "expected the id of a key as text", name);
      id = value.get<std::string>();
    } else if (name == "learned_limits") {
      if (!value.is_boolean()) return admin_error(400, "expected true or false", name);
      learned_limits = value.get<bool>();
    } else {
      return admin_error(400, "unknown property; expected key_id, learned_limits or nothing", name);
    }
  }
  auto& pool = call.admin.pool;
  if (id && !pool.status(*id)) return admin_error(404, "there is no key with the id " + *id, "key_id");
  if (learned_limits) {
    pool.forget_limits(id);
  } else {
    pool.reset(id);
  }
  log_info(learned_limits ? "learned limits forgotten" : "keys reset", {{"id", id.value_or("all")}});
  return {200, {{"reset", id.value_or("all")}, {"learned_limits", learned_limits}}, true};
}

}  // namespace pollux
