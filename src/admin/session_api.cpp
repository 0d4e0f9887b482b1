// POST /admin/login, POST /admin/logout, GET /admin/session.

#include "admin/admin_call.h"
#include "admin/authorization.h"
#include "admin/sessions.h"
#include "admin/sign_in_throttle.h"
#include "base/log.h"

namespace pollux {
namespace {

constexpr std::size_t longest_input = 1024;  // Bytes of a name or password.

// A browser forgets it when its time is over; an age of 0 is at once.
std::string cookie(const AdminCall& call, std::string_view token, std::chrono::seconds age) {
  std::string field(session_cookie);
  field.append("=").append(token).append("; Path=/; HttpOnly; SameSite=Strict; Max-Age=");
  field.append(std::to_string(age.count()));
  if (is_encrypted(call.headers, call.client)) field.append("; Secure");
  return field;
}

// One property of a sign-in; an error names it.
std::optional<AdminAnswer> read_input(const Json& body, const char* name, std::string& target) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string()) return admin_error(400, "expected text", name);
  target = found->get<std::string>();
  if (target.size() > longest_input) return admin_error(400, "longer than 1024 bytes", name);
  return std::nullopt;
}

}  // namespace

AdminAnswer too_many_tries(Milliseconds wait) {
  const auto seconds = std::to_string((wait.count() + 999) / 1000);
  auto answer =
      admin_error(429, "too many wrong tries from this address; the next one is in " + seconds + " s");
  answer.headers.set("Retry-After", seconds);
  return answer;
}

AdminAnswer answer_login(const AdminCall& call, std::string_view rest) {
  if (!rest.empty()) return admin_error(404, "there is no " + call.path);
  if (call.method != "POST") return only_offered({"POST"});
  if (!call.body.is_object())
    return admin_error(400, "expected {\"username\": ..., \"password\": ...}", "username");
  for (const auto& [name, value] : call.body.items()) {
    if (name != "username" && name != "password")
      return admin_error(400, "unknown property; expected username and password", name);
  }
  std::string username, password;
  if (auto problem = read_input(call.body, "username", username)) return *problem;
  if (auto problem = read_input(call.body, "password", password)) return *problem;

  auto& admin = call.admin;
  const auto verdict = admin.throttle.judge(
      call.client.remote_address, [&] { return is_administrator(admin.account, username, password); });
  if (verdict.wait) return too_many_tries(*verdict.wait);
  if (!verdict.right) {
    log_warn("sign-in refused: wrong user name or password",
             {{"remote_address", call.client.remote_address}});
    auto answer = admin_error(401, "the user name or the password is wrong");
    answer.headers.set("WWW-Authenticate", "Bearer realm=\"Pollux\"");  // The page asks, no dialog.
    return answer;
  }
  const auto session = admin.sessions.begin();
  log_info("signed in", {{"remote_address", call.client.remote_address}});
  AdminAnswer answer{200,
                     {{"username", admin.account.username}, {"expires_at", iso_time(session.expires_at)}}};
  answer.headers.set("Set-Cookie", cookie(call, session.token, Sessions::longest));
  return answer;
}

AdminAnswer answer_logout(const AdminCall& call, std::string_view rest) {
  if (!rest.empty()) return admin_error(404, "there is no " + call.path);
  if (call.method != "POST") return only_offered({"POST"});
  for (const auto token : session_tokens(call.headers)) call.admin.sessions.end(token);
  AdminAnswer answer{200, {{"signed_out", true}}, true};
  answer.headers.set("Set-Cookie", cookie(call, "", std::chrono::seconds(0)));
  return answer;
}

AdminAnswer answer_session(const AdminCall& call, std::string_view rest) {
  if (!rest.empty()) return admin_error(404, "there is no " + call.path);
  if (call.method != "GET") return only_offered({"GET"});
  // No 401: every visit begins with this question, and browsers show a refusal as an error.
  if (!call.authority) return {200, {{"username", nullptr}}};
  const auto& expires_at = call.authority.expires_at;
  return {200,
          {{"username", call.admin.account.username},
           {"expires_at", expires_at ? Json(iso_time(*expires_at)) : Json(nullptr)},
           {"version", call.admin.version},
           {"keys", call.admin.pool.size()}}};
}

}  // namespace pollux
