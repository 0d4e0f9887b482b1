// The requests that a query finds, up to its limit, as a file to download.
#pragma once

#include <memory>

#include "admin/admin_call.h"
#include "store/request_query.h"

namespace pollux {

enum class ExportForm { csv, json_lines };

// Reads the log piece by piece, as fast as the client takes it, and holds one piece at a time.
std::unique_ptr<AdminTask> export_requests(Admin& admin, AdminReply& reply, RequestQuery query,
                                           ExportForm form);

}  // namespace pollux
