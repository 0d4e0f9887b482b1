#include "admin/metrics_text.h"

#include "catch.h"

using namespace pollux;
using std::chrono::milliseconds;

namespace {

bool has(const std::string& text, std::string_view line) {
  return text.find(std::string(line) + "\n") != std::string::npos;
}

ExchangeRecord exchange() {
  ExchangeRecord record;
  record.dialect = "openai", record.endpoint = "chat";
  record.upstream_model = "flash";
  record.status = 200;
  record.outcome = "answered";
  record.attempts.push_back({.key_id = "id", .key_name = "name", .status = 200});
  record.duration = milliseconds(700);
  record.first_byte = milliseconds(40);
  record.tokens = TokenCounts{.input = 10, .cached = 4, .output = 20, .thoughts = 30};
  return record;
}

std::string text_after(std::initializer_list<ExchangeRecord> records) {
  Metrics metrics;
  for (const auto& record : records) metrics.exchange_over(record);
  return metrics_text({.version = "1.2.3", .traffic = metrics.counts()});
}

}  // namespace

TEST_CASE("every sample carries its labels") {
  auto gone = exchange();
  gone.status = 0;
  const auto text = text_after({exchange(), exchange(), gone});
  CHECK(has(text, R"(pollux_requests_total{dialect="openai",endpoint="chat",model="flash",status="200"} 2)"));
  CHECK(
      has(text, R"(pollux_requests_total{dialect="openai",endpoint="chat",model="flash",status="none"} 1)"));
  CHECK(has(text, R"(pollux_request_outcomes_total{outcome="answered"} 3)"));
  CHECK(has(text, R"(pollux_attempts_total{result="ok"} 3)"));
  CHECK(has(text, R"(pollux_tokens_total{model="flash",kind="cached"} 12)"));
  CHECK(has(text, R"(pollux_build_info{version="1.2.3"} 1)"));
}

TEST_CASE("a histogram's buckets are summed up to the count") {
  const auto text = text_after({exchange(), exchange()});
  const std::string name = "pollux_request_duration_seconds";
  const std::string labels = R"(dialect="openai",endpoint="chat")";
  CHECK(has(text, name + "_bucket{" + labels + R"(,le="0.5"} 0)"));
  CHECK(has(text, name + "_bucket{" + labels + R"(,le="1"} 2)"));
  CHECK(has(text, name + "_bucket{" + labels + R"(,le="300"} 2)"));
  CHECK(has(text, name + "_bucket{" + labels + R"(,le="+Inf"} 2)"));
  CHECK(has(text, name + "_sum{" + labels + "} 1.4"));
  CHECK(has(text, name + "_count{" + labels + "} 2"));
  CHECK(has(text, R"(pollux_first_byte_seconds_bucket{dialect="openai",endpoint="chat",le="0.05"} 2)"));
}

TEST_CASE("gauges tell how it is now") {
  MetricsReport report{.version = "1", .in_flight = 3, .waiting = 2, .keys = {5, 1, 0, 7}};
  report.loop_lags = {std::chrono::microseconds(250), milliseconds(1500)};
  report.in_trouble.policies = true;
  report.request_log = {.written = 9, .dropped = 4, .waiting = 1, .waiting_bytes = 100};
  report.process.cpu = milliseconds(2500);
  report.process.resident_bytes = 10'485'760;
  report.process.started = WallTime(milliseconds(1'795'852'800'123));
  const auto text = metrics_text(report);
  CHECK(has(text, "pollux_requests_in_flight 3"));
  CHECK(has(text, "pollux_requests_waiting 2"));
  CHECK(has(text, R"(pollux_keys{state="ready"} 5)"));
  CHECK(has(text, R"(pollux_keys{state="probing"} 7)"));
  CHECK(has(text, R"(pollux_loop_lag_seconds{worker="1"} 0.00025)"));
  CHECK(has(text, R"(pollux_loop_lag_seconds{worker="2"} 1.5)"));
  CHECK(has(text, R"(pollux_in_trouble{part="policies"} 1)"));
  CHECK(has(text, R"(pollux_in_trouble{part="database"} 0)"));
  CHECK(has(text, R"(pollux_in_trouble{part="request_log"} 0)"));
  CHECK(has(text, "pollux_request_log_written_total 9"));
  CHECK(has(text, "pollux_request_log_dropped_total 4"));
  CHECK(has(text, "pollux_request_log_waiting 1"));
  CHECK(has(text, "process_cpu_seconds_total 2.5"));
  CHECK(has(text, "process_resident_memory_bytes 10485760"));
  CHECK(has(text, "process_start_time_seconds 1795852800.123"));
}

TEST_CASE("no value of a label can break a line") {
  ExchangeCounts traffic;
  traffic.outcomes["a\"b\\c\nd"] = 1;
  CHECK(has(metrics_text({.version = "1", .traffic = traffic}),
            R"(pollux_request_outcomes_total{outcome="a\"b\\c\nd"} 1)"));
}

TEST_CASE("the process knows what it uses") {
  const auto facts = read_process_facts(WallTime());
  CHECK(facts.resident_bytes > 100'000);
  CHECK(facts.open_files >= 3);
  CHECK(facts.most_files >= facts.open_files);
  CHECK(facts.cpu > std::chrono::microseconds(0));
}
