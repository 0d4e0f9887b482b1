// Who is who at the start: keys, client tokens and the administrator, from the settings and from the store.
#pragma once

#include <optional>
#include <string>

#include "admin/admin.h"
#include "base/settings.h"
#include "pool/clients.h"
#include "pool/key_pool.h"
#include "store/store.h"

namespace pollux {

// Passes what must be kept from the pool to the store.
class KeyKeeper final : public PoolObserver {
 public:
  explicit KeyKeeper(Store& store) : store_(store) {}
  void on_key_changed(const KeyRecord& record) override { store_.save_key(record); }
  void on_key_removed(const std::string& id) override { store_.remove_key(id); }
  void on_state_changed() override { store_.states_changed(); }

 private:
  Store& store_;
};

// Passes what must be kept of clients to the store, and tells the live feed that they have changed.
class ClientKeeper final : public ClientsObserver {
 public:
  ClientKeeper(Store& store, LiveFeed& feed) : store_(store), feed_(feed) {}
  void on_client_changed(const Client& client) override {
    store_.save_client(client);
    feed_.publish("clients", "{}");
  }
  void on_client_removed(const std::string& id) override {
    store_.remove_client(id);
    feed_.publish("clients", "{}");
  }
  void on_usage_changed() override { store_.states_changed(); }

 private:
  Store& store_;
  LiveFeed& feed_;
};

// What is the token of a client or of the administrator is no key: it is left out, with a warning.
void fill_pool(KeyPool& pool, Store& store, const Clients& clients, const AdminAccount& account,
               const Settings& settings);

// Never an open proxy: without any client token, one is made, stored as a hash and shown once.
void fill_clients(Clients& clients, Store& store, const Settings& settings, const Moment& now);

// AUTH_TOKEN where it is set; else the one of an earlier start.
std::optional<AdminAccount> known_admin(Store& store, const Settings& settings);
// The same; else a new one, shown once.
AdminAccount find_admin(Store& store, const Settings& settings);

// A value made at first use and kept from then on.
std::string find_or_make_secret(Store& store, std::string_view name);

}  // namespace pollux
