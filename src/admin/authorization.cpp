#include "admin/authorization.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "admin/sessions.h"
#include "admin/sign_in_throttle.h"
#include "base/base64.h"
#include "base/digest.h"

namespace pollux {
namespace {

// What follows the scheme's name; nothing: it is another scheme.
std::optional<std::string_view> credentials(std::string_view field, std::string_view scheme) {
  if (field.size() <= scheme.size() || !equals_ignoring_case(field.substr(0, scheme.size()), scheme))
    return std::nullopt;
  return field.substr(scheme.size());
}

bool same_hash(std::string_view text, std::string_view hash) {
  return equal_in_constant_time(hex(sha256(text)), hash);
}

// RFC 7617. The password is the secret: whatever name a program puts before it, or none, will do.
bool is_right_pair(const AdminAccount& account, std::string_view encoded) {
  std::string pair;
  if (!base64_decode(encoded, pair)) return false;
  const auto colon = pair.find(':');
  return colon != std::string::npos &&
         same_hash(std::string_view(pair).substr(colon + 1), account.token_hash);
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The first of a comma-separated list.
std::string_view first_of(std::string_view list) {
  return trimmed(list.substr(0, list.find(',')));
}

// "host:8000", "[::1]:8000", "host".
struct HostAndPort {
  std::string_view name;
  std::optional<int> port;
};
std::optional<HostAndPort> read_authority(std::string_view text) {
  const auto bracket = text.find(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  HostAndPort authority{text.substr(0, colon), {}};
  if (authority.name.empty()) return std::nullopt;
  if (colon == std::string_view::npos) return authority;
  const auto digits = text.substr(colon + 1);
  int port = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  authority.port = port;
  return authority;
}

// Whether a page of this origin may be one of the host's. A host without a port is at its scheme's, or a
// proxy that says so has left the port out.
bool is_origin_of(std::string_view origin, std::string_view host, bool behind_proxy) {
  const bool tls = origin.starts_with("https://");
  if (!tls && !origin.starts_with("http://")) return false;  // "null", and what no page is.
  const auto page = read_authority(origin.substr(tls ? 8 : 7));
  const auto here = read_authority(host);
  if (!page || !here || !equals_ignoring_case(page->name, here->name)) return false;
  const int default_port = tls ? 443 : 80;
  const int port = page->port.value_or(default_port);
  if (here->port) return port == *here->port;
  return port == default_port || behind_proxy;
}

}  // namespace

bool is_administrator(const AdminAccount& account, std::string_view username, std::string_view token) {
  const bool name_matches = same_hash(username, hex(sha256(account.username)));
  return same_hash(token, account.token_hash) && name_matches;
}

std::string fingerprint(const AdminAccount& account) {
  return hex(sha256(account.username + '\n' + account.token_hash));
}

std::vector<std::string_view> session_tokens(const Headers& headers) {
  std::vector<std::string_view> tokens;
  for (const auto field : headers) {
    if (!equals_ignoring_case(field.name, "cookie")) continue;
    for (auto rest = field.value; !rest.empty() && tokens.size() < most_session_cookies;) {
      const auto pair = trimmed(rest.substr(0, rest.find(';')));
      rest.remove_prefix(std::min(rest.find(';'), rest.size() - 1) + 1);
      if (pair.size() > session_cookie.size() && pair.starts_with(session_cookie) &&
          pair[session_cookie.size()] == '=')
        tokens.push_back(pair.substr(session_cookie.size() + 1));
    }
  }
  return tokens;
}

Authority find_authority(const Admin& admin, const Headers& headers, const std::string& remote_address) {
  const auto field = headers.get("authorization").value_or("");
  if (const auto token = credentials(field, "Bearer "); token && same_hash(*token, admin.account.token_hash))
    return {.kind = Authority::Kind::bearer};
  for (const auto token : session_tokens(headers)) {
    if (const auto expires_at = admin.sessions.use(token))
      return {.kind = Authority::Kind::session, .session = std::string(token), .expires_at = expires_at};
  }
  const auto pair = credentials(field, "Basic ");
  if (!pair) return {};
  const auto verdict =
      admin.throttle.judge(remote_address, [&] { return is_right_pair(admin.account, *pair); });
  return {.kind = verdict.right ? Authority::Kind::basic : Authority::Kind::none, .wait = verdict.wait};
}

bool is_from_another_origin(const Headers& headers) {
  if (const auto site = headers.get("sec-fetch-site")) return *site != "same-origin" && *site != "none";
  const auto origin = headers.get("origin");  // Over plain HTTP, browsers send this alone.
  if (!origin) return false;
  // A page of another site cannot add these: its browser would ask first, and is refused.
  const bool behind_proxy = headers.has("x-forwarded-for") || headers.has("x-forwarded-proto");
  const auto forwarded_host = first_of(headers.get("x-forwarded-host").value_or(""));
  return !is_origin_of(*origin, headers.get("host").value_or(""), behind_proxy) &&
         !is_origin_of(*origin, forwarded_host, behind_proxy);
}

bool is_navigation(const Headers& headers) {
  if (const auto mode = headers.get("sec-fetch-mode")) return *mode == "navigate";
  return headers.get("accept").value_or("").find("text/html") != std::string_view::npos;
}

std::string_view challenge(const Headers& headers) {
  const bool a_page_calls = headers.has("sec-fetch-mode") || headers.has("x-requested-with") ||
                            headers.lists("accept", "text/event-stream");
  return a_page_calls && !is_navigation(headers) ? "Bearer realm=\"Pollux\""
                                                 : "Basic realm=\"Pollux\", charset=\"UTF-8\"";
}

bool is_encrypted(const Headers& headers, const ClientInfo& client) {
  return client.tls || equals_ignoring_case(first_of(headers.get("x-forwarded-proto").value_or("")), "https");
}

}  // namespace pollux
