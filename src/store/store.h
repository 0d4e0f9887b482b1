// What outlives the process: keys, their states, projects' quotas, client tokens, a few named values. SQLite
// stands behind it today.
//
// Reading happens at start, on the caller's thread. Writing is queued from any thread and done by one
// recorder thread in batches, so no loop ever waits for a disk. Identity (keys, clients, named values) is
// committed at once and confirmed; states are gathered by the recorder a second after they have changed, so
// that a kill -9 costs at most a second of counts, and nobody wakes while nothing changes.
//
// A disk that is full or read-only, a locked or damaged database: what cannot be written stays queued
// (bounded; later values of the same thing replace earlier ones) and is tried again; health() says what is
// wrong. A database that is damaged at start is put aside under another name and a new one begun, and
// health() says so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pool/clients.h"
#include "pool/key_pool.h"
#include "store/session_record.h"

namespace pollux {

class Store {
 public:
  // Called on the recorder's thread once the change is on disk, or could not be written.
  using Done = std::function<void(Result<void>)>;

  // Opens or creates DIR/pollux.db (mode 0600, WAL), migrating an older schema; a newer one is an error.
  // The directory is made (0700) if it is missing.
  static Result<std::unique_ptr<Store>> open(const std::string& directory);
  // Writes what is queued (within 5 s) and ends the thread.
  virtual ~Store() = default;

  virtual std::vector<std::pair<KeyRecord, KeyState>> load_keys() = 0;
  virtual std::vector<QuotaState> load_quotas() = 0;
  virtual std::vector<Client> load_clients() = 0;
  virtual std::vector<SessionRecord> load_sessions() = 0;
  virtual std::vector<ClientUsageState> load_client_usage() = 0;
  virtual std::optional<std::string> load_value(std::string_view name) = 0;

  virtual void save_key(KeyRecord record, Done done = {}) = 0;
  virtual void remove_key(std::string id, Done done = {}) = 0;
  virtual void save_client(Client client, Done done = {}) = 0;
  virtual void remove_client(std::string id, Done done = {}) = 0;
  virtual void save_value(std::string name, std::string value, Done done = {}) = 0;
  virtual void save_session(SessionRecord session, Done done = {}) = 0;
  virtual void remove_session(std::string token_hash, Done done = {}) = 0;

  // `done` is called once everything queued before it is on disk, or could not be written.
  virtual void barrier(Done done) = 0;

  // Where the recorder gathers states from: KeyPool::take_changes with Clients::take_changes. It is asked at
  // once, a second after states_changed(), and at the end.
  virtual void gather_states(std::function<PoolState()> source) = 0;
  // From any thread; waits for nothing.
  virtual void states_changed() = 0;

  // Empty when all is well; else one sentence for the log and /ready: "database: disk is full; 12 changes
  // wait".
  virtual std::string health() const = 0;
};

}  // namespace pollux
