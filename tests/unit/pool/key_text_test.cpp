#include "pool/key_text.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace pollux;

namespace {
using Keys = std::vector<std::string>;
const std::string standard_key = "AIzaSyA1234567890abcdefghijklmnopqrx9Qk";
const std::string other_key = "AIzaSyB1234567890abcdefghijklmnopqrx9Qk";
const std::string auth_key = "AQ.Ab8RN6J_0123456789-abcdefghij.klmnopqrstuvwxyz";

Keys find_keys(std::string_view text) {
  return look_for_keys(text).keys;
}
}  // namespace

TEST_CASE("keys are found in any text, in order and once") {
  CHECK(find_keys("first " + other_key + "\nthen: \"" + standard_key + "\", again " + other_key) ==
        Keys{other_key, standard_key});
  CHECK(find_keys("[\"" + standard_key + "\",'" + auth_key + "']") == Keys{standard_key, auth_key});
  CHECK(find_keys("https://x/v1beta/models?key=" + standard_key + "&alt=sse") == Keys{standard_key});
  CHECK(find_keys(standard_key + other_key) == Keys{standard_key, other_key});
}

TEST_CASE("the full stop of a sentence is not part of a key") {
  CHECK(find_keys("My key is " + auth_key + ".") == Keys{auth_key});
}

TEST_CASE("words that only resemble keys are not taken when there is a real one") {
  CHECK(find_keys("AIzaTooShort FAQ.0123456789012345678901 " + standard_key) == Keys{standard_key});
}

TEST_CASE("where no known form is found, every line or word between commas may be a key") {
  CHECK(find_keys("future-key-1, future-key-2\n\"future-key-3\"\n# a comment\nfuture-key-1") ==
        Keys{"future-key-1", "future-key-2", "future-key-3"});
  CHECK(find_keys("these are words without a key").empty());
  CHECK(find_keys("").empty());
  CHECK(find_keys("short,ya29.a0AfH6SMBx-1234567890,eyJhbGciOiJIUzI1NiJ9.e30.x").empty());
}

TEST_CASE("keys of unknown forms are found where something names them") {
  CHECK(find_keys("export GEMINI_API_KEY=future-key-1\nOTHER = 'future-key-2'") ==
        Keys{"future-key-1", "future-key-2"});
  CHECK(find_keys("{\"name\": \"work\", \"key\": \"future-key-1\"}") == Keys{"future-key-1"});
  CHECK(find_keys("https://example.com/v1beta/models?alt=sse&key=future-key-1&x=y") == Keys{"future-key-1"});
  CHECK(find_keys("https://example.com/models").empty());
  CHECK(find_keys("Zm9vYmFyYmF6cXV4==") == Keys{"Zm9vYmFyYmF6cXV4=="});
}

TEST_CASE("what is taken for a key and is none is told, masked and once") {
  const auto found = look_for_keys("OPENAI_API_KEY=sk-proj-abcdefghijklmnopqrstuvwxyz\n" + standard_key +
                                   " AIzaSyTooShort AIzaSyTooShort ya29.a0AfH6SMBx-1234567890");
  CHECK(found.keys == Keys{standard_key});
  REQUIRE(found.refused.size() == 3);
  CHECK(found.refused[0].reason == "a key of OpenAI's or the like, not of Google's");
  CHECK(found.refused[1].reason == "too short: a key that begins with AIza has 39 characters");
  CHECK(found.refused[2].reason == "an OAuth access token, not an API key");
  for (const auto& [masked, reason] : found.refused) {
    CHECK(masked.size() < 14);
    CHECK(masked.find("\xE2\x80\xA6") != std::string::npos);
  }
}

TEST_CASE("a secret of another kind is not guessed to be a key") {
  CHECK(find_keys("sk-proj-abcdefghijklmnopqrstuvwxyz").empty());
  CHECK(find_keys("ANTHROPIC_API_KEY=sk-ant-api03-abcdefghijklmnop").empty());
}

TEST_CASE("megabytes of what only begins like a key are looked through at once") {
  for (const std::string piece :
       {"AIzaAIz ", "AQ.", "AQ.a. ", "eyJ.", "ya29.", "sk-", "A", "a=", ",;|\n", "eyJa "}) {
    std::string text;
    while (text.size() < 4'000'000) text += piece;
    look_for_keys(text);  // A square would take hours.
  }
}

TEST_CASE("what cannot be an API key is refused without being repeated") {
  for (const std::string wrong : {"", "two words", "line\nbreak", "caf\xC3\xA9", "ya29.secret-token",
                                  "eyJsecret-token", "auth_tokens/secret-token"}) {
    const auto checked = check_secret(wrong);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().message.starts_with("key: "));
    CHECK(checked.error().message.find("secret-token") == std::string::npos);
  }
  CHECK_FALSE(check_secret(std::string(2000, 'a')));
  CHECK(check_secret(standard_key));
  CHECK(check_secret("anything-else"));
}
