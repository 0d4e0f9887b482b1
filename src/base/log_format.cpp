#include "base/log_format.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/redact.h"

namespace pollux {
namespace {

constexpr std::size_t longest_text = 4096;

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return "trace";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
    case LogLevel::off:
      break;
  }
  return "off";
}

// iso_time() costs a microsecond; within one second only the last digits change.
void append_time(std::string& out, WallTime time) {
  thread_local std::chrono::sys_seconds second{std::chrono::seconds(-1)};
  thread_local std::string text;
  const auto now = std::chrono::floor<std::chrono::seconds>(time);
  if (now != second || text.empty()) text = iso_time(now), second = now;
  const auto rest = static_cast<int>((time - now).count());
  out.append(text, 0, text.size() - 4);
  for (const int digit : {rest / 100, rest / 10 % 10, rest % 10}) out += static_cast<char>('0' + digit);
  out += 'Z';
}

// The length of the well-formed UTF-8 sequence at the start of `text`, or 0.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;  // Longer than needed.
  if (first == 0xED && byte(1) > 0x9F) return 0;  // Half of a surrogate pair.
  if (first == 0xF0 && byte(1) < 0x90) return 0;  // Longer than needed.
  if (first == 0xF4 && byte(1) > 0x8F) return 0;  // Above U+10FFFF.
  return length;
}

void append_code(std::string& out, unsigned code) {
  constexpr char digits[] = "0123456789abcdef";
  out.append("\\u00").append(1, digits[code >> 4 & 15]).append(1, digits[code & 15]);
}

// How many letters at the start stand for themselves.
std::size_t plain_length(std::string_view text, bool quotes) {
  std::size_t length = 0;
  for (; length < text.size(); ++length) {
    const auto c = static_cast<unsigned char>(text[length]);
    if (c < 0x20 || c >= 0x7F || (quotes && (c == '"' || c == '\\'))) break;
  }
  return length;
}

// One letter that does not; gives the number of its bytes.
std::size_t append_special(std::string& out, std::string_view text) {
  const auto c = static_cast<unsigned char>(text.front());
  const auto length = utf8_length(text);
  const auto second = length == 2 ? static_cast<unsigned char>(text[1]) : 0U;
  if (length == 0) {
    out += "\xEF\xBF\xBD";  // U+FFFD
  } else if (c == '"' || c == '\\') {
    out.append(1, '\\').append(1, text.front());
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '\r') {
    out += "\\r";
  } else if (length == 1) {
    append_code(out, c);
  } else if (c == 0xC2 && second < 0xA0) {
    append_code(out, second);  // C1 controls: some terminals obey them.
  } else {
    out.append(text.substr(0, length));
  }
  return std::max<std::size_t>(length, 1);
}

// JSON's escapes serve the text form as well. `quotes`: also escape what would end a quoted value.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  const bool cut = text.size() > longest_text;
  if (cut) text = text.substr(0, longest_text);
  for (;;) {
    const auto plain = plain_length(text, quotes);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    text.remove_prefix(append_special(out, text));
  }
  if (cut) out += "…";
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F) return true;
  }
  return false;
}

void append_text_line(std::string& out, WallTime time, LogLevel level, std::string_view message,
                      std::span<const LogField> fields) {
  append_time(out, time);
  out += ' ';
  const auto name = name_of(level);
  out.append(name).append(6 - name.size(), ' ');
  append_escaped(out, message, false);
  for (bool first = true; const auto& field : fields) {
    out.append(std::exchange(first, false) ? "  " : " ").append(field.name) += '=';
    const bool quoted = !field.bare && needs_quotes(field.value);
    if (quoted) out += '"';
    append_escaped(out, field.value, quoted);
    if (quoted) out += '"';
  }
}

void append_json_line(std::string& out, WallTime time, LogLevel level, std::string_view message,
                      std::span<const LogField> fields) {
  out += R"({"time":")";
  append_time(out, time);
  out.append(R"(","level":")").append(name_of(level)).append(R"(","message":")");
  append_escaped(out, message, true);
  out += '"';
  for (const auto& field : fields) {
    out += ",\"";
    append_escaped(out, field.name, true);
    out += "\":";
    if (!field.bare) out += '"';
    append_escaped(out, field.value, true);
    if (!field.bare) out += '"';
  }
  out += '}';
}

}  // namespace

LogField::LogField(std::string_view field_name, std::int64_t number)
    : name(field_name), value(std::to_string(number)), bare(true) {}

LogField::LogField(std::string_view field_name, double number)
    : name(field_name), bare(std::isfinite(number)) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::general, 6).ptr;
  value.assign(text, end);
}

void append_log_line(std::string& out, bool json, WallTime time, LogLevel level, std::string_view message,
                     std::span<const LogField> fields) {
  const auto start = out.size();
  (json ? append_json_line : append_text_line)(out, time, level, message, fields);
  redact_keys_in(out, start);
  out += '\n';
}

}  // namespace pollux
