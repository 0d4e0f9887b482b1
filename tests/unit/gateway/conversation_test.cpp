#include "gateway/conversation.h"

#include "catch.h"

using namespace pollux;

namespace {

constexpr std::string_view first_turn = R"({"role": "user", "parts": [{"text": "A \"brace\": }"}]})";

std::string body_with(std::string_view contents, std::string_view before = "", std::string_view behind = "") {
  return "{" + std::string(before) + "\"contents\" : [ " + std::string(contents) + "]" + std::string(behind) +
         "}";
}

std::string first_of(std::string_view body) {
  return conversation_of(body, "client");
}

}  // namespace

TEST_CASE("a conversation is 16 hexadecimal digits") {
  const auto conversation = first_of(body_with(first_turn));
  CHECK(conversation.size() == 16);
  CHECK(conversation.find_first_not_of("0123456789abcdef") == std::string::npos);
}

TEST_CASE("later turns and other properties leave a conversation the same") {
  const auto conversation = first_of(body_with(first_turn));
  const auto later = std::string(first_turn) + R"(, {"role": "model", "parts": [{"text": "Yes"}]})";
  CHECK(first_of(body_with(later)) == conversation);
  CHECK(
      first_of(body_with(later, R"("tools": [{"a": [{}]}], "n": -1.5, "t": true, "s": "\"contents\": [{}]",)",
                         R"(, "generationConfig": {})")) == conversation);
}

TEST_CASE("another beginning or another client is another conversation") {
  const auto conversation = first_of(body_with(first_turn));
  CHECK(first_of(body_with(R"({"parts": [{"text": "B"}]})")) != conversation);
  CHECK(conversation_of(body_with(first_turn), "other") != conversation);
}

TEST_CASE("only the contents at the top of the body count") {
  CHECK(first_of(R"({"request": {"contents": [{"a": 1}]}})").empty());
  CHECK(first_of(R"([{"contents": [{"a": 1}]}])").empty());
  CHECK(first_of(R"({"x": {"contents": [{"a": 1}]}, "contents": [{"b": 1}]})") ==
        first_of(R"({"contents": [{"b": 1}]})"));
}

TEST_CASE("a body without a first content belongs to no conversation") {
  for (const std::string_view body :
       {"", "null", "{}", "{\"contents\"", "{\"contents\":", R"({"contents": []})", R"({"contents": "hi"})",
        R"({"contents": ["hi"]})", R"({"contents": {"parts": []}})", R"({"contents": [{"a": 1)",
        R"({"contents": [{"a": "1}]})", R"({"a" 1, "contents": [{}]})", R"({"a": 1 "contents": [{}]})",
        "\"\\"}) {
    CAPTURE(body);
    CHECK(first_of(body).empty());
  }
}

TEST_CASE("a first content that is longer than what is looked at is known by its beginning") {
  const std::string picture(std::size_t{2} << 20, 'A');
  const auto body = body_with("{\"data\": \"" + picture + "\"}");
  CHECK(first_of(body).size() == 16);
  CHECK(first_of(body) == first_of(body_with("{\"data\": \"" + picture + "\"}, {\"role\": \"model\"}")));
  CHECK(first_of(body) != first_of(body_with("{\"data\": \"B" + picture + "\"}")));
}

TEST_CASE("contents that begin behind what is looked at are not found") {
  CHECK(
      first_of(body_with(first_turn, "\"x\": \"" + std::string(std::size_t{2} << 20, 'A') + "\",")).empty());
}

TEST_CASE("deep nesting is passed over") {
  const std::string open(400'000, '['), close(400'000, ']');
  CHECK(first_of(body_with(first_turn, "\"x\": " + open + close + ",")) == first_of(body_with(first_turn)));
  CHECK(first_of(body_with(first_turn, "\"x\": " + open + ",")).empty());
}

TEST_CASE("a turn of the model continues a conversation") {
  CHECK(continues_conversation(R"({"contents": [{"role": "user"}, {"role":"model"}]})"));
  CHECK(continues_conversation("{\"role\" \t:\r\n \"model\"}"));
}

TEST_CASE("without a turn of the model a conversation begins") {
  CHECK_FALSE(continues_conversation(""));
  CHECK_FALSE(continues_conversation(R"({"contents": [{"role": "user", "parts": [{"text": "model"}]}]})"));
  CHECK_FALSE(continues_conversation(R"({"text": "{\"role\": \"model\"}"})"));
  CHECK_FALSE(continues_conversation(R"({"role": "models", "x": "role", "y": "model"})"));
  CHECK_FALSE(continues_conversation("\"role\":"));
}
