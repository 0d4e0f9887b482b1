// Hears of every exchange of every worker, and passes it on: to the counters, the request log, the clients'
// usage and the live feed.
#pragma once

#include "base/clock.h"
#include "pool/clients.h"
#include "store/exchange_record.h"

namespace pollux {

class Traffic final : public ExchangeSink {
 public:
  Traffic(Clients& clients, const Clock& clock) : clients_(clients), clock_(clock) {}

  void on_exchange_begun() override;
  void on_exchange_over(ExchangeRecord record) override;

 private:
  Clients& clients_;
  const Clock& clock_;
};

}  // namespace pollux
