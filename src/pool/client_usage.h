// What one client has asked for lately, held against its limits. Counts of the day are those of Google's day,
// from midnight to midnight in Los Angeles, like all others here.
//
// Safe for any thread; held for nanoseconds.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/pacific_day.h"
#include "pool/quota_window.h"
#include "pool/rest.h"
#include "pool/stored_use.h"

namespace pollux {

// How much a client may ask for; nothing: as much as it likes.
struct ClientQuota {
  std::optional<std::int64_t> rpm;  // Requests in any 60 seconds.
  std::optional<std::int64_t> daily_requests;
  std::optional<std::int64_t> daily_tokens;  // Input, output and thoughts together.
  bool operator==(const ClientQuota&) const = default;
};

// Why a request is not admitted.
struct LimitReached {
  std::string_view limit;  // A literal: "rpm" "daily_requests" "daily_tokens".
  std::int64_t allowed = 0;
  Milliseconds retry_after{0};
};

// What is stored of a client's usage.
struct ClientUsageState {
  std::string client_id;
  std::int64_t day = 0;  // Google's day of what is counted today, as yyyymmdd.
  std::int64_t requests_today = 0, tokens_today = 0;
  std::vector<StoredUse> minute;  // Oldest first, at most 242.
  std::optional<WallTime> last_used;
};

class ClientUsage {
 public:
  // `on_change` is told once what state() answers has changed, until that is called again.
  explicit ClientUsage(std::function<void()> on_change = {}) : on_change_(std::move(on_change)) {}

  // Counts one request, or says which limit stands against it: in one step, so that no number of workers
  // together lets more through. Where several do, it is the one that lasts longest.
  std::optional<LimitReached> admit(const ClientQuota& quota, const Moment& now);
  // A request that was admitted then never left for Google: it does not count.
  void give_back(const Moment& admitted, const Moment& now);
  // Tokens are known when a request is over: whoever began below the limit is not cut off at it.
  void used(std::int64_t tokens, WallTime last_used, const Moment& now);

  struct Numbers {
    std::int64_t requests_this_minute = 0, requests_today = 0, tokens_today = 0;
    WallTime resets_at;  // The end of the day.
    std::optional<WallTime> last_used;
  };
  Numbers numbers(const Moment& now);

  void restore(const ClientUsageState& state, const Moment& now);
  ClientUsageState state(const Moment& now);

 private:
  struct Today {
    std::int64_t date = 0, requests = 0, tokens = 0;
  };
  // What was counted on another day is over. Call with the mutex held, like all of these.
  const PacificDay& turn_to(WallTime now);
  std::optional<LimitReached> reached(const ClientQuota& quota, const Moment& now);
  void tell_change();

  const std::function<void()> on_change_;
  std::atomic<bool> change_told_ = false;

  std::mutex mutex_;  // Guards what follows.
  QuotaWindow minute_;
  PacificCalendar calendar_;
  Today today_;
  std::optional<WallTime> last_used_;
};

}  // namespace pollux
