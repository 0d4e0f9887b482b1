#include "store/request_search.h"

#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>
#include <string>

#include "base/glob.h"

namespace pollux {
namespace {

using Numbers = std::set<std::int64_t>;
using Client = RequestTables::ClientColumn;
using Key = RequestTables::KeyColumn;
using Route = RequestTables::RouteColumn;
using Ending = RequestTables::EndingColumn;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return lower(c); });
  return text;
}

// `word` is in lower case already.
bool contains(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(),
                     [](char in_text, char in_word) { return lower(in_text) == in_word; }) != text.end();
}

// A row as it is looked at: only what is asked for is read.
class Row {
 public:
  static constexpr const char* columns = "id, client, route, key, ending, first_attempt, error";
  explicit Row(SQLite::Statement& statement) : statement_(statement) {}

  std::int64_t id() const { return number(0); }
  std::int64_t client() const { return number(1); }
  std::int64_t route() const { return number(2); }
  std::int64_t key() const { return number(3); }
  std::int64_t ending() const { return number(4); }
  bool has_attempts_of_its_own() const { return statement_.isColumnNull(5); }
  std::string_view error() const { return statement_.getColumn(6).getText(); }
  bool has_error() const { return !statement_.isColumnNull(6); }

 private:
  std::int64_t number(int column) const { return statement_.getColumn(column).getInt64(); }

  SQLite::Statement& statement_;
};

// One condition, in numbers of the name tables: it holds for a row if any of these is true.
struct Condition {
  Numbers clients, keys, routes, endings;
  std::optional<std::int64_t> id;
  std::string error_word;     // In lower case, in the error's text: of rows with one of
  Numbers endings_of_errors;  // these endings.

  bool holds(const Row& row, RequestTables& tables) const {
    if (!clients.empty() && clients.contains(row.client())) return true;
    if (!routes.empty() && routes.contains(row.route())) return true;
    if (!endings.empty() && endings.contains(row.ending())) return true;
    if (!keys.empty() && (keys.contains(row.key()) || was_tried(row, tables))) return true;
    if (!error_word.empty() && row.has_error() && contains(row.error(), error_word)) return true;
    return id && *id == row.id();
  }

 private:
  bool was_tried(const Row& row, RequestTables& tables) const {
    return row.has_attempts_of_its_own() &&
           std::ranges::any_of(keys, [&](std::int64_t key) { return tables.was_tried(row.id(), key); });
  }
};

Numbers as_set(const std::vector<std::int64_t>& numbers) {
  return {numbers.begin(), numbers.end()};
}

bool has_ending(const RequestFilter& filter, const NameTable::Texts& texts) {
  const int status = std::atoi(texts[Ending::status].c_str());
  const bool well = texts[Ending::outcome] == "answered" && status < 400;
  switch (filter.ending) {
    case RequestFilter::Ending::any:
      return true;
    case RequestFilter::Ending::status:
      return status >= filter.least_status && status <= filter.most_status;
    case RequestFilter::Ending::well:
      return well;
    case RequestFilter::Ending::error:
      return !well;
  }
  return true;
}

Condition condition_of_word(const std::string& given, RequestTables& tables) {
  const auto word = lower(given);
  Condition condition;
  condition.clients = as_set(tables.clients().numbers_where([&](const auto& texts) {
    return contains(texts[Client::id], word) || contains(texts[Client::name], word);
  }));
  condition.keys = as_set(tables.keys().numbers_where(
      [&](const auto& texts) { return contains(texts[Key::id], word) || contains(texts[Key::name], word); }));
  condition.routes = as_set(tables.routes().numbers_where([&](const auto& texts) {
    return contains(texts[Route::path], word) || contains(texts[Route::model], word) ||
           contains(texts[Route::upstream_model], word);
  }));
  condition.endings = as_set(tables.endings().numbers_where(
      [&](const auto& texts) { return contains(texts[Ending::reason], word); }));
  condition.endings_of_errors = as_set(
      tables.endings().numbers_where([&](const auto& texts) { return texts[Ending::outcome] == "failed"; }));
  condition.error_word = word;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
  if (error == std::errc() && end == word.data() + word.size()) condition.id = id;
  return condition;
}

std::vector<Condition> conditions_of(const RequestFilter& filter, RequestTables& tables) {
  std::vector<Condition> conditions;
  if (!filter.client.empty()) {
    conditions.emplace_back().clients = as_set(tables.clients().numbers_where([&](const auto& texts) {
      return texts[Client::id] == filter.client || texts[Client::name] == filter.client;
    }));
  }
  if (!filter.key.empty()) {
    conditions.emplace_back().keys = as_set(tables.keys().numbers_where(
        [&](const auto& texts) { return texts[Key::id] == filter.key || texts[Key::name] == filter.key; }));
  }
  if (!filter.model.empty() || !filter.dialect.empty() || !filter.endpoint.empty()) {
    const auto model = lower(filter.model);
    conditions.emplace_back().routes = as_set(tables.routes().numbers_where([&](const auto& texts) {
      return (model.empty() || matches_glob(model, lower(texts[Route::model])) ||
              matches_glob(model, lower(texts[Route::upstream_model]))) &&
             (filter.dialect.empty() || texts[Route::dialect] == filter.dialect) &&
             (filter.endpoint.empty() || texts[Route::endpoint] == filter.endpoint);
    }));
  }
  if (filter.ending != RequestFilter::Ending::any) {
    conditions.emplace_back().endings =
        as_set(tables.endings().numbers_where([&](const auto& texts) { return has_ending(filter, texts); }));
  }
  for (const auto& word : filter.words) conditions.push_back(condition_of_word(word, tables));
  return conditions;
}

// -- Where to look

// The names of which a block must hold one, so that it may hold a row for the condition.
std::vector<std::int64_t> names_of(const Condition& condition) {
  std::vector<std::int64_t> names;
  const auto add = [&](NameKind kind, const Numbers& numbers) {
    for (const auto number : numbers) names.push_back(block_name(kind, number));
  };
  add(NameKind::client, condition.clients);
  add(NameKind::key, condition.keys);
  add(NameKind::route, condition.routes);
  add(NameKind::ending, condition.endings);
  add(NameKind::ending, condition.endings_of_errors);
  return names;
}

// The parts of the log in which all conditions may be met, from new to old: blocks with the names of the
// rarest, or all in one.
class Places {
 public:
  Places(RequestBlocks& blocks, const IdRange& range, const std::vector<Condition>& conditions)
      : blocks_(blocks), rest_(range) {
    constexpr std::size_t most_names = 64;  // Then it is not rare.
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const auto& condition : conditions) {
      auto names = names_of(condition);
      if (condition.id || names.size() > most_names) continue;
      std::int64_t count = 0;
      for (const auto name : names) count += blocks.count_with(name, range);
      if (count >= least) continue;
      least = count;
      names_ = std::move(names);
      by_blocks_ = true;
    }
  }

  std::optional<IdRange> next() {
    if (over_) return std::nullopt;
    const auto place = by_blocks_ ? blocks_.latest_with(names_, rest_) : std::optional(rest_);
    over_ = !by_blocks_ || !place;
    if (place) rest_.before = place->from;
    return place;
  }

 private:
  RequestBlocks& blocks_;
  IdRange rest_;
  std::vector<std::int64_t> names_;
  bool by_blocks_ = false, over_ = false;
};

IdRange range_of(const RequestQuery& query) {
  const auto& filter = query.filter;
  IdRange range{query.from, query.before};
  if (filter.since) range.from = std::max(range.from, first_id_of(*filter.since));
  if (filter.until) range.before = std::min(range.before, first_id_of(*filter.until));
  return range;
}

}  // namespace

FoundRequests search_requests(SQLite::Database& database, RequestTables& tables, const RequestQuery& query,
                              std::chrono::milliseconds longest) {
  constexpr int rows_between_looks = 16;  // At the clock.
  FoundRequests found;
  const auto conditions = conditions_of(query.filter, tables);
  Places places(tables.blocks(), range_of(query), conditions);
  // From here on: however long the names took, every call gets on.
  const auto deadline = std::chrono::steady_clock::now() + longest;
  SQLite::Statement rows(database, std::string("SELECT ") + Row::columns +
                                       " FROM requests WHERE id < ? AND id >= ? ORDER BY id DESC");
  const Row row(rows);
  int looked_at = 0;
  while (const auto place = places.next()) {
    rows.reset();
    rows.bind(1, place->before);
    rows.bind(2, place->from);
    while (rows.executeStep()) {
      const bool holds = std::ranges::all_of(
          conditions, [&](const Condition& condition) { return condition.holds(row, tables); });
      if (holds && found.ids.size() == query.limit) {  // One more than was asked for: there is a next page.
        found.next = found.ids.back();
        return found;
      }
      if (holds) found.ids.push_back(row.id());
      if (++looked_at % rows_between_looks == 0 && std::chrono::steady_clock::now() > deadline) {
        found.next = row.id();
        return found;
      }
    }
  }
  return found;
}

}  // namespace pollux
