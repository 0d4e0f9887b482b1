// POST /admin/keys {"text": ...}: the keys in whatever was pasted.

#include <memory>
#include <utility>

#include "admin/added_keys.h"
#include "admin/admin_call.h"
#include "admin/key_properties.h"
#include "admin/many_keys.h"
#include "admin/shared_secrets.h"
#include "base/redact.h"
#include "pool/key_text.h"

namespace pollux {
namespace {

// A refusal that says why the text "key: ..." is none, without the property's name.
std::string_view reason_in(const Error& error) {
  constexpr std::string_view property = "key: ";
  const std::string_view message = error.message;
  return message.starts_with(property) ? message.substr(property.size()) : message;
}

struct TextImport {
  KeyPool& pool;
  const Clients& clients;
  const AdminAccount& account;
  FoundKeys found;
  GivenKey facts;  // Of each of them, but for its secret.
  bool preview = false;
  AddedKeys keys;

  void take(std::size_t number) {
    facts.secret = std::move(found.keys[number]);
    if (const auto reason = why_no_key(facts.secret, clients, account))
      return keys.count_refused(mask_secret(facts.secret), *reason);
    preview ? look_up() : add();
  }

  void look_up() {
    const auto key = pool.find(key_id_of(facts.secret));
    if (key && key->secret() == facts.secret) return keys.count_duplicate(*key);
    const auto fine = check_given_key(facts);
    fine ? keys.count_new(facts.secret)
         : keys.count_refused(mask_secret(facts.secret), reason_in(fine.error()));
  }

  void add() {
    const auto outcome = pool.add(facts);
    if (!outcome) return keys.count_refused(mask_secret(facts.secret), reason_in(outcome.error()));
    outcome->is_new ? keys.count_added(pool, *outcome->key) : keys.count_duplicate(*outcome->key);
  }
};

std::optional<AdminAnswer> read_import(const AdminCall& call, TextImport& import) {
  KeyPool::Patch facts;
  if (auto problem = read_key_properties(
          call.body, {"text", "tags", "project_id", "weight", "enabled", "preview"}, facts))
    return problem;
  if (!call.body["text"].is_string()) return admin_error(400, "expected text with keys in it", "text");
  if (const auto preview = call.body.find("preview"); preview != call.body.end()) {
    if (!preview->is_boolean()) return admin_error(400, "expected true or false", "preview");
    import.preview = preview->get<bool>();
  }
  import.facts.project = facts.project.value_or("");
  import.facts.tags = facts.tags.value_or(std::vector<std::string>{});
  import.facts.weight = facts.weight.value_or(1);
  import.facts.enabled = facts.enabled.value_or(true);
  import.facts.secret = "any-key";  // What is wrong with the rest is wrong for all of them.
  if (const auto fine = check_given_key(import.facts); !fine) return refused_by_pool(fine.error());
  return std::nullopt;
}

}  // namespace

AdminAnswer answer_key_text(const AdminCall& call) {
  const auto import = std::make_shared<TextImport>(
      TextImport{.pool = call.admin.pool, .clients = call.admin.clients, .account = call.admin.account});
  if (auto problem = read_import(call, *import)) return *problem;
  import->found = look_for_keys(call.body["text"].get_ref<const std::string&>());
  for (const auto& [masked, reason] : import->found.refused) import->keys.count_refused(masked, reason);
  if (import->found.keys.empty() && import->found.refused.empty() && !import->preview)
    return admin_error(400, "no API key was found in this text", "text");
  return answer_in_turns(
      call.admin.loop,
      {.count = import->found.keys.size(),
       .each = [import](std::size_t number) { import->take(number); },
       .answer = [import] { return import->preview ? import->keys.preview() : import->keys.answer(); }});
}

}  // namespace pollux
