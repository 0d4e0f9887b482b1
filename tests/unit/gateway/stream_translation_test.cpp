#include "gateway/stream_translation.h"

#include "catch.h"

using namespace pollux;

namespace {

// A dialect whose event hook is played by the test: it answers at once, or when told to.
class PlayedDialect final : public PolicyExchange {
 public:
  void translate_event(std::optional<std::string_view> event,
                       std::function<void(TranslatedPart)> done) override {
    asked.push_back(event ? std::string(*event) : "the end");
    if (waits) {
      waiting = std::move(done);
    } else {
      done(next(event));
    }
  }
  TranslatedPart next(std::optional<std::string_view> event) const {
    if (event == "again") return AskAgain{};
    if (event == "bad") return PolicyFailure{"x.lua:1: bad"};
    if (event == "error") return Problem{503, "full", {}, false};
    return TranslatedEvent{event ? "<" + std::string(*event) + ">" : "."};
  }

  std::vector<std::string> asked;
  bool waits = false;
  std::function<void(TranslatedPart)> waiting;

 private:
  void identify(std::function<void(Identified)>) override {}
  void resolve(std::function<void(Resolved)>) override {}
  bool wants_visible() const override { return false; }
  void visible(std::string_view, std::function<void(Visible)>) override {}
  void permit(std::function<void(Permitted)>) override {}
  void select(const Selecting&, std::function<void(Selected)>) override {}
  void judge(const PolicyAttempt&, std::function<void(Judged)>) override {}
  void transform_request(std::function<void(Transformed)>) override {}
  bool wants_response() const override { return false; }
  void transform_response(PolicyResponse&, std::function<void(Transformed)>) override {}
  void done(const PolicySummary&) override {}
  void name_model(std::function<void(NamedModel)>) override {}
  void translate_request(std::function<void(TranslatedRequest)>) override {}
  void translate_answer(PolicyResponse&, std::function<void(TranslatedAnswer)>) override {}
  void tell_problem(const Problem&, std::function<void(ToldProblem)>) override {}
  bool has_feature(const char*) override { return false; }
  Result<std::string_view> body_to_send() override { return std::string_view(); }
};

using State = StreamTranslation::State;

}  // namespace

TEST_CASE("events are translated in order, however the bytes are cut") {
  const std::string stream = "data: one\r\n\r\ndata: two\n\n: a comment\n\ndata: three\r\n\r\n";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    PlayedDialect dialect;
    StreamTranslation translation(dialect, [] {});
    translation.begin();
    translation.feed(std::string_view(stream).substr(0, cut));
    translation.feed(std::string_view(stream).substr(cut));
    translation.finish();
    CHECK(translation.take() == "<one><two><three>.");
    CHECK(translation.state() == State::ended);
    CHECK(translation.take().empty());
  }
}

TEST_CASE("what comes while a hook waits is translated after it, in order") {
  PlayedDialect dialect;
  int progressed = 0;
  StreamTranslation translation(dialect, [&] { ++progressed; });
  translation.begin();
  dialect.waits = true;
  translation.feed("data: one\n\ndata: two\n\n");
  CHECK(translation.state() == State::waiting);
  translation.feed("data: three\n\n");
  translation.finish();
  CHECK(dialect.asked == std::vector<std::string>{"one"});
  dialect.waits = false;
  dialect.waiting(TranslatedEvent{"1"});
  CHECK(progressed == 1);
  CHECK(translation.take() == "1<two><three>.");
  CHECK(translation.state() == State::ended);
}

TEST_CASE("a stream that is to be asked again, has failed or met a bad policy takes nothing more") {
  for (const auto& [event, state] :
       {std::pair{"again", State::again}, {"error", State::failed}, {"bad", State::broken}}) {
    PlayedDialect dialect;
    StreamTranslation translation(dialect, [] {});
    translation.begin();
    translation.feed("data: " + std::string(event) + "\n\ndata: more\n\n");
    translation.finish();
    CHECK(translation.state() == state);
    CHECK(dialect.asked == std::vector<std::string>{event});
  }
  PlayedDialect dialect;
  StreamTranslation translation(dialect, [] {});
  translation.begin();
  translation.feed("data: again\n\n");
  translation.begin();
  translation.feed("data: more\n\n");
  CHECK(translation.take() == "<more>");
}

TEST_CASE("an error in a stream is told by whoever reads the translation") {
  PlayedDialect dialect;
  StreamTranslation translation(dialect, [] {});
  translation.begin();
  translation.feed("data: one\n\ndata: error\n\n");
  CHECK(translation.take() == "<one>");
  CHECK(translation.problem().status == 503);
  CHECK(translation.problem().message == "full");
}

TEST_CASE("an answer without a single event is no stream that has ended well") {
  for (const std::string_view answer : {"", R"({"candidates": []})", "\x1f\x8b\x08", ": a comment\n\n"}) {
    PlayedDialect dialect;
    StreamTranslation translation(dialect, [] {});
    translation.begin();
    translation.feed(answer);
    translation.finish();
    CHECK(translation.state() == State::failed);
    CHECK(translation.problem().status == 502);
    CHECK(dialect.asked.empty());
  }
}
