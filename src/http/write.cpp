#include "http/write.h"

#include <array>
#include <charconv>

namespace pollux {
namespace {

constexpr auto token_table = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

}  // namespace

bool is_token(std::string_view text) noexcept {
  for (const char c : text)
    if (!token_table[static_cast<unsigned char>(c)]) return false;
  return true;
}

bool has_control_character(std::string_view text) noexcept {
  bool found = false;  // Without an early way out the compiler looks at many bytes at once.
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    found |= (byte < 0x20 && byte != '\t') || byte == 0x7f;
  }
  return found;
}

void append_status_line(std::string& out, int status) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(status));
  out += ' ';
  out += reason_phrase(status);
  out += "\r\n";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (name.empty() || !is_token(name)) return;
  out += name;
  out += ": ";
  const auto at = out.size();
  out += value;
  if (has_control_character(value)) {
    for (auto i = at; i < out.size(); ++i)
      if (has_control_character({&out[i], 1})) out[i] = ' ';
  }
  out += "\r\n";
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_target(std::string& out, std::string_view target) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto at = out.size();
  bool clean = true;
  const auto allowed = [](char c) { return c > 0x20 && c < 0x7f && c != '#'; };
  for (const char c : target) clean = clean && allowed(c);
  out += target;
  if (clean) return;
  out.resize(at);
  for (const char c : target) {
    if (allowed(c)) {
      out += c;
      continue;
    }
    out += '%';
    out += digits[static_cast<unsigned char>(c) >> 4U];
    out += digits[static_cast<unsigned char>(c) & 15U];
  }
}

std::string chunk_head(std::size_t size) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, size, 16).ptr;
  return std::string(digits, end).append("\r\n");
}

std::string as_chunk(std::string_view bytes) {
  const auto head = chunk_head(bytes.size());
  std::string chunk;
  chunk.reserve(head.size() + bytes.size() + chunk_end.size());
  return chunk.append(head).append(bytes).append(chunk_end);
}

std::size_t written_size(const Headers& headers) noexcept {
  std::size_t size = 0;
  for (const auto& field : headers) size += field.name.size() + field.value.size() + 4;
  return size;
}

}  // namespace pollux
