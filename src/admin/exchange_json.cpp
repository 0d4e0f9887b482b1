#include "admin/exchange_json.h"

namespace pollux {
namespace {

Json text_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json status_or_null(int status) {
  return status == 0 ? Json(nullptr) : Json(status);
}

double milliseconds(std::chrono::microseconds duration) {
  return static_cast<double>(duration.count()) / 1000.0;
}

Json tokens_or_null(const std::optional<TokenCounts>& tokens) {
  if (!tokens) return nullptr;
  return {{"input", tokens->input},
          {"cached", tokens->cached},
          {"output", tokens->output},
          {"thoughts", tokens->thoughts}};
}

}  // namespace

Json summary_json(const ExchangeRecord& record) {
  return {{"id", std::to_string(record.id)},
          {"time", iso_time(record.began)},
          {"client_id", text_or_null(record.client_id)},
          {"client", text_or_null(record.client_name)},
          {"remote_address", record.remote_address},
          {"dialect", record.dialect},
          {"endpoint", record.endpoint},
          {"method", record.method},
          {"path", record.path},
          {"model", text_or_null(record.model)},
          {"upstream_model", text_or_null(record.upstream_model)},
          {"key_id", text_or_null(record.key_id)},
          {"key", text_or_null(record.key_name)},
          {"masked_key", text_or_null(record.masked_key)},
          {"attempts", record.attempts.size()},
          {"streamed", record.streamed},
          {"status", status_or_null(record.status)},
          {"outcome", record.outcome},
          {"reason", text_or_null(record.reason)},
          {"error", text_or_null(record.error)},
          {"duration_ms", milliseconds(record.duration)},
          {"first_byte_ms", record.first_byte ? Json(milliseconds(*record.first_byte)) : Json(nullptr)},
          {"tokens", tokens_or_null(record.tokens)},
          {"request_bytes", record.request_bytes},
          {"answer_bytes", record.answer_bytes}};
}

Json attempts_json(const ExchangeRecord& record) {
  Json attempts = Json::array();
  for (const auto& attempt : record.attempts) {
    attempts.push_back({{"number", attempts.size() + 1},
                        {"key_id", text_or_null(attempt.key_id)},
                        {"key", text_or_null(attempt.key_name)},
                        {"status", status_or_null(attempt.status)},
                        {"reason", text_or_null(attempt.reason)},
                        {"message", text_or_null(attempt.message)},
                        {"began_ms", milliseconds(attempt.began)},
                        {"duration_ms", milliseconds(attempt.duration)}});
  }
  return attempts;
}

}  // namespace pollux
