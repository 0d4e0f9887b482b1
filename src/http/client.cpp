#include "http/client.h"

#include <algorithm>
#include <utility>

#include "http/client_link.h"
#include "http/client_request.h"

namespace pollux {
namespace {

// Pools without a connection are swept when there are more than these: policies may fetch from anywhere.
constexpr std::size_t most_pools = 64;

bool same_proxy(const std::optional<Proxy>& one, const std::optional<Proxy>& other) {
  if (!one || !other) return one.has_value() == other.has_value();
  return one->kind == other->kind && one->port == other->port && one->host == other->host &&
         one->user == other->user && one->password == other->password;
}

class PoolingClient final : public HttpClient {
 public:
  PoolingClient(Loop& loop, std::shared_ptr<TlsClientContext> tls, const ClientLimits& limits)
      : loop_(loop), tls_(std::move(tls)), limits_(limits) {}
  ~PoolingClient() override {
    for (auto& pool : pools_) pool->close_all();
  }

  std::unique_ptr<ClientRequest> start(const Origin& origin, const std::optional<Proxy>& proxy,
                                       const OutgoingRequest& request, ResponseEvents& events) override {
    auto sending = std::make_unique<SendingRequest>(pool_of(origin, proxy), tls_, request, events);
    sending->begin();
    return sending;
  }

  void set_limits(const ClientLimits& limits) override {
    limits_ = limits;
    for (auto& pool : pools_) pool->limits = limits;
  }

  std::size_t idle_connections() const override {
    std::size_t all = 0;
    for (const auto& pool : pools_) all += pool->size();
    return all;
  }

 private:
  std::shared_ptr<ClientPool> pool_of(const Origin& origin, const std::optional<Proxy>& proxy) {
    const auto found = std::find_if(pools_.begin(), pools_.end(), [&](const auto& pool) {
      return pool->origin == origin && same_proxy(pool->proxy, proxy);
    });
    if (found != pools_.end()) return *found;
    if (pools_.size() >= most_pools)
      std::erase_if(pools_, [](const auto& pool) { return pool->size() == 0 && pool.use_count() == 1; });
    return pools_.emplace_back(std::make_shared<ClientPool>(loop_, origin, proxy, limits_));
  }

  Loop& loop_;
  std::shared_ptr<TlsClientContext> tls_;
  ClientLimits limits_;
  std::vector<std::shared_ptr<ClientPool>> pools_;
};

}  // namespace

std::unique_ptr<HttpClient> HttpClient::create(Loop& loop, std::shared_ptr<TlsClientContext> tls,
                                               const ClientLimits& limits) {
  return std::make_unique<PoolingClient>(loop, std::move(tls), limits);
}

}  // namespace pollux
