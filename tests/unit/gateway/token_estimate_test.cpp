#include "gateway/token_estimate.h"

#include <string>

#include "catch.h"

using namespace pollux;

namespace {

std::string text_body(const std::string& text) {
  return "{\"contents\": [{\"parts\": [{\"text\": \"" + text + "\"}]}]}";
}

std::string media_body(std::size_t size) {
  return R"({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": ")" +
         std::string(size, 'A') + R"("}}]}]})";
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  while (times-- > 0) all += text;
  return all;
}

constexpr std::int64_t frame = 25;  // More than the names and brackets around a text or a picture count for.

}  // namespace

TEST_CASE("a request costs at least a token") {
  CHECK(estimate_input_tokens("") == 1);
  CHECK(estimate_input_tokens("{}") == 1);
}

TEST_CASE("four bytes of text are about a token") {
  const auto tokens = estimate_input_tokens(text_body(repeated("The quick brown fox. ", 1000)));
  CHECK(tokens >= 21'000 / 4);
  CHECK(tokens <= 21'000 / 4 + frame);
}

TEST_CASE("three bytes of text that is no ASCII are about a token") {
  const auto tokens = estimate_input_tokens(text_body(repeated("你好世界", 1000)));
  CHECK(tokens >= 4000);
  CHECK(tokens <= 4000 + frame);
}

TEST_CASE("white space between the tokens of JSON counts for nothing") {
  CHECK(estimate_input_tokens("{\n" + std::string(4000, ' ') + "\"a\":\t1\r\n}") ==
        estimate_input_tokens("{\"a\":1}"));
}

TEST_CASE("a picture of any usual size counts as one") {
  for (const std::size_t size : {4096U, 100'000U, 512U * 1024}) {
    const auto tokens = estimate_input_tokens(media_body(size));
    CHECK(tokens >= 258);
    CHECK(tokens <= 258 + frame);
  }
}

TEST_CASE("what is too long for a picture counts for more") {
  const auto tokens = estimate_input_tokens(media_body(std::size_t{16} << 20));
  CHECK(tokens >= 258 + 31 * 128);
  CHECK(tokens <= 258 + 31 * 128 + frame);
}

TEST_CASE("base64 is known in either alphabet, with escaped slashes and behind a data address") {
  const std::string_view prefix = R"({"url": ")";
  for (const std::string_view start :
       {"iVBORw0KGgo+/abc", "iVBORw0KGgo-_abc", R"(\/9j\/4AAQ)", "data:image/png;base64,iVBO"}) {
    const auto tokens =
        estimate_input_tokens(std::string(prefix) + std::string(start) + std::string(40'000, 'Q') + "=\"}");
    CHECK(tokens >= 258);
    CHECK(tokens <= 258 + frame);
  }
}

TEST_CASE("a long text without blanks is no picture if it is not base64") {
  CHECK(estimate_input_tokens(text_body(repeated("请把这句话翻译成英语。", 1000))) > 10'000);
  CHECK(estimate_input_tokens(text_body(repeated("1,2,3;", 10'000))) >= 15'000);
}

TEST_CASE("escaped quotes do not end a string") {
  const auto picture = media_body(400'000);
  const auto with_quotes = R"({"a": "say \"hi\\\" and \\", "b": )" + picture + "}";
  CHECK(estimate_input_tokens(with_quotes) <= estimate_input_tokens(picture) + frame);
}

TEST_CASE("any bytes have an estimate") {
  CHECK(estimate_input_tokens("\"") == 1);
  CHECK(estimate_input_tokens("\"\\\"") == 1);
  CHECK(estimate_input_tokens("\"" + std::string(4000, 'a')) == 1000);
  CHECK(estimate_input_tokens("\"data:" + std::string(8000, 'a')) == 2002);
  CHECK(estimate_input_tokens(std::string(1000, '\xff')) == 250);
  CHECK(estimate_input_tokens("\"" + std::string(1000, '\xff')) == 334);
  CHECK(estimate_input_tokens(std::string(1000, '\0')) == 1);
}
