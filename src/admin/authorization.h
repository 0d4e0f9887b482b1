// May this request administer, and by what?
#pragma once

#include <optional>
#include <string>

#include "admin/admin.h"
#include "http/message.h"

namespace pollux {

// By what a request may administer. A browser adds a session's cookie and a remembered password of Basic by
// itself, a Bearer token never.
struct Authority {
  enum class Kind { none, bearer, session, basic } kind = Kind::none;
  std::string session;                 // Its token,
  std::optional<WallTime> expires_at;  // and when it ends.
  std::optional<Milliseconds> wait;    // Too many wrong tries: no password is looked at before.
  explicit operator bool() const noexcept { return kind != Kind::none; }
};

// A right Bearer token or session does not care for wrong passwords.
Authority find_authority(const Admin& admin, const Headers& headers, const std::string& remote_address);

// Compared in constant time; a wrong name takes as long as a wrong token.
bool is_administrator(const AdminAccount& account, std::string_view username, std::string_view token);

// What changes when the administrator's name or token does.
std::string fingerprint(const AdminAccount& account);

inline constexpr std::string_view session_cookie = "pollux_session";
// The values of the session cookie, at most so many; a browser may hold several of different paths.
inline constexpr std::size_t most_session_cookies = 4;
std::vector<std::string_view> session_tokens(const Headers& headers);

// Whether a browser sends this for a page of another origin: then nothing may be changed by it.
bool is_from_another_origin(const Headers& headers);

// Whether a browser opens this as a page of its own, rather than a page or a program calls it.
bool is_navigation(const Headers& headers);

// What a 401 asks for: Basic, but for calls of a page, where the browser would show its own dialog.
std::string_view challenge(const Headers& headers);

// Whether the client's side of the connection is encrypted, as far as a proxy in front tells.
bool is_encrypted(const Headers& headers, const ClientInfo& client);

}  // namespace pollux
