// A hook that is called outside of any exchange: it may wait, and is bounded in time. Internal to src/script.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/timer.h"
#include "script/loaded_policies.h"

namespace pollux {

template <typename Outcome>
class LoneHook {
 public:
  using Push = std::function<int(lua_State*)>;      // How many arguments it has pushed.
  using Read = std::function<Outcome(lua_State*)>;  // The results, from index 1.
  // What it comes to if the policy fails ("FILE.lua:LINE: ...", internal), or takes too long (unavailable).
  using Fail = std::function<Outcome(const Error&)>;
  using Done = std::function<void(const Outcome&)>;  // Called once; may destroy the call.

  LoneHook(std::shared_ptr<LoadedPolicies> policies, Hook hook, Read read, Fail fail, Done done)
      : policies_(std::move(policies)),
        hook_(hook),
        read_(std::move(read)),
        fail_(std::move(fail)),
        done_(std::move(done)) {}
  LoneHook(const LoneHook&) = delete;
  LoneHook& operator=(const LoneHook&) = delete;

  // REQUIRES: the set has this hook. False: it is over, and `done` was called.
  bool begin(const Push& push, std::chrono::milliseconds longest) {
    auto* lua = policies_->lua();
    policies_->function_of(hook_).push(lua);
    const int arguments = push(lua);
    beginning_ = true;
    run_ = policies_->script().run(arguments, [this](lua_State* results, const Error* error) {
      auto outcome = error ? fail_(internal_error(policies_->placed(hook_, error->message))) : read_(results);
      if (std::exchange(beginning_, false)) {
        early_ = std::move(outcome);
      } else {
        tell(outcome);
      }
    });
    beginning_ = false;
    if (early_) return tell(*early_), false;
    deadline_.emplace(*policies_->host().loop, [this, longest] {
      run_.reset();
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest).count();
      const auto name = name_of(hook_);
      tell(fail_(unavailable(std::string(name.module) + "." + std::string(name.function) +
                             " took longer than " + std::to_string(seconds) + " s")));
    });
    deadline_->start(longest);
    return true;
  }

 private:
  void tell(const Outcome& outcome) {
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): done() may end this, and the outcome too.
    const auto kept = outcome;
    auto done = std::move(done_);
    done(kept);
  }

  const std::shared_ptr<LoadedPolicies> policies_;
  const Hook hook_;
  const Read read_;
  const Fail fail_;
  Done done_;
  bool beginning_ = false;
  std::optional<Outcome> early_;
  std::unique_ptr<ScriptRun> run_;
  std::optional<Timer> deadline_;
};

}  // namespace pollux
