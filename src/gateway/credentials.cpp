#include "gateway/credentials.h"

#include <algorithm>
#include <array>

namespace pollux {
namespace {

template <std::size_t count>
bool contains(const std::array<std::string_view, count>& names, std::string_view name) noexcept {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view known) { return equals_ignoring_case(known, name); });
}

constexpr std::array<std::string_view, 22> kept_here{"authorization",
                                                     "x-api-key",
                                                     "x-goog-api-key",
                                                     "api-key",
                                                     "cookie",
                                                     "host",
                                                     "content-length",
                                                     "expect",
                                                     "origin",
                                                     "referer",
                                                     "forwarded",
                                                     "via",
                                                     "x-real-ip",
                                                     "x-client-ip",
                                                     "x-goog-user-project",
                                                     "openai-project",
                                                     "openai-organization",
                                                     "proxy-authorization",
                                                     "proxy-connection",
                                                     "x-http-method-override",
                                                     "x-http-method",
                                                     "x-method-override"};

constexpr std::array<std::string_view, 3> kept_behind{"content-length", "alt-svc", "date"};

std::string_view next_part(std::string_view& query) {
  const auto part = query.substr(0, query.find('&'));
  query.remove_prefix(std::min(part.size() + 1, query.size()));
  return part;
}

bool is_credential(std::string_view part) {
  const auto name = percent_decode(part.substr(0, part.find('=')));  // Google reads "%6bey" as well.
  if (name == "key" || name == "access_token") return true;
  return name == "$key" || name == "$httpHeaders" ||
         name == "$httpMethod";  // Headers and method in the query.
}

}  // namespace

std::string presented_token(const Headers& headers, std::string_view query) {
  if (const auto field = headers.get("authorization")) {
    constexpr std::string_view scheme = "Bearer ";
    if (field->size() > scheme.size() && equals_ignoring_case(field->substr(0, scheme.size()), scheme)) {
      auto token = field->substr(scheme.size());
      while (token.starts_with(' ')) token.remove_prefix(1);
      return std::string(token);
    }
  }
  for (const std::string_view name : {"x-goog-api-key", "x-api-key"}) {
    if (const auto field = headers.get(name); field && !field->empty()) return std::string(*field);
  }
  while (!query.empty()) {
    const auto part = next_part(query);
    const auto mark = std::min(part.find('='), part.size());
    if (percent_decode(part.substr(0, mark)) == "key" && mark + 1 < part.size())
      return percent_decode(part.substr(mark + 1));
  }
  return {};
}

std::string without_credentials(std::string_view query) {
  std::string kept;
  while (!query.empty()) {
    const auto part = next_part(query);
    if (is_credential(part)) continue;
    if (!kept.empty()) kept += '&';
    kept += part;
  }
  return kept;
}

bool stays_here(std::string_view name) noexcept {
  if (is_hop_by_hop(name) || contains(kept_here, name)) return true;
  return name.size() > 12 && equals_ignoring_case(name.substr(0, 12), "x-forwarded-");
}

Headers forwardable(const Headers& from_client) {
  Headers headers;
  const auto connection = from_client.get("connection");
  for (const auto field : from_client) {
    if (stays_here(field.name)) continue;
    if (connection && from_client.lists("connection", field.name)) continue;
    headers.add(field.name, field.value);
  }
  return headers;
}

bool stays_behind(std::string_view name) noexcept {
  if (is_hop_by_hop(name) || contains(kept_behind, name)) return true;
  return name.size() > 15 && equals_ignoring_case(name.substr(0, 15), "access-control-");
}

}  // namespace pollux
