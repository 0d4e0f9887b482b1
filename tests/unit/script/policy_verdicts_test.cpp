// Verdicts: every word of them, and how wrong ones are told.
#include "policy_world.h"

using namespace pollux;

namespace {

std::string judged(const std::string& body) {
  PolicyWorld world(Modules{{"failover", "return {judge = function(request, attempt) " + body + "\nend}"}});
  PolicyAttempt attempt;
  attempt.key = world.add_key("work");
  Asking asking(world);
  asking.request.upstream_model = "upstream";
  return asking.judge(attempt);
}

std::string told(const std::string& body) {
  const auto outcome = judged(body);
  const std::string mark = "failure: failover.lua:1: ";
  return outcome.starts_with(mark) ? outcome.substr(mark.size()) : "not on its line: " + outcome;
}

}  // namespace

TEST_CASE("a verdict answers or tries again") {
  CHECK(judged("return answer()") == "answer");
  CHECK(judged("return retry()") == "retry");
  CHECK(judged("return retry():with_same_key()") == "retry with the same key");
  CHECK(judged("return retry():after(1.5)") == "retry after 1500 ms");
  CHECK(judged("return retry():after(1e9)") == "retry after 600000 ms");
  CHECK(judged("return answer():not_counted()") == "answer, not counted");
  CHECK(judged("return retry():or_deny(503, 'later', {retry_after = 3})") ==
        "retry; or deny 503 later after 3 s");
}

TEST_CASE("keys rest") {
  CHECK(judged("return retry():cool_down(attempt.key, 1.5)") == "retry; work rests 1500 ms");
  CHECK(judged("return retry():cool_down(attempt.key, 60, 'm')") == "retry; work rests 60000 ms for m");
  CHECK(judged("return retry():cool_down(attempt.key, 60, nil, 'suspect')") ==
        "retry; work rests 60000 ms: suspect");
  CHECK(judged("return retry():cool_down_until(attempt.key, time.now() + 5, 'm')") ==
        "retry; work rests 5000 ms for m");
  CHECK(judged("return retry():cool_down_until(attempt.key, time.now() - 5, nil, 'why')") ==
        "retry; work rests 0 ms: why");
  CHECK(judged("return retry():back_off(attempt.key, 10, 600, 'm')") ==
        "retry; work backs off 10000 ms to 600000 ms for m");
  CHECK(judged("return retry():back_off_model('m', 0.5, 30)") ==
        "retry; everybody backs off 500 ms to 30000 ms for m");
}

TEST_CASE("keys are put away, alone or with their project") {
  CHECK(judged("return retry():disable(attempt.key, 'why')") == "retry; work is disabled: why");
  CHECK(judged("return retry():disable_project(attempt.key, 'why')") ==
        "retry; work is disabled with its project: why");
  CHECK(judged("return retry():strike(attempt.key, 'hm')") == "retry; work is struck: hm");
  CHECK(judged("return answer():strike(attempt.key)") == "answer; work is struck");
}

TEST_CASE("limits and projects are learned") {
  CHECK(judged("return retry():learn_limit(attempt.key, 'm', 'tpm', 250000)") ==
        "retry; work has tpm 250000 for m");
  CHECK(judged("return retry():learn_limit(attempt.key, 'm', 'rpd', 0)") == "retry; work has rpd 0 for m");
  CHECK(judged("return retry():learn_project(attempt.key, '123456789012')") ==
        "retry; work is of 123456789012");
}

TEST_CASE("a verdict means everything that was said, in order, but the project comes first") {
  CHECK(judged("return retry():disable_project(attempt.key, 'why'):learn_limit(attempt.key, 'm', 'rpm', 5)"
               ":cool_down(attempt.key, 2, 'm'):learn_project(attempt.key, 'p-1')") ==
        "retry; work is of p-1; work is disabled with its project: why; work has rpm 5 for m; "
        "work rests 2000 ms for m");
}

TEST_CASE("what is meant for the model that the client named is meant for the one that Google counts") {
  CHECK(judged("return retry():cool_down(attempt.key, 1, request.model)") ==
        "retry; work rests 1000 ms for upstream");
  CHECK(judged("return retry():back_off(attempt.key, 1, 2, request.model):back_off_model(request.model, 1, 2)"
               ":learn_limit(attempt.key, request.model, 'rpm', 5)") ==
        "retry; work backs off 1000 ms to 2000 ms for upstream; everybody backs off 1000 ms to 2000 ms for "
        "upstream; work has rpm 5 for upstream");
}

TEST_CASE("wrong verdicts are told on the policy's line") {
  CHECK(told("return retry():cool_down(attempt, 1)") ==
        "cool_down: the first argument is a userdata, expected a key");
  CHECK(told("return retry():cool_down(attempt.key)") == "cool_down: nil are no seconds");
  CHECK(told("return retry():cool_down(attempt.key, 1, '')") ==
        "cool_down: the model is empty, expected its name");
  CHECK(told("return retry():cool_down(attempt.key, 1, 'm', '')") ==
        "cool_down: the reason is missing, expected a sentence for people");
  CHECK(told("return retry():back_off(attempt.key, 10, 600)") ==
        "back_off: the model is a nil, expected its name");
  CHECK(told("return retry():back_off(attempt.key, 10, 5, 'm')") ==
        "back_off: 10 and 5 are no seconds of a first rest and of the longest one");
  CHECK(told("return retry():back_off_model(attempt.key, 1, 2)") ==
        "back_off_model: the model is a userdata, expected its name");
  CHECK(told("return retry():disable(attempt.key)") ==
        "disable: the reason is missing, expected a sentence for people");
  CHECK(told("return retry():disable_project(attempt.key)") ==
        "disable_project: the reason is missing, expected a sentence for people");
  CHECK(told("return retry():learn_limit(attempt.key, 'm', 'rph', 1)") ==
        "learn_limit: the kind is rph, expected \"rpm\", \"tpm\" or \"rpd\"");
  CHECK(told("return retry():learn_limit(attempt.key, 'm', 'rpm', '5')") ==
        "learn_limit: the limit is 5, expected a whole number from 0");
  CHECK(told("return retry():learn_limit(attempt.key, 'm', 'rpm', 0.5)") ==
        "learn_limit: the limit is 0.5, expected a whole number from 0");
  CHECK(told("return retry():learn_project(attempt.key, 'api_key:AIza')") ==
        "learn_project: expected a project's number or id");
  CHECK(told("return retry():after(-1)") == "after: -1 are no seconds");
  CHECK(told("return answer():after(1)") == "after: answer() is final, only retry() waits");
  CHECK(told("return answer():or_deny(503, 'x')") ==
        "or_deny: answer() is final, only retry() can be refused");
  CHECK(told("return retry().cool_down(attempt.key, 1)") ==
        "cool_down must be called with a colon, on answer() or retry()");
}

TEST_CASE("a verdict that a policy wrote to is read with care") {
  const auto after = [](const std::string& change) {
    return judged("local verdict = retry() " + change + " return verdict");
  };
  const std::string where = "failure: failover.lua: judge: ";
  CHECK(after("verdict.meanings = 7") == where + "meanings is no table");
  CHECK(after("verdict.meanings[1] = 7") == where + "meanings[1]: it is no table");
  CHECK(after("verdict.meanings[1] = {}") == where + "meanings[1]: it has no known kind");
  CHECK(after("verdict.meanings[1] = {kind = 'disable'}") == where + "meanings[1]: it names no key");
  CHECK(after("verdict:cool_down(attempt.key, 1).meanings[1].seconds = 'x'") ==
        where + "meanings[1]: its seconds are no seconds");
  CHECK(after("verdict:back_off_model('m', 1, 2).meanings[1].model = nil") ==
        where + "meanings[1]: it names no model");
  CHECK(after("verdict:learn_limit(attempt.key, 'm', 'rpm', 1).meanings[1].limit = -1") ==
        where + "meanings[1]: its limit is no number from 0");
  CHECK(after("verdict:learn_limit(attempt.key, 'm', 'rpm', 1).meanings[1].limit_kind = nil") ==
        where + "meanings[1]: its limit_kind is none of rpm, tpm and rpd");
  CHECK(after("verdict.pause = 'x'") == "retry");
  CHECK(after("for i = 1, 101 do verdict:strike(attempt.key) end") ==
        where + "meanings has more than 100 entries");
}
