// The tables of requests.db: rows to exchanges and back. All of it throws SQLite::Exception.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/exchange_record.h"
#include "store/name_table.h"
#include "store/request_blocks.h"

namespace pollux {

std::span<const char* const> request_schema_steps();

class RequestTables {
 public:
  explicit RequestTables(SQLite::Database& database);

  // The columns of each name table, as positions in NameTable::Texts.
  struct ClientColumn {
    enum : std::size_t { id, name };
  };
  struct KeyColumn {
    enum : std::size_t { id, name, masked };
  };
  struct RouteColumn {
    enum : std::size_t { dialect, endpoint, method, path, model, upstream_model };
  };
  struct EndingColumn {
    enum : std::size_t { outcome, status, reason };
  };
  NameTable& clients() { return clients_; }
  NameTable& keys() { return keys_; }
  NameTable& routes() { return routes_; }
  NameTable& endings() { return endings_; }
  RequestBlocks& blocks() { return blocks_; }

  // Under the next free id where its own is taken: a clock that was set back tells the same times again.
  // REQUIRES: a transaction is open.
  void insert(const ExchangeRecord& record);
  // Nothing: it is not there.
  std::optional<ExchangeRecord> read(std::int64_t id, bool with_bodies);
  bool was_tried(std::int64_t id, std::int64_t key);

  // -- Deletion. REQUIRES: a transaction is open.
  bool remove(std::int64_t id);
  // The oldest, at most so many, of those below the id. How many they were.
  std::size_t remove_oldest(std::size_t most, std::int64_t below);
  // Names that nothing bears any more, and blocks without rows; at most so many of each kind. Whether there
  // may be more.
  bool forget_names(int most);

  void drop_caches();

  std::int64_t count();  // Reads the table to its end.
  std::optional<std::int64_t> oldest();

 private:
  void insert_attempts(std::int64_t id, const std::vector<AttemptRecord>& attempts, std::int64_t day);
  void insert_bodies(std::int64_t id, const ExchangeBodies& bodies);
  std::vector<AttemptRecord> read_attempts(std::int64_t id);
  std::int64_t number_of(const AttemptRecord& attempt, std::int64_t day);

  SQLite::Database& database_;
  NameTable clients_, addresses_, keys_, routes_, endings_;
  RequestBlocks blocks_;
  std::vector<std::int64_t> names_;  // Of the row that is written.
  SQLite::Statement insert_, insert_attempt_, insert_bodies_, read_, read_attempts_, read_bodies_, was_tried_,
      remove_, remove_attempts_, remove_bodies_, oldest_, remove_range_, remove_attempts_range_,
      remove_bodies_range_;
};

}  // namespace pollux
