#include "gateway/answer_watch.h"

#include <string>

#include "catch.h"

using namespace pollux;

namespace {

AnswerWatch watching(std::string_view text) {
  AnswerWatch watch;
  watch.look_at(text);
  return watch;
}

constexpr std::string_view first_event =
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hel\"}],\"role\": \"model\"}}]}\r\n\r\n";
constexpr std::string_view last_event =
    "data: {\"candidates\": [{\"content\": {},\"finishReason\": \"STOP\"}]}\r\n\r\n";

}  // namespace

TEST_CASE("a stream is finished by a finish reason") {
  auto watch = watching(first_event);
  CHECK(watch.saw_event());
  CHECK(watch.saw_content());
  CHECK_FALSE(watch.saw_finish());

  watch.look_at(last_event);

  CHECK(watch.saw_finish());
}

TEST_CASE("a blocked prompt finishes a stream too") {
  CHECK(watching("data: {\"promptFeedback\": {\"blockReason\": \"SAFETY\"}}\r\n\r\n").saw_finish());
}

TEST_CASE("an error as the first event is one") {
  CHECK(watching("data: {\"error\": {\"code\": 503}}\r\n\r\n").begins_with_error());
  CHECK(watching("[{\n  \"error\": {").begins_with_error());
}

TEST_CASE("an error after content is no beginning") {
  auto watch = watching(first_event);
  watch.look_at("data: {\"error\": {\"code\": 503}}\r\n\r\n");

  CHECK(watch.saw_error());
  CHECK_FALSE(watch.begins_with_error());
}

TEST_CASE("the words in a model's text are not mistaken for properties") {
  const auto watch = watching(
      "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"say \\\"finishReason\\\": and "
      "\\\"error\\\":\"}]}}]}\n\n");

  CHECK_FALSE(watch.saw_finish());
  CHECK_FALSE(watch.saw_error());
}

TEST_CASE("a property is found wherever the bytes are split") {
  const std::string text = std::string(first_event) + std::string(last_event);
  for (std::size_t first = 1; first < text.size(); ++first) {
    AnswerWatch watch;
    watch.look_at(std::string_view(text).substr(0, first));
    watch.look_at(std::string_view(text).substr(first));
    INFO(first);
    CHECK(watch.saw_finish());
    CHECK(watch.saw_content());
    CHECK(watch.saw_event());
  }
}

TEST_CASE("a property is found when every byte comes alone") {
  AnswerWatch watch;
  for (const char byte : std::string(first_event) + std::string(last_event)) watch.look_at({&byte, 1});

  CHECK(watch.saw_finish());
  CHECK(watch.saw_event());
}

TEST_CASE("white space alone is nothing") {
  CHECK_FALSE(watching("\r\n  \n").saw_anything());
  CHECK(watching("{}").saw_anything());
  CHECK_FALSE(watching("{}").saw_content());
}
