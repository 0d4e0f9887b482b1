// What a verdict means for the pool, told to the pool.
#pragma once

#include "pool/key_pool.h"
#include "script/policy_exchange.h"

namespace pollux {

// `max_failures`: MAX_FAILURES, for strikes.
void apply_meaning(KeyPool& pool, const KeyMeaning& meaning, int max_failures);

}  // namespace pollux
