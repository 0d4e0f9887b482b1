// DIR/requests.db, open. Nothing in it is precious: what is damaged is put aside and begun anew, so that the
// log never stands in the way of anything.
#pragma once

#include <SQLiteCpp/Database.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "store/request_query.h"
#include "store/request_tables.h"
#include "store/traffic_history.h"

namespace pollux {

// How much is kept; beyond it the oldest goes.
struct KeptRequests {
  std::optional<WallTime> since;  // Nothing: however old.
  std::int64_t rows = 200'000;
  std::int64_t bytes = std::int64_t{256} << 20;  // Of the file.
};

// All calls throw SQLite::Exception; the file is then to be closed and opened again.
class RequestFile {
 public:
  // `put_aside`: it was damaged, or made by a newer Pollux, and a new one is begun.
  struct Opened {
    std::unique_ptr<RequestFile> file;
    bool put_aside = false;
  };
  // `is_damaged`: that is known already.
  static Result<Opened> open(const std::string& directory, bool is_damaged);

  explicit RequestFile(std::unique_ptr<SQLite::Database> database);

  // All or none; outlives a crash of the program, and a power cut but for the last moments.
  void write(std::span<const ExchangeRecord> records, const TrafficHistory& history);

  RequestPage find(const RequestQuery& query);
  std::optional<ExchangeRecord> get(std::int64_t id);
  RemovedRequests remove(const RequestQuery& query);
  TrafficStats stats(std::chrono::minutes window, WallTime now);

  // One small step of throwing away; false: there is nothing left to do. `now`: nothing where the clock is
  // not to be trusted.
  bool tidy(const KeptRequests& kept, std::optional<WallTime> now);
  // Gives back the memory that can be had again from the file.
  void rest();

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t bytes();  // Of the file; those that are free for reuse included.

 private:
  std::int64_t pragma(const char* name);
  bool remove_oldest(std::int64_t most, std::int64_t below);
  bool shrink(const KeptRequests& kept);

  std::unique_ptr<SQLite::Database> database_;
  RequestTables tables_;
  std::int64_t rows_ = 0;
};

}  // namespace pollux
