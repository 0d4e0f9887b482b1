#include "script/scripted_exchange.h"

namespace pollux {

void ScriptedExchange::end_hook() {
  objects_.transforming = false;
  objects_.end_select();
  objects_.end_attempt();
  objects_.end_response();
}

// A hook that has waited is over.
void ScriptedExchange::on_over() {
  const auto call = std::move(waiting_);
  const auto run = std::move(run_);  // Calling us: it dies when this is through.
  called_ = nullptr;
  call->tell();
}

// -- Who is asking?

void ScriptedExchange::identify(std::function<void(Identified)> done) {
  if (!has(Hook::identify)) return done(Denial{401, "no policy says who may ask (auth.lua: identify)", {}});
  call<Identified>(Hook::identify, &ScriptedExchange::read_client, std::move(done));
}

Identified ScriptedExchange::read_client(lua_State* results) {
  if (const auto* client = client_at(results, 1)) {
    request_.client = *client;
    return *client;
  }
  if (!is_own_key(*policies_, results, 1))
    return read_denied<Identified>(results, "a client, own_key(...) or deny(...)");
  auto own = read_own_key(results, 1);
  if (!own) return failure(own.error().message);
  request_.own_key = true;
  return std::move(*own);
}

// -- Which model?

void ScriptedExchange::resolve(std::function<void(Resolved)> done) {
  if (!has(Hook::resolve)) {
    request_.upstream_model = request_.model;
    return done(request_.model);
  }
  const auto push = [this](lua_State* lua) {
    lua_pushlstring(lua, request_.model.data(), request_.model.size());
    return 1;
  };
  call<Resolved>(Hook::resolve, push, &ScriptedExchange::read_model, std::move(done));
}

Resolved ScriptedExchange::read_model(lua_State* results) {
  constexpr const char* expected = "the name of a model or deny(...)";
  if (lua_type(results, 1) != LUA_TSTRING) return read_denied<Resolved>(results, expected);
  std::size_t size = 0;
  const char* name = lua_tolstring(results, 1, &size);
  if (size == 0) return failure("it returned an empty name, expected " + std::string(expected));
  request_.upstream_model.assign(name, size);
  return request_.upstream_model;
}

void ScriptedExchange::permit(std::function<void(Permitted)> done) {
  if (!has(Hook::permit)) return done(std::monostate());
  call<Permitted>(Hook::permit, &ScriptedExchange::read_permission, std::move(done));
}

Permitted ScriptedExchange::read_permission(lua_State* results) {
  if (lua_isnoneornil(results, 1)) return std::monostate();
  return read_denied<Permitted>(results, "nothing or deny(...)");
}

void ScriptedExchange::visible(std::string_view model, std::function<void(Visible)> done) {
  if (!has(Hook::visible)) return done(true);
  const auto push = [model](lua_State* lua) {
    if (!json_decode(lua, model)) lua_pushnil(lua);
    return 1;
  };
  call<Visible>(Hook::visible, push, &ScriptedExchange::read_flag, std::move(done));
}

Visible ScriptedExchange::read_flag(lua_State* results) {
  if (lua_type(results, 1) != LUA_TBOOLEAN) return wrong(results, "true or false");
  return lua_toboolean(results, 1) != 0;
}

// -- Which key pays?

void ScriptedExchange::select(const Selecting& selecting, std::function<void(Selected)> done) {
  objects_.begin_select(selecting);
  if (!has(Hook::select)) {
    if (!objects_.pool) return done(Selection{});
    auto choice = objects_.pool->round_robin(objects_.queries[0]);
    if (choice.key) return done(Selection{std::move(choice.key), {}, {}});
    objects_.note_in_vain(objects_.queries[0], choice.free_in);
    return done(in_vain());
  }
  const auto push = [this](lua_State* lua) { return push_pool(objects_, lua), 1; };
  call<Selected>(Hook::select, push, &ScriptedExchange::read_key, std::move(done));
}

Selected ScriptedExchange::read_key(lua_State* results) {
  if (const auto* key = key_at(results, 1)) return Selection{*key, {}, {}};
  if (lua_isnoneornil(results, 1)) return in_vain();
  return read_denied<Selected>(results, "a key or nil");
}

// A policy that has asked for nothing in vain has its own reasons: then a key of the whole pool is waited
// for.
Selection ScriptedExchange::in_vain() {
  const auto& whole = objects_.queries[0];
  if (objects_.asked.empty() && objects_.pool)
    objects_.note_in_vain(whole, objects_.pool->next_free_in(whole));
  return {nullptr, std::move(objects_.asked), objects_.free_in};
}

// -- It failed: and now?

void ScriptedExchange::judge(const PolicyAttempt& attempt, std::function<void(Judged)> done) {
  if (!has(Hook::judge)) return done(Verdict{});
  objects_.begin_attempt(attempt);
  const auto push = [this](lua_State* lua) { return push_attempt(objects_, lua), 1; };
  call<Judged>(Hook::judge, push, &ScriptedExchange::read_judgement, std::move(done));
}

Judged ScriptedExchange::read_judgement(lua_State* results) {
  if (!is_verdict(*policies_, results, 1)) return wrong(results, "answer() or retry()");
  auto verdict = read_verdict(*policies_, request_, results, 1);
  if (!verdict) return failure(verdict.error().message);
  return std::move(*verdict);
}

// -- The last word before sending, the first word after

void ScriptedExchange::transform_request(std::function<void(Transformed)> done) {
  if (!has(Hook::transform_request)) {
    const auto written = write_query_back(objects_);
    if (!written) return done(PolicyFailure{written.error().message});
    return done(std::monostate());
  }
  objects_.transforming = true;
  call<Transformed>(Hook::transform_request, &ScriptedExchange::read_request_end, std::move(done));
}

Transformed ScriptedExchange::read_nothing(lua_State* results) {
  if (lua_isnoneornil(results, 1)) return std::monostate();
  return read_denied<Transformed>(results, "nothing or deny(...): what it changes, it changes in place");
}

Transformed ScriptedExchange::read_request_end(lua_State* results) {
  if (const auto written = write_query_back(objects_); !written) return failure(written.error().message);
  return read_nothing(results);
}

void ScriptedExchange::transform_response(PolicyResponse& response, std::function<void(Transformed)> done) {
  if (!has(Hook::transform_response)) return done(std::monostate());
  objects_.begin_response(response);
  const auto push = [this](lua_State* lua) { return push_response(objects_, lua), 1; };
  call<Transformed>(Hook::transform_response, push, &ScriptedExchange::read_response_end, std::move(done));
}

Transformed ScriptedExchange::read_response_end(lua_State* results) {
  auto& response = *objects_.response;
  if (objects_.response_body.touched()) {
    const auto settled = objects_.response_body.settle(policies_->lua(), response.text);
    if (!settled) return failure("response.body: " + settled.error().message);
  }
  return read_nothing(results);
}

Result<std::string_view> ScriptedExchange::body_to_send() {
  if (!objects_.body.touched()) return std::string_view(request_.body_text);
  auto bytes = objects_.body.bytes(policies_->lua(), request_.body_text);
  if (!bytes) return std::move(bytes).error().within("request.body");
  return bytes;
}

// -- After the last byte

int ScriptedExchange::push_summary(const PolicySummary& summary) {
  auto* lua = policies_->lua();
  const auto number = [lua](const char* name, double value) {
    lua_pushnumber(lua, value);
    lua_setfield(lua, -2, name);
  };
  lua_createtable(lua, 0, 8);
  push_request(objects_, lua);
  lua_setfield(lua, -2, "request");
  push_key(*policies_, lua, objects_.pool, summary.key);
  lua_setfield(lua, -2, "key");
  lua_pushlstring(lua, summary.outcome.data(), summary.outcome.size());
  lua_setfield(lua, -2, "outcome");
  if (summary.status != 0) number("status", summary.status);
  number("attempts", summary.attempts);
  number("seconds", static_cast<double>(summary.duration.count()) / 1e6);
  number("request_bytes", static_cast<double>(summary.request_bytes));
  number("response_bytes", static_cast<double>(summary.response_bytes));
  return 1;
}

void ScriptedExchange::done(const PolicySummary& summary) {
  run_.reset();  // Whatever waited: the client is gone.
  waiting_.reset();
  end_hook();
  if (!has(Hook::record_done)) return;
  policies_->function_of(Hook::record_done).push(policies_->lua());
  policies_->run_to_the_end(Hook::record_done, push_summary(summary));
}

std::unique_ptr<PolicyExchange> PolicyExchange::create(std::shared_ptr<PolicyState> state,
                                                       PolicyRequest& request) {
  // There is no other kind of state.
  return std::make_unique<ScriptedExchange>(std::static_pointer_cast<LoadedPolicies>(std::move(state)),
                                            request);
}

}  // namespace pollux
