#include "admin/added_keys.h"

#include <utility>

#include "admin/key_json.h"
#include "base/log.h"
#include "base/redact.h"

namespace pollux {

void AddedKeys::count_added(const KeyPool& pool, const Key& key) {
  ++added_count_;
  if (const auto status = pool.status(key.id())) added_.add(key_json(*status));
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
  if (added_count_ > 0) log_info("keys added", {{"count", added_count_}});
  return {.status = added_count_ > 0 ? 201 : 200,
          .body = {{"duplicates", duplicates_.size()},
                   {"duplicate_keys", std::move(duplicates_)},
                   {"refused", std::move(refused_)}},
          .when_stored = true,
          .list = std::move(added_)};
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
