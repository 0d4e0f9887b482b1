#include "admin/page.h"

#include <algorithm>
#include <array>
#include <utility>

#include "admin/authorization.h"
#include "admin/security_headers.h"

namespace pollux {
namespace {

struct Bookmark {
  std::string_view path, route;
  bool of_the_api = false;  // A program that asks for the same path means the API.
};
constexpr std::array bookmarks{
    Bookmark{"/keys_status", "#/keys"}, Bookmark{"/status", "#/keys"},
    Bookmark{"/config", "#/settings"},  Bookmark{"/error_logs", "#/requests?status=error"},
    Bookmark{"/admin", "#/", true},     Bookmark{"/admin/keys", "#/keys", true},
};

const Bookmark* bookmark_of(std::string_view path) {
  const auto* const found = std::ranges::find(bookmarks, path, &Bookmark::path);
  return found == bookmarks.end() ? nullptr : found;
}

// The name in the folder; empty: it is none of the page's.
std::string_view file_of(std::string_view path) {
  if (path == "/" || path == "/index.html") return "index.html";
  if (path == "/favicon.ico" || path == "/favicon.svg")
    return "icon.svg";  // Whatever a browser asks for unbidden.
  if (path.starts_with("/web/")) return path.substr(5);
  return path == "/web" ? path.substr(1) : "";
}

// From a target's folder to the root, however many slashes it has: a proxy may have put us below a prefix.
std::string way_to_root(std::string_view target) {
  const auto raw = target.substr(0, target.find_first_of("?#"));
  const auto slashes = std::ranges::count(raw, '/');
  std::string way = slashes > 1 ? "" : "./";
  for (auto level = slashes; level > 1; --level) way += "../";
  return way;
}

constexpr std::string_view no_page =
    "Pollux is running, but its page is not installed. To have it, start Pollux from its repository or with\n"
    "--web FOLDER. The API for clients and the administration work without it.\n";
constexpr std::string_view no_libraries =
    "Pollux is running, but the libraries of its page are missing. To have them, run scripts/vendor (it "
    "needs\n"
    "Node.js and npm), then load this page again. The API for clients and the administration work without "
    "it.\n";

class PageHandler final : public RequestHandler {
 public:
  PageHandler(WebFiles& files, std::string folder, RequestHead head, std::string_view path, ClientInfo client,
              Reply& reply)
      : files_(files),
        folder_(std::move(folder)),
        head_(std::move(head)),
        path_(path),
        client_(std::move(client)),
        reply_(reply) {}

  void on_begin() override {
    if (head_.method == "OPTIONS") return tell(405, "Only GET and HEAD are offered here.\n");
    if (const auto* bookmark = bookmark_of(path_)) return redirect(*bookmark);
    const auto file = file_of(path_);
    if (folder_.empty()) return tell(404, file == "index.html" ? no_page : not_found);
    read(file);
  }
  void on_body(std::string_view) override {}
  void on_body_end() override {}
  void on_drained() override {}
  void on_client_gone() override { reading_.reset(); }

 private:
  static constexpr std::string_view not_found = "Not found. The page is at the root of this address.\n";

  void redirect(const Bookmark& bookmark) {
    auto headers = common_headers();
    headers.set("Location", way_to_root(head_.target).append(bookmark.route));
    headers.set("Cache-Control", "no-store");
    headers.set("Vary", "Accept, Sec-Fetch-Mode, Authorization");
    reply_.send(302, headers, {});
  }

  void read(std::string_view file) {
    WebFileRequest request{.path = std::string(file)};
    request.if_none_match = head_.headers.get("if-none-match").value_or("");
    request.takes_gzip = head_.headers.lists("accept-encoding", "gzip");
    request.needs_libraries = file == "index.html";
    reading_ = files_.read(folder_, std::move(request), [this](const WebFile& found) { send(found); });
    if (!reading_) tell(503, "Too many files are asked for at once.\n");
  }

  void send(const WebFile& file) {
    if (file.kind == WebFile::Kind::without_libraries) return tell(404, no_libraries);
    if (file.kind == WebFile::Kind::missing)
      return tell(404, file_of(path_) == "index.html" ? no_page : not_found);
    if (file.kind == WebFile::Kind::unreadable) return tell(500, "This file cannot be read.\n");
    auto headers = common_headers();
    headers.set("Content-Type", file.type);
    headers.set("ETag", file.etag);
    headers.set("Cache-Control", "no-cache");  // Asked about each time, and sent if it has changed.
    headers.set("Vary", "Accept-Encoding");
    if (file.kind == WebFile::Kind::unchanged) {
      reply_.start(304, headers, BodyLength::absent());
      return reply_.finish();
    }
    if (file.gzipped) headers.set("Content-Encoding", "gzip");
    reply_.send(200, headers, file.bytes);
  }

  void tell(int status, std::string_view text) {
    auto headers = common_headers();
    headers.set("Content-Type", "text/plain; charset=UTF-8");
    headers.set("Cache-Control", "no-store");
    if (status == 405) headers.set("Allow", "GET, HEAD");
    if (status == 503) headers.set("Retry-After", "1");
    reply_.send(status, headers, text);
  }

  Headers common_headers() const {
    Headers headers;
    const auto content = path_.starts_with("/web/") ? Content::data : Content::page;
    add_security_headers(content, head_.headers, client_, headers);
    return headers;
  }

  WebFiles& files_;
  const std::string folder_;
  const RequestHead head_;
  const std::string path_;
  const ClientInfo client_;
  Reply& reply_;
  std::unique_ptr<WebFiles::Reading> reading_;
};

}  // namespace

bool is_page_request(const RequestHead& head, std::string_view path) {
  const bool asks = head.method == "OPTIONS";
  if (head.method != "GET" && head.method != "HEAD" && !asks) return false;
  if (!file_of(path).empty()) return true;
  const auto* bookmark = bookmark_of(path);
  if (bookmark == nullptr) return false;
  if (!bookmark->of_the_api) return true;
  const auto authorization = head.headers.get("authorization").value_or("");
  const bool a_program =
      authorization.size() >= 6 && equals_ignoring_case(authorization.substr(0, 6), "Bearer");
  return !asks && !a_program && is_navigation(head.headers);
}

std::unique_ptr<RequestHandler> answer_page(WebFiles& files, const std::string& folder, RequestHead head,
                                            std::string_view path, const ClientInfo& client, Reply& reply) {
  return std::make_unique<PageHandler>(files, folder, std::move(head), path, client, reply);
}

}  // namespace pollux
