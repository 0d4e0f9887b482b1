// The names that policies find besides the libraries of Script: deny, verdicts, google, clients, settings.
#include "base/clock.h"
#include "script/background.h"
#include "script/google_fetch.h"
#include "script/object_types.h"
#include "script/prelude.h"

namespace pollux {
namespace {

int is_key(lua_State* state) {
  lua_pushboolean(state, key_at(state, 1) != nullptr);
  return 1;
}

int is_client(lua_State* state) {
  lua_pushboolean(state, client_at(state, 1) != nullptr);
  return 1;
}

// clients.find(token): the client; or nil, "unknown", or nil, "disabled" or "expired", and who that is.
int find_client(lua_State* state) {
  auto& policies = policies_of(state);
  if (lua_isnil(state, 1)) return lua_pushnil(state), 1;
  const auto token = text_argument(state, 1, "the token");
  const auto& host = policies.host();
  const auto now = host.clock ? host.clock->wall() : SystemClock().wall();
  const auto client = host.clients ? host.clients->holder_of(token) : nullptr;
  const auto standing = client ? client->standing(now) : Client::Standing::good;
  if (standing == Client::Standing::good) push_client(policies, state, client);
  if (client && standing == Client::Standing::good) return 1;
  if (!client) return push_text(state, "unknown"), 2;
  lua_pushnil(state);
  push_text(state, standing == Client::Standing::disabled ? "disabled" : "expired");
  push_client(policies, state, client);
  return 3;
}

// What a setting without a value answers.
int missing_setting(lua_State* state) {
  const auto& policies = policies_of(state);
  if (lua_type(state, 2) != LUA_TSTRING) return luaL_error(state, "settings: expected the name of a setting");
  if (policies.knows_setting(lua_tostring(state, 2))) return lua_pushnil(state), 1;
  return luaL_error(state, "there is no setting %s: declare it in the module's table of settings",
                    lua_tostring(state, 2));
}

Result<void> run_prelude(LoadedPolicies& policies) {
  auto* lua = policies.lua();
  LuaStackGuard guard(lua);
  bool good = luaL_loadbufferx(lua, policy_prelude.data(), policy_prelude.size(), "=prelude.lua", "t") == 0;
  if (good) {
    policies.script().push_environment("prelude");
    lua_setfenv(lua, -2);
    lua_createtable(lua, 0, 3);
    push_function(policies, lua, lua_entry<google_fetch>);
    lua_setfield(lua, -2, "fetch");
    lua_pushcfunction(lua, is_key);
    lua_setfield(lua, -2, "is_key");
    lua_pushcfunction(lua, is_client);
    lua_setfield(lua, -2, "is_client");
    good = lua_pcall(lua, 1, 2, 0) == 0;
  }
  if (!good) return internal_error(lua_tostring(lua, -1));
  auto& tables = policies.tables();
  for (const auto& [name, table] : {std::pair{"denial", &tables.denial},
                                    {"verdict", &tables.verdict},
                                    {"own_key", &tables.own_key},
                                    {"reply", &tables.reply},
                                    {"again", &tables.again}}) {
    lua_getfield(lua, -1, name);
    *table = LuaRef(lua, -1);
    lua_pop(lua, 1);
  }
  for (const char* name : {"deny", "own_key", "answer", "retry", "reply", "again", "google"}) {
    lua_getfield(lua, -2, name);
    policies.script().define(name);
  }
  return {};
}

void define_clients(LoadedPolicies& policies) {
  auto* lua = policies.lua();
  lua_createtable(lua, 0, 1);
  push_function(policies, lua, lua_entry<find_client>);
  lua_setfield(lua, -2, "find");
  policies.script().define("clients");
}

// Policies see an empty table that answers from the values, and those from missing_setting: so values can
// change.
void define_settings(LoadedPolicies& policies) {
  auto* lua = policies.lua();
  lua_newtable(lua);
  lua_createtable(lua, 0, 1);
  push_function(policies, lua, lua_entry<missing_setting>);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  policies.tables().settings = LuaRef(lua, -1);
  policies.script().define("settings");
}

}  // namespace

Result<void> install_objects(LoadedPolicies& policies) {
  make_request_types(policies, policies.lua());
  make_answer_types(policies, policies.lua());
  make_pool_types(policies, policies.lua());
  make_client_type(policies, policies.lua());
  define_clients(policies);
  define_settings(policies);
  push_function(policies, policies.lua(), lua_entry<background>);
  policies.script().define("background");
  return run_prelude(policies);
}

}  // namespace pollux
