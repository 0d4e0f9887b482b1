// Which names occur where in the log: rows are gathered in blocks of some hundreds, one after the other, and
// of each block it is noted once which clients, keys, routes and endings it holds. So a search for what is
// rare skips nearly all of the log, at a small part of what an index of each row would cost. All of it throws
// SQLite::Exception.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

namespace pollux {

enum class NameKind : std::int64_t { client, key, route, ending };

// A name of any kind as one number.
constexpr std::int64_t block_name(NameKind kind, std::int64_t number) {
  return number * 4 + static_cast<std::int64_t>(kind);
}

struct IdRange {
  std::int64_t from = std::numeric_limits<std::int64_t>::min();
  std::int64_t before = std::numeric_limits<std::int64_t>::max();  // Outside.
};

class RequestBlocks {
 public:
  explicit RequestBlocks(SQLite::Database& database);

  // A row is about to be written. REQUIRES: a transaction is open.
  void add(std::int64_t id, std::span<const std::int64_t> names);

  // The newest block within the range that holds one of the names, as far as it is in the range; nothing:
  // there is none.
  std::optional<IdRange> latest_with(const std::vector<std::int64_t>& names, const IdRange& range);
  // In how many blocks of the range the name occurs; beyond some hundreds it is not counted on.
  std::int64_t count_with(std::int64_t name, const IdRange& range);

  // Forgets the blocks before the row, which is the oldest left, a part of them at a time; nothing: there are
  // no rows. Whether there may be more. REQUIRES: a transaction is open.
  bool forget_before(std::optional<std::int64_t> oldest, int most);
  void drop_caches();

 private:
  std::int64_t block_of(std::int64_t id);
  std::int64_t begin(std::int64_t id);

  SQLite::Database& database_;
  SQLite::Statement begin_, find_, note_, latest_, next_, count_;
  std::optional<std::int64_t> newest_row_;
  std::int64_t current_ = 0;  // The latest block, which rows are still added to; if there is one.
  std::size_t current_rows_ = 0;
  bool has_current_ = false;
  std::unordered_set<std::int64_t> current_names_;
};

extern const char* const request_blocks_tables;

}  // namespace pollux
