// DIR/pollux.db, open: found whole, or put aside and begun anew, or copied into memory where nothing can be
// written.
#pragma once

#include <SQLiteCpp/Database.h>

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/data_directory.h"
#include "store/tables.h"

namespace pollux {

// Every call is safe from any thread and may wait for the disk.
class DatabaseFile {
 public:
  static Result<std::unique_ptr<DatabaseFile>> open(const std::string& directory);

  // False: it lives in memory only, and nothing that is written stays.
  bool keeps() const { return keeps_; }
  // What a person should know about how it was opened; empty: nothing.
  const std::string& notice() const { return notice_; }

  StoredKeys load_keys();
  std::vector<QuotaState> load_quotas();
  std::vector<Client> load_clients();
  std::vector<SessionRecord> load_sessions();
  std::vector<ClientUsageState> load_client_usage();
  std::optional<std::string> load_value(std::string_view name);

  // All or none; on the disk itself when it returns, so that it outlives a power cut.
  Result<void> write(std::span<const Change* const> changes);
  // All or none; outlives a crash of the program, and a power cut but for the last moments.
  Result<void> write(const StateBatch& states);

 private:
  DatabaseFile(DirectoryLock lock, std::unique_ptr<SQLite::Database> database, bool keeps, std::string notice)
      : lock_(std::move(lock)), database_(std::move(database)), keeps_(keeps), notice_(std::move(notice)) {}

  template <typename Body>
  Result<void> in_transaction(const char* synchronous, Body body);

  DirectoryLock lock_;
  std::mutex mutex_;
  std::unique_ptr<SQLite::Database> database_;
  const bool keeps_;
  const std::string notice_;
};

}  // namespace pollux
