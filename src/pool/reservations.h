// Requests that are under way, by number. Guarded by the pool's mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pool/key_entry.h"

namespace pollux {

struct ReservedRequest {
  enum class Stage : std::uint8_t {
    under_way,   // Google counts it now, or will.
    answered,    // Google has counted it by `answered_at`.
    given_back,  // Google has not counted it.
  };
  std::shared_ptr<KeyEntry> key;
  std::shared_ptr<ProjectQuota> project;  // Null: nothing is counted.
  ModelId model;
  std::int64_t tokens = 0;  // As they are counted now: estimated, at most the limit.
  std::int64_t day = 0;     // On which it was counted.
  Stage stage = Stage::under_way;
  Milliseconds answered_at{0};
  TokenCounts used;
};

class Reservations {
 public:
  std::uint64_t add(ReservedRequest request) {
    if (free_.empty()) {
      requests_.emplace_back();
      free_.push_back(requests_.size() - 1);
    }
    const auto number = free_.back();
    free_.pop_back();
    requests_[number] = std::move(request);
    return number;
  }
  // REQUIRES: add() gave the number, and remove() has not taken it.
  ReservedRequest& at(std::uint64_t number) { return requests_[number]; }
  void remove(std::uint64_t number) {
    requests_[number] = {};
    free_.push_back(number);
  }
  // Two projects turned out to be one.
  void move(const ProjectQuota& from, const std::shared_ptr<ProjectQuota>& to) {
    for (auto& request : requests_) {
      if (request.project.get() == &from) request.project = to;
    }
  }

 private:
  std::vector<ReservedRequest> requests_;
  std::vector<std::uint64_t> free_;
};

}  // namespace pollux
