#include "admin/sign_in_throttle.h"

#include <algorithm>

#include "net/address.h"

namespace pollux {
namespace {

// An IPv6 address is one of 2^64 that its owner may use as he likes.
std::string network_of(const std::string& remote_address) {
  const auto address = Address::parse(remote_address);
  if (!address) return remote_address;
  auto text = address->text();
  if (text.find(':') == std::string::npos) return text;
  return std::string(address->bytes().substr(0, 8));
}

Milliseconds wait_after(int wrong_tries) {
  auto wait = SignInThrottle::first_wait;
  for (int beyond = wrong_tries - SignInThrottle::free_tries; beyond > 0; --beyond) {
    wait = std::min(wait * 2, SignInThrottle::longest_wait);
    if (wait == SignInThrottle::longest_wait) break;
  }
  return wait;
}

}  // namespace

SignInThrottle::Verdict SignInThrottle::judge(const std::string& remote_address,
                                              const std::function<bool()>& is_right) {
  const auto network = network_of(remote_address);
  const auto now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  auto known = guessers_.find(network);
  if (known != guessers_.end() && now - known->second.last_try > forgotten_after) {
    guessers_.erase(known);
    known = guessers_.end();
  }
  if (known != guessers_.end() && known->second.waits_until > now) {
    return {.wait = known->second.waits_until - now};
  }
  if (is_right()) {
    if (known != guessers_.end()) guessers_.erase(known);
    return {.right = true};
  }
  if (known == guessers_.end()) {
    make_room(now);
    known = guessers_.try_emplace(network).first;
  }
  auto& guesser = known->second;
  guesser.last_try = now;
  if (++guesser.wrong_tries >= free_tries) guesser.waits_until = now + wait_after(guesser.wrong_tries);
  return {};
}

void SignInThrottle::make_room(Milliseconds now) {
  if (guessers_.size() < most) return;
  std::erase_if(guessers_,
                [now](const auto& guesser) { return now - guesser.second.last_try > forgotten_after; });
  if (guessers_.size() < most) return;
  guessers_.erase(
      std::ranges::min_element(guessers_, {}, [](const auto& guesser) { return guesser.second.last_try; }));
}

}  // namespace pollux
