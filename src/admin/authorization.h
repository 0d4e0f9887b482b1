// May this request administer?
#pragma once

#include "admin/admin.h"
#include "http/message.h"

namespace pollux {

// The token as Bearer, or the user name with the token as password in Basic (RFC 7617). Compared in constant
// time.
bool may_administer(const AdminAccount& account, const Headers& headers);

}  // namespace pollux
