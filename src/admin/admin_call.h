// One call of the administration API: what came, and what to answer.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "admin/admin.h"
#include "admin/authorization.h"

namespace pollux {

using Json = nlohmann::ordered_json;

struct AdminCall {
  Admin& admin;
  std::string method;  // HEAD has become GET.
  std::string path;    // Put right: "/admin/keys/3f9a2c".
  std::string query;   // Raw.
  Json body;           // An object; null where no body came, or a subject reads its text.
  std::string text;    // The body as it came.
  const Headers& headers;
  const ClientInfo& client;
  const Authority& authority;  // Of one who need not be anybody: none.

  // The first parameter of that name in the query; nothing where there is none.
  std::optional<std::string> parameter(std::string_view name) const;
};

class AdminTask;
class AdminReply;

// A property of an answer that was written piece by piece, for it is long.
struct WrittenList {
  std::string name;
  std::string items;  // One a line.
  void add(const Json& item);
};

struct AdminAnswer {
  int status = 200;
  Json body;
  // The answer waits until all that the call changed is on disk.
  bool when_stored = false;
  // Stands first in the body.
  std::optional<WrittenList> list = {};
  // Sent besides those that every answer has.
  Headers headers = {};
  // In place of `body`: what is no JSON, with its Content-Type in `headers`.
  std::optional<std::string> text = {};
  // In place of all of that: what answers later, or as a stream. It may use the reply at once, and is
  // destroyed when the answer is over or the client has left. Null: it has answered already.
  std::function<std::unique_ptr<AdminTask>(AdminReply&)> task = {};
};

// What goes on after a call was read: a check that waits for Google, an export, the live feed. On the loop of
// its worker. What may call back later must not outlive it.
class AdminTask {
 public:
  virtual ~AdminTask() = default;
  // The client has taken all that was written.
  virtual void on_drained() {}
};

class AdminReply {
 public:
  virtual ~AdminReply() = default;
  // The whole answer; it may have no task.
  virtual void answer(AdminAnswer answer) = 0;
  // A stream: start(), any number of write(), finish(), or abort() so that nobody takes it for whole.
  virtual void start(int status, const Headers& headers) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void finish() = 0;
  virtual void abort() = 0;
  // Not yet taken by the client: on_drained() comes when it falls to zero.
  virtual std::size_t queued_bytes() const = 0;
};

// `field`: the property of the body, or the parameter, that is wrong; empty: none.
AdminAnswer admin_error(int status, std::string_view message, std::string_view field = {});
// Nothing, or what to answer to a parameter that is none of these, or comes twice.
std::optional<AdminAnswer> refused_parameters(const AdminCall& call, std::span<const std::string_view> known);
// Another method was called than these: 405, in words and in `Allow`. HEAD goes with GET.
AdminAnswer only_offered(std::initializer_list<std::string_view> methods);
// To one who has guessed too often.
AdminAnswer too_many_tries(Milliseconds wait);

// The calls, by subject. `rest` is the path behind the subject's name and a slash.
AdminAnswer answer_health(const AdminCall& call, std::string_view rest);
AdminAnswer answer_ready(const AdminCall& call, std::string_view rest);
AdminAnswer answer_login(const AdminCall& call, std::string_view rest);
AdminAnswer answer_logout(const AdminCall& call, std::string_view rest);
AdminAnswer answer_session(const AdminCall& call, std::string_view rest);
AdminAnswer answer_status(const AdminCall& call, std::string_view rest);
AdminAnswer answer_keys(const AdminCall& call, std::string_view rest);
AdminAnswer answer_key_text(const AdminCall& call);   // POST /admin/keys with a text.
AdminAnswer answer_key_batch(const AdminCall& call);  // POST /admin/keys/batch.
AdminAnswer answer_requests(const AdminCall& call, std::string_view rest);
AdminAnswer answer_stats(const AdminCall& call, std::string_view rest);
AdminAnswer answer_reset(const AdminCall& call, std::string_view rest);
AdminAnswer answer_policies(const AdminCall& call, std::string_view rest);
AdminAnswer answer_events(const AdminCall& call, std::string_view rest);
AdminAnswer answer_metrics(const AdminCall& call, std::string_view rest);
AdminAnswer answer_clients(const AdminCall& call, std::string_view rest);
AdminAnswer answer_settings(const AdminCall& call, std::string_view rest);
AdminAnswer answer_models(const AdminCall& call, std::string_view rest);

}  // namespace pollux
