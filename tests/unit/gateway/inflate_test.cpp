#include "gateway/inflate.h"

#include "catch.h"
#include "gzip.h"

using namespace pollux;

TEST_CASE("gzip is undone however its bytes are split") {
  const std::string text = "{\"error\": {\"code\": 429}} and some more text, more text, more text";
  const auto bytes = gzip(text);
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    Inflater inflater;
    std::string decoded;
    CHECK(inflater.decode(std::string_view(bytes).substr(0, split), decoded, 1000));
    CHECK(inflater.decode(std::string_view(bytes).substr(split), decoded, 1000));
    CHECK(decoded == text);
  }
}

TEST_CASE("a small body that grows beyond the limit is refused") {
  Inflater inflater;
  std::string decoded;

  CHECK_FALSE(inflater.decode(gzip(std::string(1 << 20, 'a')), decoded, 1000));
  CHECK(decoded.size() <= 1000);
}

TEST_CASE("what is no gzip is refused") {
  Inflater inflater;
  std::string decoded;

  CHECK_FALSE(inflater.decode("{\"plain\": true}", decoded, 1000));
}

TEST_CASE("the beginning of a body is decoded as far as it goes, and no further than it may") {
  const std::string text(100'000, 'a');
  const auto bytes = gzip(text);
  CHECK(inflate_beginning(bytes, 200'000).text == text);
  CHECK_FALSE(inflate_beginning(bytes, 200'000).is_cut);
  CHECK(inflate_beginning(bytes, 100).text == text.substr(0, 100));
  CHECK(inflate_beginning(bytes, 100).is_cut);
  CHECK(text.starts_with(inflate_beginning(bytes.substr(0, bytes.size() / 2), 200'000).text));
  CHECK(inflate_beginning("{\"plain\": true}", 100).text == "{\"plain\": true}");
}
