// `pool` with its narrower pools, and keys.
#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "script/object_types.h"

namespace pollux {
namespace {

// A select that narrows in an endless loop must not eat the process.
constexpr std::size_t most_queries = 1000;

struct OpenedPool {
  ExchangeObjects* exchange;
  KeyQuery* query;
  std::uint32_t index;
};

OpenedPool open_pool(lua_State* state) {
  const auto [box, exchange] = open_box(state, 1, ObjectType::pool);
  if (box->number != exchange->select_number || box->index >= exchange->queries.size()) {
    luaL_error(state, "this pool is over: it is there while keys.select runs");
  }
  if (!exchange->pool) luaL_error(state, "there is no pool here");
  return {exchange, &exchange->queries[box->index], box->index};
}

void push_pool_box(ExchangeObjects& exchange, lua_State* state, std::uint32_t index) {
  auto* box = static_cast<ExchangeBox*>(lua_newuserdata(state, sizeof(ExchangeBox)));
  *box = {ObjectType::pool, exchange.name, exchange.select_number, index};
  exchange.policies.tables().pool.push(state);
  lua_setmetatable(state, -2);
}

// The model of a query that names one: the request's own, in whatever words, is what the request counts by.
std::string_view query_model(ExchangeObjects& exchange, std::string_view name) {
  constexpr std::size_t most_models = 100;
  if (name == exchange.request.model || name == exchange.request.upstream_model)
    return exchange.queries[0].model;
  auto& others = exchange.other_models;
  const auto known = std::find(others.begin(), others.end(), name);
  if (known != others.end()) return *known;
  if (others.size() >= most_models) throw std::runtime_error("the pool was asked about too many models");
  return others.emplace_back(name);
}

// pool:least_busy() and the like; most_remaining may name another model than the request's.
template <Choice (KeyPool::*Choose)(const KeyQuery&)>
int choose(lua_State* state) {
  const auto [exchange, query, index] = open_pool(state);
  const auto usual = query->model;
  if (!lua_isnoneornil(state, 2)) {
    query->model = query_model(*exchange, text_argument(state, 2, "the model"));
  }
  {
    auto choice = (exchange->pool->*Choose)(*query);
    if (!choice.key) exchange->note_in_vain(*query, choice.free_in);
    exchange->chosen = std::move(choice.key);
  }
  query->model = usual;
  push_key(exchange->policies, state, exchange->pool, exchange->chosen);
  return 1;
}

// pool:kept_for(conversation): nil if it has no key yet, or one that cannot pay now or was tried before.
int choose_kept(lua_State* state) {
  const auto [exchange, query, index] = open_pool(state);
  if (lua_isnoneornil(state, 2)) return lua_pushnil(state), 1;
  const auto conversation = text_argument(state, 2, "the conversation");
  exchange->chosen = exchange->pool->kept_for(*query, conversation).key;
  if (exchange->chosen) {
    const auto& tried = query->avoid;
    if (std::find(tried.begin(), tried.end(), exchange->chosen->id()) != tried.end())
      exchange->chosen.reset();
  }
  push_key(exchange->policies, state, exchange->pool, exchange->chosen);
  return 1;
}

// pool:tagged("paid"): the same pool with one condition more.
template <KeyQuery::Condition::Kind Kind>
int narrow(lua_State* state) {
  const auto [exchange, query, index] = open_pool(state);
  const auto value = text_argument(state, 2, "what the pool is narrowed by");
  if (exchange->queries.size() >= most_queries) return luaL_error(state, "too many narrower pools");
  auto narrower = *query;
  narrower.conditions.push_back({Kind, std::string(value)});
  exchange->queries.push_back(std::move(narrower));
  push_pool_box(*exchange, state, static_cast<std::uint32_t>(exchange->queries.size() - 1));
  return 1;
}

int count_keys(lua_State* state) {
  const auto opened = open_pool(state);
  lua_pushinteger(state, static_cast<lua_Integer>(opened.exchange->pool->count(*opened.query)));
  return 1;
}

// What pool:each() walks over.
struct KeysLeft {
  ObjectType type;
  KeyPool* pool;
  std::size_t next;
  std::vector<KeyRef> keys;
};

int collect_keys_left(lua_State* state) {
  if (auto* left = box_at<KeysLeft>(state, 1, ObjectType::keys_left)) std::destroy_at(left);
  return 0;
}

int next_key(lua_State* state) {
  auto* left = box_at<KeysLeft>(state, lua_upvalueindex(2), ObjectType::keys_left);
  if (!left || left->next >= left->keys.size()) return 0;
  push_key(policies_of(state), state, left->pool, left->keys[left->next++]);
  return 1;
}

int each_key(lua_State* state) {
  const auto opened = open_pool(state);
  auto* memory = lua_newuserdata(state, sizeof(KeysLeft));
  new (memory) KeysLeft{ObjectType::keys_left, opened.exchange->pool, 0, {}};
  lua_createtable(state, 0, 1);
  lua_pushcfunction(state, collect_keys_left);
  lua_setfield(state, -2, "__gc");
  lua_setmetatable(state, -2);
  static_cast<KeysLeft*>(memory)->keys = opened.exchange->pool->each(*opened.query);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_insert(state, -2);
  lua_pushcclosure(state, lua_entry<next_key>, 2);
  return 1;
}

int no_pool_field(lua_State* state, int) {
  return lua_pushnil(state), 1;
}

// -- Keys

constexpr std::array key_fields{"id",     "name",      "project",        "tags",
                                "weight", "in_flight", "requests_today", "failures_in_a_row"};
enum class KeyField { id, name, project, tags, weight, in_flight, requests_today, failures_in_a_row };

KeyBox& open_key(lua_State* state) {
  auto* box = box_at<KeyBox>(state, 1, ObjectType::key);
  if (!box) luaL_error(state, "expected a key (is it called with a colon?)");
  return *box;
}

int read_key(lua_State* state, int field) {
  const auto& key = *open_key(state).key;
  switch (static_cast<KeyField>(field)) {
    case KeyField::id:
      return push_text(state, key.id()), 1;
    case KeyField::in_flight:
      return lua_pushinteger(state, key.in_flight()), 1;
    case KeyField::requests_today:
      return lua_pushinteger(state, static_cast<lua_Integer>(key.requests_today())), 1;
    case KeyField::failures_in_a_row:
      return lua_pushinteger(state, key.failures_in_a_row()), 1;
    default:
      break;
  }
  const auto profile = key.profile();
  switch (static_cast<KeyField>(field)) {
    case KeyField::name:
      return push_text(state, profile.name), 1;
    case KeyField::tags:
      return push_texts(state, profile.tags), 1;
    case KeyField::weight:
      return lua_pushnumber(state, profile.weight), 1;
    case KeyField::project:
      if (profile.project.empty()) return lua_pushnil(state), 1;
      return push_text(state, profile.project), 1;
    default:
      return 0;
  }
}

// key:remaining("rpd", model): nil where no limit is known.
int key_remaining(lua_State* state) {
  const auto& box = open_key(state);
  const auto kind = text_argument(state, 2, "what remains");
  if (kind != "rpm" && kind != "tpm" && kind != "rpd") {
    return luaL_error(state, "key:remaining: \"%s\" is unknown, expected rpm, tpm or rpd",
                      lua_tostring(state, 2));
  }
  const auto model = lua_isnoneornil(state, 3) ? std::string_view() : text_argument(state, 3, "the model");
  const auto left = box.pool ? box.pool->remaining(*box.key, kind, model) : std::nullopt;
  if (left) {
    lua_pushnumber(state, static_cast<double>(*left));
  } else {
    lua_pushnil(state);
  }
  return 1;
}

int collect_key(lua_State* state) {
  if (auto* box = box_at<KeyBox>(state, 1, ObjectType::key)) std::destroy_at(box);
  return 0;
}

int equal_keys(lua_State* state) {
  const auto* one = key_at(state, 1);
  const auto* other = key_at(state, 2);
  lua_pushboolean(state, one && other && (*one)->id() == (*other)->id());
  return 1;
}

}  // namespace

void push_key(LoadedPolicies& policies, lua_State* state, KeyPool* pool, const KeyRef& key) {
  if (!key) return lua_pushnil(state);
  push_cached(state, policies.tables().keys, key->id());
  const auto* cached = box_at<KeyBox>(state, -1, ObjectType::key);
  if (cached && cached->key == key && cached->pool == pool) return lua_remove(state, -2);
  auto* memory = lua_newuserdata(state, sizeof(KeyBox));
  new (memory) KeyBox{ObjectType::key, pool, key};
  policies.tables().key.push(state);
  lua_setmetatable(state, -2);
  cache_top(state, key->id());
}

void push_pool(ExchangeObjects& exchange, lua_State* state) {
  push_pool_box(exchange, state, 0);
}

const KeyRef* key_at(lua_State* state, int index) {
  auto* box = box_at<KeyBox>(state, index, ObjectType::key);
  return box ? &box->key : nullptr;
}

KeyPool* pool_of_key_at(lua_State* state, int index) {
  auto* box = box_at<KeyBox>(state, index, ObjectType::key);
  return box ? box->pool : nullptr;
}

void make_pool_types(LoadedPolicies& policies, lua_State* state) {
  using Kind = KeyQuery::Condition::Kind;
  static constexpr std::array pool_methods{
      Method{"round_robin", lua_entry<choose<&KeyPool::round_robin>>},
      Method{"least_busy", lua_entry<choose<&KeyPool::least_busy>>},
      Method{"most_remaining", lua_entry<choose<&KeyPool::most_remaining>>},
      Method{"best", lua_entry<choose<&KeyPool::best>>},
      Method{"weighted", lua_entry<choose<&KeyPool::weighted>>},
      Method{"kept_for", lua_entry<choose_kept>},
      Method{"tagged", lua_entry<narrow<Kind::tagged>>},
      Method{"in_project", lua_entry<narrow<Kind::in_project>>},
      Method{"named", lua_entry<narrow<Kind::named>>},
      Method{"count", lua_entry<count_keys>},
      Method{"each", lua_entry<each_key>}};
  static constexpr std::array key_methods{Method{"remaining", lua_entry<key_remaining>}};
  make_type(policies, state,
            {ObjectType::pool,
             {},
             pool_methods,
             lua_entry<index_body<no_pool_field, ObjectType::pool>>,
             lua_entry<refuse_write<ObjectType::pool>>,
             nullptr,
             nullptr});
  policies.tables().pool = LuaRef(state, -1);
  make_type(policies, state,
            {ObjectType::key, key_fields, key_methods, lua_entry<index_body<read_key, ObjectType::key>>,
             lua_entry<refuse_write<ObjectType::key>>, collect_key, equal_keys});
  policies.tables().key = LuaRef(state, -1);
  lua_pop(state, 2);
  policies.tables().keys = weak_table(state);
}

}  // namespace pollux
