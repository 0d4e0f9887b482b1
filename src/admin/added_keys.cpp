#include "admin/added_keys.h"

#include <utility>

#include "admin/key_json.h"
#include "base/log.h"
#include "base/redact.h"

namespace pollux {

void AddedKeys::count_added(const KeyPool& pool, const Key& key) {
  if (const auto status = pool.status(key.id())) added_.push_back(key_json(*status));
}

void AddedKeys::count_duplicate(const Key& key) {
  duplicates_.push_back({{"masked_key", mask_secret(key.secret())}, {"id", key.id()}});
}

void AddedKeys::count_refused(std::string_view masked, std::string_view reason) {
  refused_.push_back({{"masked_key", masked}, {"reason", reason}});
}

void AddedKeys::count_new(std::string_view secret) {
  new_.push_back({{"masked_key", mask_secret(secret)}});
}

AdminAnswer AddedKeys::answer() {
  if (!added_.empty()) log_info("keys added", {{"count", added_.size()}});
  return {added_.empty() ? 200 : 201,
          {{"added", std::move(added_)},
           {"duplicates", duplicates_.size()},
           {"duplicate_keys", std::move(duplicates_)},
           {"refused", std::move(refused_)}},
          true};
}

AdminAnswer AddedKeys::preview() {
  return {200,
          {{"preview", true},
           {"new", std::move(new_)},
           {"duplicates", duplicates_.size()},
           {"duplicate_keys", std::move(duplicates_)},
           {"refused", std::move(refused_)}}};
}

}  // namespace pollux
