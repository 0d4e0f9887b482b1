// Rows to values and back. All of these throw SQLite::Exception.
#pragma once

#include <SQLiteCpp/Database.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "pool/clients.h"
#include "pool/key_pool.h"
#include "store/session_record.h"

namespace pollux {

// One thing to be kept, or no longer.
struct RemovedKey {
  std::string id;
};
struct RemovedClient {
  std::string id;
};
struct NamedValue {
  std::string name, value;
};
struct RemovedSession {
  std::string token_hash;
};
using Change =
    std::variant<KeyRecord, RemovedKey, Client, RemovedClient, NamedValue, SessionRecord, RemovedSession>;

// States that wait to be written: of the same key, or project and model, the last one counts.
struct StateBatch {
  using QuotaName = std::pair<std::string, std::string>;  // Project and model.

  std::unordered_map<std::string, KeyState> keys;             // By id.
  std::map<QuotaName, std::optional<QuotaState>> quotas;      // Nothing: forgotten.
  std::unordered_map<std::string, ClientUsageState> clients;  // By id.

  // Takes no more than `most` of each in; later states of what is there already replace the earlier ones.
  void add(PoolState&& state, std::size_t most);
  std::size_t size() const noexcept { return keys.size() + quotas.size() + clients.size(); }
  bool empty() const noexcept { return size() == 0; }
  void clear() noexcept { keys.clear(), quotas.clear(), clients.clear(); }
};

using StoredKeys = std::vector<std::pair<KeyRecord, KeyState>>;

// What was read before an exception stays in `keys`: of a damaged file as much as can be had.
void read_keys(SQLite::Database& database, StoredKeys& keys);
void read_quotas(SQLite::Database& database, std::vector<QuotaState>& quotas);
void read_clients(SQLite::Database& database, std::vector<Client>& clients);
void read_client_usage(SQLite::Database& database, std::vector<ClientUsageState>& usage);
void read_values(SQLite::Database& database, std::vector<NamedValue>& values);
void read_sessions(SQLite::Database& database, std::vector<SessionRecord>& sessions);
std::optional<std::string> read_value(SQLite::Database& database, std::string_view name);

// REQUIRES: a transaction is open.
void write_change(SQLite::Database& database, const Change& change);
// States of keys that are not in the table (removed meanwhile) are left out.
void write_states(SQLite::Database& database, const StateBatch& states);

}  // namespace pollux
