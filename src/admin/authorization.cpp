#include "admin/authorization.h"

#include "base/base64.h"
#include "base/digest.h"

namespace pollux {
namespace {

bool has_scheme(std::string_view field, std::string_view scheme) {
  return field.size() > scheme.size() && equals_ignoring_case(field.substr(0, scheme.size()), scheme);
}

bool token_matches(const AdminAccount& account, std::string_view token) {
  return equal_in_constant_time(hex(sha256(token)), account.token_hash);
}

}  // namespace

bool may_administer(const AdminAccount& account, const Headers& headers) {
  const auto field = headers.get("authorization");
  if (!field) return false;
  if (has_scheme(*field, "Bearer ")) return token_matches(account, field->substr(7));
  if (!has_scheme(*field, "Basic ")) return false;
  std::string pair;
  if (!base64_decode(field->substr(6), pair)) return false;
  const auto colon = pair.find(':');
  if (colon == std::string::npos) return false;
  const bool name_matches = equal_in_constant_time(std::string_view(pair).substr(0, colon), account.username);
  return token_matches(account, std::string_view(pair).substr(colon + 1)) && name_matches;
}

bool has_bearer(const Headers& headers) {
  const auto field = headers.get("authorization");
  return field && has_scheme(*field, "Bearer ");
}

bool is_from_another_site(const Headers& headers) {
  if (const auto site = headers.get("sec-fetch-site")) return *site != "same-origin" && *site != "none";
  const auto origin = headers.get("origin");  // On plain http, browsers send this alone.
  if (!origin) return false;
  const auto host_at = origin->find("://");
  if (host_at == std::string_view::npos) return true;  // "null"
  const auto name_of = [](std::string_view authority) {
    const auto bracket = authority.find(']');
    return authority.substr(0, bracket != std::string_view::npos ? bracket + 1 : authority.find(':'));
  };
  // Without ports: a proxy in front may not pass them on.
  return !equals_ignoring_case(name_of(origin->substr(host_at + 3)),
                               name_of(headers.get("host").value_or("")));
}

}  // namespace pollux
