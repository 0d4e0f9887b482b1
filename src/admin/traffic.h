// Hears of every exchange of every worker, and passes it on: to the counters, the request log, the clients'
// usage and the live feed.
#pragma once

#include "admin/live_feed.h"
#include "admin/metrics.h"
#include "store/exchange_record.h"

namespace pollux {

class Traffic final : public ExchangeSink {
 public:
  Traffic(Metrics& metrics, LiveFeed& feed) : metrics_(metrics), feed_(feed) {}

  void on_exchange_begun() override;
  void on_exchange_over(ExchangeRecord record) override;

 private:
  Metrics& metrics_;
  LiveFeed& feed_;
};

}  // namespace pollux
