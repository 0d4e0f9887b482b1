// What went through, counted by minute and hour and by model: the numbers behind the charts. A minute is kept
// for two days, an hour for 31.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "store/exchange_record.h"
#include "store/sparse_counts.h"

namespace pollux {

struct TrafficCounts {
  std::int64_t requests = 0, answered = 0, failed = 0, client_gone = 0;
  std::int64_t retries = 0;  // Attempts that failed and were followed by another.
  TokenCounts tokens;
  TimeHistogram latency, first_byte;  // Of what was answered well, sessions of the Live API aside.
  SparseCounts statuses;

  void add(const ExchangeRecord& record);
  void add(const TrafficCounts& more);
};

struct TrafficStats {
  std::chrono::seconds step{60};
  WallTime since, until;
  std::vector<TrafficCounts> series;            // A step each, from `since` on.
  std::map<std::string, TrafficCounts> models;  // As Google was asked; empty: none was.
};

// Counts in memory until they are written. Not safe for more than one thread.
class TrafficHistory {
 public:
  void add(const ExchangeRecord& record);
  bool empty() const noexcept { return unwritten_.empty(); }

  // Adds to what is in the database. REQUIRES: a transaction is open. Call written() once it is committed.
  void write(SQLite::Database& database) const;
  void written() { unwritten_.clear(); }

  // What is in the database, up to and with the step that `now` is in.
  static TrafficStats read(SQLite::Database& database, std::chrono::minutes window, WallTime now);
  // Throws away what is too old; at most so many rows.
  static std::size_t prune(SQLite::Database& database, WallTime now, int most_rows);

  static constexpr std::chrono::hours longest_window{30 * 24};

 private:
  using Cell = std::tuple<std::int64_t, std::int64_t, std::string>;  // Seconds long, began at, model.
  void add(std::int64_t length, std::int64_t second, const std::string& model, const ExchangeRecord& record);

  bool is_model(const std::string& name, const ExchangeRecord& record);

  std::map<Cell, TrafficCounts> unwritten_;
  std::set<std::string> models_;  // That Google has answered for, since the start.
};

// The table, for the schema.
extern const char* const traffic_history_table;

}  // namespace pollux
