// What the tests of policies hold in place of the living thing: real objects with made-up contents.
// Internal to src/script.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/settings.h"
#include "pool/clients.h"
#include "pool/key_pool.h"
#include "script/exchange_objects.h"
#include "script/loaded_policies.h"

namespace pollux {

// The bench of one file of tests: its own state, clock, clients, shared tables, and the fakes that it has
// made.
class PolicyTestBench {
 public:
  static Result<std::unique_ptr<PolicyTestBench>> create(const PolicySources& sources,
                                                         const Settings& settings);
  ~PolicyTestBench();

  LoadedPolicies& policies() noexcept { return *policies_; }
  lua_State* lua() noexcept { return policies_->lua(); }

  // Clients, shared tables, settings and clock as at the beginning.
  void reset();

  ManualClock& clock() noexcept { return clock_; }
  Clients& clients() noexcept { return *clients_; }

  // What stands behind one fake request, pool, attempt or response.
  struct Fake {
    explicit Fake(PolicyTestBench& bench) : objects(bench.policies(), request) {}
    PolicyRequest request;
    std::string dialect, endpoint, kind, text, message;
    std::vector<std::string> tried;
    Headers attempt_headers;
    PolicyAttempt attempt;
    PolicyResponse response;
    ExchangeObjects objects;
  };
  Fake& new_fake();
  KeyPool& new_pool();
  void keep(KeyPool::Reservation reservation) { reservations_.push_back(std::move(reservation)); }

 private:
  explicit PolicyTestBench(const Settings& settings);

  const Settings settings_;
  ManualClock clock_;
  std::unique_ptr<Clients> clients_;
  std::unique_ptr<SharedTable> shared_, cache_;
  std::vector<std::unique_ptr<KeyPool>> pools_;
  std::vector<KeyPool::Reservation> reservations_;
  PolicyHost host_;
  std::unique_ptr<LoadedPolicies> policies_;
  std::vector<std::unique_ptr<Fake>> fakes_;
};

// Pushes the table of functions that test_prelude.lua makes its fakes with.
void push_fake_makers(PolicyTestBench& bench);

}  // namespace pollux
