#include "admin/admin.h"

#include <algorithm>
#include <array>
#include <set>

#include "admin/admin_call.h"
#include "admin/authorization.h"
#include "admin/security_headers.h"
#include "base/log.h"

namespace pollux {
namespace {

constexpr std::size_t most_body_bytes = 4 << 20;
constexpr std::size_t most_body_bytes_of_strangers = 16 << 10;  // Names and passwords are short.
constexpr int deepest_body = 32;                                // JSON is copied and written by recursion.

// Who may ask (whoever: anybody, and who it is matters), and how the body is read.
enum class Access { anyone, whoever, administrator };
enum class BodyKind { none, json, text };
// What behind the ? is the subject's own affair; elsewhere there may be nothing.
enum class Parameters { none, own };

struct Subject {
  std::string_view path;  // This path, or one below it.
  AdminAnswer (*answer)(const AdminCall& call, std::string_view rest);
  Access access = Access::administrator;
  BodyKind body = BodyKind::json;
  Parameters parameters = Parameters::none;
};

// Monitors add parameters of their own, so that nothing between answers from a cache.
constexpr std::array subjects{
    Subject{"/health", answer_health, Access::anyone, BodyKind::none, Parameters::own},
    Subject{"/ready", answer_ready, Access::anyone, BodyKind::none, Parameters::own},
    Subject{"/admin/login", answer_login, Access::anyone},
    Subject{"/admin/logout", answer_logout, Access::anyone, BodyKind::none},
    Subject{"/admin/session", answer_session, Access::whoever, BodyKind::none},
    Subject{"/admin/status", answer_status},
    Subject{"/admin/keys", answer_keys},
    Subject{"/admin/reset", answer_reset},
    Subject{"/admin/clients", answer_clients},
    Subject{"/admin/requests", answer_requests, Access::administrator, BodyKind::json, Parameters::own},
    Subject{"/admin/stats", answer_stats, Access::administrator, BodyKind::json, Parameters::own},
    Subject{"/admin/policies", answer_policies, Access::administrator, BodyKind::text, Parameters::own},
    Subject{"/admin/events", answer_events},
    Subject{"/metrics", answer_metrics, Access::administrator, BodyKind::none, Parameters::own},
    Subject{"/admin/settings", answer_settings},
    Subject{"/admin/models", answer_models},
};

// Null: there is none. What is behind the subject's name goes into `rest`.
const Subject* find_subject(std::string_view path, std::string_view& rest) {
  for (const auto& subject : subjects) {
    if (!path.starts_with(subject.path)) continue;
    const auto behind = path.substr(subject.path.size());
    if (!behind.empty() && behind.front() != '/') continue;
    rest = behind.empty() ? behind : behind.substr(1);
    return &subject;
  }
  return nullptr;
}

std::size_t body_limit(const Subject& subject) {
  return subject.access == Access::anyone ? most_body_bytes_of_strangers : most_body_bytes;
}

AdminAnswer too_large(const Subject& subject) {
  return admin_error(413, "the body is larger than " + std::to_string(body_limit(subject) >> 10) + " KiB");
}

// A reason against the text; empty: `body` is what it says.
std::string_view read_object(const std::string& text, Json& body) {
  bool too_deep = false;
  const auto is_kept = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep |= depth > deepest_body;
    return !too_deep;
  };
  body = Json::parse(text, is_kept, /*allow_exceptions=*/false);
  if (body.is_discarded()) return "the body is not JSON";
  if (too_deep) return "the body is nested too deeply";
  return body.is_object() ? "" : "the body is not a JSON object";
}

bool changes_something(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

std::string in_text(const AdminAnswer& answer) {
  if (answer.text) return *answer.text + "\n";
  auto text = answer.body.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (!answer.list) return text;
  std::string all;
  all.reserve(text.size() + answer.list->items.size() + 64);
  all.append("{\n  \"").append(answer.list->name).append("\": [").append(answer.list->items).append("]");
  return all.append(answer.body.empty() ? "\n" : ",").append(text, answer.body.empty() ? text.find('}') : 1);
}

// Reads the body of one call, has it answered, and waits for the disk where the call changed what must not be
// lost.
class AdminHandler final : public RequestHandler, private AdminReply {
 public:
  AdminHandler(Admin& admin, RequestHead head, std::string path, BodyLength body, const ClientInfo& client,
               Reply& reply)
      : admin_(admin),
        head_(std::move(head)),
        path_(std::move(path)),
        announced_(body),
        client_(client),
        reply_(&reply) {}

  ~AdminHandler() override { *alive_ = nullptr; }

  void on_begin() override {
    subject_ = find_subject(path_, rest_);
    const auto access = subject_ != nullptr ? subject_->access : Access::administrator;
    if (access != Access::anyone) authority_ = find_authority(admin_, head_.headers, client_.remote_address);
    if (authority_.wait) return answer(too_many_tries(*authority_.wait));
    if (access == Access::administrator && !authority_) {
      return answer(admin_error(
          401, "the administration needs AUTH_TOKEN, as a Bearer token or as the password of Basic"));
    }
    if (subject_ == nullptr) return answer(admin_error(404, "there is no " + path_));
    if (changes_something(head_.method) && authority_.kind != Authority::Kind::bearer &&
        is_from_another_origin(head_.headers)) {
      return answer(
          admin_error(403,
                      "a page of another site may not change anything here; if this is Pollux's own "
                      "page, the proxy before it must pass on the Host that the browser asked for"));
    }
    if (subject_->body != BodyKind::none && announced_.kind == BodyLength::Kind::known &&
        announced_.bytes > body_limit(*subject_)) {
      return answer(too_large(*subject_));
    }
    reply_->resume_body();
  }

  void on_body(std::string_view bytes) override {
    if (!reply_ || subject_->body == BodyKind::none) return;
    body_.append(bytes);
    if (body_.size() > body_limit(*subject_)) answer(too_large(*subject_));
  }

  void on_body_end() override {
    if (reply_) dispatch();
  }

  void on_drained() override {
    if (task_) task_->on_drained();
  }

  void on_client_gone() override {
    reply_ = nullptr;
    task_.reset();
  }

 private:
  void dispatch() {
    const auto query_at = head_.target.find('?');
    AdminCall call{admin_,        head_.method == "HEAD" ? "GET" : head_.method,
                   path_,         query_at == std::string::npos ? "" : head_.target.substr(query_at + 1),
                   nullptr,       std::move(body_),
                   head_.headers, client_,
                   authority_};
    if (subject_->parameters == Parameters::none) {
      if (auto refused = refused_parameters(call, {})) return answer(*std::move(refused));
    }
    if (subject_->body == BodyKind::json && !call.text.empty()) {
      if (const auto flaw = read_object(call.text, call.body); !flaw.empty())
        return answer(admin_error(400, flaw));
    }
    auto outcome = subject_->answer(call, rest_);
    if (!outcome.task) return answer(std::move(outcome));
    auto task = outcome.task(*this);
    if (reply_) {
      task_ = std::move(task);
    } else if (task) {
      admin_.loop.retire(std::shared_ptr<AdminTask>(std::move(task)));  // It has answered from within.
    }
  }

  // -- AdminReply

  void answer(AdminAnswer answer) override {
    if (!answer.when_stored) return send(answer);
    // The store answers on its own thread; this handler may be gone by then.
    auto stored_answer = std::make_shared<AdminAnswer>(std::move(answer));
    admin_.store.barrier(
        [alive = alive_, &loop = admin_.loop, answer = std::move(stored_answer)](Result<void> stored) {
          if (!stored)
            answer->body["warning"] = "kept in memory, but not yet on disk: " + stored.error().message;
          loop.post([alive, answer] {
            if (*alive) (*alive)->send(*answer);
          });
        });
  }

  void send(const AdminAnswer& answer) {
    if (!reply_) return;
    auto headers = common_headers();
    headers.set("Content-Type", "application/json; charset=UTF-8");
    if (answer.status == 401) headers.set("WWW-Authenticate", challenge(head_.headers));
    for (const auto field : answer.headers) headers.set(field.name, field.value);
    auto* reply = end_task();
    auto text = in_text(answer);
    reply->start(answer.status, headers, BodyLength::of(text.size()));
    reply->give_body(std::move(text));
    reply->finish();
  }

  void start(int status, const Headers& headers) override {
    if (!reply_) return;
    auto all = common_headers();
    for (const auto field : headers) all.set(field.name, field.value);
    reply_->start(status, all, BodyLength::unknown());
    if (head_.method == "HEAD") end_task()->finish();  // Nothing of a stream would reach the client.
  }

  void write(std::string_view bytes) override {
    if (reply_) reply_->body(bytes);
  }

  void finish() override {
    if (reply_) end_task()->finish();
  }

  void abort() override {
    if (reply_) end_task()->abort();
  }

  std::size_t queued_bytes() const override { return reply_ ? reply_->queued_bytes() : 0; }

  // The task may be calling us: it is let go at the loop's next turn.
  Reply* end_task() {
    if (task_) admin_.loop.retire(std::shared_ptr<AdminTask>(std::move(task_)));
    return std::exchange(reply_, nullptr);
  }

  Headers common_headers() const {
    Headers headers;
    headers.set("Cache-Control", "no-store");
    add_security_headers(Content::data, head_.headers, client_, headers);
    return headers;
  }

  Admin& admin_;
  RequestHead head_;
  std::string path_;
  BodyLength announced_;
  ClientInfo client_;
  Authority authority_;
  Reply* reply_;  // Null once answered, or when the client has left.
  const Subject* subject_ = nullptr;
  std::string_view rest_;  // Of path_.
  std::string body_;
  std::unique_ptr<AdminTask> task_;
  std::shared_ptr<AdminHandler*> alive_ =
      std::make_shared<AdminHandler*>(this);  // Read on the loop's thread only.
};

}  // namespace

std::optional<std::string> AdminCall::parameter(std::string_view name) const {
  for (auto& [given, value] : parse_query(query)) {
    if (given == name) return std::move(value);
  }
  return std::nullopt;
}

std::optional<AdminAnswer> refused_parameters(const AdminCall& call,
                                              std::span<const std::string_view> known) {
  std::set<std::string> seen;
  for (const auto& [name, value] : parse_query(call.query)) {
    if (std::ranges::find(known, name) == known.end()) {
      std::string expected = "no parameters are expected here";
      if (!known.empty()) expected = "unknown parameter; expected";
      if (known.size() > 1) expected += " one of";
      for (const auto one : known) expected.append(" ").append(one);
      return admin_error(400, expected, name);
    }
    if (!seen.insert(name).second) return admin_error(400, "given twice", name);
  }
  return std::nullopt;
}

void WrittenList::add(const Json& item) {
  items += items.empty() ? "\n" : ",\n";
  items += item.dump(-1, ' ', false, Json::error_handler_t::replace);
}

AdminAnswer admin_error(int status, std::string_view message, std::string_view field) {
  Json error = {{"code", status}, {"message", message}};
  if (!field.empty()) error["field"] = field;
  return {status, {{"error", std::move(error)}}};
}

AdminAnswer only_offered(std::initializer_list<std::string_view> methods) {
  std::string words, allow;
  for (const auto& method : methods) {
    const bool is_last = &method == methods.end() - 1;
    words.append(words.empty() ? "" : is_last ? " and " : ", ").append(method);
    allow.append(allow.empty() ? "" : ", ").append(method == "GET" ? "GET, HEAD" : method);
  }
  auto answer = admin_error(405, "only " + words + (methods.size() == 1 ? " is" : " are") + " offered here");
  answer.headers.set("Allow", allow);
  return answer;
}

bool is_admin_path(std::string_view path) noexcept {
  return path == "/health" || path == "/ready" || path == "/metrics" || path == "/admin" ||
         path.starts_with("/admin/");
}

std::unique_ptr<RequestHandler> answer_admin(Admin& admin, RequestHead head, std::string path,
                                             BodyLength body, const ClientInfo& client, Reply& reply) {
  return std::make_unique<AdminHandler>(admin, std::move(head), std::move(path), body, client, reply);
}

}  // namespace pollux
