// The answers that Pollux makes itself: errors in the shape of the client's dialect, and what browsers ask
// for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/route.h"
#include "http/message.h"

namespace pollux {

// An error of Pollux's own. Its message starts with "Pollux: ", and the header X-Pollux-Error carries
// `reason`, so that nobody looks for the fault at Google.
struct OwnError {
  int status = 500;
  std::string_view reason;            // One snake_case word that outlives this: "unauthorized", "no_key", ...
  std::string message;                // For people: what, where, what to do.
  std::optional<double> retry_after;  // Seconds: a Retry-After header, and x-should-retry true.
  std::string code, param;            // Of errors in OpenAI's dialect; empty: the reason, and null.
};

// The body, and into `headers` all that goes with it. Anthropic's 503 becomes 529; the status to send is
// returned in `error.status`.
std::string own_error(Dialect dialect, OwnError& error, Headers& headers);

// The event that ends a broken stream: `data: {"error": ...}` in the dialect's framing.
std::string error_event(Dialect dialect, int status, std::string_view message);
// A Google error object: {"error": {"code", "message", "status"}}.
std::string google_error(int status, std::string_view message);

// What an upstream's error says, for people: the message of its first error object, or the start of whatever
// came.
std::string message_of_error(std::string_view body);

// Whether it holds an error object of Google's; a page of a proxy's does not.
bool holds_google_error(std::string_view body);

// The HTTP status that an upstream's error object names; 502 where it names none.
int status_of_error(std::string_view body);

// Cross-origin requests: many clients run in a browser. Adds nothing for a request without Origin.
void add_cors(const Headers& request, Headers& answer);
bool is_preflight(std::string_view method, const Headers& request);
void answer_preflight(const Headers& request, Headers& answer);

}  // namespace pollux
