// What the exchanges of one worker share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"
#include "http/client.h"
#include "http/server.h"
#include "net/loop.h"
#include "pool/key_pool.h"
#include "script/policy_library.h"
#include "store/exchange_record.h"

namespace pollux {

// Memory for request bodies held for a retry, of all workers together. Where it is used up, a body streams
// through and is tried once, as if it were too large to be held.
class HeldBodies {
 public:
  explicit HeldBodies(std::uint64_t limit_bytes) : limit_(limit_bytes) {}
  bool reserve(std::uint64_t bytes) noexcept {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
    release(bytes);
    return false;
  }
  void release(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_{0};
};

// Where Google is: one address and a path before everything, for each service.
struct Upstream {
  Origin gemini;
  std::string gemini_prefix;  // "" or "/proxy"
  Origin vertex;
  std::string vertex_prefix;
  std::vector<Proxy> proxies;  // Taken in turn.

  static Result<Upstream> from(const Settings& settings);
};

struct Gateway {
  Loop& loop;
  HttpClient& client;
  KeyPool& pool;
  PolicyLibrary& policies;
  const PolicyHost& host;
  const Settings& settings;
  const Upstream& upstream;
  const Clock& clock;
  HeldBodies& held_bodies;
  ExchangeSink& sink;
  std::size_t worker = 0;
  std::string upload_secret;  // Signs the upload addresses that clients are given.
  std::size_t next_proxy = 0;

  std::optional<Proxy> take_proxy() {
    if (upstream.proxies.empty()) return std::nullopt;
    return upstream.proxies[next_proxy++ % upstream.proxies.size()];
  }
};

}  // namespace pollux
