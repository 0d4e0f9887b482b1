// The log: one line an event, readable by a person and parseable by a machine.
//
//   log_info("key disabled", {{"key", name}, {"reason", reason}});
//   2026-11-21T08:00:00.123Z info  key disabled  key=work-1 reason="API key not valid"      (LOG_FORMAT=text)
//   {"time":"...","level":"info","message":"key disabled","key":"work-1","reason":"..."}    (LOG_FORMAT=json)
//
// A call formats the line, appends it to a bounded buffer and returns: a thread of the log's own writes,
// so a slow disk or terminal never holds up a loop. When the buffer is full, lines are dropped and counted,
// and the count is logged. Control characters in values are escaped. Safe for any thread.
//
// Secrets do not belong into a call; as a second fence, everything that looks like a Google key (AIza...,
// AQ....) is masked before a line is written.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pollux {

enum class LogLevel { trace, debug, info, warn, error, off };

// One named value of a line. Numbers and booleans stay such in JSON.
struct LogField {
  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const char* text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, std::int64_t number);
  LogField(std::string_view field_name, int number) : LogField(field_name, std::int64_t{number}) {}
  LogField(std::string_view field_name, std::size_t number)
      : LogField(field_name, static_cast<std::int64_t>(number)) {}
  LogField(std::string_view field_name, double number);
  LogField(std::string_view field_name, bool flag)
      : name(field_name), value(flag ? "true" : "false"), bare(true) {}

  std::string_view name;  // Lower case, snake_case; outlives the call.
  std::string value;
  bool bare = false;  // Written without quotes in JSON.
};

struct LogOptions {
  LogLevel level = LogLevel::info;
  bool json = false;
  std::string file;                                          // Empty: standard error.
  std::size_t rotate_bytes = std::size_t{10} * 1024 * 1024;  // A file of this size is put aside,
  std::size_t rotate_files = 5;                              // and so many old ones are kept.
};

// Starts the log's thread. Before it, and in tests that never call it, lines go straight to standard error.
Result<void> log_start(const LogOptions& options);
// Writes what is left and ends the thread. Called once, last.
void log_stop();

void log_set_level(LogLevel level);
std::uint64_t log_lines_dropped();  // Since the start.
bool log_enabled(LogLevel level) noexcept;

void log_line(LogLevel level, std::string_view message, std::span<const LogField> fields);

inline void log_debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::debug, message, {fields.begin(), fields.size()});
}
inline void log_info(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::info, message, {fields.begin(), fields.size()});
}
inline void log_warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::warn, message, {fields.begin(), fields.size()});
}
inline void log_error(std::string_view message, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::error, message, {fields.begin(), fields.size()});
}

}  // namespace pollux
