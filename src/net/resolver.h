// Host names to addresses, off the loop's thread. Answers are kept for half a minute, and those who ask for
// the same name at the same time share one question.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/address.h"

namespace pollux {

class Loop;

class ResolveEvents {
 public:
  virtual ~ResolveEvents() = default;
  // In the order of preference (RFC 6724), ports unset. At least one.
  virtual void on_resolved(std::vector<Address> addresses) = 0;
  virtual void on_resolve_failed(const std::string& reason) = 0;
};

// One who waits for an answer; destroying it stops waiting.
class Resolving {
 public:
  virtual ~Resolving() = default;
};

class Resolver {
 public:
  explicit Resolver(Loop& loop);
  // Questions under way are left to the loop; nobody is told of their answers.
  ~Resolver();

  // What is known without asking: an address as such, or a name looked up lately. Empty: ask.
  std::vector<Address> known(const std::string& host);
  // Never calls back from within. REQUIRES: the answer's events outlive the returned object.
  std::unique_ptr<Resolving> ask(const std::string& host, ResolveEvents& events);

  // Nothing answered at the addresses of this name: the next one asks anew.
  void forget(const std::string& host);
  // This one answered: it is tried first from now on.
  void prefer(const std::string& host, const Address& address);

 private:
  friend class Question;
  struct Answer {
    std::vector<Address> addresses;
    std::chrono::milliseconds expires_at{};
  };
  void keep(const std::string& host, const std::vector<Address>& addresses);

  Loop& loop_;
  std::unordered_map<std::string, Answer> answers_;
  std::unordered_map<std::string, class Question*> questions_;  // Each is owned by libuv until its callback.
};

}  // namespace pollux
