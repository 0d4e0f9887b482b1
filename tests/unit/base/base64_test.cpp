#include "base/base64.h"

#include "catch.h"

using namespace pollux;

namespace {

std::string decoded(std::string_view text) {
  std::string bytes;
  return base64_decode(text, bytes) ? bytes : "not base64";
}

}  // namespace

TEST_CASE("bytes of any number are written in base64") {
  CHECK(base64_encode("").empty());
  CHECK(base64_encode("f") == "Zg==");
  CHECK(base64_encode("fo") == "Zm8=");
  CHECK(base64_encode("foo") == "Zm9v");
  CHECK(base64_encode("foob") == "Zm9vYg==");
  CHECK(base64_encode("\xff\xef\xbe") == "/+++");
}

TEST_CASE("base64 of both alphabets is read, padded or not") {
  CHECK(decoded("").empty());
  CHECK(decoded("Zg==") == "f");
  CHECK(decoded("Zg") == "f");
  CHECK(decoded("Zm8") == "fo");
  CHECK(decoded("Zm9vYmFy") == "foobar");
  CHECK(decoded("/+++") == "\xff\xef\xbe");
  CHECK(decoded("_---") == "\xff\xef\xbe");
}

TEST_CASE("what is no base64 is told") {
  for (const auto* text :
       {"Z", "Zm9vY", "Zg=", "Zm=v", "Zm9v====", "====", "Zm9v Zg==", "Zm9v\n", "Z\xc3\xa9g="}) {
    INFO(text);
    CHECK(decoded(text) == "not base64");
  }
}

TEST_CASE("all bytes survive the way there and back") {
  std::string bytes;
  for (int at = 0; at < 1000; ++at) {
    bytes += static_cast<char>(at * 7 % 256);
    CHECK(decoded(base64_encode(bytes)) == bytes);
    CHECK(base64_decoded_size(base64_encode(bytes)) == bytes.size());
    CHECK(base64_encode(bytes).size() == base64_size(bytes.size()));
  }
}
