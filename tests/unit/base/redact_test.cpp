#include "base/redact.h"

#include <string>

#include "catch.h"

using namespace pollux;

namespace {
const std::string standard_key = "AIzaSyA1234567890abcdefghijklmnopqrx9Qk";
const std::string auth_key = "AQ.Ab8RN6J_0123456789-abcdefghij.klmnopqrstuvwxyz";
}  // namespace

TEST_CASE("a masked secret shows its two ends") {
  CHECK(mask_secret(standard_key) == "AIza…x9Qk");
  CHECK(mask_secret(auth_key) == "AQ.A…wxyz");
}

TEST_CASE("a short secret shows nothing") {
  CHECK(mask_secret("sesame") == "…");
  CHECK(mask_secret("") == "…");
}

TEST_CASE("keys of both forms are masked wherever they stand") {
  CHECK(redact_keys("Consumer 'api_key:" + standard_key + "' has been suspended.") ==
        "Consumer 'api_key:AIza…x9Qk' has been suspended.");
  CHECK(redact_keys(standard_key + "," + auth_key) == "AIza…x9Qk,AQ.A…wxyz");
  CHECK(redact_keys("the key is " + auth_key + ".") == "the key is AQ.A…wxyz.");
  CHECK(redact_keys("x" + standard_key) == "xAIza…x9Qk");
}

TEST_CASE("a key that was cut off or grew is masked, too") {
  CHECK(redact_keys(standard_key.substr(0, 30)) == "AIza…jklm");
  CHECK(redact_keys(standard_key + "abcd") == "AIza…abcd");
}

TEST_CASE("what stands as a key in an address is masked whatever it looks like") {
  CHECK(redact_keys("GET /v1beta/models?key=sesame&alt=sse") == "GET /v1beta/models?key=…&alt=sse");
  CHECK(redact_keys("/ws?alt=x&access_token=auth_tokens/0123456789abcdefghij") ==
        "/ws?alt=x&access_token=auth…ghij");
}

TEST_CASE("texts without keys stay as they are") {
  for (const std::string text : {"", "A", "AIza", "AIza-too-short", "AQ.", "FAQ.md", "key=work-1 name=x",
                                 "?monkey=1", "?key=AIza…x9Qk", "api_key"}) {
    CHECK(redact_keys(text) == text);
  }
}

TEST_CASE("redacting from an offset leaves what is before it") {
  auto text = standard_key + " " + standard_key;
  redact_keys_in(text, standard_key.size());
  CHECK(text == standard_key + " AIza…x9Qk");
}

TEST_CASE("a secret that is known is masked whatever it looks like") {
  std::string text = "/v1/client-token-0123456789/client-token-0123456789";
  redact_secret_in(text, "client-token-0123456789");
  CHECK(text == "/v1/clie…6789/clie…6789");
  redact_secret_in(text, "");
  redact_secret_in(text, "absent");
  CHECK(text == "/v1/clie…6789/clie…6789");
}
