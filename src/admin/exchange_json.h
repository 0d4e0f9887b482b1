// Exchanges as the administration shows them: in the request log, its exports and the live feed.
#pragma once

#include "admin/admin_call.h"
#include "store/exchange_record.h"

namespace pollux {

// What a list of requests shows of one. Texts that there are none of are null.
Json summary_json(const ExchangeRecord& record);
// The attempts in their order, numbered from 1.
Json attempts_json(const ExchangeRecord& record);

}  // namespace pollux
