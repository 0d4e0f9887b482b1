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
