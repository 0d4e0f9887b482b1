#include "admin/traffic.h"

namespace pollux {

void Traffic::on_exchange_begun() {
  metrics_.exchange_begun();
}

void Traffic::on_exchange_over(ExchangeRecord record) {
  metrics_.exchange_over(record);
  feed_.publish_request(record);
}

}  // namespace pollux
