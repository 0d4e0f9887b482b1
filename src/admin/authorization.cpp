#include "admin/authorization.h"

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

}  // namespace pollux
