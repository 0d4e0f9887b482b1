// One call of the administration API: what came, and what to answer.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin/admin.h"
#include "script/health_check.h"

namespace pollux {

using Json = nlohmann::ordered_json;

struct AdminCall {
  Admin& admin;
  std::string method;
  std::string path;  // "/admin/keys/3f9a2c"
  std::string query;
  Json body;  // An object; null where no body came.
};

struct AdminAnswer {
  int status = 200;
  Json body;
  // The answer waits until all that the call changed is on disk.
  bool when_stored = false;
  // The answer is what a check of this key finds out: see check_answer().
  KeyRef checked_key;
};

// `field`: the property of the body, or the parameter, that is wrong; empty: none.
AdminAnswer admin_error(int status, std::string_view message, std::string_view field = {});

// The calls, by subject.
AdminAnswer answer_health(const AdminCall& call);
AdminAnswer answer_ready(const AdminCall& call);
AdminAnswer answer_status(const AdminCall& call, std::string_view key_id);
AdminAnswer answer_keys(const AdminCall& call, std::string_view key_id);
AdminAnswer check_answer(Admin& admin, const Key& key, const HealthFinding& finding);
AdminAnswer answer_reset(const AdminCall& call);
AdminAnswer answer_policies(const AdminCall& call, std::string_view file);

}  // namespace pollux
