#include "pool/waiting_lines.h"

#include <algorithm>
#include <unordered_set>

namespace pollux {
namespace {

std::string line_of(const KeyQuery& query) {
  std::string line(query.model);
  for (const auto& condition : query.conditions) {
    line.append("\n").append(std::to_string(static_cast<int>(condition.kind))).append(condition.value);
  }
  return line;
}

}  // namespace

void WaitingLines::join(Waiter& waiter, std::span<const KeyQuery> queries) {
  for (const auto& query : queries) {
    auto line = line_of(query);
    if (std::ranges::find(waiter.lines, line) != waiter.lines.end()) continue;
    lines_[line].push_back(&waiter);
    waiter.lines.push_back(std::move(line));
  }
  ++waiting_;
}

void WaitingLines::leave(const Waiter& waiter, std::vector<OnTurn>& to_tell) {
  for (const auto& name : waiter.lines) {
    const auto line = lines_.find(name);
    if (line == lines_.end()) continue;
    const bool was_first = line->second.front() == &waiter;
    std::erase(line->second, &waiter);
    if (line->second.empty()) {
      lines_.erase(line);
    } else if (was_first) {
      to_tell.push_back(line->second.front()->on_turn);
    }
  }
  --waiting_;
}

bool WaitingLines::is_first(const Waiter& waiter) const {
  return std::ranges::any_of(waiter.lines, [&](const auto& name) {
    const auto line = lines_.find(name);
    return line != lines_.end() && line->second.front() == &waiter;
  });
}

bool WaitingLines::somebody_before(const Waiter* waiter, const KeyQuery& query) const {
  if (lines_.empty()) return false;
  const auto line = lines_.find(line_of(query));
  return line != lines_.end() && line->second.front() != waiter;
}

void WaitingLines::tell_first(std::vector<OnTurn>& to_tell) const {
  std::unordered_set<const Waiter*> told;
  for (const auto& [name, line] : lines_) {
    if (told.insert(line.front()).second) to_tell.push_back(line.front()->on_turn);
  }
}

}  // namespace pollux
