#include "store/schema.h"

#include <SQLiteCpp/Database.h>

#include <array>

#include "catch.h"
#include "store/store.h"
#include "store/stored_things.h"
#include "temporary_folder.h"

using namespace pollux;

namespace {

// A database as version 1 wrote it: never changed, whatever becomes of the schema.
constexpr const char* version_1 = R"(
PRAGMA journal_mode = WAL;
CREATE TABLE keys (id TEXT PRIMARY KEY, secret TEXT NOT NULL, name TEXT NOT NULL, project TEXT NOT NULL,
  tags TEXT NOT NULL, weight REAL NOT NULL, enabled INTEGER NOT NULL, disabled_reason TEXT NOT NULL,
  disabled_since INTEGER, disabled_by_owner INTEGER NOT NULL, added_at INTEGER NOT NULL);
CREATE TABLE key_states (key_id TEXT PRIMARY KEY, cooldown_until INTEGER, failures_in_a_row INTEGER NOT NULL,
  last_used INTEGER, last_success INTEGER) WITHOUT ROWID;
CREATE TABLE key_models (key_id TEXT NOT NULL, model TEXT NOT NULL, day INTEGER NOT NULL,
  requests_today INTEGER NOT NULL, successes INTEGER NOT NULL, failures INTEGER NOT NULL, cooldown_until INTEGER,
  PRIMARY KEY (key_id, model)) WITHOUT ROWID;
CREATE TABLE clients (id TEXT PRIMARY KEY, name TEXT NOT NULL, token_hash TEXT NOT NULL, tags TEXT NOT NULL,
  enabled INTEGER NOT NULL, expires_at INTEGER, created_at INTEGER NOT NULL, from_settings INTEGER NOT NULL);
CREATE TABLE named_values (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO keys VALUES ('3f9a2c000001', 'a-secret', 'work', 'p1', 'paid' || char(10), 1.0, 1, '', NULL, 0, 1795262400000);
INSERT INTO keys VALUES ('3f9a2c000002', 'b-secret', 'more', 'p1', '', 1.0, 1, '', NULL, 0, 1795262400000);
INSERT INTO keys VALUES ('3f9a2c000003', 'c-secret', 'lone', '', '', 1.0, 1, '', NULL, 0, 1795262400000);
INSERT INTO key_states VALUES ('3f9a2c000001', NULL, 1, 1795262400000, NULL);
INSERT INTO key_models VALUES ('3f9a2c000001', 'gemini-3.5-flash', 20261121, 4, 3, 1, NULL);
INSERT INTO key_models VALUES ('3f9a2c000002', 'gemini-3.5-flash', 20261121, 7, 7, 0, 1795266000000);
INSERT INTO key_models VALUES ('3f9a2c000002', 'gemini-3.8-flash', 20261120, 9, 9, 0, NULL);
INSERT INTO key_models VALUES ('3f9a2c000001', 'gemini-3.8-flash', 20261121, 2, 2, 0, NULL);
INSERT INTO key_models VALUES ('3f9a2c000003', 'gemini-3.5-flash', 20261121, 1, 1, 0, 1795266000000);
INSERT INTO key_models VALUES ('3f9a2c000003', '', 20261121, 5, 5, 0, NULL);
INSERT INTO clients VALUES ('client-1', 'laptop', 'abcd', '', 1, NULL, 1795262400000, 1);
INSERT INTO named_values VALUES ('password', 'hash');
PRAGMA user_version = 1;
)";

std::int64_t version_of(SQLite::Database& database) {
  return database.execAndGet("PRAGMA user_version").getInt64();
}

}  // namespace

TEST_CASE("a database of version 1 is read whole by this version") {
  const TemporaryFolder folder;
  folder.write("data/pollux.db", "");
  SQLite::Database(folder.path("data/pollux.db"), SQLite::OPEN_READWRITE).exec(version_1);

  const auto store = opened(folder.path("data"));

  CHECK(store->health().empty());
  const auto keys = store->load_keys();
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].first.secret == "a-secret");
  CHECK(keys[0].first.profile.tags == std::vector<std::string>{"paid"});
  CHECK(keys[0].second.failures_in_a_row == 1);
  CHECK_FALSE(keys[0].second.on_trial);
  CHECK(keys[0].second.rest_reason.empty());
  REQUIRE(keys[0].second.models.size() == 2);
  CHECK(keys[0].second.models[0].requests_today == 4);
  CHECK(keys[0].second.models[0].tokens_today == TokenCounts{});
  REQUIRE(store->load_clients().size() == 1);
  CHECK(store->load_clients()[0].from_settings);
  CHECK(store->load_clients()[0].models.empty());
  CHECK(store->load_clients()[0].quota == ClientQuota{});
  CHECK(store->load_client_usage().empty());
  CHECK(store->load_value("password") == "hash");
}

TEST_CASE("what keys of version 1 had counted and rested becomes their project's") {
  const TemporaryFolder folder;
  folder.write("data/pollux.db", "");
  SQLite::Database(folder.path("data/pollux.db"), SQLite::OPEN_READWRITE).exec(version_1);

  const auto quotas = opened(folder.path("data"))->load_quotas();

  REQUIRE(quotas.size() == 3);
  CHECK(quotas[0].project == "key:3f9a2c000003");
  CHECK(quotas[0].requests_today == 1);
  CHECK(quotas[0].cooldown_until == noon + std::chrono::hours(1));
  CHECK(quotas[1].project == "p1");
  CHECK(quotas[1].model == "gemini-3.5-flash");
  CHECK(quotas[1].day == 20261121);
  CHECK(quotas[1].requests_today == 11);
  CHECK(quotas[1].cooldown_until == noon + std::chrono::hours(1));
  CHECK(quotas[1].minute.empty());
  CHECK(quotas[1].learned == Limits{});
  CHECK(quotas[2].model == "gemini-3.8-flash");
  CHECK(quotas[2].day == 20261121);
  CHECK(quotas[2].requests_today == 2);
  CHECK_FALSE(quotas[2].cooldown_until);
}

TEST_CASE("a database is brought up step by step from where it is") {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  constexpr std::array first{"CREATE TABLE a (x)"};
  constexpr std::array both{"CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)"};

  REQUIRE(migrate(database, first));
  CHECK(version_of(database) == 1);
  REQUIRE(migrate(database, both));
  REQUIRE(migrate(database, both));

  CHECK(version_of(database) == 2);
  CHECK(database.execAndGet("SELECT count(*) FROM a").getInt() == 1);
  CHECK_FALSE(migrate(database, first));
}

TEST_CASE("a step that fails leaves the database as it was") {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  constexpr std::array steps{"CREATE TABLE a (x)", "INSERT INTO a VALUES (1); nonsense"};
  CHECK_THROWS_AS(migrate(database, steps), SQLite::Exception);
  CHECK(version_of(database) == 1);
  CHECK(database.execAndGet("SELECT count(*) FROM a").getInt() == 0);
}
