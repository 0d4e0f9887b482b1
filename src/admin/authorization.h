// May this request administer?
#pragma once

#include "admin/admin.h"
#include "http/message.h"

namespace pollux {

// The token as Bearer, or the user name with the token as password in Basic (RFC 7617). Compared in constant
// time.
bool may_administer(const AdminAccount& account, const Headers& headers);

bool has_bearer(const Headers& headers);

// Whether a browser sends this for a page of another site. It adds a remembered password of Basic to such a
// request by itself, so nothing may be changed by it.
bool is_from_another_site(const Headers& headers);

}  // namespace pollux
