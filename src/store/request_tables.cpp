#include "store/request_tables.h"

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <set>

#include "store/body_text.h"
#include "store/request_query.h"
#include "store/traffic_history.h"

namespace pollux {
namespace {

constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::size_t longest_error = 500;

// Ids are microseconds since 1970 (UTC), in which the exchange ended, durations microseconds. `first_attempt`
// is when the only attempt began, which lasted to the end and went well; where it is null, `attempts` tells
// of all there were. The day of a name is the last on which a row bore it.
constexpr const char* tables = R"(
CREATE TABLE requests (
  id INTEGER PRIMARY KEY,
  client INTEGER NOT NULL,
  address INTEGER NOT NULL,
  route INTEGER NOT NULL,
  key INTEGER NOT NULL,
  ending INTEGER NOT NULL,
  streamed INTEGER NOT NULL,
  first_attempt INTEGER,
  duration INTEGER NOT NULL,
  first_byte INTEGER,
  input_tokens INTEGER,
  cached_tokens INTEGER,
  output_tokens INTEGER,
  thought_tokens INTEGER,
  request_bytes INTEGER NOT NULL,
  answer_bytes INTEGER NOT NULL,
  error TEXT
);
CREATE TABLE attempts (
  request INTEGER NOT NULL,
  number INTEGER NOT NULL,
  key INTEGER NOT NULL,
  status INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  began INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  PRIMARY KEY (request, number)
) WITHOUT ROWID;
CREATE TABLE bodies (
  request INTEGER PRIMARY KEY,
  request_body TEXT NOT NULL,
  request_is_cut INTEGER NOT NULL,
  answer_body TEXT NOT NULL,
  answer_is_cut INTEGER NOT NULL
);
CREATE TABLE clients (id INTEGER PRIMARY KEY, client TEXT NOT NULL, name TEXT NOT NULL,
  last_day INTEGER NOT NULL, UNIQUE (client, name));
CREATE TABLE addresses (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, last_day INTEGER NOT NULL);
CREATE TABLE keys (id INTEGER PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL, masked TEXT NOT NULL,
  last_day INTEGER NOT NULL, UNIQUE (key, name, masked));
CREATE TABLE routes (id INTEGER PRIMARY KEY, dialect TEXT NOT NULL, endpoint TEXT NOT NULL,
  method TEXT NOT NULL, path TEXT NOT NULL, model TEXT NOT NULL, upstream_model TEXT NOT NULL,
  last_day INTEGER NOT NULL, UNIQUE (path, model, upstream_model, method, dialect, endpoint));
CREATE TABLE endings (id INTEGER PRIMARY KEY, outcome TEXT NOT NULL, status INTEGER NOT NULL,
  reason TEXT NOT NULL, last_day INTEGER NOT NULL, UNIQUE (status, outcome, reason));
)";

constexpr std::array client_columns{"client", "name"};
constexpr std::array address_columns{"address"};
constexpr std::array key_columns{"key", "name", "masked"};
constexpr std::array route_columns{"dialect", "endpoint", "method", "path", "model", "upstream_model"};
constexpr std::array ending_columns{"outcome", "status", "reason"};

std::string_view name(std::string_view text) {
  return cut_text(text, longest_recorded_name);
}

// Words of the program itself, as an ExchangeRecord wants them: there are few, and they are kept for ever.
std::string_view literal(const std::string& word) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> words;
  const std::lock_guard lock(mutex);
  return *words.insert(word).first;
}

std::int64_t number(std::uint64_t bytes) {
  return static_cast<std::int64_t>(bytes);
}

// Whether the row tells all of its attempts: one that went well and lasted to the end.
bool tells_its_attempt(const ExchangeRecord& record) {
  constexpr std::chrono::milliseconds at_the_end{1};
  if (record.attempts.size() != 1) return false;
  const auto& only = record.attempts.front();
  return only.reason.empty() && only.status == record.status &&
         record.duration - (only.began + only.duration) < at_the_end;
}

std::chrono::microseconds microseconds(const SQLite::Column& column) {
  return std::chrono::microseconds(column.getInt64());
}

}  // namespace

std::span<const char* const> request_schema_steps() {
  static const std::string first = std::string(tables) + request_blocks_tables + traffic_history_table;
  static const std::array steps{first.c_str()};
  return steps;
}

RequestTables::RequestTables(SQLite::Database& database)
    : database_(database),
      clients_(database, "clients", client_columns),
      addresses_(database, "addresses", address_columns),
      keys_(database, "keys", key_columns),
      routes_(database, "routes", route_columns),
      endings_(database, "endings", ending_columns),
      blocks_(database),
      insert_(database,
              "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      insert_attempt_(database, "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
      insert_bodies_(database, "INSERT INTO bodies VALUES (?, ?, ?, ?, ?)"),
      read_(database, "SELECT * FROM requests WHERE id = ?"),
      read_attempts_(database,
                     "SELECT key, status, reason, message, began, duration FROM attempts WHERE request = ? "
                     "ORDER BY number"),
      read_bodies_(database, "SELECT * FROM bodies WHERE request = ?"),
      was_tried_(database, "SELECT 1 FROM attempts WHERE request = ? AND key = ?"),
      remove_(database, "DELETE FROM requests WHERE id = ?"),
      remove_attempts_(database, "DELETE FROM attempts WHERE request = ?"),
      remove_bodies_(database, "DELETE FROM bodies WHERE request = ?"),
      oldest_(database, "SELECT id FROM requests ORDER BY id LIMIT 1 OFFSET ?"),
      remove_range_(database, "DELETE FROM requests WHERE id <= ?"),
      remove_attempts_range_(database, "DELETE FROM attempts WHERE request <= ?"),
      remove_bodies_range_(database, "DELETE FROM bodies WHERE request <= ?") {}

// -- Writing

void RequestTables::insert(const ExchangeRecord& record) {
  const auto day = record.id / day_us;
  const std::array client{name(record.client_id), name(record.client_name)};
  const std::array address{name(record.remote_address)};
  const std::array key{name(record.key_id), name(record.key_name), name(record.masked_key)};
  const std::array route{name(record.dialect), name(record.endpoint), name(record.method),
                         name(record.path),    name(record.model),    name(record.upstream_model)};
  const auto status = std::to_string(record.status);
  const std::array<std::string_view, 3> ending{record.outcome, status, name(record.reason)};
  const bool has_attempts_of_its_own = !tells_its_attempt(record);

  const auto client_number = clients_.number_of(client, day), route_number = routes_.number_of(route, day),
             key_number = keys_.number_of(key, day), ending_number = endings_.number_of(ending, day);

  insert_.reset();
  insert_.bind(2, client_number);
  insert_.bind(3, addresses_.number_of(address, day));
  insert_.bind(4, route_number);
  insert_.bind(5, key_number);
  insert_.bind(6, ending_number);
  insert_.bind(7, record.streamed ? 1 : 0);
  const auto bind = [this](int at, std::optional<std::int64_t> value) {
    value ? insert_.bind(at, *value) : insert_.bind(at);
  };
  bind(8, has_attempts_of_its_own ? std::nullopt : std::optional(record.attempts.front().began.count()));
  insert_.bind(9, record.duration.count());
  bind(10, record.first_byte ? std::optional(record.first_byte->count()) : std::nullopt);
  const auto& tokens = record.tokens;
  bind(11, tokens ? std::optional(tokens->input) : std::nullopt);
  bind(12, tokens ? std::optional(tokens->cached) : std::nullopt);
  bind(13, tokens ? std::optional(tokens->output) : std::nullopt);
  bind(14, tokens ? std::optional(tokens->thoughts) : std::nullopt);
  insert_.bind(15, number(record.request_bytes));
  insert_.bind(16, number(record.answer_bytes));
  record.error.empty() ? insert_.bind(17)
                       : insert_.bind(17, std::string(cut_text(record.error, longest_error)));
  auto id = record.id;
  for (insert_.bind(1, id); insert_.exec() == 0; insert_.bind(1, ++id)) insert_.reset();
  names_.assign({block_name(NameKind::client, client_number), block_name(NameKind::route, route_number),
                 block_name(NameKind::key, key_number), block_name(NameKind::ending, ending_number)});
  if (has_attempts_of_its_own) insert_attempts(id, record.attempts, day);
  blocks_.add(id, names_);
  if (record.bodies) insert_bodies(id, *record.bodies);
}

std::int64_t RequestTables::number_of(const AttemptRecord& attempt, std::int64_t day) {
  const std::array key{name(attempt.key_id), name(attempt.key_name), name(attempt.masked_key)};
  return keys_.number_of(key, day);
}

void RequestTables::insert_attempts(std::int64_t id, const std::vector<AttemptRecord>& attempts,
                                    std::int64_t day) {
  int number = 0;
  for (const auto& attempt : attempts) {
    insert_attempt_.reset();
    insert_attempt_.bind(1, id);
    insert_attempt_.bind(2, ++number);
    const auto key = number_of(attempt, day);
    names_.push_back(block_name(NameKind::key, key));
    insert_attempt_.bind(3, key);
    insert_attempt_.bind(4, attempt.status);
    insert_attempt_.bind(5, std::string(name(attempt.reason)));
    insert_attempt_.bind(6, std::string(cut_text(attempt.message, longest_error)));
    insert_attempt_.bind(7, attempt.began.count());
    insert_attempt_.bind(8, attempt.duration.count());
    insert_attempt_.exec();
  }
}

void RequestTables::insert_bodies(std::int64_t id, const ExchangeBodies& bodies) {
  insert_bodies_.reset();
  insert_bodies_.bind(1, id);
  insert_bodies_.bind(2, bodies.request);
  insert_bodies_.bind(3, bodies.request_is_cut ? 1 : 0);
  insert_bodies_.bind(4, bodies.answer);
  insert_bodies_.bind(5, bodies.answer_is_cut ? 1 : 0);
  insert_bodies_.exec();
}

// -- Reading

std::optional<ExchangeRecord> RequestTables::read(std::int64_t id, bool with_bodies) {
  read_.reset();
  read_.bind(1, id);
  if (!read_.executeStep()) return std::nullopt;
  ExchangeRecord record;
  record.id = id;
  const auto& client = clients_.texts_of(read_.getColumn(1).getInt64());
  record.client_id = client[ClientColumn::id];
  record.client_name = client[ClientColumn::name];
  record.remote_address = addresses_.texts_of(read_.getColumn(2).getInt64()).front();
  const auto& route = routes_.texts_of(read_.getColumn(3).getInt64());
  record.dialect = literal(route[RouteColumn::dialect]);
  record.endpoint = literal(route[RouteColumn::endpoint]);
  record.method = route[RouteColumn::method];
  record.path = route[RouteColumn::path];
  record.model = route[RouteColumn::model];
  record.upstream_model = route[RouteColumn::upstream_model];
  const auto& key = keys_.texts_of(read_.getColumn(4).getInt64());
  record.key_id = key[KeyColumn::id];
  record.key_name = key[KeyColumn::name];
  record.masked_key = key[KeyColumn::masked];
  const auto& ending = endings_.texts_of(read_.getColumn(5).getInt64());
  record.outcome = literal(ending[EndingColumn::outcome]);
  record.status = std::atoi(ending[EndingColumn::status].c_str());
  record.reason = ending[EndingColumn::reason];
  record.streamed = read_.getColumn(6).getInt() != 0;
  record.duration = microseconds(read_.getColumn(8));
  record.began = time_of_id(id) - std::chrono::floor<Milliseconds>(record.duration);
  if (const auto first_byte = read_.getColumn(9); !first_byte.isNull())
    record.first_byte = microseconds(first_byte);
  if (!read_.getColumn(10).isNull()) {
    record.tokens = {read_.getColumn(10).getInt64(), read_.getColumn(11).getInt64(),
                     read_.getColumn(12).getInt64(), read_.getColumn(13).getInt64()};
  }
  record.request_bytes = static_cast<std::uint64_t>(read_.getColumn(14).getInt64());
  record.answer_bytes = static_cast<std::uint64_t>(read_.getColumn(15).getInt64());
  record.error = read_.getColumn(16).getString();
  if (const auto began = read_.getColumn(7); began.isNull()) {
    record.attempts = read_attempts(id);
  } else {
    record.attempts.push_back({record.key_id, record.key_name, record.masked_key, record.status, "", "",
                               microseconds(began), record.duration - microseconds(began)});
  }
  read_.reset();
  if (!with_bodies) return record;
  read_bodies_.reset();
  read_bodies_.bind(1, id);
  if (read_bodies_.executeStep()) {
    record.bodies = std::make_shared<const ExchangeBodies>(
        ExchangeBodies{read_bodies_.getColumn(1).getString(), read_bodies_.getColumn(3).getString(),
                       read_bodies_.getColumn(2).getInt() != 0, read_bodies_.getColumn(4).getInt() != 0});
  }
  read_bodies_.reset();
  return record;
}

std::vector<AttemptRecord> RequestTables::read_attempts(std::int64_t id) {
  std::vector<AttemptRecord> attempts;
  read_attempts_.reset();
  read_attempts_.bind(1, id);
  while (read_attempts_.executeStep()) {
    const auto& key = keys_.texts_of(read_attempts_.getColumn(0).getInt64());
    attempts.push_back({key[KeyColumn::id], key[KeyColumn::name], key[KeyColumn::masked],
                        read_attempts_.getColumn(1).getInt(), read_attempts_.getColumn(2).getString(),
                        read_attempts_.getColumn(3).getString(), microseconds(read_attempts_.getColumn(4)),
                        microseconds(read_attempts_.getColumn(5))});
  }
  read_attempts_.reset();
  return attempts;
}

bool RequestTables::was_tried(std::int64_t id, std::int64_t key) {
  was_tried_.reset();
  was_tried_.bind(1, id);
  was_tried_.bind(2, key);
  const bool tried = was_tried_.executeStep();
  was_tried_.reset();
  return tried;
}

// -- Deletion

bool RequestTables::remove(std::int64_t id) {
  bool was_there = false;
  for (auto* statement : {&remove_attempts_, &remove_bodies_, &remove_}) {
    statement->reset();
    statement->bind(1, id);
    was_there = statement->exec() > 0;
  }
  return was_there;
}

std::size_t RequestTables::remove_oldest(std::size_t most, std::int64_t below) {
  oldest_.reset();
  oldest_.bind(1, static_cast<std::int64_t>(most) - 1);
  auto last = below - 1;
  if (oldest_.executeStep()) last = std::min(last, oldest_.getColumn(0).getInt64());
  oldest_.reset();
  int gone = 0;
  for (auto* statement : {&remove_attempts_range_, &remove_bodies_range_, &remove_range_}) {
    statement->reset();
    statement->bind(1, last);
    gone = statement->exec();
  }
  return static_cast<std::size_t>(gone);
}

bool RequestTables::forget_names(int most) {
  // A day more, since a row may stand under an id a little later than the one it came with.
  const auto day = oldest().value_or(std::numeric_limits<std::int64_t>::max()) / day_us - 1;
  bool more = false;
  for (auto* names : {&clients_, &addresses_, &keys_, &routes_, &endings_})
    more |= names->forget_before(day, most) == most;
  more |= blocks_.forget_before(oldest(), most);
  return more;
}

void RequestTables::drop_caches() {
  for (auto* names : {&clients_, &addresses_, &keys_, &routes_, &endings_}) names->drop_caches();
  blocks_.drop_caches();
}

std::int64_t RequestTables::count() {
  return database_.execAndGet("SELECT count(*) FROM requests").getInt64();
}

std::optional<std::int64_t> RequestTables::oldest() {
  oldest_.reset();
  oldest_.bind(1, 0);
  const auto id = oldest_.executeStep() ? std::optional(oldest_.getColumn(0).getInt64()) : std::nullopt;
  oldest_.reset();
  return id;
}

}  // namespace pollux
