// What is a key of the pool, a client's token and the administrator's shall be three things: a key is sent to
// Google, a client's token is known to a client.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin.h"

namespace pollux {

// Why this may not come into the pool; nothing: it is nobody's token.
std::optional<std::string_view> why_no_key(std::string_view secret, const Clients& clients,
                                           const AdminAccount& account);

// Why this may not be a client's token; nothing: it is neither the administrator's nor a key of the pool.
std::optional<std::string_view> why_no_token(std::string_view token, const KeyPool& pool,
                                             const AdminAccount& account);

// A sentence for each that is two of them all the same, by settings or from before: what follows, and what to
// do.
std::vector<std::string> shared_secrets(const KeyPool& pool, const Clients& clients,
                                        const AdminAccount& account);

}  // namespace pollux
