// What google.quota, google.error and google.retry_after read from Google's answers.
#include "policy_world.h"

using namespace pollux;

namespace {

// "day requests 20 after 38 s, zero, of gemini-x"
std::string quota(const std::string& body) {
  PolicyWorld world(Modules{{"auth", R"(return {identify = function(request)
    local quota = google.quota(request.body)
    if not quota then return deny(499, "nothing") end
    local text = quota.period .. " " .. quota.counts .. " " .. tostring(quota.limit)
    if quota.retry_after then text = text .. " after " .. quota.retry_after .. " s" end
    if quota.zero then text = text .. ", zero" end
    if quota.model then text = text .. ", of " .. quota.model end
    return deny(499, text)
  end})"}});
  Asking asking(world);
  asking.give_body(body);
  return seen_by_policy(world, asking);
}

std::string error(const std::string& body) {
  PolicyWorld world(Modules{{"auth", R"(return {identify = function(request)
    local found = google.error(request.body)
    if not found then return deny(499, "nothing") end
    return deny(499, tostring(found.code) .. " " .. tostring(found.status) .. " " .. found.message .. " " ..
      tostring(found.reason) .. " " .. #found.details)
  end})"}});
  Asking asking(world);
  asking.give_body(body);
  return seen_by_policy(world, asking);
}

std::string retry_after(const std::string& message) {
  PolicyWorld world(Modules{{"auth", R"(return {identify = function(request)
    return deny(499, tostring(google.retry_after { error = { message = request.text } }))
  end})"}});
  Asking asking(world);
  asking.give_body(message);
  return seen_by_policy(world, asking);
}

const std::string help = R"({"@type":"type.googleapis.com/google.rpc.Help","links":[{"url":"https://x"}]})";
std::string retry_info(const std::string& delay) {
  return R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" + delay + "\"}";
}
std::string violation(const std::string& id, const std::string& value,
                      const std::string& metric = "requests") {
  return R"({"quotaMetric":"generativelanguage.googleapis.com/)" + metric + R"(","quotaId":")" + id +
         R"(","quotaDimensions":{"location":"global","model":"gemini-x"})" +
         (value.empty() ? "" : R"(,"quotaValue":")" + value + "\"") + "}";
}
std::string failure(const std::string& violations) {
  return R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[)" + violations + "]}";
}
std::string body(const std::string& details, const std::string& message = "You exceeded your current quota") {
  return R"({"error":{"code":429,"message":")" + message + R"(","status":"RESOURCE_EXHAUSTED","details":[)" +
         details + "]}}";
}

const std::string rpm = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
const std::string rpd = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
const std::string tpm = "GenerateContentInputTokensPerModelPerMinute-FreeTier";

}  // namespace

TEST_CASE("a minute's limit of requests is read from its details, in any order") {
  CHECK(quota(body(help + "," + failure(violation(rpm, "15")) + "," + retry_info("38s"))) ==
        "minute requests 15 after 38 s, of gemini-x");
  CHECK(quota(body(retry_info("34.074824224s") + "," + failure(violation(rpm, "15")))) ==
        "minute requests 15 after 34.074824224 s, of gemini-x");
}

TEST_CASE("the day outweighs the minute") {
  CHECK(quota(body(failure(violation(rpm, "15") + "," + violation(rpd, "20")) + "," + retry_info("6s"))) ==
        "day requests 20 after 6 s, of gemini-x");
  CHECK(quota(body(failure(violation("EmbedContentRequestsPerDayPerUserPerProjectPerModel", "1000")))) ==
        "day requests 1000, of gemini-x");
}

TEST_CASE("tokens are told from requests") {
  CHECK(quota(body(failure(violation(tpm, "250000")))) == "minute tokens 250000, of gemini-x");
  CHECK(quota(body(failure(violation("SomethingPerMinute", "9", "paid_tier_input_token_count")))) ==
        "minute tokens 9, of gemini-x");
}

TEST_CASE("a limit of zero is told, in the details or in words alone") {
  CHECK(quota(body(failure(violation(rpm, "15") + "," + violation(rpd, "0")))) ==
        "day requests 0, zero, of gemini-x");
  CHECK(quota(body(failure(violation(rpd, "")), "Quota exceeded for metric: x, limit: 0, model: gemini-x")) ==
        "day requests 0, zero, of gemini-x");
  CHECK(quota(body(failure(violation(rpd, "")), "Quota exceeded for metric: x, limit: 0.5")) ==
        "day requests nil, of gemini-x");
}

TEST_CASE("the error may stand in an array") {
  CHECK(quota("[" + body(failure(violation(rpm, "15"))) + "]") == "minute requests 15, of gemini-x");
}

TEST_CASE("the older form has its limit in ErrorInfo") {
  CHECK(
      quota(body(
          R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","metadata":)"
          R"({"consumer":"projects/1","quota_limit":"GenerateContentRequestsPerMinutePerProjectPerRegion",)"
          R"("quota_limit_value":"15","quota_metric":"generativelanguage.googleapis.com/requests"}})")) ==
      "minute requests 15");
}

TEST_CASE("the newer form has one line of text") {
  CHECK(quota(body("",
                   "Rate limit exceeded for model X (limit: 5 requests per minute on Free Tier). "
                   "Please retry in 11s")) == "minute requests 5 after 11 s");
  CHECK(quota(body("", "Rate limit exceeded for model X (limit: 250000 tokens per day on Free Tier).")) ==
        "day tokens 250000");
}

TEST_CASE("what names no quota is nothing") {
  CHECK(quota(body("", "Resource has been exhausted (e.g. check quota).")) == "nothing");
  CHECK(quota(body(failure(violation("BatchEnqueuedTokensPerModelPerDay", "0")))) == "nothing");
  CHECK(quota(body(failure(violation("TotalCachedContentStorageTokensPerModelFreeTier", "")), "limit=0")) ==
        "nothing");
  CHECK(quota(R"({"error":{"code":400,"message":"limit: 5 per minute","status":"INVALID_ARGUMENT"}})") ==
        "nothing");
  CHECK(quota("<html>") == "nothing");
  CHECK(quota("[]") == "nothing");
  CHECK(quota("7") == "nothing");
  CHECK(quota(R"({"error":null})") == "nothing");
  CHECK(
      quota(
          R"({"error":{"details":[null,7,{"violations":[null,7,{"quotaId":7}]},{"@type":7}],"message":7}})") ==
      "nothing");
}

TEST_CASE("delays are read in every form") {
  CHECK(retry_after("Please retry in 38.5s.") == "38.5");
  CHECK(retry_after("Please retry in 55ms.") == "0.055");
  CHECK(retry_after("\nplease RETRY IN 11h46m59.5s.") == "42419.5");
  CHECK(retry_after("Please retry in 5m.") == "300");
  CHECK(retry_after("Please retry in a while.") == "nil");
  CHECK(retry_after("Please retry in 5 s") == "nil");
}

TEST_CASE("an error is found with its reason") {
  CHECK(error(R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[)"
              R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}})") ==
        "400 INVALID_ARGUMENT API key not valid. API_KEY_INVALID 1");
  CHECK(error(R"([{"candidates":[]},{"error":{"code":"503","message":"full"}}])") == "503 nil full nil 0");
  CHECK(error(R"({"error":{"code":"rate_limit","message":"x"}})") == "rate_limit nil x nil 0");
  CHECK(error(R"({"error":"plain words"})") == "nil nil plain words nil 0");
  CHECK(error("{}") == "nothing");
}

TEST_CASE("an error names the project that pays, and never a key") {
  const auto project = [](const std::string& metadata) {
    PolicyWorld world(Modules{{"auth", R"(return {identify = function(request)
      return deny(499, tostring(google.error(request.body).project))
    end})"}});
    Asking asking(world);
    asking.give_body(
        R"({"error":{"code":403,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo")" + metadata +
        "}]}}");
    return seen_by_policy(world, asking);
  };
  CHECK(project(R"(,"metadata":{"consumer":"projects/123456789012"})") == "123456789012");
  CHECK(project(R"(,"metadata":{"consumer":"projects/my-project-1"})") == "my-project-1");
  CHECK(project(R"(,"metadata":{"consumer":"projects/example.com:old"})") == "example.com:old");
  CHECK(project(R"(,"metadata":{"containerInfo":"123456789012"})") == "123456789012");
  CHECK(project(R"(,"metadata":{"consumer":"api_key:AIzaX","containerInfo":"123456789012"})") ==
        "123456789012");
  CHECK(project(R"(,"metadata":{"consumer":"projects/123","containerInfo":"api_key:AIzaX"})") == "123");
  CHECK(project(R"(,"metadata":{"consumer":"projects/AIzaX","containerInfo":"AIzaX"})") == "nil");
  CHECK(project(R"(,"metadata":{"consumer":"projects/api_key:aizax"})") == "nil");
  CHECK(project(R"(,"metadata":{"consumer":7,"containerInfo":[]})") == "nil");
  CHECK(project(R"(,"metadata":7)") == "nil");
  CHECK(project("") == "nil");
  CHECK(project(R"(,"metadata":{"consumer":"projects/)" + std::string(70, '1') + R"("})") == "nil");
}
