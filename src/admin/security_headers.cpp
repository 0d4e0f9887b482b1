#include "admin/security_headers.h"

#include "admin/authorization.h"

namespace pollux {
namespace {

constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
constexpr std::string_view data_policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

bool is_this_machine(std::string_view host) {
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (host.starts_with(name) && (host.size() == name.size() || host[name.size()] == ':')) return true;
  }
  return false;
}

}  // namespace

void add_security_headers(Content content, const Headers& request, const ClientInfo& client,
                          Headers& answer) {
  answer.set("Content-Security-Policy", content == Content::page ? page_policy : data_policy);
  answer.set("X-Content-Type-Options", "nosniff");
  answer.set("X-Frame-Options", "DENY");
  answer.set("Referrer-Policy", "no-referrer");
  answer.set("Cross-Origin-Resource-Policy", "same-origin");
  if (content != Content::page) return;
  answer.set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
  // Elsewhere browsers ignore it, with an error on the console.
  if (is_encrypted(request, client) || is_this_machine(request.get("host").value_or("")))
    answer.set("Cross-Origin-Opener-Policy", "same-origin");
}

}  // namespace pollux
