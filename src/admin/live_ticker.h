// The clock of the live feed: once a second, while somebody listens, it tells how traffic goes and what has
// changed in the pool and the policies. Computed once for all listeners, on a loop that serves nobody.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "admin/live_feed.h"
#include "admin/metrics.h"
#include "net/loop.h"
#include "net/timer.h"
#include "pool/key_pool.h"
#include "script/policy_library.h"

namespace pollux {

class LiveTicker {
 public:
  struct Sources {
    const Metrics& metrics;
    const KeyPool& pool;
    const PolicyLibrary& policies;
    const Clock& clock;
  };
  LiveTicker(Loop& loop, LiveFeed& feed, const Sources& sources);
  ~LiveTicker();
  LiveTicker(const LiveTicker&) = delete;
  LiveTicker& operator=(const LiveTicker&) = delete;

 private:
  // What the next second is compared with.
  struct Snapshot {
    std::chrono::steady_clock::time_point at;
    Metrics::Totals totals;
    std::vector<KeyPool::Standing> keys;
    std::uint64_t policies_version = 0;
    std::string policies_error;
  };

  void start();
  void tick();
  Snapshot look() const;
  void tell_traffic(const Snapshot& before, const Snapshot& now);
  void tell_keys(const Snapshot& before, const Snapshot& now);
  void tell_policies(const Snapshot& before, const Snapshot& now);
  void tell_key(const Key& key, std::string_view state);

  Loop& loop_;
  LiveFeed& feed_;
  const Sources sources_;
  Timer timer_;
  Snapshot last_;
  int seconds_since_comment_ = 0;
};

}  // namespace pollux
