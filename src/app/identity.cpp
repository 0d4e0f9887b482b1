#include "app/identity.h"

#include <cstdio>

#include "admin/shared_secrets.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/redact.h"

namespace pollux {
namespace {

// To standard output and nowhere else: the log is kept, a secret must not be.
void show_once(const char* what, const char* variable, const std::string& secret) {
  std::printf("\n  No %s is configured (%s), so one was made. It is shown only this once:\n\n      %s\n\n",
              what, variable, secret.c_str());
  std::fflush(stdout);
}

void add_given_keys(KeyPool& pool, const Clients& clients, const AdminAccount& account,
                    const Settings& settings) {
  std::size_t added = 0;
  for (const auto& secret : settings.gemini_api_keys) {
    if (const auto reason = why_no_key(secret, clients, account)) {
      log_warn("a configured key was not added: take it out of GEMINI_API_KEYS or KEY_FILE",
               {{"masked_key", mask_secret(secret)}, {"reason", *reason}});
      continue;
    }
    auto outcome = pool.add({secret, {}, {}, {}});
    if (!outcome) {
      log_warn("a configured key was refused", {{"reason", outcome.error().message}});
    } else if (outcome->is_new) {
      ++added;
    }
  }
  if (added > 0) log_info("keys added from the settings", {{"count", added}});
}

void remove_given_keys(KeyPool& pool, const Settings& settings) {
  for (const auto& secret : settings.remove_google_keys) {
    for (const auto& key : pool.each({})) {
      if (key->secret() != secret) continue;
      log_info("key removed by the settings", {{"id", key->id()}});
      pool.remove(key->id());
      break;
    }
  }
}

}  // namespace

void fill_pool(KeyPool& pool, Store& store, const Clients& clients, const AdminAccount& account,
               const Settings& settings) {
  for (auto& [record, state] : store.load_keys()) pool.restore(std::move(record), std::move(state));
  for (auto& quota : store.load_quotas()) pool.restore(std::move(quota));
  add_given_keys(pool, clients, account, settings);
  remove_given_keys(pool, settings);
  for (const auto& warning : shared_secrets(pool, clients, account)) log_warn(warning);
  if (pool.size() == 0) {
    log_warn("there is no Gemini API key yet: set GEMINI_API_KEYS, or add one with POST /admin/keys");
  }
}

void fill_clients(Clients& clients, Store& store, const Settings& settings, const Moment& now) {
  for (auto& client : store.load_clients()) clients.restore(std::move(client));
  clients.set_from_settings(settings.allowed_tokens, now.wall);
  for (const auto& usage : store.load_client_usage()) clients.restore(usage, now);
  if (!clients.empty()) return;
  const auto token = "pollux-" + random_token(24);
  if (clients.add(token, {.name = "first client"}, now.wall))
    show_once("client token", "ALLOWED_TOKENS", token);
}

std::optional<AdminAccount> known_admin(Store& store, const Settings& settings) {
  if (settings.auth_token) return AdminAccount{settings.admin_username, hex(sha256(*settings.auth_token))};
  if (auto known = store.load_value("admin_token_hash"))
    return AdminAccount{settings.admin_username, *std::move(known)};
  return std::nullopt;
}

AdminAccount find_admin(Store& store, const Settings& settings) {
  if (auto known = known_admin(store, settings)) return *std::move(known);
  const auto token = random_token(24);
  const auto hash = hex(sha256(token));
  store.save_value("admin_token_hash", hash);
  show_once("administrator's token", "AUTH_TOKEN", token);
  return {settings.admin_username, hash};
}

std::string find_or_make_secret(Store& store, std::string_view name) {
  if (auto known = store.load_value(name)) return *std::move(known);
  auto secret = random_token(32);
  store.save_value(std::string(name), secret);
  return secret;
}

}  // namespace pollux
