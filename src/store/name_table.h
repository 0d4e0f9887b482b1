// Texts that many rows share, kept once: a table that numbers them. All of it throws SQLite::Exception.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pollux {

class NameTable {
 public:
  using Texts = std::vector<std::string>;  // One a column.

  NameTable(SQLite::Database& database, const std::string& table, std::span<const char* const> columns);

  // The number of these texts, which is given to them if they have none. `day`: of the row that bears it,
  // since 1970; tells when nothing bears it any more. REQUIRES: a transaction is open.
  std::int64_t number_of(std::span<const std::string_view> texts, std::int64_t day);
  // The texts of a number; valid until the next call.
  const Texts& texts_of(std::int64_t number);
  std::vector<std::int64_t> numbers_where(const std::function<bool(const Texts&)>& holds);

  // Forgets what no row from this day on bears; at most so many. How many they were.
  int forget_before(std::int64_t day, int most);
  void drop_caches();

 private:
  struct Known {
    std::int64_t number, day;
  };
  void bind(SQLite::Statement& statement, std::span<const std::string_view> texts);

  SQLite::Database& database_;
  SQLite::Statement find_, add_, use_, read_, read_all_, forget_;
  std::unordered_map<std::string, Known> numbers_;
  std::unordered_map<std::int64_t, Texts> texts_;
  std::string joined_;  // Scratch.
};

}  // namespace pollux
