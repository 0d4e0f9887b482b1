#include "pool/clients.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/digest.h"
#include "base/glob.h"

namespace pollux {
namespace {

// Whose usage waits to be stored. Usages note themselves here, and may outlive the clients.
class UsageChanges {
 public:
  void note(const std::string& id) {
    const std::lock_guard lock(mutex_);
    ids_.push_back(id);
    if (ids_.size() == 1 && observer_ != nullptr) observer_->on_usage_changed();
  }
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(ids_, {});
  }
  void set_observer(ClientsObserver* observer) {
    const std::lock_guard lock(mutex_);
    observer_ = observer;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> ids_;
  ClientsObserver* observer_ = nullptr;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};
using ByText = std::unordered_map<std::string, ClientRef, TextHash, std::equal_to<>>;

class MemoryClients final : public Clients {
 public:
  void set_observer(ClientsObserver* observer) override;
  void restore(Client client) override;
  void restore(const ClientUsageState& usage, const Moment& now) override;
  void set_from_settings(const std::vector<std::string>& tokens, WallTime now) override;
  Result<ClientRef> add(std::string_view token, ClientPatch profile, WallTime now) override;
  Result<ClientRef> change(std::string_view id, ClientPatch patch) override;
  Result<ClientRef> change_token(std::string_view id, std::string_view token) override;
  Result<void> remove(std::string_view id) override;
  ClientRef holder_of(std::string_view token) const override;
  ClientRef with_id(std::string_view id) const override;
  std::vector<ClientRef> all() const override;
  bool empty() const override;
  std::vector<ClientUsageState> take_changes(const Moment& now) override;

 private:
  // All of these with mutex_ held.
  ClientRef put(Client client);
  void take_out(const ClientRef& client);  // The caller's own, and none of a map.
  Result<void> check_name(const std::string& name, std::string_view own) const;
  std::string id_from(const std::string& hash) const;
  std::string next_name(int& number) const;
  Result<ClientRef> put_and_tell(Client client);

  std::mutex changes_;        // One change at a time, so that they are told in order. Taken before mutex_.
  mutable std::mutex mutex_;  // Guards the maps.
  ByText by_hash_, by_id_;
  std::unordered_multiset<std::string> names_;
  // From settings that name them no more, by hash: how they were changed waits for their return.
  std::unordered_map<std::string, Client> put_away_;
  ClientsObserver* observer_ = nullptr;
  std::shared_ptr<UsageChanges> usage_changes_ = std::make_shared<UsageChanges>();
};

// -- The maps

ClientRef MemoryClients::put(Client client) {
  if (const auto known = by_id_.find(client.id); known != by_id_.end()) {
    if (!client.usage) client.usage = known->second->usage;
    take_out(ClientRef(known->second));
  }
  if (!client.usage) {
    client.usage =
        std::make_shared<ClientUsage>([changes = usage_changes_, id = client.id] { changes->note(id); });
  }
  auto kept = std::make_shared<const Client>(std::move(client));
  by_hash_.insert_or_assign(kept->token_hash, kept);
  by_id_.insert_or_assign(kept->id, kept);
  names_.insert(kept->name);
  return kept;
}

void MemoryClients::take_out(const ClientRef& client) {
  names_.erase(names_.find(client->name));
  const auto holder = by_hash_.find(client->token_hash);
  if (holder != by_hash_.end() && holder->second == client) by_hash_.erase(holder);
  by_id_.erase(client->id);
}

Result<void> MemoryClients::check_name(const std::string& name, std::string_view own) const {
  if (name == own || !names_.contains(name)) return {};
  return conflict("name: another client has it");
}

// Of a token from settings: the same at every start, though nothing is stored of it.
std::string MemoryClients::id_from(const std::string& hash) const {
  for (std::size_t size = 12; size < hash.size(); size += 4) {
    auto id = "client-" + hash.substr(0, size);
    if (!by_id_.contains(id)) return id;
  }
  return "client-" + hash;
}

std::string MemoryClients::next_name(int& number) const {
  for (;;) {
    auto name = "token-" + std::to_string(++number);
    if (!names_.contains(name)) return name;
  }
}

// -- From the store and from settings

void MemoryClients::set_observer(ClientsObserver* observer) {
  const std::lock_guard changes(changes_);
  observer_ = observer;
  usage_changes_->set_observer(observer);
}

void MemoryClients::restore(Client client) {
  const std::lock_guard lock(mutex_);
  put(std::move(client));
}

void MemoryClients::restore(const ClientUsageState& usage, const Moment& now) {
  if (const auto client = with_id(usage.client_id)) client->usage->restore(usage, now);
}

void MemoryClients::set_from_settings(const std::vector<std::string>& tokens, WallTime now) {
  std::unordered_map<std::string, std::string> hints;  // By hash.
  std::vector<std::string> hashes;
  for (const auto& token : tokens) {
    hashes.push_back(hex(sha256(token)));
    hints.emplace(hashes.back(), hint_of_token(token));
  }
  const std::lock_guard changes(changes_);
  const std::lock_guard lock(mutex_);
  std::vector<ClientRef> unnamed;
  for (const auto& [id, client] : by_id_) {
    const auto holder = by_hash_.find(client->token_hash);
    const bool is_overtaken = holder == by_hash_.end() || holder->second != client;  // By one added by hand.
    if (client->from_settings && (is_overtaken || !hints.contains(client->token_hash)))
      unnamed.push_back(client);
  }
  for (const auto& client : unnamed) {
    take_out(client);
    put_away_.insert_or_assign(client->token_hash, *client);
  }
  int number = 0;
  for (const auto& hash : hashes) {
    if (by_hash_.contains(hash)) continue;
    if (auto known = put_away_.extract(hash)) {
      put(std::move(known.mapped()));
      continue;
    }
    Client client;
    client.id = id_from(hash);
    client.name = next_name(number);
    client.token_hash = hash;
    client.token_hint = hints[hash];
    client.created_at = now;
    client.from_settings = true;
    put(std::move(client));
  }
}

// -- By hand

void change_by(ClientPatch&& patch, Client& client) {
  if (patch.name) client.name = *std::move(patch.name);
  if (patch.tags) client.tags = *std::move(patch.tags);
  if (patch.models) client.models = *std::move(patch.models);
  if (patch.rpm) client.quota.rpm = *patch.rpm;
  if (patch.daily_requests) client.quota.daily_requests = *patch.daily_requests;
  if (patch.daily_tokens) client.quota.daily_tokens = *patch.daily_tokens;
  if (patch.expires_at) client.expires_at = *patch.expires_at;
  if (patch.enabled) client.enabled = *patch.enabled;
}

Result<ClientRef> MemoryClients::put_and_tell(Client client) {
  ClientRef kept;
  {
    const std::lock_guard lock(mutex_);
    kept = put(std::move(client));
  }
  if (observer_ != nullptr) observer_->on_client_changed(*kept);
  return kept;
}

Result<ClientRef> MemoryClients::add(std::string_view token, ClientPatch profile, WallTime now) {
  if (auto fine = check_token(token); !fine) return std::move(fine).error();
  if (!profile.name) return invalid_input("name: expected one");
  auto good = checked(std::move(profile));
  if (!good) return std::move(good).error();
  Client client;
  client.id = "client-" + hex(random_bytes(6));
  client.token_hash = hex(sha256(token));
  client.token_hint = hint_of_token(token);
  client.created_at = now;
  change_by(*std::move(good), client);
  const std::lock_guard changes(changes_);
  {
    const std::lock_guard lock(mutex_);
    if (auto fine = check_name(client.name, {}); !fine) return std::move(fine).error();
    if (by_hash_.contains(client.token_hash)) return conflict("token: another client has it");
    while (by_id_.contains(client.id)) client.id = "client-" + hex(random_bytes(6));
  }
  return put_and_tell(std::move(client));
}

Result<ClientRef> MemoryClients::change(std::string_view id, ClientPatch patch) {
  auto good = checked(std::move(patch));
  if (!good) return std::move(good).error();
  const std::lock_guard changes(changes_);
  const auto known = with_id(id);
  if (!known) return not_found("there is no such client");
  if (good->name) {
    const std::lock_guard lock(mutex_);
    if (auto fine = check_name(*good->name, known->name); !fine) return std::move(fine).error();
  }
  auto changed = *known;
  change_by(*std::move(good), changed);
  return put_and_tell(std::move(changed));
}

Result<ClientRef> MemoryClients::change_token(std::string_view id, std::string_view token) {
  if (auto fine = check_token(token); !fine) return std::move(fine).error();
  auto hash = hex(sha256(token));
  const std::lock_guard changes(changes_);
  const auto known = with_id(id);
  if (!known) return not_found("there is no such client");
  if (known->from_settings) return conflict("its token is given by ALLOWED_TOKENS: change it there");
  {
    const std::lock_guard lock(mutex_);
    if (by_hash_.contains(hash)) return conflict("token: another client has it, or it is the one of before");
  }
  auto changed = *known;
  changed.token_hash = std::move(hash);
  changed.token_hint = hint_of_token(token);
  return put_and_tell(std::move(changed));
}

Result<void> MemoryClients::remove(std::string_view id) {
  const std::lock_guard changes(changes_);
  ClientRef gone;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return not_found("there is no such client");
    gone = found->second;
    if (gone->from_settings)
      return conflict("it is given by ALLOWED_TOKENS: remove it from there, or disable it");
    take_out(gone);
  }
  if (observer_ != nullptr) observer_->on_client_removed(gone->id);
  return {};
}

// -- Looking

ClientRef MemoryClients::holder_of(std::string_view token) const {
  const auto hash = hex(sha256(token));
  const std::lock_guard lock(mutex_);
  const auto found = by_hash_.find(hash);
  return found != by_hash_.end() && equal_in_constant_time(found->first, hash) ? found->second : nullptr;
}

ClientRef MemoryClients::with_id(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<ClientRef> MemoryClients::all() const {
  std::vector<ClientRef> clients;
  {
    const std::lock_guard lock(mutex_);
    clients.reserve(by_id_.size());
    for (const auto& [id, client] : by_id_) clients.push_back(client);
  }
  std::ranges::sort(clients, {}, [](const ClientRef& client) {
    return std::tie(client->created_at, client->name, client->id);
  });
  return clients;
}

bool MemoryClients::empty() const {
  const std::lock_guard lock(mutex_);
  return by_id_.empty();
}

std::vector<ClientUsageState> MemoryClients::take_changes(const Moment& now) {
  std::vector<ClientUsageState> states;
  for (const auto& id : usage_changes_->take()) {
    const auto client = with_id(id);
    if (!client) continue;  // Removed meanwhile.
    states.push_back(client->usage->state(now));
    states.back().client_id = id;
  }
  return states;
}

}  // namespace

bool Client::has_tag(std::string_view tag) const {
  return std::ranges::find(tags, tag) != tags.end();
}

bool Client::may_use(std::string_view model) const {
  return models.empty() || std::ranges::any_of(models, [model](const std::string& pattern) {
           return matches_glob(pattern, model);
         });
}

Client::Standing Client::standing(WallTime now) const {
  if (!enabled) return Standing::disabled;
  return expires_at && *expires_at <= now ? Standing::expired : Standing::good;
}

ClientRef Clients::find(std::string_view token, WallTime now) const {
  auto holder = holder_of(token);
  return holder && holder->standing(now) == Client::Standing::good ? holder : nullptr;
}

std::unique_ptr<Clients> Clients::create() {
  return std::make_unique<MemoryClients>();
}

}  // namespace pollux
