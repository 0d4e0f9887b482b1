#include "admin/shared_secrets.h"

#include "base/digest.h"

namespace pollux {
namespace {

// The key whose secret has this SHA-256 (hexadecimal); null: none in the pool.
KeyRef key_with_hash(const KeyPool& pool, std::string_view hash) {
  auto key = pool.find(key_id_of_hash(hash));
  return key && equal_in_constant_time(hex(sha256(key->secret())), hash) ? key : nullptr;
}

}  // namespace

std::optional<std::string_view> why_no_key(std::string_view secret, const Clients& clients,
                                           const AdminAccount& account) {
  if (equal_in_constant_time(hex(sha256(secret)), account.token_hash))
    return "this is the administrator's token, which must not be sent to Google";
  if (clients.holder_of(secret)) return "this is a client's token, which must not be sent to Google";
  return std::nullopt;
}

std::optional<std::string_view> why_no_token(std::string_view token, const KeyPool& pool,
                                             const AdminAccount& account) {
  const auto hash = hex(sha256(token));
  if (equal_in_constant_time(hash, account.token_hash))
    return "this is the administrator's: a client would administrate";
  if (key_with_hash(pool, hash)) return "this is a key of the pool, which no client may know";
  return std::nullopt;
}

std::vector<std::string> shared_secrets(const KeyPool& pool, const Clients& clients,
                                        const AdminAccount& account) {
  std::vector<std::string> warnings;
  if (const auto key = key_with_hash(pool, account.token_hash)) {
    warnings.push_back("AUTH_TOKEN is the key " + key->name() +
                       " of the pool as well, so it is sent to Google: remove the key, and set another "
                       "AUTH_TOKEN");
  }
  for (const auto& client : clients.all()) {
    const auto where = client->from_settings ? " (ALLOWED_TOKENS)" : "";
    if (equal_in_constant_time(client->token_hash, account.token_hash)) {
      warnings.push_back("AUTH_TOKEN is the token of the client " + client->name + where +
                         " as well, so that client administrates Pollux: set another AUTH_TOKEN");
    }
    if (const auto key = key_with_hash(pool, client->token_hash)) {
      warnings.push_back("the token of the client " + client->name + where + " is the key " + key->name() +
                         " of the pool as well, so it is sent to Google, and the client can do without "
                         "Pollux: give the client another token, or remove the key");
    }
  }
  return warnings;
}

}  // namespace pollux
