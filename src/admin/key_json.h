// Keys as the administration shows them: never with their secret.
#pragma once

#include "admin/admin_call.h"
#include "pool/key_pool.h"

namespace pollux {

Json key_json(const KeyStatus& key);
// {"keys": [...], ...}, with `rest` behind the list.
AdminAnswer keys_in_turns(Loop& loop, std::vector<KeyStatus> keys, Json rest);
// The sums over all keys, as properties to stand beside "keys".
Json totals_json(const std::vector<KeyStatus>& keys);

}  // namespace pollux
