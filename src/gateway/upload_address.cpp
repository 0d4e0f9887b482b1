#include "gateway/upload_address.h"

#include <algorithm>

#include "base/digest.h"

namespace pollux {
namespace {

constexpr std::string_view parameter = "pollux_key";

// The raw value of a query parameter; empty if there is none.
std::string_view value_of(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      return part.substr(name.size() + 1);
    }
    query.remove_prefix(std::min(part.size() + 1, query.size()));
  }
  return {};
}

std::string signature(std::string_view upload_id, std::string_view key_id, std::string_view secret) {
  std::string signed_text(upload_id);
  signed_text += '\n';
  signed_text += key_id;
  return hex(hmac_sha256(secret, signed_text)).substr(0, 32);
}

}  // namespace

std::string own_upload_address(std::string_view google_address, std::string_view origin,
                               std::string_view key_id, std::string_view secret) {
  const auto host_at = google_address.find("://");
  const auto path_at = host_at == std::string_view::npos ? 0 : google_address.find('/', host_at + 3);
  if (path_at == std::string_view::npos) return std::string(google_address);
  const auto rest = google_address.substr(path_at);
  const auto query_at = rest.find('?');
  // The path may lie under a prefix of the upstream's: clients are answered at the root.
  const auto upload_at = rest.substr(0, query_at).find("/upload/");
  const auto query = query_at == std::string_view::npos ? std::string_view() : rest.substr(query_at + 1);
  std::string address(origin);
  address += upload_at == std::string_view::npos ? rest : rest.substr(upload_at);
  address += query_at == std::string_view::npos ? '?' : '&';
  address += parameter;
  address += '=';
  address += key_id;
  address += '.';
  address += signature(value_of(query, "upload_id"), key_id, secret);
  return address;
}

bool continues_upload(std::string_view query) {
  return !value_of(query, "upload_id").empty();
}

std::optional<std::string> key_of_upload(std::string_view query, std::string_view secret) {
  const auto value = value_of(query, parameter);
  const auto dot = value.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto key_id = value.substr(0, dot);
  const auto expected = signature(value_of(query, "upload_id"), key_id, secret);
  if (!equal_in_constant_time(expected, value.substr(dot + 1))) return std::nullopt;
  return std::string(key_id);
}

std::string google_upload_query(std::string_view query) {
  std::string kept;
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.starts_with(parameter) && part.substr(parameter.size()).starts_with('=')) continue;
    if (!kept.empty()) kept += '&';
    kept += part;
  }
  return kept;
}

}  // namespace pollux
