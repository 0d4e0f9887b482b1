#include "pool/clients.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/digest.h"

namespace pollux {
namespace {

class MemoryClients final : public Clients {
 public:
  void restore(Client client) override {
    const std::lock_guard lock(mutex_);
    insert(std::move(client));
  }

  void set_from_settings(const std::vector<std::string>& tokens, WallTime now) override {
    std::vector<std::string> hashes;
    hashes.reserve(tokens.size());
    for (const auto& token : tokens) hashes.push_back(hex(sha256(token)));
    const std::lock_guard lock(mutex_);
    std::erase_if(by_hash_, [&](const auto& item) {
      return item.second->from_settings && std::ranges::find(hashes, item.first) == hashes.end();
    });
    std::set<std::string> names;
    for (const auto& [hash, client] : by_hash_) names.insert(client->name);
    int number = 0;
    for (auto& hash : hashes) {
      if (by_hash_.contains(hash)) continue;
      std::string name;
      do name = "token-" + std::to_string(++number);
      while (!names.insert(name).second);
      insert(made(std::move(name), std::move(hash), now, true));
    }
  }

  ClientRef add(std::string name, std::string_view token, WallTime now) override {
    auto hash = hex(sha256(token));
    const std::lock_guard lock(mutex_);
    if (const auto known = by_hash_.find(hash); known != by_hash_.end()) return known->second;
    return insert(made(std::move(name), std::move(hash), now, false));
  }

  ClientRef find(std::string_view token, WallTime now) const override {
    const auto hash = hex(sha256(token));
    const std::lock_guard lock(mutex_);
    const auto found = by_hash_.find(hash);
    if (found == by_hash_.end() || !equal_in_constant_time(found->first, hash)) return nullptr;
    const auto& client = found->second;
    const bool expired = client->expires_at && *client->expires_at <= now;
    return client->enabled && !expired ? client : nullptr;
  }

  std::vector<ClientRef> all() const override {
    std::vector<ClientRef> clients;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [hash, client] : by_hash_) clients.push_back(client);
    }
    std::ranges::sort(clients, {}, [](const ClientRef& client) {
      return std::tie(client->created_at, client->name, client->id);
    });
    return clients;
  }

  bool empty() const override {
    const std::lock_guard lock(mutex_);
    return by_hash_.empty();
  }

 private:
  static Client made(std::string name, std::string hash, WallTime now, bool from_settings) {
    Client client;
    client.id = "client-" + hash.substr(0, 12);
    client.name = std::move(name);
    client.token_hash = std::move(hash);
    client.created_at = now;
    client.from_settings = from_settings;
    return client;
  }

  ClientRef insert(Client client) {
    auto kept = std::make_shared<const Client>(std::move(client));
    by_hash_.insert_or_assign(kept->token_hash, kept);
    return kept;
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, ClientRef> by_hash_;
};

}  // namespace

bool Client::has_tag(std::string_view tag) const {
  return std::ranges::find(tags, tag) != tags.end();
}

std::unique_ptr<Clients> Clients::create() {
  return std::make_unique<MemoryClients>();
}

}  // namespace pollux
