// Clients, as policies see them.
#include <array>
#include <cmath>
#include <memory>

#include "base/clock.h"
#include "script/object_types.h"

namespace pollux {
namespace {

constexpr std::array client_fields{"id",  "name",           "tags",         "models",
                                   "rpm", "daily_requests", "daily_tokens", "expires_at"};
enum class ClientField { id, name, tags, models, rpm, daily_requests, daily_tokens, expires_at };

const Client& open_client(lua_State* state) {
  const auto* client = client_at(state, 1);
  if (!client) luaL_error(state, "expected a client (is it called with a colon?)");
  return **client;
}

int push_limit(lua_State* state, const std::optional<std::int64_t>& limit) {
  limit ? lua_pushnumber(state, static_cast<double>(*limit)) : lua_pushnil(state);
  return 1;
}

double seconds_of(Milliseconds duration) {
  return static_cast<double>(duration.count()) / 1000;
}

int read_client(lua_State* state, int field) {
  const auto& client = open_client(state);
  switch (static_cast<ClientField>(field)) {
    case ClientField::id:
      return push_text(state, client.id), 1;
    case ClientField::name:
      return push_text(state, client.name), 1;
    case ClientField::tags:
      return push_texts(state, client.tags), 1;
    case ClientField::models:
      return push_texts(state, client.models), 1;
    case ClientField::rpm:
      return push_limit(state, client.quota.rpm);
    case ClientField::daily_requests:
      return push_limit(state, client.quota.daily_requests);
    case ClientField::daily_tokens:
      return push_limit(state, client.quota.daily_tokens);
    case ClientField::expires_at:
      if (!client.expires_at) return lua_pushnil(state), 1;
      return lua_pushnumber(state, seconds_of(client.expires_at->time_since_epoch())), 1;
  }
  return 0;
}

int client_has_tag(lua_State* state) {
  const auto& client = open_client(state);
  lua_pushboolean(state, client.has_tag(text_argument(state, 2, "the tag")));
  return 1;
}

// client:may_use(name): whether one of its patterns says so, or it has none.
int client_may_use(lua_State* state) {
  const auto& client = open_client(state);
  lua_pushboolean(state, client.may_use(text_argument(state, 2, "the model")));
  return 1;
}

Moment now_of(lua_State* state) {
  const auto* clock = policies_of(state).host().clock;
  return clock ? Moment{clock->wall(), clock->monotonic()}
               : Moment{SystemClock().wall(), SystemClock().monotonic()};
}

// client:requests_this_minute() and the like.
template <std::int64_t ClientUsage::Numbers::*Number>
int client_number(lua_State* state) {
  const auto& client = open_client(state);
  const auto numbers = client.usage ? client.usage->numbers(now_of(state)) : ClientUsage::Numbers{};
  lua_pushnumber(state, static_cast<double>(numbers.*Number));
  return 1;
}

void push_reached(lua_State* state, const LimitReached& reached) {
  lua_createtable(state, 0, 3);
  push_text(state, reached.limit);
  lua_setfield(state, -2, "limit");
  lua_pushnumber(state, static_cast<double>(reached.allowed));
  lua_setfield(state, -2, "allowed");
  lua_pushnumber(state, seconds_of(reached.retry_after));
  lua_setfield(state, -2, "retry_after");
}

// client:admit(request): counts the request, once, and answers true; or tells the limit that stands against
// it.
int client_admit(lua_State* state) {
  const auto& client = open_client(state);
  auto& request = open_box(state, 2, ObjectType::request).exchange->request;
  if (client.usage && !request.admission) {
    const auto now = now_of(state);
    if (const auto reached = client.usage->admit(client.quota, now)) return push_reached(state, *reached), 1;
    request.admission = {client.usage, now};
  }
  lua_pushboolean(state, 1);
  return 1;
}

int collect_client(lua_State* state) {
  if (auto* box = box_at<ClientBox>(state, 1, ObjectType::client)) std::destroy_at(box);
  return 0;
}

int equal_clients(lua_State* state) {
  const auto* one = client_at(state, 1);
  const auto* other = client_at(state, 2);
  lua_pushboolean(state, one && other && (*one)->id == (*other)->id);
  return 1;
}

}  // namespace

void push_client(LoadedPolicies& policies, lua_State* state, const ClientRef& client) {
  if (!client) return lua_pushnil(state);
  push_cached(state, policies.tables().clients, client->id);
  const auto* cached = box_at<ClientBox>(state, -1, ObjectType::client);
  if (cached && cached->client == client) return lua_remove(state, -2);
  auto* memory = lua_newuserdata(state, sizeof(ClientBox));
  new (memory) ClientBox{ObjectType::client, client};
  policies.tables().client.push(state);
  lua_setmetatable(state, -2);
  cache_top(state, client->id);
}

const ClientRef* client_at(lua_State* state, int index) {
  auto* box = box_at<ClientBox>(state, index, ObjectType::client);
  return box ? &box->client : nullptr;
}

void make_client_type(LoadedPolicies& policies, lua_State* state) {
  using Numbers = ClientUsage::Numbers;
  static constexpr std::array methods{
      Method{"has_tag", lua_entry<client_has_tag>},
      Method{"may_use", lua_entry<client_may_use>},
      Method{"admit", lua_entry<client_admit>},
      Method{"requests_this_minute", lua_entry<client_number<&Numbers::requests_this_minute>>},
      Method{"requests_today", lua_entry<client_number<&Numbers::requests_today>>},
      Method{"tokens_today", lua_entry<client_number<&Numbers::tokens_today>>}};
  make_type(
      policies, state,
      {ObjectType::client, client_fields, methods, lua_entry<index_body<read_client, ObjectType::client>>,
       lua_entry<refuse_write<ObjectType::client>>, collect_client, equal_clients});
  policies.tables().client = LuaRef(state, -1);
  lua_pop(state, 1);
  policies.tables().clients = weak_table(state);
}

}  // namespace pollux
