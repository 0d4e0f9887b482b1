#include "admin/traffic.h"

namespace pollux {
namespace {

void count_for_client(const Clients& clients, const Clock& clock, const ExchangeRecord& record) {
  const auto client = clients.with_id(record.client_id);
  if (!client) return;  // Unknown, removed meanwhile, or paying with an own key.
  const auto tokens = record.tokens.value_or(TokenCounts{});
  client->usage->used(tokens.input + tokens.output + tokens.thoughts, record.began,
                      {clock.wall(), clock.monotonic()});
}

}  // namespace

void Traffic::on_exchange_begun() {
  metrics_.exchange_begun();
}

void Traffic::on_exchange_over(ExchangeRecord record) {
  record.id = requests_.make_id(record);
  metrics_.exchange_over(record);
  feed_.publish_request(record);
  count_for_client(clients_, clock_, record);
  requests_.add(std::move(record));  // Last: it keeps the record.
}

}  // namespace pollux
