// GET POST /admin/keys; GET PATCH DELETE /admin/keys/{key_id}; POST /admin/keys/{key_id}/check.

#include "admin/admin_call.h"
#include "admin/key_json.h"
#include "base/log.h"
#include "script/health_check.h"

namespace pollux {
namespace {

// Reads one property of a body into `target`; an error names it.
std::optional<AdminAnswer> read(const Json& value, std::string_view name,
                                std::optional<std::string>& target) {
  if (value.is_null()) {
    target = "";
  } else if (value.is_string()) {
    target = value.get<std::string>();
  } else {
    return admin_error(400, "expected text", name);
  }
  return std::nullopt;
}

std::optional<AdminAnswer> read(const Json& value, std::string_view name, std::optional<bool>& target) {
  if (!value.is_boolean()) return admin_error(400, "expected true or false", name);
  target = value.get<bool>();
  return std::nullopt;
}

std::optional<AdminAnswer> read(const Json& value, std::string_view name, std::optional<double>& target) {
  if (!value.is_number() || value.get<double>() < 0)
    return admin_error(400, "expected a number of 0 or more", name);
  target = value.get<double>();
  return std::nullopt;
}

std::optional<AdminAnswer> read(const Json& value, std::string_view name,
                                std::optional<std::vector<std::string>>& target) {
  std::vector<std::string> words;
  bool good = value.is_array();
  for (const auto& word : good ? value : Json::array()) {
    good = good && word.is_string() && !word.get_ref<const std::string&>().empty();
    if (good) words.push_back(word.get<std::string>());
  }
  if (!good) return admin_error(400, "expected a list of words", name);
  target = std::move(words);
  return std::nullopt;
}

std::optional<AdminAnswer> read_profile(const Json& body, KeyPool::Patch& patch,
                                        std::string_view also_allowed) {
  for (const auto& [name, value] : body.items()) {
    std::optional<AdminAnswer> problem;
    if (name == "name") {
      problem = read(value, name, patch.name);
    } else if (name == "project_id") {
      problem = read(value, name, patch.project);
    } else if (name == "tags") {
      problem = read(value, name, patch.tags);
    } else if (name == "weight") {
      problem = read(value, name, patch.weight);
    } else if (name == "enabled") {
      problem = read(value, name, patch.enabled);
    } else if (name != also_allowed) {
      problem =
          admin_error(400, "unknown property; expected name, project_id, tags, weight or enabled", name);
    }
    if (problem) return problem;
  }
  return std::nullopt;
}

// The pool's refusals begin with what they are about: "name: longer than 100 bytes".
AdminAnswer refused(const Error& error) {
  const std::string_view message = error.message;
  const auto field = message.substr(0, std::min(message.find(':'), message.size()));
  const bool named =
      field == "key" || field == "name" || field == "project_id" || field == "tags" || field == "weight";
  return admin_error(error.kind == Error::Kind::conflict ? 409 : 400, message, named ? field : "");
}

AdminAnswer list_keys(const AdminCall& call) {
  Json keys = Json::array();
  for (const auto& key : call.admin.pool.statuses()) keys.push_back(key_json(key));
  return {200, {{"keys", std::move(keys)}}};
}

// One answer for both forms of POST: the keys that are new, and how many were there already.
AdminAnswer added_answer(const AdminCall& call, const std::vector<std::string>& added,
                         std::size_t duplicates) {
  Json keys = Json::array();
  for (const auto& id : added) {
    if (const auto status = call.admin.pool.status(id)) keys.push_back(key_json(*status));
  }
  return {added.empty() ? 200 : 201, {{"added", std::move(keys)}, {"duplicates", duplicates}}, true};
}

AdminAnswer add_text(const AdminCall& call) {
  const auto& text = call.body["text"];
  if (!text.is_string()) return admin_error(400, "expected text with keys in it", "text");
  if (call.body.size() > 1) return admin_error(400, "\"text\" stands alone", "text");
  const auto secrets = find_keys(text.get_ref<const std::string&>());
  if (secrets.empty()) return admin_error(400, "no API key was found in this text", "text");
  std::vector<std::string> added;
  std::size_t duplicates = 0;
  for (const auto& secret : secrets) {
    auto outcome = call.admin.pool.add({secret, {}, {}, {}});
    if (!outcome) continue;  // Looks like a key to find_keys only.
    if (outcome->is_new) {
      added.push_back(outcome->key->id());
    } else {
      ++duplicates;
    }
  }
  if (added.empty() && duplicates == 0) return admin_error(400, "no API key was found in this text", "text");
  log_info("keys added", {{"count", added.size()}});
  return added_answer(call, added, duplicates);
}

AdminAnswer add_one(const AdminCall& call) {
  if (!call.body.contains("key")) return admin_error(400, "expected an API key as text", "key");
  if (!call.body["key"].is_string()) return admin_error(400, "expected an API key as text", "key");
  KeyPool::Patch patch;
  if (auto problem = read_profile(call.body, patch, "key")) return *problem;
  auto outcome =
      call.admin.pool.add({call.body["key"].get<std::string>(), patch.name.value_or(""),
                           patch.project.value_or(""), patch.tags.value_or(std::vector<std::string>{})});
  if (!outcome) return refused(outcome.error());
  if (!outcome->is_new) return added_answer(call, {}, 1);
  const auto id = outcome->key->id();
  if (patch.weight || patch.enabled) {
    KeyPool::Patch rest;
    rest.weight = patch.weight, rest.enabled = patch.enabled;
    if (auto changed = call.admin.pool.change(id, rest); !changed) {
      call.admin.pool.remove(id);  // All of it or nothing.
      return refused(changed.error());
    }
  }
  log_info("key added", {{"id", id}});
  return added_answer(call, {id}, 0);
}

AdminAnswer change_key(const AdminCall& call, std::string_view key_id) {
  if (!call.body.is_object() || call.body.empty()) return admin_error(400, "expected properties to change");
  KeyPool::Patch patch;
  if (auto problem = read_profile(call.body, patch, {})) return *problem;
  if (auto changed = call.admin.pool.change(key_id, patch); !changed) return refused(changed.error());
  log_info("key changed", {{"id", key_id}});
  return {200, key_json(*call.admin.pool.status(key_id)), true};
}

AdminAnswer no_such_key(std::string_view key_id) {
  return admin_error(404, "there is no key with the id " + std::string(key_id), "key_id");
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
  if (call.method != "POST") return admin_error(405, "only POST is offered here");
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
  const bool reads = call.method == "GET";
  if (key_id.empty()) {
    if (reads) return list_keys(call);
    if (call.method != "POST") return admin_error(405, "only GET and POST are offered here");
    if (!call.body.is_object()) return admin_error(400, "expected {\"key\": ...} or {\"text\": ...}", "key");
    return call.body.contains("text") ? add_text(call) : add_one(call);
  }
  if (!call.admin.pool.status(key_id)) return no_such_key(key_id);
  if (reads) return answer_status(call, key_id);
  if (call.method == "PATCH") return change_key(call, key_id);
  if (call.method == "DELETE") {
    call.admin.pool.remove(key_id);
    log_info("key removed", {{"id", key_id}});
    return {200, {{"removed", key_id}}, true};
  }
  return admin_error(405, "only GET, PATCH and DELETE are offered here");
}

}  // namespace pollux
