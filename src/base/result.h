// A value, or the reason why there is none.
//
// Errors are values with a path: whoever passes one on names its own part with within(), so that the
// message reads from the outside in: "settings: PORT: 99999 is above 65535". Messages are lower case
// without a full stop and never hold a secret. Whoever decides what to do about an error logs it, once.
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pollux {

struct Error {
  enum class Kind {
    invalid_input,  // What was given is wrong; the message says what is expected.
    not_found,
    conflict,     // It exists already, or something else stands in the way.
    unavailable,  // It may work later: disk full, peer away, limit reached.
    internal,     // A bug or a broken environment.
  };
  Kind kind = Kind::internal;
  std::string message;

  Error within(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
};

inline Error invalid_input(std::string message) {
  return {Error::Kind::invalid_input, std::move(message)};
}
inline Error not_found(std::string message) {
  return {Error::Kind::not_found, std::move(message)};
}
inline Error conflict(std::string message) {
  return {Error::Kind::conflict, std::move(message)};
}
inline Error unavailable(std::string message) {
  return {Error::Kind::unavailable, std::move(message)};
}
inline Error internal_error(std::string message) {
  return {Error::Kind::internal, std::move(message)};
}

// The shape of std::expected, which g++ 12 and clang 14 do not offer in C++20.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return held_.index() == 0; }
  bool has_value() const noexcept { return held_.index() == 0; }

  // REQUIRES: has_value().
  T& operator*() & { return std::get<0>(held_); }
  const T& operator*() const& { return std::get<0>(held_); }
  T&& operator*() && { return std::get<0>(std::move(held_)); }
  T* operator->() { return &std::get<0>(held_); }
  const T* operator->() const { return &std::get<0>(held_); }

  // REQUIRES: !has_value().
  Error& error() & { return std::get<1>(held_); }
  const Error& error() const& { return std::get<1>(held_); }
  Error&& error() && { return std::get<1>(std::move(held_)); }

 private:
  std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : held_(std::move(error)) {}

  explicit operator bool() const noexcept { return held_.index() == 0; }
  bool has_value() const noexcept { return held_.index() == 0; }
  Error& error() & { return std::get<1>(held_); }
  const Error& error() const& { return std::get<1>(held_); }
  Error&& error() && { return std::get<1>(std::move(held_)); }

 private:
  std::variant<std::monostate, Error> held_;
};

}  // namespace pollux
