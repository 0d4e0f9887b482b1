#include "admin/traffic.h"

namespace pollux {

void Traffic::on_exchange_begun() {}

void Traffic::on_exchange_over(ExchangeRecord) {}

}  // namespace pollux
