#include "gateway/usage.h"

#include "catch.h"

using namespace pollux;

namespace {

std::optional<TokenCounts> counts_of(std::string_view text) {
  UsageReader reader;
  reader.look_at(text);
  return reader.counts();
}

constexpr std::string_view first_event =
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hel\"}]}}],\"usageMetadata\": "
    "{\"promptTokenCount\": 8,\"totalTokenCount\": 56,\"thoughtsTokenCount\": 48}}\r\n\r\n";
constexpr std::string_view last_event =
    "data: {\"candidates\": [{\"content\": {},\"finishReason\": \"STOP\"}],\"usageMetadata\": "
    "{\"promptTokenCount\": 8,\"candidatesTokenCount\": 12,\"totalTokenCount\": 83,\"promptTokensDetails\": "
    "[{\"modality\": \"TEXT\",\"tokenCount\": 8}],\"thoughtsTokenCount\": 63},\"responseId\": \"x\"}\r\n\r\n";

}  // namespace

TEST_CASE("an answer's usageMetadata is read, with tools counted as input") {
  CHECK(counts_of(R"({"candidates": [], "usageMetadata" : {
    "promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 7,
    "toolUsePromptTokenCount": 20, "thoughtsTokenCount": 5, "totalTokenCount": 132}})") ==
        TokenCounts{120, 60, 7, 5});
}

TEST_CASE("an answer without usageMetadata has no counts") {
  CHECK_FALSE(counts_of("").has_value());
  CHECK_FALSE(counts_of(R"({"candidates": [{"content": {}}]})").has_value());
  CHECK_FALSE(counts_of(R"({"usageMetadata": null, "usage": 5})").has_value());
  CHECK_FALSE(counts_of(R"({"usageMetadata": {"trafficType": "ON_DEMAND"}})").has_value());
}

TEST_CASE("an embedding's answer is counted too") {
  CHECK(counts_of(R"({"embedding": {"values": [0.013, -0.02]}, "usageMetadata": {"promptTokenCount": 2}})") ==
        TokenCounts{2, 0, 0, 0});
}

TEST_CASE("the last event of a stream counts, however its bytes are split") {
  const auto stream = std::string(first_event) + std::string(last_event);
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    UsageReader reader;
    reader.look_at(std::string_view(stream).substr(0, split));
    reader.look_at(std::string_view(stream).substr(split));
    CHECK(reader.counts() == TokenCounts{8, 0, 12, 63});
  }
}

TEST_CASE("a stream that comes byte by byte is read") {
  UsageReader reader;
  for (const char letter : first_event) reader.look_at({&letter, 1});
  CHECK(reader.counts() == TokenCounts{8, 0, 0, 48});
  for (const char letter : last_event) reader.look_at({&letter, 1});
  CHECK(reader.counts() == TokenCounts{8, 0, 12, 63});
}

TEST_CASE("an object that names no counts does not take the place of one that does") {
  UsageReader reader;
  reader.look_at(last_event);
  reader.look_at(R"(data: {"usageMetadata": {"trafficType": "ON_DEMAND"}})");

  CHECK(reader.counts() == TokenCounts{8, 0, 12, 63});
}

TEST_CASE("an object that is cut off does not take the place of a whole one") {
  UsageReader reader;
  reader.look_at(first_event);
  reader.look_at(last_event.substr(0, last_event.find("thoughts")));

  CHECK(reader.counts() == TokenCounts{8, 0, 0, 48});
}

TEST_CASE("the words in a model's text are not taken for counts, however the bytes are split") {
  const std::string text =
      R"({"text": "\"usageMetadata\": {\"promptTokenCount\": 5} \\\"usageMetadata\": {",)"
      R"( "more": "usageMetadata", "usage": "usageMetadata"})";
  for (std::size_t split = 0; split <= text.size(); ++split) {
    UsageReader reader;
    reader.look_at(std::string_view(text).substr(0, split));
    reader.look_at(std::string_view(text).substr(split));
    CHECK_FALSE(reader.counts().has_value());
    reader.look_at(last_event);
    CHECK(reader.counts() == TokenCounts{8, 0, 12, 63});
  }
}

TEST_CASE("a property whose name only ends like the counts' is another one") {
  const std::string text = R"({"a\"usageMetadata": {"promptTokenCount": 5}, "xusage": {"prompt_tokens": 5}})";
  for (std::size_t split = 0; split <= text.size(); ++split) {
    UsageReader reader;
    reader.look_at(std::string_view(text).substr(0, split));
    reader.look_at(std::string_view(text).substr(split));
    CHECK_FALSE(reader.counts().has_value());
  }
}

TEST_CASE("braces and quotes in the object's strings do not end it") {
  CHECK(counts_of(
            R"({"usageMetadata": {"serviceTier": "}\"}{\\", "x": {"y": [{}]}, "promptTokenCount": 3}})") ==
        TokenCounts{3, 0, 0, 0});
}

TEST_CASE("an object of more than 8 KiB is passed over, and what follows is read") {
  const auto large =
      "{\"usageMetadata\": {\"promptTokenCount\": 1, \"x\": \"" + std::string(8192, 'x') + "\"}}";
  UsageReader reader;
  reader.look_at(large);
  CHECK_FALSE(reader.counts().has_value());
  reader.look_at(last_event);
  CHECK(reader.counts() == TokenCounts{8, 0, 12, 63});
}

TEST_CASE("numbers may be strings, and those that cannot be counts are passed over") {
  CHECK(counts_of(R"({"usageMetadata": {"promptTokenCount": "41", "toolUsePromptTokenCount": -1,
    "candidatesTokenCount": 1099511627777, "thoughtsTokenCount": "6x", "cachedContentTokenCount": 3.0}})") ==
        TokenCounts{41, 3, 0, 0});
  CHECK(counts_of(R"({"usageMetadata": {"promptTokenCount": 1099511627776}})")->input == 1099511627776);
  CHECK_FALSE(counts_of(R"({"usageMetadata": {"promptTokenCount": -5}})").has_value());
  CHECK_FALSE(counts_of(R"({"usageMetadata": {"promptTokenCount": [1]}})").has_value());
}

TEST_CASE("an answer in the OpenAI dialect counts reasoning apart from what it is part of") {
  CHECK(counts_of(R"({"object": "chat.completion", "usage": {"prompt_tokens": 80, "completion_tokens": 57,
    "total_tokens": 137, "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 48}}})") == TokenCounts{80, 16, 9, 48});
  CHECK(counts_of(R"({"usage": {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": null,
    "completion_tokens_details": {"reasoning_tokens": 48}}})") == TokenCounts{1, 0, 0, 48});
}

TEST_CASE("a stream in the OpenAI dialect tells its usage at the end") {
  UsageReader reader;
  reader.look_at("data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}],\"usage\":null}\n\n");
  CHECK_FALSE(reader.counts().has_value());
  reader.look_at("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":71,\"completion_tokens\":61}}\n\n");
  reader.look_at("data: [DONE]\n\n");
  CHECK(reader.counts() == TokenCounts{71, 0, 61, 0});
}

TEST_CASE("a function's argument named usage does not stand in for a native answer's counts") {
  UsageReader reader;
  reader.look_at(last_event);
  reader.look_at(R"({"functionCall": {"args": {"usage": {"prompt_tokens": 1}}}})");

  CHECK(reader.counts() == TokenCounts{8, 0, 12, 63});
}

TEST_CASE("an interaction tells its usage in names of its own") {
  CHECK(counts_of(R"({"object": "interaction", "usage": {"total_input_tokens": 80, "total_cached_tokens": 16,
    "total_output_tokens": 9, "total_thought_tokens": 48, "total_tool_use_tokens": 2, "total_tokens": 139}})") ==
        TokenCounts{82, 16, 9, 48});
}
