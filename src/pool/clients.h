// Who may ask, and how much: client tokens, kept as hashes only, with what their owner allows them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "pool/client_profile.h"
#include "pool/client_usage.h"

namespace pollux {

// A client as policies see it. Never changes: a changed client is a new object, with the same usage.
struct Client {
  enum class Standing { good, disabled, expired };

  std::string id;  // "client-1a2b3c4d5e6f"
  std::string name;
  std::string token_hash;  // SHA-256 of the token, hexadecimal.
  std::vector<std::string> tags;
  bool enabled = true;
  std::optional<WallTime> expires_at;
  WallTime created_at;
  bool from_settings = false;       // Given by ALLOWED_TOKENS: lives as long as the variable names it.
  std::string token_hint;           // The token's last characters; empty: too short, or not known.
  std::vector<std::string> models;  // Patterns with *; empty: all models.
  ClientQuota quota;
  std::shared_ptr<ClientUsage> usage;  // Null for one that nobody counts: who pays with an own key.

  bool has_tag(std::string_view tag) const;
  bool may_use(std::string_view model) const;  // By its plain name.
  Standing standing(WallTime now) const;
  // Whether anything bounds what it may ask for, and until when.
  bool is_limited() const { return !models.empty() || quota != ClientQuota{} || expires_at; }
};
using ClientRef = std::shared_ptr<const Client>;

// Told of what must be stored, in the order in which it happened.
class ClientsObserver {
 public:
  virtual ~ClientsObserver() = default;
  virtual void on_client_changed(const Client& client) = 0;  // Added or changed by hand.
  virtual void on_client_removed(const std::string& id) = 0;
  virtual void on_usage_changed() = 0;  // There is something for take_changes() again.
};

// All clients; safe for any thread. Finding hashes the token and compares hashes in constant time.
class Clients {
 public:
  static std::unique_ptr<Clients> create();
  virtual ~Clients() = default;

  // Of what changes from now on. Null: nobody.
  virtual void set_observer(ClientsObserver* observer) = 0;

  virtual void restore(Client client) = 0;
  virtual void restore(const ClientUsageState& usage, const Moment& now) = 0;
  // Replaces those that came from settings by these tokens (named "token-1", "token-2", ... where new). What
  // was changed of one by hand holds as long as it is named, and again when it is named once more.
  virtual void set_from_settings(const std::vector<std::string>& tokens, WallTime now) = 0;

  // Errors begin with the property that is wrong: "name: ...". A name or a token that another has is a
  // conflict. What the profile leaves out is as little limited as can be; a name it must have.
  virtual Result<ClientRef> add(std::string_view token, ClientPatch profile, WallTime now) = 0;
  virtual Result<ClientRef> change(std::string_view id, ClientPatch patch) = 0;
  // The token of before is refused from now on.
  virtual Result<ClientRef> change_token(std::string_view id, std::string_view token) = 0;
  // A conflict for one from settings: it would be back at the next start.
  virtual Result<void> remove(std::string_view id) = 0;

  // Whoever has this token, also if disabled or expired; null: nobody.
  virtual ClientRef holder_of(std::string_view token) const = 0;
  // The same if it may come in now.
  ClientRef find(std::string_view token, WallTime now) const;
  virtual ClientRef with_id(std::string_view id) const = 0;  // Null: there is none.
  virtual std::vector<ClientRef> all() const = 0;
  virtual bool empty() const = 0;

  // Usage that has changed since the last call.
  virtual std::vector<ClientUsageState> take_changes(const Moment& now) = 0;
};

}  // namespace pollux
