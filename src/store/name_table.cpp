#include "store/name_table.h"

namespace pollux {
namespace {

constexpr std::size_t most_cached = 1'000;  // Of either kind; then begun anew.

// "a, b, c" with something put around each.
std::string joined(std::span<const char* const> columns, const std::string& between,
                   const std::string& behind) {
  std::string text;
  for (const char* const column : columns) {
    if (!text.empty()) text += between;
    text.append(column).append(behind);
  }
  return text;
}

std::string places(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "?, ";
  return text;
}

NameTable::Texts texts_in(SQLite::Statement& row) {
  NameTable::Texts texts;
  for (int at = 1; at < row.getColumnCount(); ++at) texts.push_back(row.getColumn(at).getString());
  return texts;
}

}  // namespace

NameTable::NameTable(SQLite::Database& database, const std::string& table,
                     std::span<const char* const> columns)
    : database_(database),
      find_(database, "SELECT id, last_day FROM " + table + " WHERE " + joined(columns, " AND ", " = ?")),
      add_(database, "INSERT INTO " + table + " (" + joined(columns, ", ", "") + ", last_day) VALUES (" +
                         places(columns.size()) + "?)"),
      use_(database, "UPDATE " + table + " SET last_day = ? WHERE id = ?"),
      read_(database, "SELECT id, " + joined(columns, ", ", "") + " FROM " + table + " WHERE id = ?"),
      read_all_(database, "SELECT id, " + joined(columns, ", ", "") + " FROM " + table),
      forget_(database, "DELETE FROM " + table + " WHERE id IN (SELECT id FROM " + table +
                            " WHERE last_day < ? LIMIT ?)") {}

std::int64_t NameTable::number_of(std::span<const std::string_view> texts, std::int64_t day) {
  joined_.clear();
  for (const auto text : texts) joined_.append(text).append(1, '\0');
  auto known = numbers_.find(joined_);
  if (known == numbers_.end()) {
    if (numbers_.size() >= most_cached) numbers_.clear();
    bind(find_, texts);
    Known found{0, day};
    if (find_.executeStep()) {
      found = {find_.getColumn(0).getInt64(), find_.getColumn(1).getInt64()};
    } else {
      bind(add_, texts);
      add_.bind(static_cast<int>(texts.size()) + 1, day);
      add_.exec();
      found.number = database_.getLastInsertRowid();
    }
    find_.reset();
    known = numbers_.emplace(joined_, found).first;
  }
  if (known->second.day < day) {
    use_.reset();
    use_.bind(1, day);
    use_.bind(2, known->second.number);
    use_.exec();
    known->second.day = day;
  }
  return known->second.number;
}

const NameTable::Texts& NameTable::texts_of(std::int64_t number) {
  if (const auto known = texts_.find(number); known != texts_.end()) return known->second;
  if (texts_.size() >= most_cached) texts_.clear();
  read_.reset();
  read_.bind(1, number);
  auto texts =
      read_.executeStep() ? texts_in(read_) : Texts(static_cast<std::size_t>(read_.getColumnCount()) - 1);
  read_.reset();
  return texts_.emplace(number, std::move(texts)).first->second;
}

std::vector<std::int64_t> NameTable::numbers_where(const std::function<bool(const Texts&)>& holds) {
  std::vector<std::int64_t> numbers;
  read_all_.reset();
  while (read_all_.executeStep()) {
    if (holds(texts_in(read_all_))) numbers.push_back(read_all_.getColumn(0).getInt64());
  }
  read_all_.reset();
  return numbers;
}

int NameTable::forget_before(std::int64_t day, int most) {
  forget_.reset();
  forget_.bind(1, day);
  forget_.bind(2, most);
  const int gone = forget_.exec();
  if (gone > 0) drop_caches();
  return gone;
}

void NameTable::drop_caches() {
  numbers_ = {};
  texts_ = {};
}

void NameTable::bind(SQLite::Statement& statement, std::span<const std::string_view> texts) {
  statement.reset();
  int at = 0;
  for (const auto text : texts) statement.bind(++at, std::string(text));
}

}  // namespace pollux
