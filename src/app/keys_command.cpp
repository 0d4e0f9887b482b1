#include "app/keys_command.h"

#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/shared_secrets.h"
#include "app/identity.h"
#include "base/clock.h"
#include "base/redact.h"
#include "pool/key_pool.h"
#include "pool/key_text.h"
#include "store/store.h"

namespace pollux {
namespace {

// Hands every change of the pool to the store, and remembers what could not be written.
class Recording : public PoolObserver {
 public:
  explicit Recording(Store& store) : store_(store) {}

  void on_key_changed(const KeyRecord& record) override {
    store_.save_key(record, [this](const Result<void>& saved) { note(saved); });
  }
  void on_key_removed(const std::string& id) override {
    store_.remove_key(id, [this](const Result<void>& removed) { note(removed); });
  }

  std::string error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  void note(const Result<void>& done) {
    const std::lock_guard lock(mutex_);
    if (!done) error_ = done.error().message;
  }

  Store& store_;
  std::mutex mutex_;  // The store's thread reports.
  std::string error_;
};

void list(const KeyPool& pool) {
  for (const KeyStatus& key : pool.statuses()) {
    std::string line = key.id + "  " + key.masked_secret + "  " + key.profile.name;
    if (!key.profile.project.empty()) line += "  project " + key.profile.project;
    if (!key.profile.enabled) line += "  disabled: " + key.profile.disabled_reason;
    std::puts(line.c_str());
  }
  std::printf("%zu keys\n", pool.size());
}

std::vector<std::string> secrets_of(const std::vector<std::string>& words) {
  std::vector<std::string> secrets;
  for (const std::string& word : words) {
    if (word != "-") {
      secrets.push_back(word);
      continue;
    }
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    FoundKeys found = look_for_keys(text);
    for (std::string& secret : found.keys) secrets.push_back(std::move(secret));
    for (const auto& [masked, reason] : found.refused)
      std::fprintf(stderr, "pollux: %s: %s\n", masked.c_str(), reason.c_str());
  }
  return secrets;
}

bool add(KeyPool& pool, const std::vector<std::string>& words, Store& store, const Settings& settings) {
  const auto clients = Clients::create();
  for (auto& client : store.load_clients()) clients->restore(std::move(client));
  clients->set_from_settings(settings.allowed_tokens, {});
  const auto account = known_admin(store, settings).value_or(AdminAccount{});
  bool all_well = true;
  const auto refuse = [&all_well](const std::string& secret, std::string_view reason) {
    std::fprintf(stderr, "pollux: %s: %s\n", mask_secret(secret).c_str(), std::string(reason).c_str());
    all_well = false;
  };
  for (const std::string& secret : secrets_of(words)) {
    if (const auto reason = why_no_key(secret, *clients, account)) {
      refuse(secret, *reason);
      continue;
    }
    auto added = pool.add({secret, {}, {}, {}});
    if (!added) {
      refuse(secret, added.error().message);
      continue;
    }
    std::printf("%s %s\n", added->key->id().c_str(), added->is_new ? "added" : "was there already");
  }
  return all_well;
}

bool remove(KeyPool& pool, const std::vector<std::string>& words) {
  bool all_well = true;
  for (const std::string& word : words) {
    const KeyRef key = pool.find(word);
    if (key == nullptr || !pool.remove(key->id())) {
      std::fprintf(stderr, "pollux: no key has the id or name %s\n", redact_keys(word).c_str());
      all_well = false;
      continue;
    }
    std::printf("%s removed\n", key->id().c_str());
  }
  return all_well;
}

}  // namespace

int run_keys_command(const CommandLine& said, const Settings& settings) {
  auto store = Store::open(settings.data_dir);
  if (!store) {
    std::fprintf(stderr, "pollux: %s\n", store.error().message.c_str());
    return 1;
  }
  const SystemClock clock;
  const auto pool = KeyPool::create(clock);
  for (auto& [record, state] : (*store)->load_keys()) pool->restore(std::move(record), std::move(state));
  Recording recording(**store);
  pool->set_observer(&recording);

  bool all_well = true;
  if (said.command == Command::list_keys) list(*pool);
  if (said.command == Command::add_keys) all_well = add(*pool, said.keys, **store, settings);
  if (said.command == Command::remove_keys) all_well = remove(*pool, said.keys);

  pool->set_observer(nullptr);
  store->reset();  // Writes what is queued.
  if (const std::string error = recording.error(); !error.empty()) {
    std::fprintf(stderr, "pollux: not saved: %s\n", error.c_str());
    all_well = false;
  }
  return all_well ? 0 : 1;
}

}  // namespace pollux
