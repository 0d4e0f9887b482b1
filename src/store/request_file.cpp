#include "store/request_file.h"

#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>

#include "store/data_directory.h"
#include "store/request_search.h"
#include "store/schema.h"
#include "store/sqlite_trouble.h"

namespace pollux {
namespace {

using namespace std::chrono_literals;

constexpr int wait_for_others_ms = 1000;  // For another program that holds the file's lock.
constexpr auto longest_search = 60ms;     // On this machine; a page has still to be read and sent.
constexpr auto longest_removal = 20ms;  // Of what was searched for, in one go; then whoever waits is served.
constexpr std::int64_t rows_in_a_step = 200;
constexpr int pages_in_a_step = 64;

void prepare(SQLite::Database& database) {
  database.exec("PRAGMA auto_vacuum = INCREMENTAL");  // Of a new file: it can shrink again.
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA journal_size_limit = 1048576");  // Bytes; what a burst needed beyond is given back.
  database.exec("PRAGMA synchronous = NORMAL");
  database.exec("PRAGMA cache_size = -1024");    // KiB.
  database.exec("PRAGMA secure_delete = FAST");  // What is deleted is gone where that costs no write.
}

std::unique_ptr<RequestFile> open_file(const std::string& file) {
  auto database = std::make_unique<SQLite::Database>(
      file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX, wait_for_others_ms);
  prepare(*database);
  if (auto migrated = migrate(*database, request_schema_steps()); !migrated)
    throw SQLite::Exception(migrated.error().message, SQLITE_NOTADB);
  return std::make_unique<RequestFile>(std::move(database));
}

// Over the one that was put aside before: the disk shall not fill with damaged logs.
bool put_aside(const std::string& file) {
  const auto aside = file + ".damaged";
  (void)::unlink((aside + "-wal").c_str());
  if (std::rename(file.c_str(), aside.c_str()) != 0) return false;
  (void)std::rename((file + "-wal").c_str(), (aside + "-wal").c_str());
  (void)::unlink((file + "-shm").c_str());
  return true;
}

}  // namespace

Result<RequestFile::Opened> RequestFile::open(const std::string& directory, bool is_damaged) {
  const auto file = directory + "/requests.db";
  if (is_damaged && !put_aside(file)) return unavailable("damaged, and cannot be put aside");
  for (const bool again : {is_damaged, true}) {
    if (auto made = make_private_file(file); !made) return std::move(made).error();
    try {
      return Opened{open_file(file), again};
    } catch (const SQLite::Exception& failure) {
      const auto trouble = trouble_of(failure);
      const bool damaged = trouble == Trouble::damaged || trouble == Trouble::other;
      if (again || !damaged || !put_aside(file)) return unavailable(in_words(failure));
    }
  }
  return unavailable("cannot be opened");
}

RequestFile::RequestFile(std::unique_ptr<SQLite::Database> database)
    : database_(std::move(database)), tables_(*database_), rows_(tables_.count()) {}

void RequestFile::write(std::span<const ExchangeRecord> records, const TrafficHistory& history) {
  SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
  for (const auto& record : records) tables_.insert(record);
  history.write(*database_);
  transaction.commit();
  rows_ += static_cast<std::int64_t>(records.size());
}

RequestPage RequestFile::find(const RequestQuery& query) {
  const SQLite::Transaction reading(*database_);  // The file's lock is taken once, not for each row.
  const auto found = search_requests(*database_, tables_, query, longest_search);
  RequestPage page;
  page.next = found.next;
  for (const auto id : found.ids) {
    if (auto record = tables_.read(id, false)) page.requests.push_back(std::move(*record));
  }
  return page;
}

std::optional<ExchangeRecord> RequestFile::get(std::int64_t id) {
  return tables_.read(id, true);
}

RemovedRequests RequestFile::remove(const RequestQuery& query) {
  const auto found = search_requests(*database_, tables_, query, longest_removal);
  SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
  RemovedRequests removed{0, found.next};
  for (const auto id : found.ids) removed.count += tables_.remove(id) ? 1 : 0;
  transaction.commit();
  rows_ -= static_cast<std::int64_t>(removed.count);
  return removed;
}

TrafficStats RequestFile::stats(std::chrono::minutes window, WallTime now) {
  return TrafficHistory::read(*database_, window, now);
}

// -- Throwing away

bool RequestFile::tidy(const KeptRequests& kept, std::optional<WallTime> now) {
  constexpr auto any = std::numeric_limits<std::int64_t>::max();
  if (kept.since && remove_oldest(rows_in_a_step, first_id_of(*kept.since))) return true;
  if (rows_ > kept.rows) return remove_oldest(std::min(rows_ - kept.rows, rows_in_a_step), any);
  if (shrink(kept)) return true;
  if (!now) return false;
  SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
  bool more = tables_.forget_names(rows_in_a_step);
  more |= TrafficHistory::prune(*database_, *now, rows_in_a_step) >= rows_in_a_step;
  transaction.commit();
  return more;
}

bool RequestFile::remove_oldest(std::int64_t most, std::int64_t below) {
  const auto oldest = tables_.oldest();
  if (!oldest || *oldest >= below) return false;
  SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
  const auto gone = tables_.remove_oldest(static_cast<std::size_t>(most), below);
  transaction.commit();
  rows_ -= static_cast<std::int64_t>(gone);
  return gone > 0;
}

// Pages that are free are used again; they are given back where they are many, or the limit is near.
bool RequestFile::shrink(const KeptRequests& kept) {
  const auto page = pragma("page_size"), all = pragma("page_count"), free = pragma("freelist_count");
  if ((all - free) * page > kept.bytes)
    return remove_oldest(rows_in_a_step, std::numeric_limits<std::int64_t>::max());
  constexpr std::int64_t worth_it = std::int64_t{4} << 20;
  const bool too_many = free * page > worth_it && free > all / 4;
  if (free == 0 || (all * page <= kept.bytes && !too_many)) return false;
  database_->exec("PRAGMA incremental_vacuum(" + std::to_string(pages_in_a_step) + ")");
  return true;
}

std::int64_t RequestFile::pragma(const char* name) {
  return database_->execAndGet(std::string("PRAGMA ") + name).getInt64();
}

std::int64_t RequestFile::bytes() {
  return pragma("page_count") * pragma("page_size");
}

void RequestFile::rest() {
  // One that has failed would tell so once more when it is used again.
  auto* const database = database_->getHandle();
  for (auto* one = sqlite3_next_stmt(database, nullptr); one; one = sqlite3_next_stmt(database, one))
    sqlite3_reset(one);
  tables_.drop_caches();
  sqlite3_db_release_memory(database);
}

}  // namespace pollux
