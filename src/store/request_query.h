// What is asked of the request log.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/exchange_record.h"

namespace pollux {

// All that is given must hold; nothing given: all exchanges.
struct RequestFilter {
  std::string key;                // Id or name, of any attempt.
  std::string client;             // Id or name.
  std::string model;              // As asked or upstream; a * stands for any characters.
  std::string dialect, endpoint;  // As in ExchangeRecord.
  enum class Ending { any, status, well, error } ending = Ending::any;
  int least_status = 0, most_status = 0;  // For Ending::status.
  std::optional<WallTime> since, until;   // Of the end; `until` itself is outside.
  std::vector<std::string> words;         // Each somewhere in model, path, client, key, reason, error or id.

  bool empty() const {
    return key.empty() && client.empty() && model.empty() && dialect.empty() && endpoint.empty() &&
           ending == Ending::any && !since && !until && words.empty();
  }
};

struct RequestQuery {
  RequestFilter filter;
  std::int64_t from = std::numeric_limits<std::int64_t>::min();    // Ids from this one on,
  std::int64_t before = std::numeric_limits<std::int64_t>::max();  // and below this one.
  std::size_t limit = 50;
};

// The newest first. Where more may follow, `next` is what `before` must be to go on: all above it has been
// looked through, within the time that a question may take.
struct RequestPage {
  std::vector<ExchangeRecord> requests;
  std::optional<std::int64_t> next;
};

struct RemovedRequests {
  std::size_t count = 0;
  std::optional<std::int64_t> next;  // As in RequestPage.
};

// An id tells when its exchange ended, so that what is told later comes later.
constexpr std::int64_t first_id_of(WallTime time) noexcept {
  return time.time_since_epoch().count() * 1000;
}
constexpr WallTime time_of_id(std::int64_t id) noexcept {
  return WallTime(Milliseconds(id >= 0 ? id / 1000 : (id - 999) / 1000));
}

}  // namespace pollux
