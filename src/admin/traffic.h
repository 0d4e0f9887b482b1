// Hears of every exchange of every worker, and passes it on: to the counters, the request log, the clients'
// usage and the live feed.
#pragma once

#include "admin/live_feed.h"
#include "admin/metrics.h"
#include "base/clock.h"
#include "pool/clients.h"
#include "store/exchange_record.h"
#include "store/request_log.h"

namespace pollux {

class Traffic final : public ExchangeSink {
 public:
  Traffic(Metrics& metrics, Clients& clients, RequestLog& requests, LiveFeed& feed, const Clock& clock)
      : metrics_(metrics), clients_(clients), requests_(requests), feed_(feed), clock_(clock) {}

  void on_exchange_begun() override;
  void on_exchange_over(ExchangeRecord record) override;
  std::size_t wanted_body_bytes() const override { return requests_.wanted_body_bytes(); }

 private:
  Metrics& metrics_;
  Clients& clients_;
  RequestLog& requests_;
  LiveFeed& feed_;
  const Clock& clock_;
};

}  // namespace pollux
