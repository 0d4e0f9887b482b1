#include "gateway/json_scan.h"

#include <string>

#include "catch.h"

using namespace pollux;

namespace {

std::string_view value_at_start(std::string_view text) {
  return text.substr(0, json_value_end(text, 0));
}

}  // namespace

TEST_CASE("a string ends at its first quote that is not escaped") {
  CHECK(json_string_end(R"(abc")", 0) == 3);
  CHECK(json_string_end(R"(")", 0) == 0);
  CHECK(json_string_end(R"(a\"b")", 0) == 4);
  CHECK(json_string_end(R"(a\\"b")", 0) == 3);
  CHECK(json_string_end(R"(\"\\\"\\"")", 0) == 8);
  CHECK(json_string_end(R"(\")", 0) == std::string_view::npos);
  CHECK(json_string_end("", 0) == std::string_view::npos);
}

TEST_CASE("a backslash before the string does not escape its end") {
  CHECK(json_string_end(R"(\")", 1) == 1);
}

TEST_CASE("a value ends where it is balanced") {
  CHECK(value_at_start(R"({"a": [1, {"b": "}\"]"}]}, 2)") == R"({"a": [1, {"b": "}\"]"}]})");
  CHECK(value_at_start(R"([], [])") == "[]");
  CHECK(value_at_start(R"("a, b", 2)") == R"("a, b")");
  CHECK(value_at_start("12, 3") == "12");
  CHECK(value_at_start("true}") == "true");
}

TEST_CASE("a value that does not end takes the rest") {
  CHECK(value_at_start(R"({"a": {})") == R"({"a": {})");
  CHECK(value_at_start(R"({"a}})") == R"({"a}})");
  CHECK(value_at_start("") == "");
}
