// What the tests of the store keep in it, and a way to wait for its answers.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "catch.h"
#include "store/store.h"

namespace pollux {

inline constexpr WallTime noon{Milliseconds(1795262400000)};  // 2026-11-21 12:00 UTC

inline KeyRecord a_key(const std::string& id) {
  KeyRecord key{.id = id, .secret = "secret-of-" + id, .added_at = noon};
  key.profile = {.name = "name-of-" + id, .project = "p1", .tags = {"paid", "two words"}, .weight = 2.5};
  return key;
}

inline Client a_client(const std::string& id) {
  Client client;
  client.id = id;
  client.name = "laptop";
  client.token_hash = "0123";
  client.tags = {"friend"};
  client.expires_at = noon + std::chrono::hours(1);
  client.created_at = noon;
  client.token_hint = "x9Qk";
  client.models = {"gemini-3.*", "gpt-4o"};
  client.quota = {.rpm = 5, .daily_requests = std::nullopt, .daily_tokens = 5'000'000'000};
  return client;
}

inline std::unique_ptr<Store> opened(const std::string& directory) {
  auto store = Store::open(directory);
  if (!store) FAIL(store.error().message);
  return std::move(*store);
}

// A confirmation that can be waited for.
class Answer {
 public:
  Store::Done done() {
    return [promise = promise_](const Result<void>& result) { promise->set_value(result); };
  }
  Result<void> wait() {
    auto future = promise_->get_future();
    REQUIRE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    return future.get();
  }

 private:
  std::shared_ptr<std::promise<Result<void>>> promise_ = std::make_shared<std::promise<Result<void>>>();
};

inline Result<void> saved(Store& store, KeyRecord key) {
  Answer answer;
  store.save_key(std::move(key), answer.done());
  return answer.wait();
}

}  // namespace pollux
