// What an exchange asks of dialects/NAME.lua.
#include "base/redact.h"
#include "script/blob.h"
#include "script/scripted_exchange.h"

namespace pollux {
namespace {

// What stands in the place of an event, which is on top of the stack as far as it is JSON; if anything does.
std::optional<Problem> problem_in(lua_State* lua, std::string_view event) {
  LuaStackGuard guard(lua);
  Problem problem{502, "Pollux: an event of the answer is no JSON object", std::string(event), true};
  if (!lua_istable(lua, -1) || lua_objlen(lua, -1) > 0) return problem;
  lua_pushliteral(lua, "error");
  lua_rawget(lua, -2);
  if (!lua_istable(lua, -1)) return std::nullopt;
  lua_pushliteral(lua, "code");
  lua_rawget(lua, -2);
  const auto code = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
  if (code >= 400 && code <= 599) problem.status = static_cast<int>(code);
  lua_pop(lua, 1);
  lua_pushliteral(lua, "message");
  lua_rawget(lua, -2);
  const bool has_message = lua_type(lua, -1) == LUA_TSTRING;
  problem.message =
      has_message ? redact_keys(lua_tostring(lua, -1)) : "Google has ended the stream with an error";
  return problem;
}

}  // namespace

PolicyFailure ScriptedExchange::no_dialect(DialectHook which) const {
  return {policies_->title_of(hook(which)) + ": there is no such function"};
}

void ScriptedExchange::name_model(std::function<void(NamedModel)> done) {
  if (!has(hook(DialectHook::model))) return done(std::string());
  call<NamedModel>(hook(DialectHook::model), &ScriptedExchange::read_named_model, std::move(done));
}

NamedModel ScriptedExchange::read_named_model(lua_State* results) {
  if (request_.has_body_text) {
    LuaStackGuard guard(results);
    objects_.body.push(results, request_.body_text);
    if (lua_istable(results, -1)) {
      lua_pushliteral(results, "stream");
      lua_rawget(results, -2);
      request_.streaming = lua_isboolean(results, -1) && lua_toboolean(results, -1) != 0;
    }
  }
  if (lua_isnoneornil(results, 1)) return std::string();
  if (lua_type(results, 1) != LUA_TSTRING)
    return read_denied<NamedModel>(results, "a name, nil or deny(...)");
  std::size_t size = 0;
  const char* name = lua_tolstring(results, 1, &size);
  request_.model.assign(name, size);
  return request_.model;
}

void ScriptedExchange::translate_request(std::function<void(TranslatedRequest)> done) {
  if (!has(hook(DialectHook::request))) return done(no_dialect(DialectHook::request));
  call<TranslatedRequest>(hook(DialectHook::request), &ScriptedExchange::read_translated_request,
                          std::move(done));
}

TranslatedRequest ScriptedExchange::read_translated_request(lua_State* results) {
  constexpr const char* expected = "{path = ..., body = ...}, reply(...) or deny(...)";
  if (!lua_istable(results, 1) || is_denial(*policies_, results, 1))
    return read_denied<TranslatedRequest>(results, expected);
  if (is_reply(*policies_, results, 1)) {
    auto answer = read_dialect_answer(results, 1, 200);
    if (!answer) return failure(answer.error().message);
    return std::move(*answer);
  }
  std::string body;
  auto call = read_upstream_call(results, 1, body);
  if (!call) return failure(call.error().message);
  replace_body(std::move(body));
  return std::move(*call);
}

// What came from the client is not needed any more.
void ScriptedExchange::replace_body(std::string text) {
  objects_.body = {};
  objects_.form = {};
  objects_.query = {};
  request_.has_body_text = !text.empty();
  request_.body_text = std::move(text);
}

// again(body): an error, or nothing.
std::optional<PolicyFailure> ScriptedExchange::take_new_body(lua_State* results) {
  LuaStackGuard guard(results);
  lua_pushliteral(results, "body");
  lua_rawget(results, 1);
  if (lua_isnil(results, -1)) return std::nullopt;
  std::string text;
  if (auto encoded = json_encode(results, -1, text); !encoded)
    return failure("again: " + encoded.error().message);
  replace_body(std::move(text));
  return std::nullopt;
}

void ScriptedExchange::translate_answer(PolicyResponse& response,
                                        std::function<void(TranslatedAnswer)> done) {
  if (!has(hook(DialectHook::response))) return done(no_dialect(DialectHook::response));
  objects_.begin_response(response);
  const auto push = [this](lua_State* lua) { return push_response(objects_, lua), 1; };
  call<TranslatedAnswer>(hook(DialectHook::response), push, &ScriptedExchange::read_translated_answer,
                         std::move(done));
}

TranslatedAnswer ScriptedExchange::read_translated_answer(lua_State* results) {
  if (!lua_istable(results, 1) || is_denial(*policies_, results, 1))
    return read_denied<TranslatedAnswer>(results, "{body = ...}, again() or deny(...)");
  if (is_again(*policies_, results, 1)) {
    if (auto failed = take_new_body(results)) return std::move(*failed);
    if (!objects_.keep_response()) return failure("again: the answers so far are larger than can be kept");
    return AskAgain{};
  }
  auto answer = read_dialect_answer(results, 1, objects_.response->status);
  if (!answer) return failure(answer.error().message);
  return std::move(*answer);
}

void ScriptedExchange::translate_event(std::optional<std::string_view> event,
                                       std::function<void(TranslatedPart)> done) {
  if (!has(hook(DialectHook::event))) return done(no_dialect(DialectHook::event));
  auto* lua = policies_->lua();
  // Blobs of the event last until this returns: a hook that waits has to take what it needs before.
  const LentText lent = event ? LentText(lua, *event) : LentText();
  if (!event || !json_decode(lua, *event, &lent)) lua_pushnil(lua);
  if (auto problem = event ? problem_in(lua, *event) : std::nullopt) {
    lua_pop(lua, 1);
    return done(std::move(*problem));
  }
  // The hook and `request` go below what was decoded.
  const auto push = [](lua_State* state) {
    lua_pushvalue(state, -3);
    lua_remove(state, -4);
    return 1;
  };
  call<TranslatedPart>(hook(DialectHook::event), push, &ScriptedExchange::read_translated_part,
                       std::move(done));
}

TranslatedPart ScriptedExchange::read_translated_part(lua_State* results) {
  TranslatedEvent event;
  if (lua_isnoneornil(results, 1)) return event;
  if (is_again(*policies_, results, 1)) {
    if (auto failed = take_new_body(results)) return std::move(*failed);
    return AskAgain{};
  }
  if (auto read = append_bytes(results, 1, event.text); !read) return failure(read.error().message);
  return event;
}

void ScriptedExchange::tell_problem(const Problem& problem, std::function<void(ToldProblem)> done) {
  if (!has(hook(DialectHook::error))) return done(no_dialect(DialectHook::error));
  problem_status_ = problem.status;
  const auto push = [&problem](lua_State* lua) { return push_problem(lua, problem), 1; };
  call<ToldProblem>(hook(DialectHook::error), push, &ScriptedExchange::read_told_problem, std::move(done));
}

// A table, the body of an error, and its status and headers; or the last text of a stream.
ToldProblem ScriptedExchange::read_told_problem(lua_State* results) {
  DialectAnswer answer;
  answer.status = problem_status_;
  answer.headers.set("Content-Type", "application/json");
  if (lua_istable(results, 1)) {
    const double status = lua_type(results, 2) == LUA_TNUMBER ? lua_tonumber(results, 2) : problem_status_;
    if (!is_status(status, 400)) return failure("it returned no status from 400 to 599");
    answer.status = static_cast<int>(status);
    if (auto read = read_header_table(results, 3, answer.headers); !read)
      return failure(read.error().message);
    if (auto encoded = json_encode(results, 1, answer.text); !encoded)
      return failure(encoded.error().message);
    return answer;
  }
  if (auto read = append_bytes(results, 1, answer.text); !read) return failure(read.error().message);
  return answer;
}

bool ScriptedExchange::has_feature(const char* name) {
  if (!objects_.features) return false;
  auto* lua = policies_->lua();
  LuaStackGuard guard(lua);
  objects_.features.push(lua);
  lua_pushstring(lua, name);
  lua_rawget(lua, -2);
  return lua_toboolean(lua, -1) != 0;
}

}  // namespace pollux
