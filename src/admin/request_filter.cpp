#include "admin/request_filter.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace pollux {
namespace {

constexpr std::size_t longest_text = 300;
constexpr std::size_t most_words = 8;

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A time of ISO 8601, seconds since 1970, or how long ago.
std::optional<WallTime> read_time(std::string_view text, WallTime now) {
  if (const auto ago = read_span(text)) return now - *ago;
  if (const auto time = parse_iso_time(text)) return time;
  constexpr double last_second = 253'402'300'799;  // Of the year 9999.
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool good =
      error == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds <= last_second;
  return good ? std::optional(WallTime(Milliseconds(std::llround(seconds * 1000)))) : std::nullopt;
}

bool read_status(std::string_view text, RequestFilter& filter) {
  using Ending = RequestFilter::Ending;
  if (text == "ok") return filter.ending = Ending::well, true;
  if (text == "error") return filter.ending = Ending::error, true;
  const bool is_class = text.size() == 3 && text.ends_with("xx");
  const auto number = whole_number(is_class ? text.substr(0, 1) : text);
  if (!number || *number < 0 || *number > 599) return false;
  filter.ending = Ending::status;
  filter.least_status = static_cast<int>(*number) * (is_class ? 100 : 1);
  filter.most_status = filter.least_status + (is_class ? 99 : 0);
  return filter.least_status >= 100 && filter.most_status <= 599;
}

std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find_first_of(" \t\r\n"));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

std::optional<AdminAnswer> wrong(std::string_view name, std::string_view expected) {
  return admin_error(400, "expected " + std::string(expected), name);
}

// Texts that stand for themselves; null: it is none of them.
std::string* text_filter(std::string_view name, RequestFilter& filter) {
  if (name == "key") return &filter.key;
  if (name == "client") return &filter.client;
  if (name == "model") return &filter.model;
  if (name == "dialect") return &filter.dialect;
  if (name == "endpoint") return &filter.endpoint;
  return nullptr;
}

std::optional<AdminAnswer> read_one(const std::string& name, const std::string& value, WallTime now,
                                    std::int64_t most_rows, RequestQuery& query) {
  auto& filter = query.filter;
  if (value.size() > longest_text) return wrong(name, "at most 300 bytes");
  if (auto* text = text_filter(name, filter)) {
    *text = value;
  } else if (name == "status") {
    if (!read_status(value, filter))
      return wrong(name, "a status such as 404, a class such as 4xx, ok or error");
  } else if (name == "since" || name == "until") {
    auto& time = name == "since" ? filter.since : filter.until;
    time = read_time(value, now);
    if (!time)
      return wrong(name,
                   "a time such as 2026-11-21T08:00:00Z, seconds since 1970, or how long ago: 15m, 24h, 7d");
  } else if (name == "q") {
    filter.words = words_in(value);
    if (filter.words.size() > most_words) return wrong(name, "at most 8 words");
  } else if (name == "limit") {
    const auto limit = whole_number(value);
    if (!limit || *limit < 1 || *limit > most_rows)
      return wrong(name, "a whole number from 1 to " + std::to_string(most_rows));
    query.limit = static_cast<std::size_t>(*limit);
  } else if (name == "cursor") {
    const auto before = whole_number(value);
    if (!before) return wrong(name, "the next_cursor of a page");
    query.before = *before;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::seconds> read_span(std::string_view text) {
  constexpr std::int64_t most = 10'000'000;  // Of any unit: far behind everything, and no overflow.
  if (text.size() < 2) return std::nullopt;
  const auto number = whole_number(text.substr(0, text.size() - 1));
  if (!number || *number < 0 || *number > most) return std::nullopt;
  switch (text.back()) {
    case 's':
      return std::chrono::seconds(*number);
    case 'm':
      return std::chrono::minutes(*number);
    case 'h':
      return std::chrono::hours(*number);
    case 'd':
      return std::chrono::hours(*number * 24);
    default:
      return std::nullopt;
  }
}

std::optional<AdminAnswer> read_request_query(const AdminCall& call,
                                              std::span<const std::string_view> also_allowed,
                                              std::int64_t most_rows, RequestQuery& query) {
  std::vector<std::string_view> known{"key",    "client", "model", "dialect", "endpoint",
                                      "status", "since",  "until", "q"};
  known.insert(known.end(), also_allowed.begin(), also_allowed.end());
  if (auto refused = refused_parameters(call, known)) return refused;
  for (const auto& [name, value] : parse_query(call.query)) {
    if (value.empty()) continue;
    if (auto problem = read_one(name, value, call.admin.clock.wall(), most_rows, query)) return problem;
  }
  return std::nullopt;
}

}  // namespace pollux
