// Origins and proxies, read from and written as URLs.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "net/address.h"
#include "net/connector.h"

namespace pollux {
namespace {

constexpr std::size_t longest_host = 253;
constexpr std::size_t longest_credential = 255;  // SOCKS5 has one byte for the length.

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  });
  return lower;
}

// "scheme://authority" and what follows it.
struct UrlParts {
  std::string scheme;
  std::string_view authority, rest;
};

std::optional<UrlParts> split(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  const auto after = url.substr(colon + 3);
  const auto end = std::min(after.find_first_of("/?#"), after.size());
  return UrlParts{lower_case(url.substr(0, colon)), after.substr(0, end), after.substr(end)};
}

bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > longest_host) return false;
  return std::all_of(host.begin(), host.end(), [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-' ||
           letter == '.' || letter == '_';
  });
}

// "host", "host:port", "[::1]:port".
Result<void> read_host_and_port(std::string_view text, std::string& host, std::uint16_t& port) {
  auto rest = text;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return invalid_input("\"[\" without \"]\"");
    host = std::string(text.substr(1, end - 1));
    const auto address = Address::parse(host);
    if (!address || !address->is_ipv6()) return invalid_input("\"" + host + "\" is no IPv6 address");
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    host = lower_case(text.substr(0, colon));
    if (!is_host_name(host)) return invalid_input("\"" + host + "\" is no host name or address");
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (rest.empty()) return {};
  const auto digits = rest.substr(1);
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = failure == std::errc() && end == digits.data() + digits.size();
  if (rest[0] != ':' || !whole || number == 0 || number > 65535) {
    return invalid_input("\"" + std::string(digits) + "\" is no port from 1 to 65535");
  }
  port = static_cast<std::uint16_t>(number);
  return {};
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    unsigned value = 0;
    const auto* digits = text.data() + at + 1;
    if (text.size() - at < 3) return std::nullopt;
    const auto [end, failure] = std::from_chars(digits, digits + 2, value, 16);
    if (failure != std::errc() || end != digits + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    at += 2;
  }
  return decoded;
}

}  // namespace

Result<Origin> Origin::parse(std::string_view url, std::string* path) {
  const auto parts = split(url);
  if (!parts || (parts->scheme != "http" && parts->scheme != "https")) {
    return invalid_input("\"" + std::string(url) + "\" does not begin with https:// or http://");
  }
  if (parts->authority.find('@') != std::string_view::npos) {
    return invalid_input("an address with user or password (\"@\") is not supported here");
  }
  if (parts->rest.find_first_of("?#") != std::string_view::npos) {
    return invalid_input("\"" + std::string(url) + "\" must end before \"?\" or \"#\"");
  }
  Origin origin;
  origin.tls = parts->scheme == "https";
  origin.port = origin.tls ? 443 : 80;
  auto read = read_host_and_port(parts->authority, origin.host, origin.port);
  if (!read) return std::move(read).error().within(url);
  const auto rest = parts->rest == "/" ? std::string_view() : parts->rest;
  if (path != nullptr) {
    *path = std::string(rest);
  } else if (!rest.empty()) {
    return invalid_input("\"" + std::string(url) + "\" must end after the host and port");
  }
  return origin;
}

std::string Origin::text() const {
  return (tls ? "https://" : "http://") + authority();
}

std::string Origin::authority() const {
  const auto usual = tls ? 443 : 80;
  return port == usual ? bracketed(host) : bracketed(host) + ":" + std::to_string(port);
}

Result<Proxy> Proxy::parse(std::string_view url) {
  // Messages quote nothing before the last "@": there may be a password in it.
  const auto parts = split(url);
  Proxy proxy;
  if (parts && parts->scheme == "http") {
    proxy.kind = Kind::http;
    proxy.port = 80;
  } else if (parts && (parts->scheme == "socks5" || parts->scheme == "socks5h")) {
    proxy.kind = Kind::socks5;
    proxy.port = 1080;
  } else {
    return invalid_input("a proxy begins with http:// or socks5://");
  }
  auto where = parts->authority;
  const auto at = where.rfind('@');
  if (at != std::string_view::npos) {
    const auto credentials = where.substr(0, at);
    const auto colon = std::min(credentials.find(':'), credentials.size());
    const auto user = percent_decoded(credentials.substr(0, colon));
    const auto password = percent_decoded(credentials.substr(std::min(colon + 1, credentials.size())));
    if (!user || !password)
      return invalid_input("user or password of the proxy: \"%\" without two hex digits");
    if (user->size() > longest_credential || password->size() > longest_credential) {
      return invalid_input("user and password of a proxy have at most 255 bytes");
    }
    proxy.user = *user;
    proxy.password = *password;
    where.remove_prefix(at + 1);
  }
  auto read = read_host_and_port(where, proxy.host, proxy.port);
  if (!read) return std::move(read).error().within("proxy");
  // A password with an unescaped "/", "?" or "#" would end the authority early and show up here: not quoted.
  if (!parts->rest.empty() && parts->rest != "/")
    return invalid_input("a proxy ends after its host and port");
  return proxy;
}

std::string Proxy::text() const {
  const std::string scheme = kind == Kind::http ? "http://" : "socks5://";
  return scheme + bracketed(host) + ":" + std::to_string(port);
}

}  // namespace pollux
