// Hears of every exchange of every worker, and passes it on: to the counters, the request log, the clients'
// usage and the live feed.
#pragma once

#include "store/exchange_record.h"
#include "store/request_log.h"

namespace pollux {

class Traffic final : public ExchangeSink {
 public:
  explicit Traffic(RequestLog& requests) : requests_(requests) {}

  void on_exchange_begun() override;
  void on_exchange_over(ExchangeRecord record) override;
  std::size_t wanted_body_bytes() const override { return requests_.wanted_body_bytes(); }

 private:
  RequestLog& requests_;
};

}  // namespace pollux
