// What the parameters of a call ask of the request log.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "admin/admin_call.h"
#include "store/request_query.h"

namespace pollux {

// Reads the filters, and `limit` and `cursor` if they are among `also_allowed`, as may be others that the
// caller reads. `most_rows`: the largest limit. An error names the parameter that is unknown, wrong or given
// twice. One without a value counts as not given.
std::optional<AdminAnswer> read_request_query(const AdminCall& call,
                                              std::span<const std::string_view> also_allowed,
                                              std::int64_t most_rows, RequestQuery& query);

// "15m", "24h", "7d"; nothing: it is none.
std::optional<std::chrono::seconds> read_span(std::string_view text);

}  // namespace pollux
