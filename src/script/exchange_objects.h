// What policies hold of one exchange: userdata that name it by number and look it up at every touch, so that
// one kept too long answers "this request is over". Internal to src/script.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "script/form_body.h"
#include "script/lent_text.h"
#include "script/loaded_policies.h"
#include "script/policy_exchange.h"

namespace pollux {

// A JSON body that policies may look at and change. The bytes stay what they were unless its meaning was
// changed. `original` is the same text at every call, and outlives the body: blobs lie in it.
class EditableBody {
 public:
  bool touched() const noexcept { return static_cast<bool>(decoded_) || replaced_text_.has_value(); }
  // Pushes the decoded body: nil if the text is no JSON.
  void push(lua_State* state, std::string_view original);
  void assign(lua_State* state, int index);
  void assign_text(std::string_view text);
  // The bytes to send. An error if the body cannot be written as JSON. Valid until the next call.
  Result<std::string_view> bytes(lua_State* state, std::string_view original);
  // Makes these bytes the original, without a copy; the body then begins anew, and blobs of the former are
  // over.
  Result<void> settle(lua_State* state, std::string& original);
  // The text as it stands, but for changes of the decoded body; and the same for blobs to be cut from.
  std::string_view base(std::string_view original) const {
    return replaced_text_ ? std::string_view(*replaced_text_) : original;
  }
  const LentText& lend(lua_State* state, std::string_view original);
  // The same, for who keeps the text: the body begins anew, its blobs do not end.
  LentText take_lent();

 private:
  LuaRef decoded_;
  bool is_no_json_ = false;
  bool assigned_ = false;
  std::optional<std::string> replaced_text_;
  std::string encoded_;
  LentText lent_;
};

struct ExchangeObjects {
  ExchangeObjects(LoadedPolicies& policies, PolicyRequest& request);
  ~ExchangeObjects();
  ExchangeObjects(const ExchangeObjects&) = delete;
  ExchangeObjects& operator=(const ExchangeObjects&) = delete;

  LoadedPolicies& policies;
  PolicyRequest& request;
  LoadedPolicies::ExchangeName name;

  LuaRef request_object, headers_object, query, state, features;
  EditableBody body;
  FormBody form;
  bool transforming = false;  // transform.request runs: path and upstream_model may be set.

  // While keys.select runs. The first query is the whole pool, the others are narrower ones.
  std::vector<KeyQuery> queries;
  std::uint32_t select_number = 0;
  KeyPool* pool = nullptr;
  KeyRef chosen;                         // The latest: it needs an owner while Lua may raise.
  std::deque<std::string> other_models;  // That queries name, and that are not the request's.
  // What the policy asked the pool for in vain, at most 8 of them, and when the first of all can pay.
  std::vector<KeyQuery> asked;
  std::optional<Milliseconds> free_in;

  const PolicyAttempt* attempt = nullptr;    // While failover.judge runs.
  PolicyAttempt* made_up_attempt = nullptr;  // A test's, which may still change it.
  std::uint32_t attempt_number = 0;
  EditableBody attempt_body;

  PolicyResponse* response = nullptr;  // While transform.response or a dialect's response runs.
  std::uint32_t response_number = 0;
  EditableBody response_body;
  struct KeptAnswer {
    std::string text;
    LentText lent;
  };
  std::deque<KeptAnswer> kept_answers;
  std::size_t kept_bytes = 0;

  void begin_select(const PolicyExchange::Selecting& selecting);
  void note_in_vain(const KeyQuery& vain, std::optional<Milliseconds> its_free_in);
  void end_select() { ++select_number; }
  void begin_attempt(const PolicyAttempt& next);
  void end_attempt();
  void begin_response(PolicyResponse& next);
  // Keeps an answer that a dialect goes on with: what it has of it may be blobs. False: they are too many.
  bool keep_response();
  void end_response();
};

// -- Pushing: within a policy's run they raise Lua errors of memory
void push_request(ExchangeObjects& exchange, lua_State* state);
void push_pool(ExchangeObjects& exchange, lua_State* state);
void push_attempt(ExchangeObjects& exchange, lua_State* state);
void push_response(ExchangeObjects& exchange, lua_State* state);
void push_key(LoadedPolicies& policies, lua_State* state, KeyPool* pool,
              const KeyRef& key);  // nil for a null one.
void push_client(LoadedPolicies& policies, lua_State* state, const ClientRef& client);

// -- Reading: never raise
const KeyRef* key_at(lua_State* state, int index);
const ClientRef* client_at(lua_State* state, int index);
KeyPool* pool_of_key_at(lua_State* state, int index);
// "a string", "nothing", "a key": for messages.
std::string describe_value(lua_State* state, int index);

// The model that the pool counts by: policies may name it as the client did.
std::string_view counted_model(const PolicyRequest& request, std::string_view model);

// Writes what policies changed in request.query back into the query's text. An error names a wrong value.
Result<void> write_query_back(ExchangeObjects& exchange);

// Makes the metatables and adds the globals of the prelude, `clients` and `settings`.
Result<void> install_objects(LoadedPolicies& policies);
// The metatables alone, one file each.
void make_request_types(LoadedPolicies& policies, lua_State* state);
void make_answer_types(LoadedPolicies& policies, lua_State* state);
void make_pool_types(LoadedPolicies& policies, lua_State* state);
void make_client_type(LoadedPolicies& policies, lua_State* state);

// -- Answers of hooks
bool is_denial(LoadedPolicies& policies, lua_State* state, int index);
bool is_verdict(LoadedPolicies& policies, lua_State* state, int index);
bool is_own_key(LoadedPolicies& policies, lua_State* state, int index);
bool is_reply(LoadedPolicies& policies, lua_State* state, int index);
bool is_again(LoadedPolicies& policies, lua_State* state, int index);
// Whether it is a whole one from `least` to 599.
bool is_status(double number, int least) noexcept;
Result<OwnKey> read_own_key(lua_State* state, int index);
Result<Denial> read_denial(lua_State* state, int index);
// A table of names and values, or nothing. `index` is absolute.
Result<void> read_header_table(lua_State* state, int index, Headers& headers);
// {status, headers, body or text}
Result<DialectAnswer> read_dialect_answer(lua_State* state, int index, int usual_status);
// {method, path, query, body or text}: what is to be sent goes into `body`.
Result<UpstreamCall> read_upstream_call(lua_State* state, int index, std::string& body);
void push_problem(lua_State* state, const Problem& problem);
Result<Verdict> read_verdict(LoadedPolicies& policies, const PolicyRequest& request, lua_State* state,
                             int index);

}  // namespace pollux
