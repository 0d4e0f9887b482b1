#include "store/request_blocks.h"

#include <algorithm>

namespace pollux {
namespace {

constexpr std::size_t rows_in_a_block = 512;
constexpr int most_counted = 500;

std::optional<std::int64_t> number_from(SQLite::Statement& statement) {
  std::optional<std::int64_t> number;
  if (statement.executeStep() && !statement.getColumn(0).isNull()) number = statement.getColumn(0).getInt64();
  statement.reset();
  return number;
}

}  // namespace

// A block is named by the id that it begins with, and reaches to the next one.
const char* const request_blocks_tables = R"(
CREATE TABLE blocks (first INTEGER PRIMARY KEY);
CREATE TABLE block_names (name INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY (name, block)) WITHOUT ROWID;
)";

RequestBlocks::RequestBlocks(SQLite::Database& database)
    : database_(database),
      begin_(database, "INSERT OR IGNORE INTO blocks VALUES (?)"),
      find_(database, "SELECT max(first) FROM blocks WHERE first <= ?"),
      note_(database, "INSERT OR IGNORE INTO block_names VALUES (?, ?)"),
      latest_(database, "SELECT max(block) FROM block_names WHERE name = ? AND block < ?"),
      next_(database, "SELECT min(first) FROM blocks WHERE first > ?"),
      count_(database,
             "SELECT count(*) FROM (SELECT 1 FROM block_names WHERE name = ? AND block >= ? AND block < ? "
             "LIMIT " +
                 std::to_string(most_counted) + ")") {}

void RequestBlocks::add(std::int64_t id, std::span<const std::int64_t> names) {
  const auto block = block_of(id);
  const bool is_current = has_current_ && block == current_;
  if (is_current) ++current_rows_;
  for (const auto name : names) {
    if (is_current && !current_names_.insert(name).second) continue;
    note_.reset();
    note_.bind(1, name);
    note_.bind(2, block);
    note_.exec();
  }
}

// A new one begins behind all rows only: what is in a block stays in it.
std::int64_t RequestBlocks::block_of(std::int64_t id) {
  if (!newest_row_) {
    SQLite::Statement newest(database_, "SELECT max(id) FROM requests");
    newest_row_ = number_from(newest).value_or(std::numeric_limits<std::int64_t>::min());
  }
  const bool is_newest = id > *newest_row_;
  newest_row_ = std::max(*newest_row_, id);
  if (is_newest && (!has_current_ || current_rows_ >= rows_in_a_block)) {
    current_names_.clear();
    current_rows_ = 0;
    has_current_ = true;
    return current_ = begin(id);
  }
  if (has_current_ && id >= current_) return current_;
  find_.reset();
  find_.bind(1, id);
  const auto found = number_from(find_);
  return found ? *found : begin(id);
}

std::int64_t RequestBlocks::begin(std::int64_t id) {
  begin_.reset();
  begin_.bind(1, id);
  begin_.exec();
  return id;
}

std::optional<IdRange> RequestBlocks::latest_with(const std::vector<std::int64_t>& names,
                                                  const IdRange& range) {
  std::optional<std::int64_t> latest;
  for (const auto name : names) {
    latest_.reset();
    latest_.bind(1, name);
    latest_.bind(2, range.before);
    if (const auto block = number_from(latest_)) latest = std::max(latest.value_or(*block), *block);
  }
  if (!latest) return std::nullopt;
  next_.reset();
  next_.bind(1, *latest);
  const auto end = number_from(next_).value_or(std::numeric_limits<std::int64_t>::max());
  if (end <= range.from) return std::nullopt;
  return IdRange{std::max(*latest, range.from), std::min(end, range.before)};
}

std::int64_t RequestBlocks::count_with(std::int64_t name, const IdRange& range) {
  count_.reset();
  count_.bind(1, name);
  count_.bind(2, range.from);
  count_.bind(3, range.before);
  return number_from(count_).value_or(0);
}

bool RequestBlocks::forget_before(std::optional<std::int64_t> oldest, int most) {
  if (!oldest) drop_caches();
  find_.reset();
  find_.bind(1, oldest.value_or(std::numeric_limits<std::int64_t>::max()));
  auto first_kept = number_from(find_);
  if (!first_kept) return false;
  if (!oldest) ++*first_kept;
  SQLite::Statement names(
      database_,
      "DELETE FROM block_names WHERE (name, block) IN (SELECT name, block FROM block_names "
      "WHERE block < ? LIMIT ?)");
  names.bind(1, *first_kept);
  names.bind(2, most);
  SQLite::Statement blocks(database_, "DELETE FROM blocks WHERE first < ?");
  blocks.bind(1, *first_kept);
  blocks.exec();
  return names.exec() == most;
}

void RequestBlocks::drop_caches() {
  newest_row_.reset();
  has_current_ = false;
  current_names_ = {};
}

}  // namespace pollux
