#include "admin/exchange_csv.h"

#include <cstdio>

namespace pollux {
namespace {

class CsvLine {
 public:
  void text(std::string_view text) {
    part();
    const bool formula =
        !text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos;
    if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) {
      line_ += text;
      return;
    }
    line_ += '"';
    if (formula) line_ += '\'';
    for (const char c : text) {
      if (c == '"') line_ += '"';
      line_ += c;
    }
    line_ += '"';
  }
  void number(std::uint64_t number) {
    part();
    line_ += std::to_string(number);
  }
  void milliseconds(std::chrono::microseconds time) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(time.count()) / 1000.0);
    part();
    line_ += text;
  }
  void nothing() { part(); }

  std::string end() { return std::move(line_) + "\r\n"; }

 private:
  void part() {
    if (!first_) line_ += ',';
    first_ = false;
  }

  std::string line_;
  bool first_ = true;
};

}  // namespace

std::string_view csv_head() {
  return "id,time,client_id,client,remote_address,dialect,endpoint,method,path,model,upstream_model,key_id,"
         "key,"
         "masked_key,attempts,streamed,status,outcome,reason,error,duration_ms,first_byte_ms,input_tokens,"
         "cached_tokens,output_tokens,thought_tokens,request_bytes,answer_bytes\r\n";
}

std::string csv_line(const ExchangeRecord& record) {
  CsvLine line;
  line.number(static_cast<std::uint64_t>(record.id));
  line.text(iso_time(record.began));
  for (const std::string_view text :
       {std::string_view(record.client_id), std::string_view(record.client_name),
        std::string_view(record.remote_address), record.dialect, record.endpoint,
        std::string_view(record.method), std::string_view(record.path), std::string_view(record.model),
        std::string_view(record.upstream_model), std::string_view(record.key_id),
        std::string_view(record.key_name), std::string_view(record.masked_key)}) {
    line.text(text);
  }
  line.number(record.attempts.size());
  line.text(record.streamed ? "true" : "false");
  record.status > 0 ? line.number(static_cast<std::uint64_t>(record.status)) : line.nothing();
  line.text(record.outcome);
  line.text(record.reason);
  line.text(record.error);
  line.milliseconds(record.duration);
  record.first_byte ? line.milliseconds(*record.first_byte) : line.nothing();
  const auto tokens = record.tokens.value_or(TokenCounts{});
  for (const auto count : {tokens.input, tokens.cached, tokens.output, tokens.thoughts})
    record.tokens ? line.number(static_cast<std::uint64_t>(count)) : line.nothing();
  line.number(record.request_bytes);
  line.number(record.answer_bytes);
  return line.end();
}

}  // namespace pollux
