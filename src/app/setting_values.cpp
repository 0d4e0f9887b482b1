#include "app/setting_values.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "app/env_file.h"
#include "base/redact.h"

namespace pollux {
namespace {

// 3, 0.5 or 3600: as a person writes a bound.
std::string plain(double number) {
  std::ostringstream text;
  text << number;
  return std::move(text).str();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::optional<int> shift_of(std::string_view unit) {
  const std::string name = lower(unit);
  if (name.empty() || name == "b" || name == "bytes") return 0;
  if (name.size() > 3 || (name.size() > 1 && name.substr(1) != "b" && name.substr(1) != "ib")) {
    return std::nullopt;
  }
  switch (name.front()) {
    case 'k':
      return 10;
    case 'm':
      return 20;
    case 'g':
      return 30;
    case 't':
      return 40;
    default:
      return std::nullopt;
  }
}

void add_once(std::vector<std::string>& items, std::string_view item) {
  if (item.empty() || std::ranges::find(items, item) != items.end()) return;
  items.emplace_back(item);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> items;
  constexpr std::string_view separators = ",| \t\r\n\f\v";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    add_once(items, unquoted(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return items;
}

Result<std::vector<std::string>> read_array(const nlohmann::json& array) {
  std::vector<std::string> items;
  for (const auto& item : array) {
    if (item.is_string()) {
      add_once(items, trimmed(item.get_ref<const std::string&>()));
    } else if (item.is_number_integer()) {
      add_once(items, item.dump());
    } else if (!item.is_null()) {
      return invalid_input("a JSON array of strings");
    }
  }
  return items;
}

Error unreadable() {
  return invalid_input(std::string("a file that can be read: ") + std::strerror(errno));
}

}  // namespace

Result<std::int64_t> read_whole_number(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    return invalid_input("a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Result<double> read_number(std::string_view text, double least, double most) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size() && std::isfinite(number);
  if (!whole || number < least || number > most) {
    return invalid_input("a number from " + plain(least) + " to " + plain(most));
  }
  return number;
}

Result<std::uint64_t> read_bytes(std::string_view text, std::uint64_t most) {
  const auto expected = [most] {
    return invalid_input("a number of bytes from 0 to " + std::to_string(most) +
                         ", such as 1048576, 512k or 64MiB");
  };
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return expected();
  const auto shift = shift_of(trimmed(text.substr(static_cast<std::size_t>(end - text.data()))));
  if (!shift || number > (most >> *shift)) return expected();
  return number << *shift;
}

Result<void> check_readable_file(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0 || access(path.c_str(), R_OK) != 0) return unreadable();
  if (S_ISDIR(about.st_mode)) return invalid_input("a file that can be read; this is a folder");
  return {};
}

Result<std::string> read_whole_file(const std::string& path, std::size_t most_bytes) {
  if (auto readable = check_readable_file(path); !readable) return std::move(readable).error();
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable();
  std::string text;
  std::string piece(std::size_t{64} * 1024,
                    '\0');  // Piece by piece: a pipe or a device has no size to ask for.
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    text.append(piece, 0, static_cast<std::size_t>(file.gcount()));
    if (text.size() > most_bytes) {
      return invalid_input("a file of at most " + std::to_string(most_bytes) + " bytes");
    }
  }
  return text;
}

Result<std::vector<std::string>> read_list(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    const std::string_view inside = trimmed(text.substr(1, text.size() - 2));
    if (inside.starts_with('[')) text = inside;
  }
  if (!text.starts_with('[')) return split(text);
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_array()) return read_array(json);
  if (!text.ends_with(']'))
    return invalid_input("a JSON array, or items parted by commas, pipes or white space");
  // ['a', 'b'] and ["a",]: what is meant is plain enough.
  return split(text.substr(1, text.size() - 2));
}

std::string_view unquoted(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    return trimmed(text.substr(1, text.size() - 2));
  }
  return text;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 80;
  std::string out = "\"";
  for (const char c : text.substr(0, most))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > most) out += "…";
  return out + '"';
}

std::string masked_url(std::string_view url) {
  const std::size_t at = url.rfind('@');
  if (at == std::string_view::npos) return redact_keys(url);
  const std::size_t scheme = url.find("://");
  const std::string begin(scheme == std::string_view::npos || scheme > at ? "" : url.substr(0, scheme + 3));
  return begin + "…" + std::string(url.substr(at));
}

bool is_masked_url(std::string_view url) {
  return url.find("://…@") != std::string_view::npos;
}

}  // namespace pollux
