#include "admin/key_checks.h"

#include <utility>

#include "script/health_check.h"

namespace pollux {

void KeyChecks::add(std::vector<KeyRef> keys) {
  const std::lock_guard lock(mutex_);
  for (auto& key : keys) {
    if (in_line_.insert(key.get()).second) waiting_.push_back(std::move(key));
  }
  if (checker_ == nullptr) return;
  loop_->post([alive = checker_->alive_] {
    if (*alive) (*alive)->go_on();
  });
}

KeyRef KeyChecks::next() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return nullptr;
  auto key = std::move(waiting_.front());
  waiting_.pop_front();
  in_line_.erase(key.get());
  return key;
}

struct KeyChecker::Running {
  KeyRef key;
  std::unique_ptr<HealthCheck> check;
};

KeyChecker::KeyChecker(Admin& admin) : admin_(admin) {
  const std::lock_guard lock(admin.key_checks.mutex_);
  admin.key_checks.checker_ = this;
  admin.key_checks.loop_ = &admin.loop;
}

KeyChecker::~KeyChecker() {
  *alive_ = nullptr;
  auto& checks = admin_.key_checks;
  const std::lock_guard lock(checks.mutex_);
  checks.checker_ = nullptr;
  checks.waiting_.clear();
  checks.in_line_.clear();
}

void KeyChecker::go_on() {
  if (std::exchange(going_on_, true)) return;
  while (running_.size() < most_at_once) {
    auto key = admin_.key_checks.next();
    if (!key) break;
    if (admin_.pool.find(key->id()) == key) check(std::move(key));  // Else it was removed meanwhile.
  }
  going_on_ = false;
}

void KeyChecker::check(KeyRef key) {
  auto* running = running_.emplace_back(std::make_unique<Running>()).get();
  running->key = std::move(key);
  auto check = HealthCheck::start(
      admin_.policies.current(admin_.worker, admin_.host), running->key,
      [this, running](const HealthFinding& finding) {
        heed(admin_.pool, *running->key, finding);
        std::erase_if(running_, [running](const auto& one) { return one.get() == running; });
        go_on();
      });
  // Null: it is over, and what `running` was is gone.
  if (check) running->check = std::move(check);
}

}  // namespace pollux
