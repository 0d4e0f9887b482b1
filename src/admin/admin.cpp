#include "admin/admin.h"

#include "admin/admin_call.h"
#include "admin/authorization.h"
#include "base/log.h"

namespace pollux {
namespace {

constexpr std::size_t most_body_bytes = 4 << 20;

// Reads the body of one call, answers it, and waits for the disk where the call changed what must not be
// lost.
class AdminHandler final : public RequestHandler {
 public:
  AdminHandler(Admin& admin, RequestHead head, std::string path, BodyLength body, Reply& reply)
      : admin_(admin), head_(std::move(head)), path_(std::move(path)), announced_(body), reply_(&reply) {}

  ~AdminHandler() override { *alive_ = nullptr; }

  void on_begin() override {
    if (path_.starts_with("/admin") && !may_administer(admin_.account, head_.headers)) {
      auto answer =
          admin_error(401, "the administration needs AUTH_TOKEN, as a Bearer token or as the password of " +
                               admin_.account.username);
      return send(answer);
    }
    if (changes_something() && is_from_another_site(head_.headers) && !has_bearer(head_.headers)) {
      return send(admin_error(403, "a page of another site may not change anything here"));
    }
    if (announced_.kind == BodyLength::Kind::known && announced_.bytes > most_body_bytes) {
      return send(admin_error(413, "the body is larger than 4 MiB"));
    }
    reply_->resume_body();
  }

  void on_body(std::string_view bytes) override {
    if (!reply_ || !path_.starts_with("/admin")) return;  // Nothing is kept for those who are not known.
    body_.append(bytes);
    if (body_.size() > most_body_bytes) send(admin_error(413, "the body is larger than 4 MiB"));
  }

  void on_body_end() override {
    if (reply_) answer();
  }

  void on_drained() override {}
  void on_client_gone() override {
    reply_ = nullptr;
    check_.reset();
  }

 private:
  bool changes_something() const { return head_.method != "GET" && head_.method != "HEAD"; }

  void answer() {
    const auto query_at = head_.target.find('?');
    AdminCall call{admin_, head_.method, path_,
                   query_at == std::string::npos ? "" : head_.target.substr(query_at + 1), nullptr};
    if (!body_.empty()) {
      call.body = Json::parse(body_, nullptr, /*allow_exceptions=*/false);
      if (call.body.is_discarded()) return send(admin_error(400, "the body is not JSON"));
      if (!call.body.is_object()) return send(admin_error(400, "the body is not a JSON object"));
    }
    auto answer = dispatch(call);
    answer.checked_key ? check(answer.checked_key) : settle(std::move(answer));
  }

  void settle(AdminAnswer answer) {
    if (!answer.when_stored) return send(answer);
    send_when_stored(std::move(answer));
  }

  void check(const KeyRef& key) {
    auto policies = admin_.policies.current(admin_.worker, admin_.host);
    check_ = HealthCheck::start(std::move(policies), key, [this, key](const HealthFinding& finding) {
      auto answer = check_answer(admin_, *key, finding);
      settle(std::move(answer));
    });
  }

  static AdminAnswer dispatch(const AdminCall& call) {
    std::string_view path = call.path;
    if (path == "/health") return answer_health(call);
    if (path == "/ready") return answer_ready(call);
    path.remove_prefix(std::string_view("/admin").size());
    const auto subject_end = std::min(path.find('/', 1), path.size());
    const auto subject = path.substr(0, subject_end);
    const auto rest = subject_end < path.size() ? path.substr(subject_end + 1) : std::string_view();
    if (subject == "/status") return answer_status(call, rest);
    if (subject == "/keys") return answer_keys(call, rest);
    if (subject == "/reset" && rest.empty()) return answer_reset(call);
    if (subject == "/policies") return answer_policies(call, rest);
    return admin_error(404, "there is no " + call.path);
  }

  // The store answers on its own thread; this handler may be gone by then.
  void send_when_stored(AdminAnswer answer) {
    admin_.store.barrier(
        [alive = alive_, &loop = admin_.loop, answer = std::move(answer)](Result<void> stored) mutable {
          if (!stored)
            answer.body["warning"] = "kept in memory, but not yet on disk: " + stored.error().message;
          loop.post([alive, answer = std::move(answer)] {
            if (*alive) (*alive)->send(answer);
          });
        });
  }

  void send(const AdminAnswer& answer) {
    if (!reply_) return;
    auto* reply = std::exchange(reply_, nullptr);
    Headers headers;
    headers.set("Content-Type", "application/json; charset=UTF-8");
    headers.set("Cache-Control", "no-store");
    headers.set("X-Content-Type-Options", "nosniff");
    if (answer.status == 401) headers.set("WWW-Authenticate", "Basic realm=\"Pollux\", charset=\"UTF-8\"");
    if (answer.status == 405) headers.set("Allow", "GET, POST, PATCH, DELETE");
    reply->send(answer.status, headers,
                answer.body.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  }

  Admin& admin_;
  RequestHead head_;
  std::string path_;
  BodyLength announced_;
  Reply* reply_;  // Null once answered, or when the client has left.
  std::string body_;
  std::unique_ptr<HealthCheck> check_;
  std::shared_ptr<AdminHandler*> alive_ =
      std::make_shared<AdminHandler*>(this);  // Read on the loop's thread only.
};

}  // namespace

AdminAnswer admin_error(int status, std::string_view message, std::string_view field) {
  Json error = {{"code", status}, {"message", message}};
  if (!field.empty()) error["field"] = field;
  return {status, {{"error", std::move(error)}}};
}

bool is_admin_path(std::string_view path) noexcept {
  return path == "/health" || path == "/ready" || path == "/admin" || path.starts_with("/admin/");
}

std::unique_ptr<RequestHandler> answer_admin(Admin& admin, RequestHead head, std::string path,
                                             BodyLength body, Reply& reply) {
  return std::make_unique<AdminHandler>(admin, std::move(head), std::move(path), body, reply);
}

}  // namespace pollux
