// One exchange's place in a policy state: the hooks it calls, and the objects that policies see.
//
// A hook's outcome is given to `done`, from within the call if the hook did not wait, else later from the
// loop. Destroying the PolicyExchange abandons a waiting hook, its timers and fetches; `request` then answers
// "this request is over" to whoever kept it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "http/message.h"
#include "pool/clients.h"
#include "pool/key_pool.h"
#include "script/policy_state.h"

namespace pollux {

// A request that a client's limits have let through, and when.
struct Admission {
  std::shared_ptr<ClientUsage> usage;
  Moment at;
};

// What policies see as `request`. Owned by the exchange, which fills it step by step; policies edit headers
// and body.
struct PolicyRequest {
  std::string method;
  std::string path;   // Put right, without the query: "/v1beta/models/x:generateContent".
  std::string query;  // Raw, without credentials: "alt=sse".
  Headers headers;    // The client's, less its credentials; what is left after the hooks is sent.
  std::string remote_address;
  std::string_view dialect = "gemini";  // A literal.
  std::string_view endpoint;            // A literal: "generate", "stream", "count_tokens", ...
  std::string model;                    // As the client named it; empty where the request names none.
  std::string upstream_model;           // After models.resolve.
  bool streaming = false;
  std::string token;                   // As presented; empty: none.
  ClientRef client;                    // After auth.identify.
  bool own_key = false;                // After auth.identify: who asks pays with a key of their own.
  std::optional<Admission> admission;  // Once it was counted against a client's limits.
  bool has_body_text = false;          // False: no body, or too large to be held.
  std::string body_text;               // The bytes that came.
  // What the pool counts by: the upstream model, or nothing where Google counts a request against no model's
  // quota.
  bool counts_quota = true;
  std::int64_t estimated_tokens = 0;  // Of the input.
  std::string conversation;           // What tells a conversation from others; empty: unknown.
};

// What policies see as `attempt`.
struct PolicyAttempt {
  int number = 1;
  KeyRef key;
  std::string_view kind = "http";  // http connect tls timeout reset truncated empty error_in_stream
  int status = 0;                  // 0: nothing came back.
  const Headers* headers = nullptr;
  std::string_view text;     // The body, decoded where it came compressed; the start of a very long one.
  std::string_view message;  // For those without an answer: what happened, for people.
};

// What policies see as `response`, for answers that are no stream.
struct PolicyResponse {
  int status = 200;
  Headers headers;
  std::string text;  // Decoded where it came compressed.
};

struct PolicyFailure {
  std::string message;  // "keys.lua:7: attempt to index a nil value"
};
struct Denial {
  int status = 403;
  std::string message;
  std::optional<double> retry_after;  // Seconds, for a Retry-After header.
  std::string code, param;            // For errors of the OpenAI dialect; empty: none.
  std::string reason;                 // For X-Pollux-Error; empty: by the status.
  ClientRef client;                   // Who is refused, where nobody has said so yet; may be null.
};

// What a dialect makes of a client's request: what Google is asked. The body is `request.body_text` by then.
struct UpstreamCall {
  std::string method = "POST";
  std::string path;               // "/v1beta/models/x:generateContent"
  std::string query;              // "alt=sse"
  std::optional<bool> streaming;  // Whether the client gets a stream; nothing: what its request says.
};
// What a dialect answers.
struct DialectAnswer {
  int status = 200;
  Headers headers;
  std::string text;
};
// A dialect wants one more answer of Google's; the body to send is `request.body_text`.
struct AskAgain {};
// What a dialect makes of one event of a stream, or of its end.
struct TranslatedEvent {
  std::string text;  // For the client; may be empty.
};
// An error to be told in a dialect: of Google's, or a stream that broke off.
struct Problem {
  int status = 502;
  std::string message;
  std::string google_text;  // Google's error as JSON; empty: none.
  bool in_stream = false;   // Part of the answer is with the client.
};

// What a failure means for the pool: see the methods of the same names in KeyPool.
struct KeyMeaning {
  enum class Kind {
    cool_down,        // key, duration, model (empty: the key as a whole), reason
    back_off,         // key, model, first, most
    back_off_model,   // model, first, most
    disable,          // key, reason
    disable_project,  // key, reason
    strike,           // key, reason
    learn_limit,      // key, model, limit_kind, limit
    learn_project,    // key, project
  } kind;
  KeyRef key;  // Null for back_off_model only.
  std::string model;
  std::string reason;
  Milliseconds duration{0};  // Of cool_down; the first one of back_off.
  Milliseconds most{0};
  std::string limit_kind;  // "rpm", "tpm", "rpd"
  std::int64_t limit = 0;
  std::string project;
};
struct Verdict {
  enum class Action { answer, retry } action = Action::answer;
  bool same_key = false;     // retry():with_same_key(): not another key, the same once more.
  bool not_counted = false;  // :not_counted(): Google has not counted this request.
  Milliseconds pause{0};     // retry():after(seconds): waits first; the meanings hold from now on.
  std::vector<KeyMeaning> meanings;
  std::optional<Denial> otherwise;  // retry():or_deny(status, message): if no retry is possible.
};

// auth.identify returned own_key(secret): whoever asks pays with this key. The caller then makes up a client.
struct OwnKey {
  std::string secret;
};
// What keys.select came to.
struct Selection {
  KeyRef key;  // Null: none can pay now; then
  // what the policy asked the pool for in vain, at most 8 different ones. They read from the exchange, until
  // the next select.
  std::vector<KeyQuery> asked;
  // How long until the first of these can pay; nothing: none will by itself.
  std::optional<Milliseconds> free_in;
};

using Identified = std::variant<ClientRef, OwnKey, Denial, PolicyFailure>;
using Resolved = std::variant<std::string, Denial, PolicyFailure>;
using Permitted = std::variant<std::monostate, Denial, PolicyFailure>;
using Visible = std::variant<bool, PolicyFailure>;
using Selected = std::variant<Selection, Denial, PolicyFailure>;
using Judged = std::variant<Verdict, PolicyFailure>;
using Transformed = std::variant<std::monostate, Denial, PolicyFailure>;
// The model that a request in a dialect names; empty: none.
using NamedModel = std::variant<std::string, Denial, PolicyFailure>;
using TranslatedRequest = std::variant<UpstreamCall, DialectAnswer, Denial, PolicyFailure>;
using TranslatedAnswer = std::variant<DialectAnswer, AskAgain, Denial, PolicyFailure>;
// A problem: the event was an error or is none of Google's, the stream is over, and nobody was told yet.
using TranslatedPart = std::variant<TranslatedEvent, AskAgain, Problem, PolicyFailure>;
using ToldProblem = std::variant<DialectAnswer, PolicyFailure>;

// What policies see as `exchange` in record.done.
struct PolicySummary {
  int status = 0;
  int attempts = 0;
  KeyRef key;  // The last one; may be null.
  std::chrono::microseconds duration{0};
  std::uint64_t request_bytes = 0, response_bytes = 0;
  std::string_view outcome;  // "answered", "client_gone", "failed"
};

class PolicyExchange {
 public:
  // `request` outlives it.
  static std::unique_ptr<PolicyExchange> create(std::shared_ptr<PolicyState> state, PolicyRequest& request);
  virtual ~PolicyExchange() = default;

  virtual void identify(std::function<void(Identified)> done) = 0;
  virtual void resolve(std::function<void(Resolved)> done) = 0;
  // access.permit: for a client with limits, once the model is known and before anything is sent.
  virtual void permit(std::function<void(Permitted)> done) = 0;
  // Whether models.visible stands in the set: then a model list is looked through entry by entry.
  virtual bool wants_visible() const = 0;
  // `model`: one entry of a model list, as JSON text.
  virtual void visible(std::string_view model, std::function<void(Visible)> done) = 0;
  struct Selecting {
    std::span<const std::string>
        tried;  // Ids of the keys tried before: not chosen again while another can pay.
    const WaitingPlace* place = nullptr;  // Where this exchange waits.
  };
  // What `selecting` names is kept alive by the caller until the hook is over.
  virtual void select(const Selecting& selecting, std::function<void(Selected)> done) = 0;
  virtual void judge(const PolicyAttempt& attempt, std::function<void(Judged)> done) = 0;
  virtual void transform_request(std::function<void(Transformed)> done) = 0;
  // Whether transform.response stands in the set: then an answer that is no stream is held to its end for it.
  virtual bool wants_response() const = 0;
  virtual void transform_response(PolicyResponse& response, std::function<void(Transformed)> done) = 0;
  virtual void done(const PolicySummary& summary) = 0;  // record.done; failures are logged.

  // -- For requests in a dialect other than Google's: dialects/NAME.lua, NAME being request.dialect.
  // Sets request.model, and request.streaming by what the body says.
  virtual void name_model(std::function<void(NamedModel)> done) = 0;
  virtual void translate_request(std::function<void(TranslatedRequest)> done) = 0;
  virtual void translate_answer(PolicyResponse& response, std::function<void(TranslatedAnswer)> done) = 0;
  // `event`: the JSON of one event; nothing: the stream has ended well. The text is kept alive by the caller
  // until the hook is over.
  virtual void translate_event(std::optional<std::string_view> event,
                               std::function<void(TranslatedPart)> done) = 0;
  virtual void tell_problem(const Problem& problem, std::function<void(ToldProblem)> done) = 0;
  // Whether models.resolve set this feature.
  virtual bool has_feature(const char* name) = 0;

  // The request's body as it shall be sent: the bytes that came, unless a policy changed the decoded body or
  // set `request.text`. Valid until the next hook.
  virtual Result<std::string_view> body_to_send() = 0;
};

}  // namespace pollux
