#include "store/database_file.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <limits>
#include <system_error>

#include "base/clock.h"
#include "base/log.h"
#include "store/schema.h"
#include "store/sqlite_trouble.h"

namespace pollux {
namespace {

constexpr int wait_for_others_ms = 1000;  // For another program that holds the database's lock.

using Connection = std::unique_ptr<SQLite::Database>;

// Throws if the tables that matter are not whole. Bounded by their size, not by that of the whole file.
void check_tables(SQLite::Database& database) {
  for (const auto table : checked_tables()) {
    if (!database.tableExists(std::string(table))) continue;
    SQLite::Statement check(database, "PRAGMA quick_check(" + std::string(table) + ")");
    if (!check.executeStep() || check.getColumn(0).getString() == "ok") continue;
    throw SQLite::Exception(check.getColumn(0).getString(), SQLITE_CORRUPT);
  }
}

void prepare(SQLite::Database& database) {
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA journal_size_limit = 1048576");  // Bytes; what a burst needed beyond is given back.
  database.exec("PRAGMA cache_size = -256");             // KiB; nothing is read after the start.
}

// Throws SQLite::Exception; an error is one of schema versions.
Result<Connection> open_checked(const std::string& file) {
  auto database = std::make_unique<SQLite::Database>(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                                     wait_for_others_ms);
  prepare(*database);
  check_tables(*database);
  if (auto migrated = migrate(*database, schema_steps()); !migrated) return std::move(migrated).error();
  return database;
}

// To look at a file that cannot be written, or that is damaged. A write-ahead log that needs files of its own
// cannot be read everywhere: then the file is taken as it is. Null: not even that.
Connection open_to_read(const std::string& file, bool damaged) {
  std::string address = "file:";
  for (const char c : file) {
    const bool special = c == '?' || c == '#' || c == '%';
    if (!special) {
      address += c;
    } else {
      char code[4];
      std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned>(c));
      address += code;
    }
  }
  for (const char* how : {"?mode=ro", "?mode=ro&immutable=1"}) {
    try {
      auto database =
          std::make_unique<SQLite::Database>(address + how, SQLite::OPEN_READONLY | SQLite::OPEN_URI);
      // Lets a file be read that is shorter than it says, or whose schema is partly lost.
      if (damaged) database->exec("PRAGMA writable_schema = ON");
      database->execAndGet("PRAGMA user_version");
      return database;
    } catch (const SQLite::Exception&) {
      continue;  // The other way may do.
    }
  }
  return nullptr;
}

// What can be read of `file`, in memory.
Result<Connection> copied_into_memory(const std::string& file) {
  auto memory = std::make_unique<SQLite::Database>(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  if (const auto readable = open_to_read(file, false)) {
    try {
      SQLite::Backup(*memory, *readable).executeStep();
      check_tables(*memory);
    } catch (const SQLite::Exception& failure) {
      log_error("database cannot be read", {{"file", file}, {"error", in_words(failure)}});
      memory = std::make_unique<SQLite::Database>(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    }
  }
  if (auto migrated = migrate(*memory, schema_steps()); !migrated) return std::move(migrated).error();
  return memory;
}

// The name under which a damaged database is put aside; its write-ahead log goes with it.
Result<std::string> put_aside(const std::string& file) {
  std::string time;
  for (const char c : iso_time(SystemClock().wall())) {
    if (c == '.') break;
    if (c != '-' && c != ':') time += c;
  }
  const auto first_choice = file + ".damaged-" + time + "Z";
  auto aside = first_choice;
  for (int number = 2; ::access(aside.c_str(), F_OK) == 0; ++number) {
    aside = first_choice;
    aside.append("-").append(std::to_string(number));
  }
  if (std::rename(file.c_str(), aside.c_str()) != 0) {
    return unavailable(file +
                       ": damaged, and cannot be put aside: " + std::generic_category().message(errno));
  }
  (void)std::rename((file + "-wal").c_str(), (aside + "-wal").c_str());
  (void)::unlink((file + "-shm").c_str());
  return aside;
}

// Reads on behind the first damage of each kind.
template <typename Read>
void as_far_as_possible(Read read) {
  try {
    read();
  } catch (const SQLite::Exception&) {
    return;  // What came before it is kept.
  }
}

// Copies what a damaged database still tells; returns it in words.
std::string save_from(const std::string& damaged, SQLite::Database& database) {
  StoredKeys keys;
  PoolState states;
  std::vector<Client> clients;
  std::vector<NamedValue> values;
  if (const auto readable = open_to_read(damaged, true)) {
    as_far_as_possible([&] { read_keys(*readable, keys); });
    as_far_as_possible([&] { read_quotas(*readable, states.quotas); });
    as_far_as_possible([&] { read_clients(*readable, clients); });
    as_far_as_possible([&] { read_client_usage(*readable, states.clients); });
    as_far_as_possible([&] { read_values(*readable, values); });
  }
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  std::erase_if(keys, [](const auto& key) { return key.first.id.empty() || key.first.secret.empty(); });
  for (auto& [key, state] : keys) {
    states.keys.emplace_back(key.id, std::move(state));
    write_change(database, std::move(key));
  }
  for (auto& client : clients) write_change(database, std::move(client));
  for (auto& value : values) write_change(database, std::move(value));
  StateBatch batch;
  batch.add(std::move(states), std::numeric_limits<std::size_t>::max());
  write_states(database, batch);
  transaction.commit();
  return std::to_string(keys.size()) + " keys and " + std::to_string(clients.size()) +
         " client tokens were saved from it";
}

struct Opened {
  Connection database;
  bool keeps = true;
  std::string notice;
};

Result<Opened> in_memory(const std::string& file, const std::string& why) {
  auto database = copied_into_memory(file);
  if (!database) return std::move(database).error().within("database " + file);
  auto notice = "database: nothing can be written (" + why + "), changes are lost when Pollux stops";
  log_error("database cannot be written, nothing is kept", {{"file", file}, {"error", why}});
  return Opened{std::move(*database), false, std::move(notice)};
}

// A new database in place of a damaged one.
Result<Opened> begun_anew(const std::string& file) {
  auto aside = put_aside(file);
  if (!aside) return in_memory(file, aside.error().message);
  if (auto made = make_private_file(file); !made) return in_memory(*aside, made.error().message);
  auto database = open_checked(file);
  if (!database) return std::move(database).error().within("database " + file);
  const auto saved = save_from(*aside, **database);
  log_error("database was damaged, a new one is begun", {{"put_aside_as", *aside}, {"saved", saved}});
  return Opened{std::move(*database), true,
                "database: was damaged and is put aside as " + *aside + "; " + saved};
}

Result<Opened> open_file(const std::string& file) {
  for (const char* part : {"-wal", "-shm"}) {
    if (::access((file + part).c_str(), F_OK) == 0) (void)make_private_file(file + part);
  }
  try {
    auto database = open_checked(file);
    if (!database) return std::move(database).error().within("database " + file);
    return Opened{.database = std::move(*database)};
  } catch (const SQLite::Exception& failure) {
    switch (trouble_of(failure)) {
      case Trouble::damaged:
        return begun_anew(file);
      case Trouble::not_writable:
        return in_memory(file, in_words(failure));
      case Trouble::locked:
      case Trouble::other:
        break;
    }
    return unavailable("database " + file + ": " + in_words(failure));
  }
}

}  // namespace

Result<std::unique_ptr<DatabaseFile>> DatabaseFile::open(const std::string& directory) {
  const auto file = directory + "/pollux.db";
  try {
    DirectoryLock lock;
    auto ready = make_directory(directory);
    if (ready) {
      auto locked = lock_directory(directory);
      locked ? void(lock = std::move(*locked)) : void(ready = std::move(locked).error());
    }
    if (ready) ready = make_private_file(file);
    if (!ready && ready.error().kind != Error::Kind::unavailable) {
      return std::move(ready).error().within("data folder");
    }
    auto opened = ready ? open_file(file) : in_memory(file, ready.error().message);
    if (!opened) return std::move(opened).error();
    return std::unique_ptr<DatabaseFile>(new DatabaseFile(std::move(lock), std::move(opened->database),
                                                          opened->keeps, std::move(opened->notice)));
  } catch (const SQLite::Exception& failure) {
    return unavailable("database " + file + ": " + in_words(failure));
  }
}

StoredKeys DatabaseFile::load_keys() {
  const std::lock_guard lock(mutex_);
  StoredKeys keys;
  try {
    read_keys(*database_, keys);
  } catch (const SQLite::Exception& failure) {
    log_error("database: not all keys could be read", {{"error", in_words(failure)}, {"read", keys.size()}});
  }
  return keys;
}

std::vector<QuotaState> DatabaseFile::load_quotas() {
  const std::lock_guard lock(mutex_);
  std::vector<QuotaState> quotas;
  try {
    read_quotas(*database_, quotas);
  } catch (const SQLite::Exception& failure) {
    log_error("database: not all quotas could be read",
              {{"error", in_words(failure)}, {"read", quotas.size()}});
  }
  return quotas;
}

std::vector<Client> DatabaseFile::load_clients() {
  const std::lock_guard lock(mutex_);
  std::vector<Client> clients;
  try {
    read_clients(*database_, clients);
  } catch (const SQLite::Exception& failure) {
    log_error("database: not all clients could be read",
              {{"error", in_words(failure)}, {"read", clients.size()}});
  }
  return clients;
}

std::vector<SessionRecord> DatabaseFile::load_sessions() {
  const std::lock_guard lock(mutex_);
  std::vector<SessionRecord> sessions;
  try {
    read_sessions(*database_, sessions);
  } catch (const SQLite::Exception& failure) {
    log_error("database: not all sessions could be read", {{"error", in_words(failure)}});
  }
  return sessions;
}

std::vector<ClientUsageState> DatabaseFile::load_client_usage() {
  const std::lock_guard lock(mutex_);
  std::vector<ClientUsageState> usage;
  try {
    read_client_usage(*database_, usage);
  } catch (const SQLite::Exception& failure) {
    log_error("database: not all usage of clients could be read",
              {{"error", in_words(failure)}, {"read", usage.size()}});
  }
  return usage;
}

std::optional<std::string> DatabaseFile::load_value(std::string_view name) {
  const std::lock_guard lock(mutex_);
  try {
    return read_value(*database_, name);
  } catch (const SQLite::Exception& failure) {
    log_error("database: a value could not be read", {{"name", name}, {"error", in_words(failure)}});
    return std::nullopt;
  }
}

template <typename Body>
Result<void> DatabaseFile::in_transaction(const char* synchronous, Body body) {
  if (!keeps_) return unavailable(notice_);
  const std::lock_guard lock(mutex_);
  try {
    database_->exec(synchronous);
    SQLite::Transaction transaction(*database_, SQLite::TransactionBehavior::IMMEDIATE);
    body(*database_);
    transaction.commit();
    return {};
  } catch (const SQLite::Exception& failure) {
    return unavailable("database: " + in_words(failure));
  }
}

Result<void> DatabaseFile::write(std::span<const Change* const> changes) {
  return in_transaction("PRAGMA synchronous = FULL", [&](SQLite::Database& database) {
    for (const auto* change : changes) write_change(database, *change);
  });
}

Result<void> DatabaseFile::write(const StateBatch& states) {
  return in_transaction("PRAGMA synchronous = NORMAL",
                        [&](SQLite::Database& database) { write_states(database, states); });
}

}  // namespace pollux
