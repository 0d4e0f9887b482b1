// HTTP messages as values: a list of header fields, the heads of requests and responses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pollux {

// Header fields in the order they came, names as they were written. Looked up without regard to case.
// Holds all text in one buffer: a message costs two allocations, and none when its object is used again.
class Headers {
 public:
  struct Field {
    std::string_view name, value;  // Valid until the Headers are changed.
  };

  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  // Replaces all of that name.
  void remove(std::string_view name);
  void clear() noexcept;
  void reserve(std::size_t fields, std::size_t bytes);

  // The first field of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  // Whether a comma-separated field lists this word ("Connection: keep-alive, upgrade").
  bool lists(std::string_view name, std::string_view word) const;

  std::size_t size() const noexcept { return spans_.size(); }
  bool empty() const noexcept { return spans_.empty(); }
  Field operator[](std::size_t index) const noexcept;

  // For parsers, which meet a field in pieces: a name, then a value, then end_field(), which cuts the blanks
  // around the value and returns the field.
  void begin_field();
  void append_to_name(std::string_view bytes);
  void append_to_value(std::string_view bytes);
  Field end_field();

  class Iterator {
   public:
    Iterator(const Headers& headers, std::size_t index) : headers_(&headers), index_(index) {}
    Field operator*() const { return (*headers_)[index_]; }
    Iterator& operator++() { return ++index_, *this; }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const Headers* headers_;
    std::size_t index_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  struct Span {
    std::uint32_t name_at, name_size, value_at, value_size;
  };
  void make_room(std::size_t bytes);

  std::string text_;
  std::vector<Span> spans_;
};

bool equals_ignoring_case(std::string_view one, std::string_view other) noexcept;
// Whether "a, b, c" has this word.
bool comma_list_has(std::string_view list, std::string_view word) noexcept;

struct RequestHead {
  std::string method;  // "GET"
  std::string
      target;  // As sent: "/v1beta/models?pageSize=5". An absolute form is cut down to its path and query.
  std::uint8_t minor_version = 1;
  Headers headers;
};

struct ResponseHead {
  int status = 0;
  std::string reason;
  Headers headers;
};

// How the end of a body is known.
struct BodyLength {
  enum class Kind { none, known, chunked };  // chunked: not known before; HTTP/1.0 peers get a close instead.
  Kind kind = Kind::none;
  std::uint64_t bytes = 0;  // If known.

  static BodyLength of(std::uint64_t bytes) { return {Kind::known, bytes}; }
  static BodyLength unknown() { return {Kind::chunked, 0}; }
  static BodyLength absent() { return {Kind::none, 0}; }
};

// The standard phrase of a status ("Not Found"), or "Unknown".
std::string_view reason_phrase(int status) noexcept;

// A field that belongs to one connection and must not be passed on (RFC 9110 section 7.6.1): Connection,
// Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade. What Connection lists is the caller's to look
// up.
bool is_hop_by_hop(std::string_view name) noexcept;

// "a=1&b=%20" one by one; names and values percent-decoded ("+" is a blank).
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);
std::string percent_decode(std::string_view text);
// For a piece of a path: everything but unreserved characters and "/" is encoded (RFC 3986 section 2.3).
std::string percent_encode_path(std::string_view text);

}  // namespace pollux
