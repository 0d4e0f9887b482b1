// Signed-in browsers. A session is a random token of which only the hash is kept; it ends a week after its
// last use, 30 days after the sign-in, by signing out, or with the administrator's name or token. All workers
// share one Sessions, and a restart keeps them. Safe from any thread.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "store/store.h"

namespace pollux {

class Sessions {
 public:
  static constexpr std::chrono::hours longest_idle{7 * 24};
  static constexpr std::chrono::hours longest{30 * 24};
  static constexpr std::size_t most = 100;  // Beyond, the one that was begun first ends.

  // `account` stands for the administrator's name and token: sessions of another one are ended here.
  Sessions(Store& store, std::string account, const Clock& clock);

  struct Begun {
    std::string token;
    WallTime expires_at;
  };
  Begun begin();
  // When it ends if it is not used again; nothing: there is no such session, or it is over.
  std::optional<WallTime> use(std::string_view token);
  // Whether it goes on; that is no use of it.
  bool lasts(std::string_view token) const;
  void end(std::string_view token);

 private:
  struct Session {
    WallTime created_at, last_seen;
    WallTime expires_at() const;
  };
  using ByHash = std::unordered_map<std::string, Session>;

  // REQUIRES: the mutex is held.
  void save(const ByHash::value_type& session);
  ByHash::iterator drop(ByHash::iterator session);
  void make_room(WallTime now);

  Store& store_;
  const std::string account_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  ByHash sessions_;
};

}  // namespace pollux
