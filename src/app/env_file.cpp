#include "app/env_file.h"

#include <algorithm>

namespace pollux {
namespace {

constexpr std::string_view blanks = " \t\r\n\f\v";

bool is_blank(char c) {
  return blanks.find(c) != std::string_view::npos;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_name(std::string_view text) {
  if (text.empty() || is_digit(text.front())) return false;
  return std::ranges::all_of(
      text, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-'; });
}

// Up to a " #", which begins a comment; "a#b" holds none.
std::string_view without_comment(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '#' && at > 0 && is_blank(text[at - 1])) return text.substr(0, at);
  }
  return text;
}

// Whether nothing but white space and a comment stands before the end of this line.
bool line_ends_here(std::string_view rest) {
  rest = rest.substr(0, rest.find('\n'));
  const std::string_view left = trimmed(rest);
  return left.empty() || (left.front() == '#' && is_blank(rest.front()));
}

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') continue;
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    switch (const char next = text[++at]) {
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case '"':
      case '\\':
      case '$':
        out += next;
        break;
      default:
        out += '\\', out += next;
    }
  }
  return out;
}

// The value at the beginning of `text`, which may run over several lines.
struct Reading {
  std::string value;
  std::size_t length = 0;  // Of `text`, its line end not included.
  bool unclosed = false;   // A quote or a bracket has no end.
};

Reading read_bare(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return {std::string(trimmed(without_comment(line))), line.size(), false};
}

// '["a", "b"]' or "["a", "b"]": the quote that ends it stands behind a bracket.
std::size_t end_of_quoted_list(std::string_view text) {
  const char quote = text.front();
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] != quote || text[at - 1] == '\\' || !line_ends_here(text.substr(at + 1))) continue;
    const std::string_view inside = trimmed(text.substr(1, at - 1));
    if (!inside.empty() && inside.back() == ']') return at;
  }
  return std::string_view::npos;
}

std::size_t end_of_quote(std::string_view text) {
  const char quote = text.front();
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      return at;
    }
  }
  return std::string_view::npos;
}

Reading read_quoted(std::string_view text) {
  const char quote = text.front();
  std::size_t end = std::string_view::npos;
  if (trimmed(text.substr(1)).starts_with('[')) end = end_of_quoted_list(text);
  if (end == std::string_view::npos) end = end_of_quote(text);
  if (end == std::string_view::npos) {
    Reading reading = read_bare(text);
    reading.unclosed = true;
    return reading;
  }
  // "a", "b": a list whose items are quoted, not a quoted value.
  if (!line_ends_here(text.substr(end + 1))) return read_bare(text);
  const std::string_view inside = text.substr(1, end - 1);
  const std::size_t length = std::min(text.find('\n', end), text.size());
  return {quote == '"' ? unescaped(inside) : std::string(inside), length, false};
}

// ["a", "b"] to its closing bracket, brackets within quotes left aside.
Reading read_list(std::string_view text) {
  char quote = 0;
  for (std::size_t at = 1; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == '\\') ++at;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ']') {
      if (!line_ends_here(text.substr(at + 1))) return read_bare(text);
      return {std::string(text.substr(0, at + 1)), std::min(text.find('\n', at), text.size()), false};
    }
  }
  Reading reading = read_bare(text);
  reading.unclosed = true;
  return reading;
}

Reading read_value(std::string_view text) {
  if (text.empty()) return {};
  if (text.front() == '"' || text.front() == '\'') return read_quoted(text);
  if (text.front() == '[') return read_list(text);
  return read_bare(text);
}

class EnvParser {
 public:
  explicit EnvParser(std::string_view text) : rest_(without_byte_order_mark(text)) {}

  EnvFile parse() {
    while (!rest_.empty()) {
      const std::string_view line = rest_.substr(0, rest_.find('\n'));
      const std::string_view content = trimmed(line);
      if (content.empty() || content.front() == '#') {
        advance(line.size());
      } else {
        read_assignment(line);
      }
    }
    return std::move(file_);
  }

 private:
  void read_assignment(std::string_view line) {
    const std::size_t equals = line.find('=');
    std::string_view name = trimmed(line.substr(0, equals));
    const bool exported = name.starts_with("export") && name.size() > 6 && is_blank(name[6]);
    if (exported) name = trimmed(name.substr(6));
    if (equals == std::string_view::npos) {
      // "export NAME" alone is fine in a shell and sets nothing.
      if (!exported || !is_name(name)) file_.flaws.push_back({line_number_, "NAME=value"});
      return advance(line.size());
    }
    if (!is_name(name)) {
      file_.flaws.push_back({line_number_, "NAME=value, the name made of letters, digits and _"});
      return advance(line.size());
    }
    std::size_t start = equals + 1;
    while (start < line.size() && is_blank(line[start])) ++start;
    const bool only_comment = start < line.size() && line[start] == '#' && start > equals + 1;
    const Reading reading =
        start == line.size() || only_comment ? Reading{} : read_value(rest_.substr(start));
    if (reading.unclosed) {
      const bool bracket = line[start] == '[';
      file_.flaws.push_back(
          {line_number_, bracket ? "a ] that ends the list" : "a quote that ends the value"});
    }
    file_.lines.push_back({std::string(name), reading.value, line_number_});
    advance(std::max(line.size(), start + reading.length));
  }

  // Past so much text and the line end behind it.
  void advance(std::size_t length) {
    length = std::min(length + 1, rest_.size());
    const auto passed = rest_.substr(0, length);
    line_number_ += static_cast<std::size_t>(std::ranges::count(passed, '\n'));
    rest_.remove_prefix(length);
  }

  std::string_view rest_;
  std::size_t line_number_ = 1;
  EnvFile file_;
};

}  // namespace

EnvFile parse_env_file(std::string_view text) {
  return EnvParser(text).parse();
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace pollux
