#include "store/tables.h"

#include <SQLiteCpp/Statement.h>

#include <charconv>
#include <cstdint>

namespace pollux {
namespace {

// -- Values and columns

void bind_at(SQLite::Statement& statement, int at, const std::string& text) {
  statement.bindNoCopy(at, text);
}
void bind_at(SQLite::Statement& statement, int at, std::int64_t number) {
  statement.bind(at, number);
}
void bind_at(SQLite::Statement& statement, int at, int number) {
  statement.bind(at, number);
}
void bind_at(SQLite::Statement& statement, int at, bool flag) {
  statement.bind(at, flag ? 1 : 0);
}
void bind_at(SQLite::Statement& statement, int at, double number) {
  statement.bind(at, number);
}
void bind_at(SQLite::Statement& statement, int at, WallTime time) {
  statement.bind(at, std::int64_t{time.time_since_epoch().count()});
}
template <typename Value>
void bind_at(SQLite::Statement& statement, int at, const std::optional<Value>& value) {
  value ? bind_at(statement, at, *value) : statement.bind(at);
}

// REQUIRES: the values live until the call returns.
template <typename... Values>
void run(SQLite::Statement& statement, const Values&... values) {
  statement.reset();
  int at = 0;
  (bind_at(statement, ++at, values), ...);
  statement.exec();
}

template <typename... Values>
void run_once(SQLite::Database& database, const char* sql, const Values&... values) {
  SQLite::Statement statement(database, sql);
  run(statement, values...);
}

// Reads a row's columns from left to right.
class Row {
 public:
  explicit Row(const SQLite::Statement& statement) : statement_(statement) {}

  std::string text() { return next().getString(); }
  std::int64_t number() { return next().getInt64(); }
  int small_number() { return next().getInt(); }
  double real() { return next().getDouble(); }
  bool flag() { return next().getInt() != 0; }
  WallTime time() { return WallTime(Milliseconds(next().getInt64())); }
  std::optional<WallTime> optional_time() {
    const auto column = next();
    return column.isNull() ? std::nullopt : std::optional(WallTime(Milliseconds(column.getInt64())));
  }
  std::optional<std::int64_t> optional_number() {
    const auto column = next();
    return column.isNull() ? std::nullopt : std::optional<std::int64_t>(column.getInt64());
  }
  std::vector<std::string> lines();
  std::vector<StoredUse> uses();

 private:
  SQLite::Column next() { return statement_.getColumn(at_++); }

  const SQLite::Statement& statement_;
  int at_ = 0;
};

std::vector<std::string> Row::lines() {
  std::vector<std::string> lines;
  const auto text = this->text();
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    if (end > begin) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text.append(line).append("\n");
  return text;
}

// The uses of a minute as "TIME REQUESTS TOKENS TIME REQUESTS TOKENS ...": the first time in milliseconds
// since 1970, each further one since the time before.
std::string in_text(const std::vector<StoredUse>& uses) {
  std::string text;
  WallTime before{};
  for (const auto& use : uses) {
    for (const std::int64_t number : {std::int64_t{(use.at - before).count()}, use.requests, use.tokens}) {
      if (!text.empty()) text += ' ';
      text += std::to_string(number);
    }
    before = use.at;
  }
  return text;
}

// As far as it can be read.
std::vector<StoredUse> Row::uses() {
  constexpr std::int64_t largest = 1'000'000'000'000'000;  // Beyond it a number is damage.
  std::vector<StoredUse> uses;
  const auto text = this->text();
  const char* at = text.data();
  const char* const end = at + text.size();
  WallTime before{};
  while (at != end) {
    std::int64_t numbers[3];
    for (auto& number : numbers) {
      if (at != end && *at == ' ') ++at;
      const auto [next, problem] = std::from_chars(at, end, number);
      if (problem != std::errc() || number < 0 || number > largest) return uses;
      at = next;
    }
    before += Milliseconds(numbers[0]);
    uses.push_back({before, numbers[1], numbers[2]});
  }
  return uses;
}

// -- One kind of change each

void write(SQLite::Database& database, const KeyRecord& key) {
  const auto& profile = key.profile;
  run_once(
      database,
      "INSERT INTO keys (id, secret, name, project, tags, weight, enabled, disabled_reason, disabled_since,"
      " disabled_by_owner, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (id) DO UPDATE SET name = excluded.name, project = excluded.project, tags = "
      "excluded.tags,"
      " weight = excluded.weight, enabled = excluded.enabled, disabled_reason = excluded.disabled_reason,"
      " disabled_since = excluded.disabled_since, disabled_by_owner = excluded.disabled_by_owner",
      key.id, key.secret, profile.name, profile.project, joined(profile.tags), profile.weight,
      profile.enabled, profile.disabled_reason, profile.disabled_since, profile.disabled_by_owner,
      key.added_at);
}

void write(SQLite::Database& database, const RemovedKey& key) {
  run_once(database, "DELETE FROM key_models WHERE key_id = ?", key.id);
  run_once(database, "DELETE FROM key_states WHERE key_id = ?", key.id);
  run_once(database, "DELETE FROM keys WHERE id = ?", key.id);
}

void write(SQLite::Database& database, const Client& client) {
  run_once(database,
           "INSERT INTO clients (id, name, token_hash, tags, enabled, expires_at, created_at, from_settings,"
           " token_hint, models, rpm, daily_requests, daily_tokens)"
           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
           " ON CONFLICT (id) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash,"
           " tags = excluded.tags, enabled = excluded.enabled, expires_at = excluded.expires_at,"
           " created_at = excluded.created_at, from_settings = excluded.from_settings,"
           " token_hint = excluded.token_hint, models = excluded.models, rpm = excluded.rpm,"
           " daily_requests = excluded.daily_requests, daily_tokens = excluded.daily_tokens",
           client.id, client.name, client.token_hash, joined(client.tags), client.enabled, client.expires_at,
           client.created_at, client.from_settings, client.token_hint, joined(client.models),
           client.quota.rpm, client.quota.daily_requests, client.quota.daily_tokens);
}

void write(SQLite::Database& database, const RemovedClient& client) {
  run_once(database, "DELETE FROM client_usage WHERE client_id = ?", client.id);
  run_once(database, "DELETE FROM clients WHERE id = ?", client.id);
}

void write(SQLite::Database& database, const NamedValue& named) {
  run_once(database, "INSERT OR REPLACE INTO named_values (name, value) VALUES (?, ?)", named.name,
           named.value);
}

void write(SQLite::Database& database, const SessionRecord& session) {
  run_once(database,
           "INSERT OR REPLACE INTO sessions (token_hash, account, created_at, last_seen) VALUES (?, ?, ?, ?)",
           session.token_hash, session.account, session.created_at, session.last_seen);
}

void write(SQLite::Database& database, const RemovedSession& session) {
  run_once(database, "DELETE FROM sessions WHERE token_hash = ?", session.token_hash);
}

using KeyStates = std::unordered_map<std::string, KeyState>;  // By the key's id.

void read_states(SQLite::Database& database, KeyStates& states) {
  SQLite::Statement statement(database,
                              "SELECT key_id, cooldown_until, rest_reason, on_trial, failures_in_a_row,"
                              " last_used, last_success FROM key_states");
  while (statement.executeStep()) {
    Row row(statement);
    auto& state = states[row.text()];
    state.cooldown_until = row.optional_time();
    state.rest_reason = row.text();
    state.on_trial = row.flag();
    state.failures_in_a_row = row.small_number();
    state.last_used = row.optional_time();
    state.last_success = row.optional_time();
  }
}

void read_models(SQLite::Database& database, KeyStates& states) {
  SQLite::Statement statement(database,
                              "SELECT key_id, model, day, requests_today, successes, failures,"
                              " input_tokens, cached_tokens, output_tokens, thought_tokens FROM key_models");
  while (statement.executeStep()) {
    Row row(statement);
    auto& model = states[row.text()].models.emplace_back();
    model.model = row.text();
    model.day = row.number();
    model.requests_today = row.number();
    model.successes = row.number();
    model.failures = row.number();
    auto& tokens = model.tokens_today;
    for (auto* count : {&tokens.input, &tokens.cached, &tokens.output, &tokens.thoughts}) {
      *count = row.number();
    }
  }
}

}  // namespace

void read_keys(SQLite::Database& database, StoredKeys& keys) {
  SQLite::Statement statement(database,
                              "SELECT id, secret, name, project, tags, weight, enabled, disabled_reason,"
                              " disabled_since, disabled_by_owner, added_at FROM keys ORDER BY rowid");
  while (statement.executeStep()) {
    Row row(statement);
    KeyRecord key;
    key.id = row.text();
    key.secret = row.text();
    key.profile.name = row.text();
    key.profile.project = row.text();
    key.profile.tags = row.lines();
    key.profile.weight = row.real();
    key.profile.enabled = row.flag();
    key.profile.disabled_reason = row.text();
    key.profile.disabled_since = row.optional_time();
    key.profile.disabled_by_owner = row.flag();
    key.added_at = row.time();
    keys.emplace_back(std::move(key), KeyState{});
  }
  KeyStates states;
  read_states(database, states);
  read_models(database, states);
  for (auto& [key, state] : keys) {
    if (const auto found = states.find(key.id); found != states.end()) state = std::move(found->second);
  }
}

void read_quotas(SQLite::Database& database, std::vector<QuotaState>& quotas) {
  SQLite::Statement statement(database,
                              "SELECT project, model, day, requests_today, minute, cooldown_until, back_offs,"
                              " learned_rpm, learned_tpm, learned_rpd FROM quotas");
  while (statement.executeStep()) {
    Row row(statement);
    QuotaState quota;
    quota.project = row.text();
    quota.model = row.text();
    quota.day = row.number();
    quota.requests_today = row.number();
    quota.minute = row.uses();
    quota.cooldown_until = row.optional_time();
    quota.back_offs = row.small_number();
    quota.learned.rpm = row.optional_number();
    quota.learned.tpm = row.optional_number();
    quota.learned.rpd = row.optional_number();
    quotas.push_back(std::move(quota));
  }
}

void read_clients(SQLite::Database& database, std::vector<Client>& clients) {
  SQLite::Statement statement(
      database,
      "SELECT id, name, token_hash, tags, enabled, expires_at, created_at, from_settings,"
      " token_hint, models, rpm, daily_requests, daily_tokens FROM clients ORDER BY rowid");
  while (statement.executeStep()) {
    Row row(statement);
    Client client;
    client.id = row.text();
    client.name = row.text();
    client.token_hash = row.text();
    client.tags = row.lines();
    client.enabled = row.flag();
    client.expires_at = row.optional_time();
    client.created_at = row.time();
    client.from_settings = row.flag();
    client.token_hint = row.text();
    client.models = row.lines();
    client.quota.rpm = row.optional_number();
    client.quota.daily_requests = row.optional_number();
    client.quota.daily_tokens = row.optional_number();
    clients.push_back(std::move(client));
  }
}

void read_client_usage(SQLite::Database& database, std::vector<ClientUsageState>& usage) {
  SQLite::Statement statement(
      database, "SELECT client_id, day, requests_today, tokens_today, minute, last_used FROM client_usage");
  while (statement.executeStep()) {
    Row row(statement);
    auto& state = usage.emplace_back();
    state.client_id = row.text();
    state.day = row.number();
    state.requests_today = row.number();
    state.tokens_today = row.number();
    state.minute = row.uses();
    state.last_used = row.optional_time();
  }
}

void read_values(SQLite::Database& database, std::vector<NamedValue>& values) {
  SQLite::Statement statement(database, "SELECT name, value FROM named_values");
  while (statement.executeStep()) {
    Row row(statement);
    auto name = row.text();
    values.push_back({std::move(name), row.text()});
  }
}

void read_sessions(SQLite::Database& database, std::vector<SessionRecord>& sessions) {
  SQLite::Statement statement(database, "SELECT token_hash, account, created_at, last_seen FROM sessions");
  while (statement.executeStep()) {
    Row row(statement);
    SessionRecord session;
    session.token_hash = row.text();
    session.account = row.text();
    session.created_at = row.time();
    session.last_seen = row.time();
    sessions.push_back(std::move(session));
  }
}

std::optional<std::string> read_value(SQLite::Database& database, std::string_view name) {
  SQLite::Statement statement(database, "SELECT value FROM named_values WHERE name = ?");
  statement.bind(1, std::string(name));
  if (!statement.executeStep()) return std::nullopt;
  return statement.getColumn(0).getString();
}

void write_change(SQLite::Database& database, const Change& change) {
  std::visit([&](const auto& what) { write(database, what); }, change);
}

void StateBatch::add(PoolState&& state, std::size_t most) {
  const auto put = [most](auto& known, auto name, auto&& value) {
    if (known.size() < most || known.contains(name)) {
      known.insert_or_assign(std::move(name), std::forward<decltype(value)>(value));
    }
  };
  for (auto& [id, key] : state.keys) put(keys, std::move(id), std::move(key));
  for (auto& client : state.clients) {
    auto id = client.client_id;
    put(clients, std::move(id), std::move(client));
  }
  // A project that went and came again within a second is both forgotten and there.
  for (auto& name : state.forgotten_quotas) put(quotas, std::move(name), std::nullopt);
  for (auto& quota : state.quotas) {
    QuotaName name(quota.project, quota.model);
    put(quotas, std::move(name), std::move(quota));
  }
}

namespace {

void write_key_states(SQLite::Database& database, const KeyStates& states) {
  SQLite::Statement exists(database, "SELECT 1 FROM keys WHERE id = ?");
  SQLite::Statement state_row(
      database,
      "INSERT OR REPLACE INTO key_states (key_id, cooldown_until, rest_reason, on_trial, failures_in_a_row,"
      " last_used, last_success) VALUES (?, ?, ?, ?, ?, ?, ?)");
  SQLite::Statement no_models(database, "DELETE FROM key_models WHERE key_id = ?");
  SQLite::Statement model_row(
      database,
      "INSERT OR REPLACE INTO key_models (key_id, model, day, requests_today, successes, failures,"
      " input_tokens, cached_tokens, output_tokens, thought_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& [id, state] : states) {
    exists.reset();
    exists.bindNoCopy(1, id);
    if (!exists.executeStep()) continue;
    run(state_row, id, state.cooldown_until, state.rest_reason, state.on_trial, state.failures_in_a_row,
        state.last_used, state.last_success);
    run(no_models, id);
    for (const auto& model : state.models) {
      const auto& tokens = model.tokens_today;
      run(model_row, id, model.model, model.day, model.requests_today, model.successes, model.failures,
          tokens.input, tokens.cached, tokens.output, tokens.thoughts);
    }
  }
}

void write_quotas(SQLite::Database& database, const StateBatch& states) {
  if (states.quotas.empty()) return;
  SQLite::Statement row(
      database,
      "INSERT OR REPLACE INTO quotas (project, model, day, requests_today, minute, cooldown_until, back_offs,"
      " learned_rpm, learned_tpm, learned_rpd) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  SQLite::Statement no_row(database, "DELETE FROM quotas WHERE project = ? AND model = ?");
  for (const auto& [name, quota] : states.quotas) {
    if (!quota) {
      run(no_row, name.first, name.second);
      continue;
    }
    const auto minute = in_text(quota->minute);
    run(row, quota->project, quota->model, quota->day, quota->requests_today, minute, quota->cooldown_until,
        quota->back_offs, quota->learned.rpm, quota->learned.tpm, quota->learned.rpd);
  }
}

// Clients from settings have no row in their own table unless they were changed: so all are taken.
void write_client_usage(SQLite::Database& database, const StateBatch& states) {
  if (states.clients.empty()) return;
  SQLite::Statement row(database,
                        "INSERT OR REPLACE INTO client_usage (client_id, day, requests_today, tokens_today,"
                        " minute, last_used) VALUES (?, ?, ?, ?, ?, ?)");
  for (const auto& [id, usage] : states.clients) {
    const auto minute = in_text(usage.minute);
    run(row, id, usage.day, usage.requests_today, usage.tokens_today, minute, usage.last_used);
  }
}

}  // namespace

void write_states(SQLite::Database& database, const StateBatch& states) {
  write_key_states(database, states.keys);
  write_quotas(database, states);
  write_client_usage(database, states);
}

}  // namespace pollux
