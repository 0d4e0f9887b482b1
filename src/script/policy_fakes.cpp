#include "script/policy_fakes.h"

#include <array>
#include <cmath>
#include <map>

#include "base/digest.h"
#include "script/limit_policy.h"
#include "script/object_types.h"

namespace pollux {
namespace {

constexpr WallTime first_moment{Milliseconds(1'768'478'400'000)};  // 2026-01-15T12:00:00Z
constexpr std::size_t most_fakes = 100'000;
constexpr double most_counted = 10'000;  // Requests that a fake key is given.

PolicyTestBench& bench_of(lua_State* state) {
  return *static_cast<PolicyTestBench*>(lua_touserdata(state, lua_upvalueindex(1)));
}

// -- Reading the tables that test_prelude.lua gives

int get(lua_State* state, int table, const char* name) {
  lua_getfield(state, table, name);
  return lua_type(state, -1);
}

void read_text(lua_State* state, int table, const char* name, std::string& text) {
  LuaStackGuard guard(state);
  const int type = get(state, table, name);
  if (type != LUA_TSTRING && type != LUA_TNUMBER) return;
  std::size_t size = 0;
  const char* bytes = lua_tolstring(state, -1, &size);
  text.assign(bytes, size);
}

double read_number(lua_State* state, int table, const char* name, double fallback) {
  LuaStackGuard guard(state);
  return get(state, table, name) == LUA_TNUMBER ? lua_tonumber(state, -1) : fallback;
}

bool read_flag(lua_State* state, int table, const char* name, bool fallback) {
  LuaStackGuard guard(state);
  return get(state, table, name) == LUA_TNIL ? fallback : lua_toboolean(state, -1) != 0;
}

std::vector<std::string> read_list(lua_State* state, int table, const char* name) {
  LuaStackGuard guard(state);
  std::vector<std::string> words;
  if (get(state, table, name) != LUA_TTABLE) return words;
  for (int at = 1;; ++at) {
    lua_rawgeti(state, -1, at);
    if (lua_type(state, -1) != LUA_TSTRING) return words;
    words.emplace_back(lua_tostring(state, -1));
    lua_pop(state, 1);
  }
}

void read_headers(lua_State* state, int table, Headers& headers) {
  LuaStackGuard guard(state);
  if (get(state, table, "headers") != LUA_TTABLE) return;
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    if (lua_type(state, -2) == LUA_TSTRING && lua_isstring(state, -1)) {
      std::size_t size = 0;
      const char* value = lua_tolstring(state, -1, &size);
      headers.add(lua_tostring(state, -2), {value, size});
    }
    lua_pop(state, 1);
  }
}

// -- Makers

int make_request(lua_State* state) {
  auto& fake = bench_of(state).new_fake();
  auto& request = fake.request;
  request.method = "POST";
  read_text(state, 1, "method", request.method);
  read_text(state, 1, "model", request.model);
  read_text(state, 1, "upstream_model", request.upstream_model);
  request.path = "/v1beta/models/" + request.model + ":generateContent";
  read_text(state, 1, "path", request.path);
  read_text(state, 1, "query", request.query);
  request.remote_address = "127.0.0.1";
  read_text(state, 1, "remote_address", request.remote_address);
  fake.dialect = "gemini";
  read_text(state, 1, "dialect", fake.dialect);
  fake.endpoint = "generate";
  read_text(state, 1, "endpoint", fake.endpoint);
  request.dialect = fake.dialect;
  request.endpoint = fake.endpoint;
  request.streaming = read_flag(state, 1, "streaming", false);
  read_text(state, 1, "token", request.token);
  request.own_key = read_flag(state, 1, "own_key", false);
  read_text(state, 1, "conversation", request.conversation);
  request.estimated_tokens = std::llround(read_number(state, 1, "estimated_tokens", 0));
  read_text(state, 1, "text", request.body_text);
  request.has_body_text = !request.body_text.empty();
  read_headers(state, 1, request.headers);
  lua_getfield(state, 1, "client");
  if (const auto* client = client_at(state, -1)) request.client = *client;
  if (get(state, 1, "state") == LUA_TTABLE) fake.objects.state = LuaRef(state, -1);
  if (get(state, 1, "features") == LUA_TTABLE) fake.objects.features = LuaRef(state, -1);
  fake.objects.transforming = true;
  push_request(fake.objects, state);
  return 1;
}

std::optional<std::int64_t> read_limit(lua_State* state, const char* name) {
  const double number = read_number(state, 1, name, -1);
  return number < 0 ? std::nullopt : std::optional(std::llround(std::min(number, 1e15)));
}

std::optional<WallTime> read_time(lua_State* state, int index) {
  if (lua_type(state, index) == LUA_TNUMBER)
    return WallTime(Milliseconds(std::llround(lua_tonumber(state, index) * 1000)));
  if (lua_type(state, index) == LUA_TSTRING) return parse_iso_time(text_argument(state, index, "the time"));
  return std::nullopt;
}

// What the table of a test says of a client, and what that has asked for already.
void read_client(PolicyTestBench& bench, lua_State* state, Client& client) {
  LuaStackGuard guard(state);
  read_text(state, 1, "name", client.name);
  client.tags = read_list(state, 1, "tags");
  client.models = read_list(state, 1, "models");
  client.quota = {read_limit(state, "rpm"), read_limit(state, "daily_requests"),
                  read_limit(state, "daily_tokens")};
  client.enabled = read_flag(state, 1, "enabled", true);
  if (get(state, 1, "expires_at") != LUA_TNIL) {
    client.expires_at = read_time(state, lua_gettop(state));
    if (!client.expires_at) throw std::runtime_error("a_client: its expires_at is no time");
  }
  const Moment now{bench.clock().wall(), bench.clock().monotonic()};
  ClientUsageState usage{.client_id = {},
                         .day = pacific_day(now.wall),
                         .requests_today = read_limit(state, "requests_today").value_or(0),
                         .tokens_today = read_limit(state, "tokens_today").value_or(0),
                         .minute = {},
                         .last_used = {}};
  if (const auto requests = read_limit(state, "requests_this_minute"))
    usage.minute = {{now.wall, *requests, 0}};
  client.usage = std::make_shared<ClientUsage>();
  client.usage->restore(usage, now);
}

int make_client(lua_State* state) {
  Client client;
  client.name = "somebody";
  read_client(bench_of(state), state, client);
  client.id = "client-" + hex(sha256(client.name)).substr(0, 12);
  push_client(bench_of(state).policies(), state, std::make_shared<const Client>(std::move(client)));
  return 1;
}

int add_client(lua_State* state) {
  auto& bench = bench_of(state);
  Client client;
  std::string token;
  read_text(state, 1, "token", token);
  client.token_hash = hex(sha256(token));
  client.id = "client-" + client.token_hash.substr(0, 12);
  client.name = client.id;
  read_client(bench, state, client);
  client.created_at = bench.clock().wall();
  bench.clients().restore(std::move(client));
  return 0;
}

// A pool that is filled from the tables of a test, as a restart would fill it from the store: so a key may
// have seen anything.
class PoolFiller {
 public:
  PoolFiller(PolicyTestBench& bench, KeyPool& pool, lua_State* state, std::string model)
      : bench_(bench), pool_(pool), state_(state), model_(std::move(model)) {}

  // The list of tables at `index`. Null: there is none, or `problem` says what is wrong with one.
  KeyRef fill(int index, std::string& problem) {
    KeyRef first;
    std::vector<std::pair<KeyRef, int>> keys;
    for (int at = 1;; ++at) {
      LuaStackGuard guard(state_);
      lua_rawgeti(state_, index, at);
      if (!lua_istable(state_, -1)) break;
      auto key = restore_key(lua_gettop(state_), problem);
      if (!key) return nullptr;
      keys.emplace_back(std::move(key), at);
    }
    for (auto& [name, quota] : quotas_) pool_.restore(std::move(quota));
    for (const auto& [key, at] : keys) {
      LuaStackGuard guard(state_);
      lua_rawgeti(state_, index, at);
      trouble(key, lua_gettop(state_));
      if (!first) first = key;
    }
    return first;
  }

 private:
  std::int64_t count(int spec, const char* name) const {
    return std::llround(std::clamp(read_number(state_, spec, name, 0), 0.0, most_counted));
  }

  KeyRef restore_key(int spec, std::string& problem) {
    auto record = record_of(spec, problem);
    if (!problem.empty()) return nullptr;
    const auto day = pacific_day(bench_.clock().wall());
    KeyState past;
    past.failures_in_a_row = static_cast<int>(count(spec, "failures_in_a_row"));
    if (const auto requests = count(spec, "requests_today"); requests > 0) {
      past.models.push_back({model_, day, requests, requests, 0, {}});
    }
    add_to_quota(record, spec, day);
    const auto id = record.id;
    pool_.restore(std::move(record), std::move(past));
    return pool_.find(id);
  }

  // A pool of its own says what is no key, and what a key is called.
  KeyRecord record_of(int spec, std::string& problem) const {
    GivenKey given;
    read_text(state_, spec, "secret", given.secret);
    read_text(state_, spec, "name", given.name);
    read_text(state_, spec, "project", given.project);
    given.tags = read_list(state_, spec, "tags");
    const auto scratch = KeyPool::create(bench_.clock());
    const auto added = scratch->add(given);
    if (!added) return problem = added.error().message, KeyRecord{};
    KeyPool::Patch patch;
    patch.weight = read_number(state_, spec, "weight", 1);
    if (const auto changed = scratch->change(added->key->id(), patch); !changed)
      problem = changed.error().message;
    return {added->key->id(), given.secret, added->key->profile(), bench_.clock().wall()};
  }

  // Keys of one project share what it has seen.
  void add_to_quota(const KeyRecord& record, int spec, std::int64_t day) {
    const auto project = record.profile.project.empty() ? "key:" + record.id : record.profile.project;
    auto& quota = quotas_[project];
    quota.project = project;
    quota.model = model_;
    quota.day = day;
    quota.requests_today += count(spec, "requests_today");
    const auto requests = count(spec, "requests_this_minute");
    const auto tokens =
        std::llround(std::clamp(read_number(state_, spec, "tokens_this_minute", 0), 0.0, 1e9));
    if (requests + tokens > 0) quota.minute.push_back({bench_.clock().wall(), requests, tokens});
    LuaStackGuard guard(state_);
    if (get(state_, spec, "limits") != LUA_TTABLE) return;
    const int limits = lua_gettop(state_);
    for (const auto& [name, limit] :
         {std::pair{"rpm", &quota.learned.rpm}, std::pair{"tpm", &quota.learned.tpm},
          std::pair{"rpd", &quota.learned.rpd}}) {
      const double number = read_number(state_, limits, name, -1);
      if (number >= 0) *limit = std::llround(std::min(number, 1e15));
    }
  }

  // Last, since what is under way began when the key was well.
  void trouble(const KeyRef& key, int spec) {
    for (auto left = count(spec, "in_flight"); left > 0; --left) bench_.keep(pool_.reserve(key, "", 0, true));
    std::string model;
    read_text(state_, spec, "rests_for", model);
    const double rest = read_number(state_, spec, "rests", 0);
    if (rest > 0) pool_.cool_down(*key, model, Milliseconds(std::llround(rest * 1000)));
    KeyPool::Patch patch;
    patch.enabled = read_flag(state_, spec, "enabled", true);
    if (!*patch.enabled) (void)pool_.change(key->id(), patch);
  }

  PolicyTestBench& bench_;
  KeyPool& pool_;
  lua_State* state_;
  std::string model_;
  std::map<std::string, QuotaState> quotas_;  // By project.
};

// The key's table at 1, the model that it has seen at 2.
int make_key(lua_State* state) {
  auto& bench = bench_of(state);
  auto& pool = bench.new_pool();
  lua_createtable(state, 1, 0);
  lua_pushvalue(state, 1);
  lua_rawseti(state, -2, 1);
  lua_replace(state, 1);
  std::string problem;
  const auto key =
      PoolFiller(bench, pool, state, std::string(text_argument(state, 2, "the model"))).fill(1, problem);
  if (!key) throw std::runtime_error("a_key: " + problem);
  push_key(bench.policies(), state, &pool, key);
  return 1;
}

// What stands in `kept`: conversations and the ids of their keys.
void keep_conversations(lua_State* state, int options, KeyPool& pool) {
  LuaStackGuard guard(state);
  if (get(state, options, "kept") != LUA_TTABLE) return;
  lua_pushnil(state);
  while (lua_next(state, -2) != 0) {
    const auto key = pool.find(text_argument(state, -1, "the id of a kept key"));
    if (key) pool.keep(text_argument(state, -2, "the conversation"), *key);
    lua_pop(state, 1);
  }
}

// The keys' tables at 1, the options at 2: model, tried, kept, limits, estimated_tokens.
int make_pool(lua_State* state) {
  auto& bench = bench_of(state);
  auto& pool = bench.new_pool();
  auto& fake = bench.new_fake();
  read_text(state, 2, "model", fake.request.model);
  fake.request.upstream_model = fake.request.model;
  fake.request.estimated_tokens = std::llround(read_number(state, 2, "estimated_tokens", 0));
  std::string problem;
  PoolFiller(bench, pool, state, fake.request.model).fill(1, problem);
  if (!problem.empty()) throw std::runtime_error("a_pool: " + problem);
  if (get(state, 2, "limits") == LUA_TTABLE) {
    auto limits = read_limits(state, -1, nullptr);
    if (!limits) throw std::runtime_error("a_pool: limits: " + limits.error().message);
    pool.set_limits(std::move(*limits));
  }
  keep_conversations(state, 2, pool);
  fake.tried = read_list(state, 2, "tried");
  fake.objects.pool = &pool;
  fake.objects.begin_select({fake.tried, nullptr});
  push_pool(fake.objects, state);
  return 1;
}

int make_attempt(lua_State* state) {
  auto& fake = bench_of(state).new_fake();
  auto& attempt = fake.attempt;
  fake.kind = "http";
  read_text(state, 1, "kind", fake.kind);
  read_text(state, 1, "text", fake.text);
  read_text(state, 1, "message", fake.message);
  attempt.kind = fake.kind;
  attempt.text = fake.text;
  attempt.message = fake.message;
  attempt.number = static_cast<int>(read_number(state, 1, "number", 1));
  attempt.status = static_cast<int>(read_number(state, 1, "status", 0));
  read_headers(state, 1, fake.attempt_headers);
  if (attempt.status != 0) attempt.headers = &fake.attempt_headers;
  lua_getfield(state, 1, "key");
  if (const auto* key = key_at(state, -1)) attempt.key = *key;
  fake.objects.pool = pool_of_key_at(state, -1);
  fake.objects.made_up_attempt = &attempt;
  fake.objects.begin_attempt(attempt);
  push_attempt(fake.objects, state);
  return 1;
}

int make_response(lua_State* state) {
  auto& fake = bench_of(state).new_fake();
  fake.response.status = static_cast<int>(read_number(state, 1, "status", 200));
  read_text(state, 1, "text", fake.response.text);
  read_headers(state, 1, fake.response.headers);
  fake.objects.begin_response(fake.response);
  push_response(fake.objects, state);
  return 1;
}

// -- The world around

int set_setting(lua_State* state) {
  auto& policies = bench_of(state).policies();
  const bool known = lua_type(state, 1) == LUA_TSTRING && policies.knows_setting(lua_tostring(state, 1));
  if (known) {
    policies.tables().settings.push(state);
    lua_pushvalue(state, 1);
    lua_pushvalue(state, 2);
    lua_rawset(state, -3);
  }
  lua_pushboolean(state, known);
  return 1;
}

int set_time(lua_State* state) {
  auto& clock = bench_of(state).clock();
  const auto time = read_time(state, 1);
  if (time) clock.set_wall(*time);
  lua_pushboolean(state, time.has_value());
  return 1;
}

int pass_time(lua_State* state) {
  const double seconds = std::min(lua_tonumber(state, 1), 1e9);
  bench_of(state).clock().advance(Milliseconds(std::llround(seconds * 1000)));
  return 0;
}

// What a failed expectation shows of a key or client.
int name_of_object(lua_State* state) {
  if (const auto* key = key_at(state, 1)) {
    const auto name = (*key)->profile().name;
    lua_pushlstring(state, name.data(), name.size());
  } else if (const auto* client = client_at(state, 1)) {
    lua_pushlstring(state, (*client)->name.data(), (*client)->name.size());
  } else {
    lua_pushnil(state);
  }
  return 1;
}

}  // namespace

Result<std::unique_ptr<PolicyTestBench>> PolicyTestBench::create(const PolicySources& sources,
                                                                 const Settings& settings) {
  std::unique_ptr<PolicyTestBench> bench(new PolicyTestBench(settings));
  PolicyLimits limits;
  limits.cpu_budget = std::chrono::milliseconds(1000);  // A test may try a hook many times over.
  limits.load_budget = std::chrono::milliseconds(5000);
  limits.memory_bytes = std::size_t{256} * 1024 * 1024;
  auto policies = LoadedPolicies::create(sources, bench->host_, limits);
  if (!policies) return std::move(policies).error();
  bench->policies_ = std::move(*policies);
  return bench;
}

PolicyTestBench::PolicyTestBench(const Settings& settings) : settings_(settings), clock_(first_moment) {
  host_.clock = &clock_;
  host_.settings = &settings_;
  clients_ = Clients::create();
  shared_ = SharedTable::create(clock_);
  cache_ = SharedTable::create_cache(clock_);
  host_.clients = clients_.get();
  host_.shared = shared_.get();
  host_.cache = cache_.get();
}

PolicyTestBench::~PolicyTestBench() = default;

void PolicyTestBench::reset() {
  clock_.set_wall(first_moment);
  auto clients = Clients::create();
  auto shared = SharedTable::create(clock_);
  auto cache = SharedTable::create_cache(clock_);
  host_.clients = clients.get();
  host_.shared = shared.get();
  host_.cache = cache.get();
  policies_->attach(host_);
  clients_ = std::move(clients);
  shared_ = std::move(shared);
  cache_ = std::move(cache);
}

PolicyTestBench::Fake& PolicyTestBench::new_fake() {
  if (fakes_.size() >= most_fakes) throw std::runtime_error("a file of tests makes too many fakes");
  return *fakes_.emplace_back(std::make_unique<Fake>(*this));
}

KeyPool& PolicyTestBench::new_pool() {
  if (pools_.size() >= most_fakes) throw std::runtime_error("a file of tests makes too many fakes");
  return *pools_.emplace_back(KeyPool::create(clock_));
}

void push_fake_makers(PolicyTestBench& bench) {
  static constexpr std::array makers{
      Method{"request", lua_entry<make_request>},   Method{"client", lua_entry<make_client>},
      Method{"add_client", lua_entry<add_client>},  Method{"key", lua_entry<make_key>},
      Method{"pool", lua_entry<make_pool>},         Method{"attempt", lua_entry<make_attempt>},
      Method{"response", lua_entry<make_response>}, Method{"set_setting", lua_entry<set_setting>},
      Method{"set_time", lua_entry<set_time>},      Method{"pass_time", lua_entry<pass_time>},
      Method{"name_of", lua_entry<name_of_object>}};
  auto* lua = bench.lua();
  lua_createtable(lua, 0, static_cast<int>(makers.size()));
  for (const auto& maker : makers) {
    lua_pushlightuserdata(lua, &bench);
    lua_pushcclosure(lua, maker.function, 1);
    lua_setfield(lua, -2, maker.name);
  }
}

}  // namespace pollux
