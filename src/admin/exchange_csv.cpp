#include "admin/exchange_csv.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "store/body_text.h"

namespace pollux {
namespace {

// What a spreadsheet takes for the beginning of a formula, in full width as well: = + - @.
bool begins_formula(std::string_view text) {
  constexpr std::array<std::string_view, 11> beginnings{
      "=", "+", "-", "@", "\t", "\r", "\n", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
  return std::ranges::any_of(beginnings, [&](auto beginning) { return text.starts_with(beginning); });
}

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

class CsvLine {
 public:
  // Many readers of CSV stop at a NUL: control characters do not get that far.
  void text(std::string_view text) {
    if (is_plain(text)) return readable(text);
    readable(readable_text(text));
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
  void readable(std::string_view text) {
    part();
    const bool formula = begins_formula(text);
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
