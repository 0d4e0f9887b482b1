// The pool of Google keys: who they are, how they fare, and which of them can pay for a request now.
//
// One pool serves all workers; every call is safe from any thread and holds the pool's lock for nanoseconds
// to microseconds. The pool decides nothing: policies say what an answer means for a key, the pool remembers
// it. Times that matter to choosing run on the monotonic clock, so a machine whose clock jumps neither rests
// its keys for ever nor wakes them early by more than the jump; what is shown and stored is wall time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/redact.h"
#include "base/result.h"
#include "base/settings.h"
#include "pool/client_usage.h"
#include "pool/quota_limits.h"
#include "pool/stored_use.h"
#include "pool/token_counts.h"

namespace pollux {

// What a person may change about a key.
struct KeyProfile {
  std::string name;     // Made from the id where none is given: "key-3f9a2c".
  std::string project;  // Google Cloud project; empty: unknown, the key stands alone.
  std::vector<std::string> tags;
  double weight = 1;  // For weighted choosing; 0 means never.
  bool enabled = true;
  std::string disabled_reason;  // Why not, for people: "API key not valid".
  std::optional<WallTime> disabled_since;
  bool disabled_by_owner = false;  // By hand: then no health check brings it back.
};

// The id that a secret has: 12 hexadecimal digits of its SHA-256, so the same key has the same id for ever.
std::string key_id_of(std::string_view secret);
// The same of the secret's SHA-256, hexadecimal.
std::string_view key_id_of_hash(std::string_view hash);

// Whether the pool would take it, whoever is in there; the message begins with the property that is wrong and
// does not repeat the secret.
Result<void> check_given_key(const GivenKey& given);

// One key. Id and secret never change; the rest is read under the pool's lock through the pool, so a key that
// is held longer than the pool may only be let go.
class Key {
 public:
  virtual ~Key() = default;
  virtual const std::string& id() const = 0;  // key_id_of(secret()).
  virtual const std::string& secret() const = 0;

  // Snapshots, each consistent in itself.
  virtual KeyProfile profile() const = 0;
  virtual std::string name() const = 0;  // Of the profile, without copying the rest.
  virtual int in_flight() const = 0;
  virtual int failures_in_a_row() const = 0;
  virtual std::int64_t requests_today() const = 0;  // Of Google's day: since midnight in Los Angeles.
};
using KeyRef = std::shared_ptr<Key>;

// Somebody waits for a key, in order: see KeyPool::wait_in_line(). Owned by who waits; leaves the lines when
// it is destroyed.
class WaitingPlace {
 public:
  virtual ~WaitingPlace() = default;
};

// What a choice is among: keys that are enabled and can pay for the model now, and meet every condition.
struct KeyQuery {
  struct Condition {
    enum class Kind { tagged, in_project, named } kind;
    std::string value;  // A tag; a project; a name or an id.
    bool operator==(const Condition&) const = default;
  };
  std::string_view model;  // Empty: for what Google counts against no quota of a model.
  std::vector<Condition> conditions;
  std::span<const std::string> avoid;  // Ids tried before in this exchange: taken only if no other can pay.
  std::int64_t tokens = 0;             // Of the request's input, estimated; for limits of tokens a minute.
  const WaitingPlace* place =
      nullptr;  // Of who asks; null: a newcomer, who does not overtake those that wait.
};

struct Choice {
  KeyRef key;  // Null: none can pay now; then
  // how long until the first one can; nothing: none will by itself. 0 with a null key: others wait before.
  std::optional<Milliseconds> free_in;
};

// What a key and model have seen, and what the key's project may still ask of the model.
struct KeyModelStatus {
  std::string model;
  std::int64_t requests_today = 0, successes = 0, failures = 0;  // Of this key.
  TokenCounts tokens_today;                                      // Of this key.
  // Of all keys of the project: in the last 60 s, and today, as Google counts; under way included.
  std::int64_t requests_this_minute = 0, tokens_this_minute = 0, project_requests_today = 0;
  Limits limits;                                                       // In force.
  bool rpm_learned = false, tpm_learned = false, rpd_learned = false;  // From an answer of Google's.
  std::optional<WallTime> cooldown_until;                              // Of the project and model.
};

struct KeyError {
  WallTime at;
  std::string model;
  int status = 0;       // 0: no HTTP answer.
  std::string message;  // Redacted, at most 500 bytes.
};

// How a key fares as a whole.
enum class KeyStanding : std::uint8_t { ready, resting, disabled, probing };  // Probing: back on trial.
std::string_view name_of(KeyStanding standing) noexcept;

struct KeyStatus {
  std::string id;
  KeyProfile profile;
  std::string masked_secret;  // "AIza…x9Qk"
  WallTime added_at;
  std::string state;                       // The name of its KeyStanding.
  std::string rest_reason;                 // Why the key as a whole rests, where that is known.
  std::optional<WallTime> cooldown_until;  // Of the key as a whole.
  int in_flight = 0, failures_in_a_row = 0;
  std::int64_t requests_today = 0, successes = 0, failures = 0;
  std::optional<WallTime> last_used, last_success;
  std::vector<KeyModelStatus> models;   // By name; the empty name sums up requests without a model
                                        // and models that were forgotten. At most 64 that the
                                        // key was asked for, and 64 that its project was.
  std::vector<KeyError> recent_errors;  // Newest first, at most 20; only in status(id).
};

// What survives a restart, as the store keeps it. Secrets and profiles live in KeyRecord, the fast-changing
// rest here.
struct KeyModelState {
  std::string model;
  std::int64_t day = 0;  // Google's day of requests_today and tokens_today, as yyyymmdd.
  std::int64_t requests_today = 0, successes = 0, failures = 0;
  TokenCounts tokens_today;
};
struct KeyState {
  std::optional<WallTime> cooldown_until;
  std::string rest_reason;
  bool on_trial = false;
  int failures_in_a_row = 0;
  std::optional<WallTime> last_used, last_success;
  std::vector<KeyModelState> models;
};
// One project and model. `project` is the project's name, or "key:ID" for a key that stands alone.
struct QuotaState {
  std::string project, model;
  std::int64_t day = 0;  // Google's day of requests_today, as yyyymmdd.
  std::int64_t requests_today = 0;
  using Use = StoredUse;
  std::vector<Use> minute;  // Oldest first, at most 241.
  std::optional<WallTime> cooldown_until;
  int back_offs = 0;
  Limits learned;
};
struct PoolState {
  std::vector<std::pair<std::string, KeyState>> keys;  // By id.
  std::vector<QuotaState> quotas;
  std::vector<std::pair<std::string, std::string>> forgotten_quotas;  // (project, model): no longer there.
  std::vector<ClientUsageState> clients;                              // Of Clients, not of the KeyPool.
  bool empty() const { return keys.empty() && quotas.empty() && forgotten_quotas.empty() && clients.empty(); }
};
struct KeyRecord {
  std::string id, secret;
  KeyProfile profile;
  WallTime added_at;
};

// Told of what must be stored, in the order in which it happened. Called outside the pool's lock, on the
// thread of the change; must not block, and must not change the pool (looking is fine).
class PoolObserver {
 public:
  virtual ~PoolObserver() = default;
  virtual void on_key_changed(const KeyRecord& record) = 0;  // Added or its profile changed.
  virtual void on_key_removed(const std::string& id) = 0;
  // There is something for take_changes() again: told once until that is called. Within the pool's lock: must
  // not look at the pool.
  virtual void on_state_changed() {}
};

class KeyPool {
 public:
  static std::unique_ptr<KeyPool> create(const Clock& clock);
  virtual ~KeyPool() = default;

  // Not owned; null: nobody listens.
  virtual void set_observer(PoolObserver* observer) = 0;
  // What is known beforehand; counts and learned limits stay.
  virtual void set_limits(std::shared_ptr<const LimitTable> limits) = 0;

  // -- Who is in the pool
  // At start, from the store; the observer is not told.
  virtual void restore(KeyRecord record, KeyState state) = 0;
  virtual void restore(QuotaState state) = 0;
  struct Added {
    KeyRef key;
    bool is_new;  // False: it was there already and stays as it was.
  };
  // Refuses what cannot be an API key (empty, blanks, control characters, OAuth tokens "ya29." and "eyJ"),
  // without repeating it in the message.
  virtual Result<Added> add(const GivenKey& given) = 0;
  // A client's own key, which never enters the pool: nothing about it is counted, shown or stored. Refused as
  // by add().
  virtual Result<KeyRef> guest(std::string_view secret) = 0;
  virtual bool remove(std::string_view id) = 0;
  // Many at once, at the cost of little more than one; returns the ids of which there is no key.
  virtual std::vector<std::string> remove_all(std::span<const std::string> ids) = 0;
  struct Patch {
    std::optional<std::string> name, project;
    std::optional<std::vector<std::string>> tags;
    std::optional<double> weight;
    std::optional<bool> enabled;
    std::string reason;                              // Why the owner disables it; empty: it says "by hand".
    std::vector<std::string> add_tags, remove_tags;  // To and from those that are there, or `tags`.
  };
  virtual Result<void> change(std::string_view id, const Patch& patch) = 0;
  virtual KeyRef find(std::string_view id_or_name) const = 0;  // Null: none.
  virtual std::size_t size() const = 0;

  // -- Choosing: O(log n) in the number of keys, after the first choice of its kind
  virtual Choice round_robin(const KeyQuery& query) = 0;
  virtual Choice least_busy(const KeyQuery& query) = 0;  // Fewest in flight; equals take turns.
  // The largest share of its project's day left for the model; where no limit is known, the least used.
  virtual Choice most_remaining(const KeyQuery& query) = 0;
  virtual Choice best(const KeyQuery& query) = 0;      // Best recent success (decays), then least busy.
  virtual Choice weighted(const KeyQuery& query) = 0;  // By weight, spread evenly (not at random).
  // The key that the conversation was kept with, if that can pay; else null.
  virtual Choice kept_for(const KeyQuery& query, std::string_view conversation) = 0;
  virtual void keep(std::string_view conversation, const Key& key) = 0;

  virtual std::size_t count(const KeyQuery& query) const = 0;  // All enabled ones that meet the conditions,
  virtual std::vector<KeyRef> each(const KeyQuery& query) const = 0;  // also those that rest.
  virtual bool can_pay(const Key& key, std::string_view model) const = 0;
  // What is left of the key's limit now, or nothing where no limit is known. `kind`: "rpm", "tpm", "rpd".
  virtual std::optional<std::int64_t> remaining(const Key& key, std::string_view kind,
                                                std::string_view model) const = 0;
  // How long until the first key that meets the conditions can pay; nothing: none will by itself.
  virtual std::optional<Milliseconds> next_free_in(const KeyQuery& query) = 0;
  // Whether limits of 0 alone are why no key that meets the conditions can ever pay.
  virtual bool none_may_use(const KeyQuery& query) const = 0;
  virtual bool any_usable() const = 0;  // At least one key is enabled and not at rest as a whole.

  // -- Waiting
  // Takes a place behind those that wait for the same: for each query a line. `on_turn` is called from any
  // thread, outside of the pool's lock, when the place is first in a line and a key may have become free for
  // it before the time that was foretold; it may be called in vain, and must not block. Null: too many wait
  // already.
  virtual std::unique_ptr<WaitingPlace> wait_in_line(std::span<const KeyQuery> queries,
                                                     std::function<void()> on_turn) = 0;
  // First in one of its lines: then it is worth asking again when a key is foretold to be free.
  virtual bool is_first(const WaitingPlace& place) const = 0;
  static constexpr std::size_t most_waiting = 1000;  // Of the whole process.
  virtual std::size_t waiting() const = 0;

  // -- What became of a request
  // A request that is about to be sent with this key. In flight until this is destroyed.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(KeyPool* pool, KeyRef key, std::uint64_t number)
        : pool_(pool), key_(std::move(key)), number_(number) {}
    Reservation(Reservation&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), key_(std::move(other.key_)), number_(other.number_) {}
    Reservation& operator=(Reservation&& other) noexcept {
      if (this != &other) {
        release();
        pool_ = std::exchange(other.pool_, nullptr), key_ = std::move(other.key_), number_ = other.number_;
      }
      return *this;
    }
    ~Reservation() { release(); }

    // The answer has begun: Google has counted the request, at the latest now. Without it, that is so at
    // release.
    void answered() noexcept {
      if (pool_) pool_->answered(number_);
    }
    // What the answer says of its tokens, in place of the estimate; the last word counts.
    void used(const TokenCounts& tokens) noexcept {
      if (pool_) pool_->used(number_, tokens);
    }
    // Google has not counted it: it never got there, or was refused for want of quota.
    void give_back() noexcept {
      if (pool_) pool_->give_back(number_);
    }
    void release() noexcept {
      if (pool_) std::exchange(pool_, nullptr)->ended(number_);
      key_.reset();
    }
    const KeyRef& key() const noexcept { return key_; }
    explicit operator bool() const noexcept { return pool_ != nullptr; }

   private:
    KeyPool* pool_ = nullptr;
    KeyRef key_;
    std::uint64_t number_ = 0;
  };
  // Nothing: the key can no longer pay, for another worker was faster. Choose again.
  // `regardless`: the request goes on with what this key began, so no other can pay for it.
  virtual Reservation reserve(const KeyRef& key, std::string_view model, std::int64_t tokens,
                              bool regardless = false) = 0;
  virtual void succeeded(const Key& key,
                         std::string_view model) = 0;  // Clears failures_in_a_row and back-offs.
  // An attempt failed; counts and remembers the message (redacted by the caller), judges nothing.
  virtual void failed(const Key& key, std::string_view model, int status, std::string_view message) = 0;

  // Rests until then; a later, shorter rest never shortens a longer one. With a model: all keys of the
  // project, for that model; without: the key as a whole, and `reason` says why.
  virtual void cool_down(const Key& key, std::string_view model, Milliseconds duration,
                         std::string_view reason = {}) = 0;
  struct BackOff {
    Milliseconds first, most;
  };
  // A rest that doubles each time it was not enough, until a success: of the key's project and the model ...
  virtual void back_off(const Key& key, std::string_view model, BackOff rest) = 0;
  // ... and of the model, for everybody.
  virtual void back_off_model(std::string_view model, BackOff rest) = 0;
  // What Google said of a limit; wins over what was known beforehand, until it is forgotten. `kind`: "rpm",
  // "tpm", "rpd". Of several, the last one holds.
  virtual void learn_limit(const Key& key, std::string_view model, std::string_view kind,
                           std::int64_t limit) = 0;
  virtual void forget_limits(
      std::optional<std::string_view> id) = 0;  // Of the project of one key, or of all.
  // The key's project, as Google named it; a project that a person has set stays.
  virtual void learn_project(const Key& key, std::string_view project) = 0;
  virtual void disable(const Key& key, std::string_view reason) = 0;
  virtual void disable_project(const Key& key, std::string_view reason) = 0;  // All keys of its project.
  // One more failure of the key's own; at `max_failures` in a row it is disabled with the reason. 0: never.
  virtual void strike(const Key& key, int max_failures, std::string_view reason) = 0;
  // Counters, rests and failures to zero, learned limits forgotten, and keys that were not disabled by hand
  // are enabled; of one key and its project, or of all.
  virtual bool reset(std::optional<std::string_view> id) = 0;

  // -- Health
  // Keys that a check could bring back: disabled, but not by hand, or at rest as a whole.
  virtual std::vector<KeyRef> sick_keys() const = 0;
  // It is well again: enabled, and its rest is over; but one request at a time until one has succeeded.
  virtual void bring_back(const Key& key) = 0;

  // -- Looking
  virtual std::vector<KeyStatus> statuses() const = 0;
  virtual std::optional<KeyStatus> status(std::string_view id) const = 0;
  // How all keys fare, in the order in which they came: cheap enough to be compared each second.
  struct Standing {
    KeyRef key;
    KeyStanding standing;
  };
  virtual std::vector<Standing> standings() const = 0;
  // What changed since the last call, for the store.
  virtual PoolState take_changes() = 0;

 private:
  friend class Reservation;
  virtual void answered(std::uint64_t reservation) noexcept = 0;
  virtual void used(std::uint64_t reservation, const TokenCounts& tokens) noexcept = 0;
  virtual void give_back(std::uint64_t reservation) noexcept = 0;
  virtual void ended(std::uint64_t reservation) noexcept = 0;
};

// The next midnight in Los Angeles, daylight saving included (the system's time zone database): when Google's
// requests-a-day start anew.
WallTime next_pacific_midnight(WallTime now);
std::int64_t pacific_day(WallTime now);  // yyyymmdd

}  // namespace pollux
