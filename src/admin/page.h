// The page: its files, and the addresses of other proxies' pages that people have bookmarked.
//
//   GET /, /index.html, /web/..., /favicon.ico, /favicon.svg          files, for anybody: they hold no secret
//   GET /keys_status, /status, /config, /error_logs                   lead to a page
//   GET /admin, /admin/keys where a browser opens them as a page      likewise
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "admin/web_files.h"
#include "http/server.h"

namespace pollux {

// `path`: put right.
bool is_page_request(const RequestHead& head, std::string_view path);

// `folder`: empty: there is no page. REQUIRES: is_page_request().
std::unique_ptr<RequestHandler> answer_page(WebFiles& files, const std::string& folder, RequestHead head,
                                            std::string_view path, const ClientInfo& client, Reply& reply);

}  // namespace pollux
