// Finds exchanges in requests.db, the newest first, however many there are and however few of them fit.
#pragma once

#include <SQLiteCpp/Database.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "store/request_query.h"
#include "store/request_tables.h"

namespace pollux {

struct FoundRequests {
  std::vector<std::int64_t> ids;
  std::optional<std::int64_t> next;  // As in RequestPage.
};

// Looks at rows until the limit is reached or the time is up, whichever comes first. Throws
// SQLite::Exception.
FoundRequests search_requests(SQLite::Database& database, RequestTables& tables, const RequestQuery& query,
                              std::chrono::milliseconds longest);

}  // namespace pollux
