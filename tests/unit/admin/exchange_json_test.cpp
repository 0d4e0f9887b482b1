#include "admin/exchange_json.h"

#include "catch.h"

using namespace pollux;

namespace {

using std::chrono::microseconds;

ExchangeRecord good_record() {
  ExchangeRecord record;
  record.id = 1'795'852'800'123'456;
  record.began = WallTime(Milliseconds(1'795'852'800'123));
  record.client_id = "c1", record.client_name = "phone";
  record.remote_address = "192.0.2.7";
  record.dialect = "openai", record.endpoint = "chat";
  record.method = "POST", record.path = "/v1/chat/completions";
  record.model = "gpt-4o", record.upstream_model = "gemini-3.8-flash";
  record.key_id = "3f9a2c41d07e", record.key_name = "work", record.masked_key = "AIza…x9Qk";
  record.streamed = true;
  record.status = 200;
  record.outcome = "answered";
  record.attempts = {
      {.key_id = "0a",
       .key_name = "other",
       .status = 429,
       .reason = "http",
       .message = "quota",
       .began = microseconds(10),
       .duration = microseconds(2500)},
      {.key_id = "3f9a2c41d07e",
       .key_name = "work",
       .status = 200,
       .began = microseconds(2600),
       .duration = microseconds(897'400)},
  };
  record.duration = microseconds(900'000);
  record.first_byte = microseconds(120'500);
  record.tokens = TokenCounts{.input = 10, .cached = 4, .output = 20, .thoughts = 30};
  record.request_bytes = 100, record.answer_bytes = 2000;
  return record;
}

}  // namespace

TEST_CASE("the summary of a good exchange says all of it") {
  CHECK(summary_json(good_record()) == Json::parse(R"({
      "id": "1795852800123456", "time": "2026-11-28T08:00:00.123Z", "client_id": "c1", "client": "phone",
      "remote_address": "192.0.2.7", "dialect": "openai", "endpoint": "chat", "method": "POST",
      "path": "/v1/chat/completions", "model": "gpt-4o", "upstream_model": "gemini-3.8-flash",
      "key_id": "3f9a2c41d07e", "key": "work", "masked_key": "AIza…x9Qk", "attempts": 2, "streamed": true,
      "status": 200, "outcome": "answered", "reason": null, "error": null, "duration_ms": 900.0,
      "first_byte_ms": 120.5, "tokens": {"input": 10, "cached": 4, "output": 20, "thoughts": 30},
      "request_bytes": 100, "answer_bytes": 2000})"));
}

TEST_CASE("what an exchange never had is null") {
  const ExchangeRecord record;
  const auto summary = summary_json(record);
  for (const auto* name : {"client_id", "client", "model", "upstream_model", "key_id", "key", "masked_key",
                           "status", "reason", "error", "first_byte_ms", "tokens"}) {
    INFO(name);
    CHECK(summary.at(name).is_null());
  }
  CHECK(summary.at("attempts") == 0);
  CHECK(attempts_json(record) == Json::array());
}

TEST_CASE("attempts are numbered from one and say what became of each") {
  CHECK(attempts_json(good_record()) == Json::parse(R"([
      {"number": 1, "key_id": "0a", "key": "other", "status": 429, "reason": "http", "message": "quota",
       "began_ms": 0.01, "duration_ms": 2.5},
      {"number": 2, "key_id": "3f9a2c41d07e", "key": "work", "status": 200, "reason": null, "message": null,
       "began_ms": 2.6, "duration_ms": 897.4}])"));
}
