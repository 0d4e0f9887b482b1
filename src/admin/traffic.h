// Hears of every exchange of every worker, and passes it on: to the counters, the request log, the clients'
// usage and the live feed.
#pragma once

#include "admin/live_feed.h"
#include "admin/metrics.h"
#include "base/clock.h"
#include "pool/clients.h"
#include "store/exchange_record.h"

namespace pollux {

class Traffic final : public ExchangeSink {
 public:
  Traffic(Metrics& metrics, Clients& clients, LiveFeed& feed, const Clock& clock)
      : metrics_(metrics), clients_(clients), feed_(feed), clock_(clock) {}

  void on_exchange_begun() override;
  void on_exchange_over(ExchangeRecord record) override;

 private:
  Metrics& metrics_;
  Clients& clients_;
  LiveFeed& feed_;
  const Clock& clock_;
};

}  // namespace pollux
