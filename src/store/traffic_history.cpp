#include "store/traffic_history.h"

#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <array>

namespace pollux {
namespace {

constexpr std::int64_t minute_s = 60, hour_s = 3600, day_s = 86'400;
constexpr std::int64_t minutes_kept_s = 2 * day_s + hour_s;
constexpr std::int64_t hours_kept_s = 31 * day_s;
constexpr std::chrono::hours longest_by_minute{48};  // Longer windows are made of hours.
constexpr std::size_t most_cells = 2'000;            // That wait to be written.
constexpr std::size_t most_models = 200;             // In one hour; the rest is counted as "other".
constexpr std::int64_t most_steps = 180;             // Of a series.
constexpr std::array<std::int64_t, 9> steps_s{60, 120, 300, 600, 900, 1'800, 3'600, 7'200, 14'400};

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::int64_t rounded_down(std::int64_t number, std::int64_t step) {
  return number - ((number % step) + step) % step;
}

std::int64_t step_for(std::chrono::minutes window) {
  const auto seconds = std::chrono::seconds(window).count();
  const std::int64_t least = window > longest_by_minute ? hour_s : minute_s;
  const auto* const fits = std::ranges::find_if(
      steps_s, [&](std::int64_t step) { return step >= least && seconds <= step * most_steps; });
  return fits == steps_s.end() ? steps_s.back() : *fits;
}

// Failed attempts with another one behind them. Rounds of a dialect that went well are none.
std::int64_t retries_in(const ExchangeRecord& record) {
  if (record.attempts.size() < 2) return 0;
  return std::count_if(record.attempts.begin(), record.attempts.end() - 1,
                       [](const AttemptRecord& attempt) { return !attempt.reason.empty(); });
}

SparseCounts counts_in(const SQLite::Column& column) {
  return SparseCounts::decode(
      {static_cast<const char*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())});
}

constexpr const char* columns =
    "requests, answered, failed, client_gone, retries, input_tokens, cached_tokens, output_tokens, "
    "thought_tokens, latency, first_byte, statuses";

// The columns above, from `at` on.
TrafficCounts read_counts(SQLite::Statement& row, int at) {
  TrafficCounts counts;
  for (auto* number :
       {&counts.requests, &counts.answered, &counts.failed, &counts.client_gone, &counts.retries,
        &counts.tokens.input, &counts.tokens.cached, &counts.tokens.output, &counts.tokens.thoughts}) {
    *number = row.getColumn(at++).getInt64();
  }
  counts.latency = TimeHistogram(counts_in(row.getColumn(at++)));
  counts.first_byte = TimeHistogram(counts_in(row.getColumn(at++)));
  counts.statuses = counts_in(row.getColumn(at));
  return counts;
}

void bind_counts(SQLite::Statement& row, int at, const TrafficCounts& counts) {
  for (const auto number :
       {counts.requests, counts.answered, counts.failed, counts.client_gone, counts.retries,
        counts.tokens.input, counts.tokens.cached, counts.tokens.output, counts.tokens.thoughts}) {
    row.bind(at++, number);
  }
  for (const auto* sparse : {&counts.latency.counts(), &counts.first_byte.counts(), &counts.statuses}) {
    const auto bytes = sparse->encode();
    row.bind(at++, static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size()));
  }
}

}  // namespace

const char* const traffic_history_table = R"(
CREATE TABLE history (
  length INTEGER NOT NULL,
  began INTEGER NOT NULL,
  model TEXT NOT NULL,
  requests INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  client_gone INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  thought_tokens INTEGER NOT NULL,
  latency BLOB NOT NULL,
  first_byte BLOB NOT NULL,
  statuses BLOB NOT NULL,
  PRIMARY KEY (length, began, model)
) WITHOUT ROWID;
)";

void TrafficCounts::add(const ExchangeRecord& record) {
  ++requests;
  const bool well = record.outcome == "answered";
  if (well) ++answered;
  if (record.outcome == "failed") ++failed;
  if (record.outcome == "client_gone") ++client_gone;
  retries += retries_in(record);
  if (record.tokens) tokens += *record.tokens;
  if (record.status > 0) statuses.add(static_cast<std::uint32_t>(record.status));
  if (!well || record.status == 101) return;
  latency.add(record.duration);
  if (record.first_byte) first_byte.add(*record.first_byte);
}

void TrafficCounts::add(const TrafficCounts& more) {
  requests += more.requests;
  answered += more.answered;
  failed += more.failed;
  client_gone += more.client_gone;
  retries += more.retries;
  tokens += more.tokens;
  latency.add(more.latency);
  first_byte.add(more.first_byte);
  statuses.add(more.statuses);
}

void TrafficHistory::add(const ExchangeRecord& record) {
  const auto ended = seconds_of(record.began + std::chrono::floor<Milliseconds>(record.duration));
  const auto& model = record.upstream_model.empty() ? record.model : record.upstream_model;
  const auto named = is_model(model, record) ? model : std::string();
  add(minute_s, ended, named, record);
  add(hour_s, ended, named, record);
}

bool TrafficHistory::is_model(const std::string& name, const ExchangeRecord& record) {
  if (models_.contains(name)) return true;
  const bool is_new = was_answered_by_google(record);
  if (is_new && models_.size() < most_models) models_.insert(name);
  return is_new;
}

void TrafficHistory::add(std::int64_t length, std::int64_t second, const std::string& model,
                         const ExchangeRecord& record) {
  Cell cell{length, rounded_down(second, length), model};
  if (unwritten_.size() >= most_cells && !unwritten_.contains(cell)) return;  // Nothing is written for long.
  unwritten_[std::move(cell)].add(record);
}

void TrafficHistory::write(SQLite::Database& database) const {
  const std::string names = columns;
  SQLite::Statement find(database,
                         "SELECT " + names + " FROM history WHERE length = ? AND began = ? AND model = ?");
  SQLite::Statement count(database, "SELECT count(*) FROM history WHERE length = ? AND began = ?");
  SQLite::Statement put(database, "REPLACE INTO history (length, began, model, " + names +
                                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const auto name = [](SQLite::Statement& statement, const Cell& cell, const std::string* model) {
    statement.reset();
    statement.bind(1, std::get<0>(cell));
    statement.bind(2, std::get<1>(cell));
    if (model) statement.bind(3, *model);
  };
  for (const auto& [cell, counts] : unwritten_) {
    auto model = std::get<2>(cell);
    auto sum = counts;
    name(find, cell, &model);
    bool known = find.executeStep();
    if (!known) {
      name(count, cell, nullptr);
      if (count.executeStep() && count.getColumn(0).getInt64() >= static_cast<std::int64_t>(most_models)) {
        model = "other";
        name(find, cell, &model);
        known = find.executeStep();
      }
    }
    if (known) sum.add(read_counts(find, 0));
    name(put, cell, &model);
    bind_counts(put, 4, sum);
    put.exec();
  }
}

TrafficStats TrafficHistory::read(SQLite::Database& database, std::chrono::minutes window, WallTime now) {
  const auto step = step_for(window);
  const auto steps = (std::chrono::seconds(window).count() + step - 1) / step;
  const auto until = rounded_down(seconds_of(now), step) + step;
  const auto since = until - steps * step;
  TrafficStats stats;
  stats.step = std::chrono::seconds(step);
  stats.since = WallTime(std::chrono::seconds(since));
  stats.until = WallTime(std::chrono::seconds(until));
  stats.series.resize(static_cast<std::size_t>(steps));
  SQLite::Statement row(database, std::string("SELECT began, model, ") + columns +
                                      " FROM history WHERE length = ? AND began >= ? AND began < ?");
  row.bind(1, window > longest_by_minute ? hour_s : minute_s);
  row.bind(2, since);
  row.bind(3, until);
  while (row.executeStep()) {
    const auto counts = read_counts(row, 2);
    stats.series[static_cast<std::size_t>((row.getColumn(0).getInt64() - since) / step)].add(counts);
    stats.models[row.getColumn(1).getString()].add(counts);
  }
  return stats;
}

std::size_t TrafficHistory::prune(SQLite::Database& database, WallTime now, int most_rows) {
  std::size_t gone = 0;
  for (const auto& [length, kept] : {std::pair{minute_s, minutes_kept_s}, std::pair{hour_s, hours_kept_s}}) {
    SQLite::Statement prune(
        database,
        "DELETE FROM history WHERE (length, began, model) IN (SELECT length, began, model "
        "FROM history WHERE length = ? AND began < ? LIMIT ?)");
    prune.bind(1, length);
    prune.bind(2, seconds_of(now) - kept);
    prune.bind(3, most_rows);
    gone += static_cast<std::size_t>(prune.exec());
  }
  return gone;
}

}  // namespace pollux
