// Who may ask: client tokens, kept as hashes only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pollux {

// A client as policies see it. Never changes: a changed client is a new object.
struct Client {
  std::string id;  // "client-1a2b3c4d5e6f", from the token's hash.
  std::string name;
  std::string token_hash;  // SHA-256 of the token, hexadecimal.
  std::vector<std::string> tags;
  bool enabled = true;
  std::optional<WallTime> expires_at;
  WallTime created_at;
  bool from_settings = false;  // Given by ALLOWED_TOKENS: lives as long as the variable names it.

  bool has_tag(std::string_view tag) const;
};
using ClientRef = std::shared_ptr<const Client>;

// All clients; safe for any thread. Finding hashes the token and compares hashes in constant time.
class Clients {
 public:
  static std::unique_ptr<Clients> create();
  virtual ~Clients() = default;

  virtual void restore(Client client) = 0;
  // Replaces those that came from settings by these tokens (named "token-1", "token-2", ... where new).
  virtual void set_from_settings(const std::vector<std::string>& tokens, WallTime now) = 0;
  virtual ClientRef add(std::string name, std::string_view token, WallTime now) = 0;
  // Null: unknown, disabled or expired.
  virtual ClientRef find(std::string_view token, WallTime now) const = 0;
  virtual std::vector<ClientRef> all() const = 0;
  virtual bool empty() const = 0;
};

}  // namespace pollux
