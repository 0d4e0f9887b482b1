#include "admin/sessions.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"

namespace pollux {
namespace {

// How exactly the last use is known: an open page must not write to the disk for every call.
constexpr std::chrono::hours seen_every{1};

std::string hash_of(std::string_view token) {
  return hex(sha256(token));
}

}  // namespace

WallTime Sessions::Session::expires_at() const {
  return std::min(created_at + longest, last_seen + longest_idle);
}

Sessions::Sessions(Store& store, std::string account, const Clock& clock)
    : store_(store), account_(std::move(account)), clock_(clock) {
  const auto now = clock_.wall();
  for (const auto& kept : store_.load_sessions()) {
    const Session session{kept.created_at, kept.last_seen};
    if (kept.account == account_ && session.expires_at() > now) {
      sessions_.emplace(kept.token_hash, session);
    } else {
      store_.remove_session(kept.token_hash);
    }
  }
}

Sessions::Begun Sessions::begin() {
  const auto token = random_token();
  const auto now = clock_.wall();
  const std::lock_guard lock(mutex_);
  make_room(now);
  const auto session = sessions_.insert_or_assign(hash_of(token), Session{now, now}).first;
  save(*session);
  return {token, session->second.expires_at()};
}

std::optional<WallTime> Sessions::use(std::string_view token) {
  const auto hash = hash_of(token);
  const auto now = clock_.wall();
  const std::lock_guard lock(mutex_);
  const auto session = sessions_.find(hash);
  if (session == sessions_.end()) return std::nullopt;
  if (session->second.expires_at() <= now) {
    drop(session);
    return std::nullopt;
  }
  auto& [created_at, last_seen] = session->second;
  if (std::chrono::abs(now - last_seen) >= seen_every) {
    created_at = std::min(created_at, now);  // The clock was ahead when it was begun.
    last_seen = now;
    save(*session);
  }
  return session->second.expires_at();
}

bool Sessions::lasts(std::string_view token) const {
  const auto hash = hash_of(token);
  const auto now = clock_.wall();
  const std::lock_guard lock(mutex_);
  const auto session = sessions_.find(hash);
  return session != sessions_.end() && session->second.expires_at() > now;
}

void Sessions::end(std::string_view token) {
  const auto hash = hash_of(token);
  const std::lock_guard lock(mutex_);
  if (const auto session = sessions_.find(hash); session != sessions_.end()) drop(session);
}

void Sessions::save(const ByHash::value_type& session) {
  store_.save_session({session.first, account_, session.second.created_at, session.second.last_seen});
}

Sessions::ByHash::iterator Sessions::drop(ByHash::iterator session) {
  store_.remove_session(session->first);
  return sessions_.erase(session);
}

void Sessions::make_room(WallTime now) {
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    session = session->second.expires_at() <= now ? drop(session) : std::next(session);
  }
  while (sessions_.size() >= most) {
    drop(std::ranges::min_element(
        sessions_, {}, [](const ByHash::value_type& session) { return session.second.created_at; }));
  }
}

}  // namespace pollux
