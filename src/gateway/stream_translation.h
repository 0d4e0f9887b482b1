// A stream of Google's on its way through a dialect: events in, the client's bytes out, in their order even
// where a hook waits.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "http/sse.h"
#include "script/policy_exchange.h"

namespace pollux {

class StreamTranslation {
 public:
  enum class State {
    open,       // More may come.
    waiting,    // A hook waits: what comes meanwhile is kept, and should be held back.
    ended,      // All was said.
    again,      // The dialect wants another answer first: begin() comes with it.
    failed,     // Google tells of an error, or this is no stream of its: see problem().
    oversized,  // An event is larger than the scanner's bound.
    broken,     // A policy failed: see failure().
  };

  // `progressed` is called when a hook that waited has gone on. `policies` outlives the translation.
  StreamTranslation(PolicyExchange& policies, std::function<void()> progressed)
      : policies_(policies), progressed_(std::move(progressed)) {}

  // An answer begins: the first, or the one after State::again.
  void begin();
  void feed(std::string_view bytes);        // Of a stream of events.
  void feed_event(std::string_view event);  // One event's JSON.
  void finish();                            // The answer has ended well.

  // What can be sent now; it is taken away.
  std::string take() { return std::exchange(translated_, {}); }
  State state() const noexcept { return state_; }
  const PolicyFailure& failure() const noexcept { return failure_; }
  const Problem& problem() const noexcept { return problem_; }

 private:
  using Event = std::optional<std::string>;  // Nothing: the end.
  void translate(std::optional<std::string_view> event);
  void on_translated(TranslatedPart part, bool was_last);
  void go_on();

  PolicyExchange& policies_;
  std::function<void()> progressed_;
  std::optional<SseScanner> scanner_;
  State state_ = State::open;
  std::string translated_;
  std::deque<Event> kept_;
  bool calling_ = false;    // A hook has not returned yet: what it gives is taken on the spot.
  bool saw_event_ = false;  // Of this answer.
  PolicyFailure failure_;
  Problem problem_;
};

}  // namespace pollux
