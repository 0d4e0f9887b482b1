#include "admin/traffic.h"

namespace pollux {

void Traffic::on_exchange_begun() {}

void Traffic::on_exchange_over(ExchangeRecord record) {
  record.id = requests_.make_id(record);
  requests_.add(std::move(record));  // Last: it keeps the record.
}

}  // namespace pollux
