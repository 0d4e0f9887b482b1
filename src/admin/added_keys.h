// What became of keys that were added: the answer of both forms of POST /admin/keys.
#pragma once

#include <string_view>

#include "admin/admin_call.h"
#include "pool/key_pool.h"

namespace pollux {

class AddedKeys {
 public:
  void count_added(const KeyPool& pool, const Key& key);
  void count_duplicate(const Key& key);
  void count_refused(std::string_view masked, std::string_view reason);
  // Of a preview: it would be added.
  void count_new(std::string_view secret);

  AdminAnswer answer();
  AdminAnswer preview();

 private:
  WrittenList added_{.name = "added"};
  std::size_t added_count_ = 0;
  Json new_ = Json::array(), duplicates_ = Json::array(), refused_ = Json::array();
};

}  // namespace pollux
