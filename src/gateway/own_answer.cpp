#include "gateway/own_answer.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace pollux {
namespace {

using Json = nlohmann::ordered_json;

// google.rpc.Code by HTTP status.
std::string_view google_status(int status) {
  switch (status) {
    case 400:
    case 408:
    case 411:
    case 413:
    case 414:
    case 431:
      return "INVALID_ARGUMENT";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "NOT_FOUND";
    case 409:
      return "ABORTED";
    case 429:
      return "RESOURCE_EXHAUSTED";
    case 499:
      return "CANCELLED";
    case 501:
      return "UNIMPLEMENTED";
    case 502:
    case 503:
    case 529:
      return "UNAVAILABLE";
    case 504:
      return "DEADLINE_EXCEEDED";
    default:
      return status < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
  }
}

std::string_view openai_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

// What OpenAI's own clients know some errors by.
std::string_view openai_code(std::string_view reason) {
  return reason == "unauthorized" ? "invalid_api_key" : reason;
}

struct Told {
  int status;
  std::string_view message;
  std::string_view code = {}, param = {};  // Empty: null.
};

Json text_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json error_object(Dialect dialect, const Told& told) {
  switch (dialect) {
    case Dialect::gemini:
      return {{"error",
               {{"code", told.status}, {"message", told.message}, {"status", google_status(told.status)}}}};
    case Dialect::openai:
      return {{"error",
               {{"message", told.message},
                {"type", openai_type(told.status)},
                {"param", text_or_null(told.param)},
                {"code", text_or_null(told.code)}}}};
    case Dialect::anthropic:
      return {{"type", "error"},
              {"error", {{"type", anthropic_type(told.status)}, {"message", told.message}}}};
  }
  return {};
}

std::string dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// A policy may name any number, and none.
constexpr double a_year_s = 365.0 * 86'400;

}  // namespace

std::string own_error(Dialect dialect, OwnError& error, Headers& headers) {
  if (dialect == Dialect::anthropic && error.status == 503) error.status = 529;
  headers.set("Content-Type", "application/json; charset=UTF-8");
  headers.set("X-Pollux-Error", error.reason);
  if (error.retry_after) {
    const auto seconds =
        static_cast<long long>(std::ceil(std::min(std::max(0.0, *error.retry_after), a_year_s)));
    headers.set("Retry-After", std::to_string(std::max(1LL, seconds)));
    headers.set("x-should-retry", seconds <= 60 ? "true" : "false");
  } else if (error.status < 500 || error.reason == "model_not_granted" || error.reason == "policy_failed") {
    headers.set("x-should-retry", "false");
  }
  if (error.status == 401) headers.set("WWW-Authenticate", "Bearer");
  const auto code = error.code.empty() ? openai_code(error.reason) : std::string_view(error.code);
  return dump(error_object(dialect, {error.status, "Pollux: " + error.message, code, error.param}), 2) + "\n";
}

std::string error_event(Dialect dialect, int status, std::string_view message) {
  const auto text = dump(error_object(dialect, {status, message}), -1);
  if (dialect == Dialect::gemini) return "data: " + text + "\r\n\r\n";
  if (dialect == Dialect::anthropic) return "event: error\ndata: " + text + "\n\n";
  return "data: " + text + "\n\n";
}

std::string google_error(int status, std::string_view message) {
  return dump(error_object(Dialect::gemini, {status, message}), -1);
}

namespace {

// The first error object of Google's, also in a list; null: there is none.
Json first_error(std::string_view body) {
  const auto parsed = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const auto& first = parsed.is_array() && !parsed.empty() ? parsed.front() : parsed;
  if (!first.is_object() || !first.contains("error") || !first["error"].is_object()) return nullptr;
  return first["error"];
}

}  // namespace

std::string message_of_error(std::string_view body) {
  constexpr std::size_t most_bytes = 400;
  const auto error = first_error(body);
  if (error.is_object()) {
    const auto message = error.value("message", Json());
    if (message.is_string()) return message.get_ref<const std::string&>().substr(0, most_bytes);
  }
  return std::string(body.substr(0, most_bytes));
}

bool holds_google_error(std::string_view body) {
  return first_error(body).is_object();
}

int status_of_error(std::string_view body) {
  const auto error = first_error(body);
  if (!error.is_object()) return 502;
  const auto code = error.value("code", Json());
  const int status = code.is_number_integer() ? code.get<int>() : 502;
  return status >= 400 && status <= 599 ? status : 502;
}

void add_cors(const Headers& request, Headers& answer) {
  if (!request.has("origin")) return;
  answer.set("Access-Control-Allow-Origin", "*");
  answer.set(
      "Access-Control-Expose-Headers",
      "X-Goog-Upload-URL, X-Goog-Upload-Status, X-Goog-Upload-Chunk-Granularity, X-Goog-Upload-Control-URL, "
      "X-Goog-Upload-Size-Received, Retry-After, X-Pollux-Error, Server-Timing");
}

bool is_preflight(std::string_view method, const Headers& request) {
  return method == "OPTIONS" && request.has("access-control-request-method");
}

void answer_preflight(const Headers& request, Headers& answer) {
  answer.set("Access-Control-Allow-Origin", "*");
  answer.set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  const auto wanted = request.get("access-control-request-headers");
  answer.set("Access-Control-Allow-Headers", wanted.value_or("*"));
  answer.set("Access-Control-Max-Age", "86400");
  answer.set("Vary", "Access-Control-Request-Headers");
}

}  // namespace pollux
