// GET POST /admin/keys (for a text: key_text_api.cpp; for a batch: key_batch_api.cpp); GET PATCH DELETE
// /admin/keys/{key_id}; POST /admin/keys/{key_id}/check.

#include "admin/added_keys.h"
#include "admin/admin_call.h"
#include "admin/key_json.h"
#include "admin/key_properties.h"
#include "admin/shared_secrets.h"
#include "base/log.h"
#include "script/health_check.h"

namespace pollux {
namespace {

AdminAnswer list_keys(const AdminCall& call) {
  return keys_in_turns(call.admin.loop, call.admin.pool.statuses(), Json::object());
}

AdminAnswer add_one(const AdminCall& call) {
  if (!call.body.contains("key")) return admin_error(400, "expected an API key as text", "key");
  if (!call.body["key"].is_string()) return admin_error(400, "expected an API key as text", "key");
  KeyPool::Patch given;
  if (auto problem =
          read_key_properties(call.body, {"key", "name", "project_id", "tags", "weight", "enabled"}, given))
    return *problem;
  const auto secret = call.body["key"].get<std::string>();
  if (const auto reason = why_no_key(secret, call.admin.clients, call.admin.account))
    return admin_error(400, *reason, "key");
  if (given.name && call.admin.pool.find(*given.name) && !call.admin.pool.find(key_id_of(secret)))
    return refused_by_pool(conflict("name: another key is called " + *given.name));
  auto outcome = call.admin.pool.add({.secret = secret,
                                      .name = given.name.value_or(""),
                                      .project = given.project.value_or(""),
                                      .tags = given.tags.value_or(std::vector<std::string>{}),
                                      .weight = given.weight.value_or(1),
                                      .enabled = given.enabled.value_or(true)});
  if (!outcome) return refused_by_pool(outcome.error());
  AddedKeys keys;
  outcome->is_new ? keys.count_added(call.admin.pool, *outcome->key) : keys.count_duplicate(*outcome->key);
  return keys.answer();
}

AdminAnswer change_key(const AdminCall& call, std::string_view key_id) {
  if (!call.body.is_object() || call.body.empty()) return admin_error(400, "expected properties to change");
  KeyPool::Patch patch;
  if (auto problem = read_key_properties(
          call.body, {"name", "project_id", "tags", "weight", "enabled", "reason"}, patch))
    return *problem;
  if (call.body.contains("reason") && patch.enabled != false)
    return admin_error(400, "a reason goes with \"enabled\": false", "reason");
  if (auto changed = call.admin.pool.change(key_id, patch); !changed) return refused_by_pool(changed.error());
  log_info("key changed", {{"id", key_id}});
  return {200, key_json(*call.admin.pool.status(key_id)), true};
}

// What a check of the key has found out, and what has become of it.
AdminAnswer check_answer(Admin& admin, const Key& key, const HealthFinding& finding) {
  heed(admin.pool, key, finding);
  const auto status = admin.pool.status(key.id());
  if (!status) return no_such_key(key.id());  // Removed meanwhile.
  return {200,
          {{"id", key.id()},
           {"well", finding.well ? Json(*finding.well) : Json(nullptr)},
           {"status", finding.status == 0 ? Json(nullptr) : Json(finding.status)},
           {"message", finding.message},
           {"key", key_json(*status)}},
          true};
}

class KeyCheck final : public AdminTask {
 public:
  KeyCheck(Admin& admin, const KeyRef& key, AdminReply& reply) {
    auto policies = admin.policies.current(admin.worker, admin.host);
    check_ =
        HealthCheck::start(std::move(policies), key, [&admin, &reply, key](const HealthFinding& finding) {
          reply.answer(check_answer(admin, *key, finding));
        });
  }

 private:
  std::unique_ptr<HealthCheck> check_;
};

AdminAnswer check_key(const AdminCall& call, std::string_view key_id) {
  if (!call.admin.pool.status(key_id)) return no_such_key(key_id);
  if (call.method != "POST") return only_offered({"POST"});
  if (!call.body.empty()) return admin_error(400, "no properties are expected", call.body.begin().key());
  auto key = call.admin.pool.find(key_id);
  if (!key) return no_such_key(key_id);
  AdminAnswer answer;
  answer.task = [&admin = call.admin, key = std::move(key)](AdminReply& reply) {
    return std::make_unique<KeyCheck>(admin, key, reply);
  };
  return answer;
}

}  // namespace

AdminAnswer answer_keys(const AdminCall& call, std::string_view key_id) {
  constexpr std::string_view check = "/check";
  if (key_id.ends_with(check)) return check_key(call, key_id.substr(0, key_id.size() - check.size()));
  if (key_id == "batch") return answer_key_batch(call);
  const bool reads = call.method == "GET";
  if (key_id.empty()) {
    if (reads) return list_keys(call);
    if (call.method != "POST") return only_offered({"GET", "POST"});
    if (!call.body.is_object()) return admin_error(400, "expected {\"key\": ...} or {\"text\": ...}", "key");
    return call.body.contains("text") ? answer_key_text(call) : add_one(call);
  }
  if (!call.admin.pool.status(key_id)) return no_such_key(key_id);
  if (reads) return answer_status(call, key_id);
  if (call.method == "PATCH") return change_key(call, key_id);
  if (call.method == "DELETE") {
    call.admin.pool.remove(key_id);
    log_info("key removed", {{"id", key_id}});
    return {200, {{"removed", key_id}}, true};
  }
  return only_offered({"GET", "PATCH", "DELETE"});
}

}  // namespace pollux
