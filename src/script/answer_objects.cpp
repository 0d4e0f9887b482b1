// `attempt` and `response`: what came back from upstream.
#include <algorithm>
#include <array>
#include <cctype>

#include "script/object_types.h"

namespace pollux {
namespace {

constexpr std::array attempt_fields{"number", "key", "status", "headers", "body", "text", "kind", "message"};
enum class AttemptField { number, key, status, headers, body, text, kind, message };

ExchangeObjects& open_attempt(lua_State* state) {
  const auto [box, exchange] = open_box(state, 1, ObjectType::attempt);
  if (!exchange->attempt || box->number != exchange->attempt_number)
    luaL_error(state, "this attempt is over");
  return *exchange;
}

// The headers of an attempt or a response are made anew at each touch: few policies look at them, once.
int push_headers_box(ExchangeObjects& exchange, lua_State* state, ObjectType whose, std::uint32_t number) {
  auto* box = static_cast<ExchangeBox*>(lua_newuserdata(state, sizeof(ExchangeBox)));
  *box = {ObjectType::headers, exchange.name, number, static_cast<std::uint32_t>(whose)};
  exchange.policies.tables().headers.push(state);
  lua_setmetatable(state, -2);
  return 1;
}

int read_attempt(lua_State* state, int field) {
  auto& exchange = open_attempt(state);
  const auto& attempt = *exchange.attempt;
  switch (static_cast<AttemptField>(field)) {
    case AttemptField::number:
      return lua_pushinteger(state, attempt.number), 1;
    case AttemptField::key:
      return push_key(exchange.policies, state, exchange.pool, attempt.key), 1;
    case AttemptField::kind:
      return push_text(state, attempt.kind), 1;
    case AttemptField::body:
      return exchange.attempt_body.push(state, attempt.text), 1;
    case AttemptField::status:
      if (attempt.status == 0) return lua_pushnil(state), 1;
      return lua_pushinteger(state, attempt.status), 1;
    case AttemptField::headers:
      if (!attempt.headers) return lua_pushnil(state), 1;
      return push_headers_box(exchange, state, ObjectType::attempt, exchange.attempt_number);
    case AttemptField::text:
      if (attempt.status == 0 && attempt.text.empty()) return lua_pushnil(state), 1;
      return push_text(state, attempt.text), 1;
    case AttemptField::message:
      if (attempt.message.empty()) return lua_pushnil(state), 1;
      return push_text(state, attempt.message), 1;
  }
  return 0;
}

// attempt:says("API key not valid"): whether the answer's text holds these words, in whatever case.
int attempt_says(lua_State* state) {
  const auto& attempt = *open_attempt(state).attempt;
  const auto words = text_argument(state, 2, "what the attempt says");
  const auto same = [](char one, char other) {
    return std::tolower(static_cast<unsigned char>(one)) == std::tolower(static_cast<unsigned char>(other));
  };
  const auto found = std::search(attempt.text.begin(), attempt.text.end(), words.begin(), words.end(), same);
  lua_pushboolean(state, words.empty() || found != attempt.text.end());
  return 1;
}

constexpr std::array<std::string_view, 8> attempt_kinds{"http",  "connect",   "tls",   "timeout",
                                                        "reset", "truncated", "empty", "error_in_stream"};

// Read-only but for the fakes of tests.
int write_attempt(lua_State* state) {
  auto& exchange = open_attempt(state);
  const auto field = static_cast<AttemptField>(assigned_field(state, ObjectType::attempt));
  auto* attempt = exchange.made_up_attempt;
  if (!attempt) raise_read_only(state, ObjectType::attempt);
  switch (field) {
    case AttemptField::number:
      return attempt->number = static_cast<int>(luaL_checkinteger(state, 3)), 0;
    case AttemptField::status:
      return attempt->status = static_cast<int>(luaL_checkinteger(state, 3)), 0;
    case AttemptField::kind: {
      const auto known =
          std::find(attempt_kinds.begin(), attempt_kinds.end(), text_argument(state, 3, "attempt.kind"));
      if (known == attempt_kinds.end()) return luaL_error(state, "attempt.kind: there is no such kind");
      attempt->kind = *known;
      return 0;
    }
    default:
      raise_read_only(state, ObjectType::attempt);
  }
}

constexpr std::array response_fields{"status", "headers", "body", "text"};
enum class ResponseField { status, headers, body, text };

ExchangeObjects& open_response(lua_State* state) {
  const auto [box, exchange] = open_box(state, 1, ObjectType::response);
  if (!exchange->response || box->number != exchange->response_number)
    luaL_error(state, "this response is over");
  return *exchange;
}

int read_response(lua_State* state, int field) {
  auto& exchange = open_response(state);
  auto& response = *exchange.response;
  switch (static_cast<ResponseField>(field)) {
    case ResponseField::status:
      return lua_pushinteger(state, response.status), 1;
    case ResponseField::body:
      return exchange.response_body.push(state, response.text), 1;
    case ResponseField::headers:
      return push_headers_box(exchange, state, ObjectType::response, exchange.response_number);
    case ResponseField::text: {
      bool good = false;
      {
        const auto bytes = exchange.response_body.bytes(state, response.text);
        good = bytes.has_value();
        push_text(state, good ? *bytes : std::string_view(bytes.error().message));
      }
      return good ? 1 : lua_error(state);
    }
  }
  return 0;
}

int write_response(lua_State* state) {
  auto& exchange = open_response(state);
  switch (static_cast<ResponseField>(assigned_field(state, ObjectType::response))) {
    case ResponseField::body:
      if (!lua_istable(state, 3)) {
        return luaL_error(state, "response.body is a %s, expected a table", luaL_typename(state, 3));
      }
      return exchange.response_body.assign(state, 3), 0;
    case ResponseField::text:
      return exchange.response_body.assign_text(text_argument(state, 3, "response.text")), 0;
    case ResponseField::status: {
      const auto status = lua_type(state, 3) == LUA_TNUMBER ? lua_tonumber(state, 3) : 0;
      if (status < 200 || status > 599 || status != static_cast<int>(status)) {
        return luaL_error(state, "response.status: expected a whole number from 200 to 599");
      }
      exchange.response->status = static_cast<int>(status);
      return 0;
    }
    default:
      raise_read_only(state, ObjectType::response);
  }
}

void push_box(ExchangeObjects& exchange, lua_State* state, ObjectType type, std::uint32_t number,
              const LuaRef& metatable) {
  auto* box = static_cast<ExchangeBox*>(lua_newuserdata(state, sizeof(ExchangeBox)));
  *box = {type, exchange.name, number, 0};
  metatable.push(state);
  lua_setmetatable(state, -2);
}

}  // namespace

void push_attempt(ExchangeObjects& exchange, lua_State* state) {
  push_box(exchange, state, ObjectType::attempt, exchange.attempt_number, exchange.policies.tables().attempt);
}

void push_response(ExchangeObjects& exchange, lua_State* state) {
  push_box(exchange, state, ObjectType::response, exchange.response_number,
           exchange.policies.tables().response);
}

void make_answer_types(LoadedPolicies& policies, lua_State* state) {
  static constexpr std::array attempt_methods{Method{"says", lua_entry<attempt_says>}};
  make_type(
      policies, state,
      {ObjectType::attempt, attempt_fields, attempt_methods,
       lua_entry<index_body<read_attempt, ObjectType::attempt>>, lua_entry<write_attempt>, nullptr, nullptr});
  policies.tables().attempt = LuaRef(state, -1);
  make_type(policies, state,
            {ObjectType::response,
             response_fields,
             {},
             lua_entry<index_body<read_response, ObjectType::response>>,
             lua_entry<write_response>,
             nullptr,
             nullptr});
  policies.tables().response = LuaRef(state, -1);
  lua_pop(state, 2);
}

}  // namespace pollux
