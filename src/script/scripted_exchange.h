// The one kind of PolicyExchange: hooks of Lua, called with the objects of one exchange. What an exchange
// asks of every request stands in policy_exchange.cpp, what it asks of a dialect in dialect_exchange.cpp.
// Internal to src/script.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "script/exchange_objects.h"
#include "script/policy_exchange.h"

namespace pollux {

class ScriptedExchange;

// A hook on its way. It lies on the stack of its caller, and moves to the heap if the hook waits.
class HookCall {
 public:
  virtual ~HookCall() = default;
  virtual void read(ScriptedExchange& exchange, lua_State* results) = 0;
  virtual void fail(PolicyFailure failure) = 0;
  virtual bool over() const = 0;
  virtual void tell() = 0;  // Gives the outcome to who asked, who may destroy the exchange.
};

template <typename Outcome>
class TypedCall final : public HookCall {
 public:
  using Read = Outcome (ScriptedExchange::*)(lua_State* results);
  TypedCall(Read reader, std::function<void(Outcome)> done) : read_(reader), done_(std::move(done)) {}

  void read(ScriptedExchange& exchange, lua_State* results) override {
    outcome_.emplace((exchange.*read_)(results));
  }
  void fail(PolicyFailure failure) override { outcome_.emplace(std::move(failure)); }
  bool over() const override { return outcome_.has_value(); }
  void tell() override { done_(std::move(*outcome_)); }

 private:
  Read read_;
  std::function<void(Outcome)> done_;
  std::optional<Outcome> outcome_;
};

class ScriptedExchange final : public PolicyExchange {
 public:
  ScriptedExchange(std::shared_ptr<LoadedPolicies> policies, PolicyRequest& request)
      : policies_(std::move(policies)), request_(request), objects_(*policies_, request) {}

  void identify(std::function<void(Identified)> done) override;
  void resolve(std::function<void(Resolved)> done) override;
  void permit(std::function<void(Permitted)> done) override;
  bool wants_visible() const override { return has(Hook::visible); }
  void visible(std::string_view model, std::function<void(Visible)> done) override;
  void select(const Selecting& selecting, std::function<void(Selected)> done) override;
  void judge(const PolicyAttempt& attempt, std::function<void(Judged)> done) override;
  void transform_request(std::function<void(Transformed)> done) override;
  bool wants_response() const override { return has(Hook::transform_response); }
  void transform_response(PolicyResponse& response, std::function<void(Transformed)> done) override;
  void done(const PolicySummary& summary) override;
  Result<std::string_view> body_to_send() override;

  void name_model(std::function<void(NamedModel)> done) override;
  void translate_request(std::function<void(TranslatedRequest)> done) override;
  void translate_answer(PolicyResponse& response, std::function<void(TranslatedAnswer)> done) override;
  void translate_event(std::optional<std::string_view> event,
                       std::function<void(TranslatedPart)> done) override;
  void tell_problem(const Problem& problem, std::function<void(ToldProblem)> done) override;
  bool has_feature(const char* name) override;

 private:
  Hook hook(DialectHook which) const { return hook_of(request_.dialect, which); }
  bool has(Hook hook) const { return static_cast<bool>(policies_->function_of(hook)); }

  // Calls the hook with `request` and what `push` pushes, and gives its outcome to `done`.
  template <typename Outcome, typename Push>
  void call(Hook hook, Push&& push, typename TypedCall<Outcome>::Read read,
            std::function<void(Outcome)> done) {
    hook_ = hook;
    auto* lua = policies_->lua();
    policies_->function_of(hook).push(lua);
    push_request(objects_, lua);
    const int arguments = 1 + push(lua);
    TypedCall<Outcome> call(read, std::move(done));
    called_ = &call;
    auto run = policies_->script().run(arguments, [this](lua_State* results, const Error* error) {
      if (error) {
        called_->fail({policies_->placed(hook_, error->message)});
      } else {
        lua_settop(results, 3);  // However many values it returned: these count.
        lua_checkstack(results, LUA_MINSTACK);
        called_->read(*this, results);
      }
      end_hook();
      if (called_ == waiting_.get()) on_over();
    });
    if (call.over()) {
      called_ = nullptr;
      return call.tell();
    }
    waiting_ = std::make_unique<TypedCall<Outcome>>(std::move(call));
    called_ = waiting_.get();
    run_ = std::move(run);
  }
  template <typename Outcome>
  void call(Hook hook, typename TypedCall<Outcome>::Read read, std::function<void(Outcome)> done) {
    call<Outcome>(
        hook, [](lua_State*) { return 0; }, read, std::move(done));
  }
  void on_over();
  void end_hook();  // What was there for it alone is over.

  Identified read_client(lua_State* results);
  Resolved read_model(lua_State* results);
  Visible read_flag(lua_State* results);
  Selected read_key(lua_State* results);
  Selection in_vain();
  Judged read_judgement(lua_State* results);
  Transformed read_request_end(lua_State* results);
  Transformed read_response_end(lua_State* results);
  Permitted read_permission(lua_State* results);
  Transformed read_nothing(lua_State* results);
  NamedModel read_named_model(lua_State* results);
  TranslatedRequest read_translated_request(lua_State* results);
  TranslatedAnswer read_translated_answer(lua_State* results);
  TranslatedPart read_translated_part(lua_State* results);
  TranslatedPart read_error_event(lua_State* results);
  ToldProblem read_told_problem(lua_State* results);
  std::optional<PolicyFailure> take_new_body(lua_State* results);
  void replace_body(std::string text);
  PolicyFailure no_dialect(DialectHook which) const;
  template <typename Outcome>
  Outcome read_denied(lua_State* results, const char* expected);
  PolicyFailure failure(const std::string& message) const {
    return PolicyFailure{policies_->title_of(hook_) + ": " + message};
  }
  PolicyFailure wrong(lua_State* results, const char* expected) const {
    return PolicyFailure{policies_->title_of(hook_) + " returned " + describe_value(results, 1) +
                         ", expected " + expected};
  }
  int push_summary(const PolicySummary& summary);

  std::shared_ptr<LoadedPolicies> policies_;
  PolicyRequest& request_;
  ExchangeObjects objects_;
  Hook hook_ = Hook::identify;
  int problem_status_ = 502;    // What tell_problem was asked to tell.
  HookCall* called_ = nullptr;  // While run() is in it: on the stack; else the waiting one.
  std::unique_ptr<HookCall> waiting_;
  std::unique_ptr<ScriptRun> run_;
};

// deny(...), or else a value of the wrong kind. The first result is at index 1.
template <typename Outcome>
Outcome ScriptedExchange::read_denied(lua_State* results, const char* expected) {
  if (!is_denial(*policies_, results, 1)) return wrong(results, expected);
  auto denial = read_denial(results, 1);
  if (!denial) return failure(denial.error().message);
  return std::move(*denial);
}

}  // namespace pollux
