#include "store/schema.h"

#include <SQLiteCpp/Transaction.h>

#include <array>
#include <string>

namespace pollux {
namespace {

// Times are milliseconds since 1970 (UTC), flags 0 or 1, tags one a line.
constexpr const char* keys_and_clients = R"(
CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  secret TEXT NOT NULL,
  name TEXT NOT NULL,
  project TEXT NOT NULL,
  tags TEXT NOT NULL,
  weight REAL NOT NULL,
  enabled INTEGER NOT NULL,
  disabled_reason TEXT NOT NULL,
  disabled_since INTEGER,
  disabled_by_owner INTEGER NOT NULL,
  added_at INTEGER NOT NULL
);
CREATE TABLE key_states (
  key_id TEXT PRIMARY KEY,
  cooldown_until INTEGER,
  failures_in_a_row INTEGER NOT NULL,
  last_used INTEGER,
  last_success INTEGER
) WITHOUT ROWID;
CREATE TABLE key_models (
  key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  day INTEGER NOT NULL,
  requests_today INTEGER NOT NULL,
  successes INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  cooldown_until INTEGER,
  PRIMARY KEY (key_id, model)
) WITHOUT ROWID;
CREATE TABLE clients (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  tags TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  from_settings INTEGER NOT NULL
);
CREATE TABLE named_values (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
)";

// What Google counts by project and model: a key without a project is the project "key:ID". `minute` is as
// in tables.cpp. What keys had counted and rested becomes their project's.
constexpr const char* quotas_of_projects = R"(
CREATE TABLE quotas (
  project TEXT NOT NULL,
  model TEXT NOT NULL,
  day INTEGER NOT NULL,
  requests_today INTEGER NOT NULL,
  minute TEXT NOT NULL,
  cooldown_until INTEGER,
  back_offs INTEGER NOT NULL,
  learned_rpm INTEGER,
  learned_tpm INTEGER,
  learned_rpd INTEGER,
  PRIMARY KEY (project, model)
) WITHOUT ROWID;

WITH
  counted AS (
    SELECT CASE keys.project WHEN '' THEN 'key:' || keys.id ELSE keys.project END AS project,
      model, day, requests_today, cooldown_until
    FROM key_models JOIN keys ON keys.id = key_models.key_id
    WHERE model <> ''),
  latest AS (
    SELECT project, model, max(day) AS day FROM counted GROUP BY project, model)
INSERT INTO quotas (project, model, day, requests_today, minute, cooldown_until, back_offs)
  SELECT project, model, latest.day, sum(CASE WHEN counted.day = latest.day THEN requests_today ELSE 0 END),
    '', max(cooldown_until), 0
  FROM latest JOIN counted USING (project, model)
  GROUP BY project, model;

ALTER TABLE key_models DROP COLUMN cooldown_until;
ALTER TABLE key_models ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_models ADD COLUMN cached_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_models ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_models ADD COLUMN thought_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE key_states ADD COLUMN rest_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE key_states ADD COLUMN on_trial INTEGER NOT NULL DEFAULT 0;
)";

constexpr const char* sign_in_sessions = R"(
CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen INTEGER NOT NULL
) WITHOUT ROWID;
)";

// `models` is one a line; `minute` is as in tables.cpp.
constexpr const char* limits_of_clients = R"(
ALTER TABLE clients ADD COLUMN token_hint TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN models TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN rpm INTEGER;
ALTER TABLE clients ADD COLUMN daily_requests INTEGER;
ALTER TABLE clients ADD COLUMN daily_tokens INTEGER;
CREATE TABLE client_usage (
  client_id TEXT PRIMARY KEY,
  day INTEGER NOT NULL,
  requests_today INTEGER NOT NULL,
  tokens_today INTEGER NOT NULL,
  minute TEXT NOT NULL,
  last_used INTEGER
) WITHOUT ROWID;
)";

constexpr std::array all_steps{
    keys_and_clients,
    quotas_of_projects,
    limits_of_clients,
    sign_in_sessions,
};
constexpr std::array<std::string_view, 8> tables{
    "keys", "key_states", "key_models", "clients", "named_values", "quotas", "client_usage", "sessions",
};

}  // namespace

std::span<const char* const> schema_steps() {
  return all_steps;
}
std::span<const std::string_view> checked_tables() {
  return tables;
}

Result<void> migrate(SQLite::Database& database, std::span<const char* const> steps) {
  const auto found = database.execAndGet("PRAGMA user_version").getInt64();
  const auto known = static_cast<std::int64_t>(steps.size());
  if (found < 0 || found > known) {
    return conflict("made by a newer Pollux (its schema is version " + std::to_string(found) +
                    ", this one knows up to " + std::to_string(known) +
                    "): start that one, or use another DATA_DIR");
  }
  for (auto version = found; version < known; ++version) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    database.exec(steps[static_cast<std::size_t>(version)]);
    database.exec("PRAGMA user_version = " + std::to_string(version + 1));
    transaction.commit();
  }
  return {};
}

}  // namespace pollux
