#include "gateway/attempt.h"

#include "catch.h"
#include "gzip.h"

using namespace pollux;

namespace {

class IdleRequest final : public ClientRequest {
 public:
  explicit IdleRequest(bool& paused) : paused_(paused) {}
  void send_body(std::string_view) override {}
  void end_body() override {}
  std::size_t queued_bytes() const override { return 0; }
  void pause() override { paused_ = true; }
  void resume() override { paused_ = false; }

 private:
  bool& paused_;
};

// Remembers whom to tell of the answer that a test makes up.
class FakeClient final : public HttpClient {
 public:
  std::unique_ptr<ClientRequest> start(const Origin&, const std::optional<Proxy>&, const OutgoingRequest&,
                                       ResponseEvents& events) override {
    answer = &events;
    return std::make_unique<IdleRequest>(paused);
  }
  std::size_t idle_connections() const override { return 0; }
  void set_limits(const ClientLimits&) override {}

  ResponseEvents* answer = nullptr;
  bool paused = false;
};

// Lets every answer flow as soon as it may.
class Play final : public AttemptEvents {
 public:
  explicit Play(Hold hold, bool generates, bool counts_tokens = true, bool errors_are_told = false) {
    AttemptPlan plan;
    plan.errors_are_told = errors_are_told;
    plan.hold = hold;
    plan.generates = generates;
    plan.counts_tokens = counts_tokens;
    attempt.start(client, plan);
  }
  void on_answer_begun() override {}
  void on_answer_ready() override { attempt.release(); }
  void on_attempt_failed() override { failed = true; }
  void on_answer_bytes(std::string_view bytes) override {
    received.append(bytes);
    if (is_slow) attempt.pause();
  }
  void on_answer_end() override { ended = true; }
  void on_answer_broken(const TransportError&) override { broken = true; }
  void on_upload_drained() override {}

  void begin(int status, std::string_view encoding = {}) {
    ResponseHead head;
    head.status = status;
    if (!encoding.empty()) head.headers.add("Content-Encoding", encoding);
    client.answer->on_response_head(head, BodyLength::unknown());
  }
  void say(std::string_view bytes) { client.answer->on_response_body(bytes); }
  void end() { client.answer->on_response_end(); }

  FakeClient client;
  Attempt attempt{*this};
  std::string received;
  bool is_slow = false;
  bool failed = false, ended = false, broken = false;
};

constexpr std::string_view first_event =
    "data: {\"candidates\": [{\"content\": {}}],\"usageMetadata\": {\"promptTokenCount\": 8}}\r\n\r\n";
constexpr std::string_view last_event =
    "data: {\"candidates\": [{\"finishReason\": \"STOP\"}],\"usageMetadata\": {\"promptTokenCount\": 8,"
    "\"candidatesTokenCount\": 12}}\r\n\r\n";

}  // namespace

TEST_CASE("who takes the held bytes of a stream may pause the rest") {
  Play play(Hold::first_event, true);
  play.begin(200);
  play.is_slow = GENERATE(false, true);
  play.say(first_event);
  CHECK(play.received == first_event);
  CHECK(play.client.paused == play.is_slow);
}

TEST_CASE("a stream's usage is read also after it was let go") {
  Play play(Hold::first_event, true);
  play.begin(200);
  play.say(first_event);
  REQUIRE(play.received == first_event);
  CHECK(play.attempt.usage() == TokenCounts{8, 0, 0, 0});

  play.say(last_event);
  play.end();

  CHECK(play.ended);
  CHECK(play.attempt.usage() == TokenCounts{8, 0, 12, 0});
}

TEST_CASE("a compressed stream's usage is read, and its bytes pass as they came") {
  const auto bytes = gzip(std::string(first_event) + std::string(200'000, ' ') + std::string(last_event));
  Play play(Hold::first_event, true);
  play.begin(200, "gzip");
  for (const char byte : bytes) play.say({&byte, 1});
  play.end();

  CHECK(play.ended);
  CHECK(play.received == bytes);
  CHECK(play.attempt.usage() == TokenCounts{8, 0, 12, 0});
}

TEST_CASE("the usage of an answer that no model speaks is read, plain or compressed") {
  const std::string answer = R"({"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 2}})";
  for (const auto hold : {Hold::head, Hold::whole}) {
    for (const bool compressed : {false, true}) {
      Play play(hold, false);
      play.begin(200, compressed ? "gzip" : "");
      play.say(compressed ? gzip(answer) : answer);
      play.end();

      CHECK(play.ended);
      CHECK(play.attempt.usage() == TokenCounts{2, 0, 0, 0});
    }
  }
}

TEST_CASE("no usage is read where none is asked for, nor from errors") {
  Play unasked(Hold::first_event, true, false);
  unasked.begin(200);
  unasked.say(last_event);
  CHECK_FALSE(unasked.attempt.usage().has_value());

  Play refused(Hold::whole, true);
  refused.begin(429);
  refused.say(last_event);
  refused.end();
  CHECK(refused.failed);
  CHECK_FALSE(refused.attempt.usage().has_value());
}

TEST_CASE("an answer that is not the gzip it claims to be passes without usage") {
  Play play(Hold::head, false);
  play.begin(200, "gzip");
  play.say(last_event);
  play.end();

  CHECK(play.ended);
  CHECK(play.received == last_event);
  CHECK_FALSE(play.attempt.usage().has_value());
}

TEST_CASE("a stream that ends without a finish reason is broken, whether or not its tokens are counted") {
  for (const bool counts_tokens : {false, true}) {
    Play play(Hold::first_event, true, counts_tokens);
    play.begin(200);
    play.say(first_event);
    play.end();

    CHECK(play.broken);
    CHECK_FALSE(play.ended);
  }
}

TEST_CASE("a stream is held until it brings more than a count of tokens, and fails where it never does") {
  constexpr std::string_view count_alone = "data: {\"usageMetadata\": {\"promptTokenCount\": 8}}\r\n\r\n";
  Play good(Hold::first_event, true);
  good.begin(200);
  good.say(count_alone);
  CHECK(good.received.empty());
  good.say(first_event);
  CHECK(good.received == std::string(count_alone) + std::string(first_event));

  Play bad(Hold::first_event, true);
  bad.begin(200);
  bad.say(count_alone);
  bad.end();
  CHECK(bad.failed);
  CHECK(bad.received.empty());
}

TEST_CASE(
    "an error ends a stream in the place of a finish reason, unless who reads it tells of errors itself") {
  for (const bool errors_are_told : {false, true}) {
    Play play(Hold::first_event, true, true, errors_are_told);
    play.begin(200);
    play.say(first_event);
    play.say("{\n  \"error\": {\"code\": 503}\n}\n");
    play.end();

    CHECK(play.broken == errors_are_told);
    CHECK(play.ended != errors_are_told);
  }
}
