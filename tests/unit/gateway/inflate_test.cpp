#include "gateway/inflate.h"

#include <zlib.h>

#include "catch.h"

using namespace pollux;

namespace {

std::string gzip(const std::string& text) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string bytes(text.size() + 200, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(bytes.data());
  z.avail_out = static_cast<uInt>(bytes.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  bytes.resize(bytes.size() - z.avail_out);
  deflateEnd(&z);
  return bytes;
}

}  // namespace

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
