// GET POST /admin/clients; GET PATCH DELETE /admin/clients/{id}; POST /admin/clients/{id}/token.

#include <array>

#include "admin/admin_call.h"
#include "admin/client_json.h"
#include "admin/shared_secrets.h"
#include "base/digest.h"
#include "base/log.h"

namespace pollux {
namespace {

Moment now_of(const Admin& admin) {
  return {admin.clock.wall(), admin.clock.monotonic()};
}

AdminAnswer no_such_client(std::string_view id) {
  return admin_error(404, "there is no client with the id " + std::string(id), "id");
}

// The refusals of Clients begin with what they are about: "name: another client has it".
AdminAnswer refused(const Error& error) {
  constexpr std::array fields{"name", "tags", "models", "rpm", "daily_requests", "daily_tokens", "token"};
  const std::string_view message = error.message;
  for (const std::string_view field : fields) {
    if (!message.starts_with(field) || !message.substr(field.size()).starts_with(": ")) continue;
    return admin_error(error.kind == Error::Kind::conflict ? 409 : 400, message.substr(field.size() + 2),
                       field);
  }
  return admin_error(error.kind == Error::Kind::conflict ? 409 : 404, message);
}

AdminAnswer shown(const AdminCall& call, int status, const ClientRef& client) {
  return {status, client_json(*client, now_of(call.admin)), true};
}

AdminAnswer list_clients(const AdminCall& call) {
  const auto now = now_of(call.admin);
  Json clients = Json::array();
  for (const auto& client : call.admin.clients.all()) clients.push_back(client_json(*client, now));
  return {200, {{"clients", std::move(clients)}}};
}

// The token that the caller gives, or a new one.
std::optional<AdminAnswer> read_token(const AdminCall& call, std::string& token) {
  const auto given = call.body.is_object() ? call.body.find("token") : call.body.end();
  if (given == call.body.end() || given->is_null()) {
    token = "pollux-" + random_token(24);
    return std::nullopt;
  }
  if (!given->is_string()) return admin_error(400, "expected text, or nothing for a new one", "token");
  token = given->get<std::string>();
  if (const auto reason = why_no_token(token, call.admin.pool, call.admin.account))
    return admin_error(400, *reason, "token");
  return std::nullopt;
}

// The only answer that ever holds a token.
AdminAnswer shown_with_token(const AdminCall& call, int status, const ClientRef& client, std::string token) {
  auto answer = shown(call, status, client);
  answer.body["token"] = std::move(token);
  return answer;
}

AdminAnswer add_client(const AdminCall& call) {
  if (!call.body.is_object()) return admin_error(400, "expected {\"name\": ...}", "name");
  ClientPatch profile;
  if (auto problem = read_client_patch(call.body, profile, "token")) return *std::move(problem);
  std::string token;
  if (auto problem = read_token(call, token)) return *std::move(problem);
  auto added = call.admin.clients.add(token, std::move(profile), call.admin.clock.wall());
  if (!added) return refused(added.error());
  log_info("client added", {{"id", (*added)->id}, {"name", (*added)->name}});
  return shown_with_token(call, 201, *added, std::move(token));
}

AdminAnswer change_client(const AdminCall& call, std::string_view id) {
  if (!call.body.is_object() || call.body.empty()) return admin_error(400, "expected properties to change");
  if (call.body.contains("token"))
    return admin_error(400, "POST /admin/clients/{id}/token gives a client another token", "token");
  ClientPatch patch;
  if (auto problem = read_client_patch(call.body, patch)) return *std::move(problem);
  auto changed = call.admin.clients.change(id, std::move(patch));
  if (!changed) return refused(changed.error());
  log_info("client changed", {{"id", id}});
  return shown(call, 200, *changed);
}

AdminAnswer change_token(const AdminCall& call, std::string_view id) {
  if (!call.admin.clients.with_id(id)) return no_such_client(id);
  if (call.method != "POST") return only_offered({"POST"});
  for (const auto& [name, value] : call.body.items()) {
    if (name != "token") return admin_error(400, "unknown property; expected token, or nothing", name);
  }
  std::string token;
  if (auto problem = read_token(call, token)) return *std::move(problem);
  auto changed = call.admin.clients.change_token(id, token);
  if (!changed) return refused(changed.error());
  log_info("client has another token", {{"id", id}});
  return shown_with_token(call, 200, *changed, std::move(token));
}

AdminAnswer remove_client(const AdminCall& call, std::string_view id) {
  if (auto removed = call.admin.clients.remove(id); !removed) return refused(removed.error());
  log_info("client removed", {{"id", id}});
  return {200, {{"removed", id}}, true};
}

}  // namespace

AdminAnswer answer_clients(const AdminCall& call, std::string_view id) {
  constexpr std::string_view token = "/token";
  if (id.ends_with(token)) return change_token(call, id.substr(0, id.size() - token.size()));
  if (id.empty()) {
    if (call.method == "GET") return list_clients(call);
    if (call.method == "POST") return add_client(call);
    return only_offered({"GET", "POST"});
  }
  const auto client = call.admin.clients.with_id(id);
  if (!client) return no_such_client(id);
  if (call.method == "GET") return {200, client_json(*client, now_of(call.admin))};
  if (call.method == "PATCH") return change_client(call, id);
  if (call.method == "DELETE") return remove_client(call, id);
  return only_offered({"GET", "PATCH", "DELETE"});
}

}  // namespace pollux
