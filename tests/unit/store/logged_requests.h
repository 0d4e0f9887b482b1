// What the tests of the request log keep in it, and a way to wait for its answers.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.h"
#include "store/request_log.h"
#include "store/stored_things.h"
#include "temporary_folder.h"

namespace pollux {

inline AttemptRecord an_attempt(const std::string& key, int status = 200) {
  const bool well = status > 0 && status < 400;
  return {"id-of-" + key,
          key,
          "AIza…" + key,
          status,
          well ? "" : "http",
          well ? "" : "Quota exceeded",
          std::chrono::microseconds(1500),
          std::chrono::milliseconds(20)};
}

// The exchange that ended so many milliseconds after noon.
inline ExchangeRecord a_request(int number, const std::string& client = "laptop",
                                const std::string& key = "work", int status = 200) {
  ExchangeRecord record;
  record.attempts = {an_attempt(key, status)};
  const auto& attempt = record.attempts.front();
  record.duration = attempt.began + attempt.duration;
  record.began = noon + Milliseconds(number) - std::chrono::floor<Milliseconds>(record.duration);
  record.client_id = "id-of-" + client;
  record.client_name = client;
  record.remote_address = "192.0.2.7";
  record.dialect = "gemini";
  record.endpoint = "generate";
  record.method = "POST";
  record.path = "/v1beta/models/gemini-3.5-flash:generateContent";
  record.model = record.upstream_model = "gemini-3.5-flash";
  record.key_id = attempt.key_id;
  record.key_name = attempt.key_name;
  record.masked_key = attempt.masked_key;
  record.status = status;
  record.outcome = status < 400 ? "answered" : "failed";
  if (status >= 400) {
    record.reason = "status " + std::to_string(status);
    record.error = "Quota exceeded";
  }
  record.first_byte = std::chrono::milliseconds(12);
  record.tokens = TokenCounts{100, 40, 20, 5};
  record.request_bytes = 300;
  record.answer_bytes = 900;
  return record;
}

// Moved by the test while the log's thread reads it.
class SharedClock final : public Clock {
 public:
  WallTime wall() const override { return WallTime(Milliseconds(wall_.load())); }
  Milliseconds monotonic() const override { return Milliseconds(monotonic_.load()); }
  void advance(Milliseconds by) { wall_ += by.count(), monotonic_ += by.count(); }
  void set_wall(WallTime to) { wall_ = to.time_since_epoch().count(); }

 private:
  std::atomic<std::int64_t> wall_{noon.time_since_epoch().count()}, monotonic_{0};
};

// A log in a folder of its own, asked from a loop of its own.
class Desk {
 public:
  explicit Desk(RequestLogLimits limits = {}) : limits_(limits) { open(); }

  void open() { log_ = std::make_unique<RequestLog>(folder.path("."), clock, limits_); }
  void close() { log_.reset(); }
  RequestLog& log() { return *log_; }

  // Its id.
  std::int64_t add(ExchangeRecord record) {
    const auto id = record.id = log_->make_id(record);
    log_->add(std::move(record));
    return id;
  }

  Result<RequestPage> try_find(RequestQuery query = {}) {
    return wait<RequestPage>(
        [&](auto answer) { return log_->find(loop, std::move(query), std::move(answer)); });
  }
  RequestPage find(RequestQuery query = {}) {
    auto page = try_find(std::move(query));
    if (!page) FAIL(page.error().message);
    return std::move(*page);
  }
  RequestPage find(RequestFilter filter) {
    RequestQuery query;
    query.filter = std::move(filter);
    query.limit = 1000;
    return find(std::move(query));
  }
  std::optional<ExchangeRecord> get(std::int64_t id) {
    auto found = wait<std::optional<ExchangeRecord>>(
        [&](auto answer) { return log_->get(loop, id, std::move(answer)); });
    REQUIRE(found);
    return std::move(*found);
  }
  std::size_t remove(RequestFilter filter) {
    RequestQuery query;
    query.filter = std::move(filter);
    std::size_t count = 0;
    for (bool more = true; more;) {
      auto removed =
          wait<RemovedRequests>([&](auto answer) { return log_->remove(loop, query, std::move(answer)); });
      REQUIRE(removed);
      count += removed->count;
      more = removed->next.has_value();
      if (more) query.before = *removed->next;
    }
    return count;
  }
  TrafficStats stats(std::chrono::minutes window, WallTime now) {
    auto found =
        wait<TrafficStats>([&](auto answer) { return log_->stats(loop, window, now, std::move(answer)); });
    REQUIRE(found);
    return std::move(*found);
  }

  // Until it has nothing to throw away any more, or for long.
  template <typename Condition>
  bool becomes_true(Condition holds) {
    for (int i = 0; i < 400; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    return false;
  }

  const TemporaryFolder folder;
  SharedClock clock;
  Loop loop;

 private:
  template <typename T, typename Ask>
  Result<T> wait(Ask ask) {
    std::optional<Result<T>> found;
    const auto question = ask([&](Result<T> result) {
      found.emplace(std::move(result));
      loop.stop();
    });
    loop.run();
    REQUIRE(found);
    return std::move(*found);
  }

  RequestLogLimits limits_;
  std::unique_ptr<RequestLog> log_;
};

inline std::vector<std::int64_t> ids_of(const RequestPage& page) {
  std::vector<std::int64_t> ids;
  for (const auto& record : page.requests) ids.push_back(record.id);
  return ids;
}

}  // namespace pollux
