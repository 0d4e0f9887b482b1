// Hears of every exchange of every worker, and passes it on: to the counters, the request log, the clients'
// usage and the live feed.
#pragma once

#include "store/exchange_record.h"

namespace pollux {

class Traffic final : public ExchangeSink {
 public:
  void on_exchange_begun() override;
  void on_exchange_over(ExchangeRecord record) override;
};

}  // namespace pollux
