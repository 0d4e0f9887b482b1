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
#include <vector>

#include "base/clock.h"
#include "base/redact.h"
#include "base/result.h"
#include "base/settings.h"

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

// One key. Id and secret never change; the rest is read under the pool's lock through the pool, so a key that
// is held longer than the pool may only be let go.
class Key {
 public:
  virtual ~Key() = default;
  // Derived from the secret by SHA-256 (12 hexadecimal digits): the same key has the same id for ever.
  virtual const std::string& id() const = 0;
  virtual const std::string& secret() const = 0;

  // Snapshots, each consistent in itself.
  virtual KeyProfile profile() const = 0;
  virtual std::string name() const = 0;  // Of the profile, without copying the rest.
  virtual int in_flight() const = 0;
  virtual int failures_in_a_row() const = 0;
  virtual std::int64_t requests_today() const = 0;  // Of Google's day: since midnight in Los Angeles.
};
using KeyRef = std::shared_ptr<Key>;

// What a choice is among: keys that are enabled, do not rest for the model, and meet every condition.
struct KeyQuery {
  struct Condition {
    enum class Kind { tagged, in_project, named } kind;
    std::string value;  // A tag; a project; a name or an id.
  };
  std::string_view model;  // Empty: rests of single models do not count.
  std::vector<Condition> conditions;
  std::span<const std::string> avoid;  // Ids tried before in this exchange: taken only if no other can pay.
};

// What a key and model have seen.
struct KeyModelStatus {
  std::string model;
  std::int64_t requests_today = 0, successes = 0, failures = 0;
  std::int64_t requests_this_minute = 0;  // In the last 60 s.
  std::optional<std::int64_t> rpm_limit, rpd_limit, tpm_limit;
  std::optional<WallTime> cooldown_until;
};

struct KeyError {
  WallTime at;
  std::string model;
  int status = 0;       // 0: no HTTP answer.
  std::string message;  // Redacted, at most 500 bytes.
};

struct KeyStatus {
  std::string id;
  KeyProfile profile;
  std::string masked_secret;               // "AIza…x9Qk"
  std::string state;                       // "ready", "resting", "disabled"
  std::optional<WallTime> cooldown_until;  // Of the key as a whole.
  int in_flight = 0, failures_in_a_row = 0;
  std::int64_t requests_today = 0, successes = 0, failures = 0;
  std::optional<WallTime> last_used, last_success;
  std::vector<KeyModelStatus> models;   // By name; the empty name sums up requests without a model
                                        // and models that were forgotten (at most 64 a key).
  std::vector<KeyError> recent_errors;  // Newest first, at most 20; only in status(id).
};

// What survives a restart, as the store keeps it. Secrets and profiles live in KeyRecord, the fast-changing
// rest here.
struct KeyModelState {
  std::string model;
  std::int64_t day = 0;  // Google's day of requests_today, as yyyymmdd.
  std::int64_t requests_today = 0, successes = 0, failures = 0;
  std::optional<WallTime> cooldown_until;
};
struct KeyState {
  std::optional<WallTime> cooldown_until;
  int failures_in_a_row = 0;
  std::optional<WallTime> last_used, last_success;
  std::vector<KeyModelState> models;
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
};

class KeyPool {
 public:
  static std::unique_ptr<KeyPool> create(const Clock& clock);
  virtual ~KeyPool() = default;

  // Not owned; null: nobody listens.
  virtual void set_observer(PoolObserver* observer) = 0;

  // -- Who is in the pool
  // ------------------------------------------------------------------------------------- At start, from the
  // store; the observer is not told.
  virtual void restore(KeyRecord record, KeyState state) = 0;
  struct Added {
    KeyRef key;
    bool is_new;  // False: it was there already and stays as it was.
  };
  // Refuses what cannot be an API key (empty, blanks, control characters, OAuth tokens "ya29." and "eyJ"),
  // without repeating it in the message.
  virtual Result<Added> add(const GivenKey& given) = 0;
  virtual bool remove(std::string_view id) = 0;
  struct Patch {
    std::optional<std::string> name, project;
    std::optional<std::vector<std::string>> tags;
    std::optional<double> weight;
    std::optional<bool> enabled;
  };
  virtual Result<void> change(std::string_view id, const Patch& patch) = 0;
  virtual KeyRef find(std::string_view id_or_name) const = 0;  // Null: none.
  virtual std::size_t size() const = 0;

  // -- Choosing
  // -----------------------------------------------------------------------------------------------
  virtual KeyRef round_robin(const KeyQuery& query) = 0;
  virtual KeyRef least_busy(const KeyQuery& query) = 0;  // Fewest in flight; equals take turns.
  virtual KeyRef most_remaining(
      const KeyQuery& query) = 0;                      // Least used of its day's requests for the model.
  virtual KeyRef best(const KeyQuery& query) = 0;      // Best recent success (decays), then least busy.
  virtual KeyRef weighted(const KeyQuery& query) = 0;  // By weight, spread evenly (not at random).
  virtual std::size_t count(const KeyQuery& query) const = 0;  // All enabled ones that meet the conditions,
  virtual std::vector<KeyRef> each(const KeyQuery& query) const = 0;  // also those that rest.
  virtual bool can_pay(const Key& key, std::string_view model) const = 0;
  // What is left of the key's limit now, or nothing where no limit is known. `kind`: "rpm", "tpm", "rpd".
  virtual std::optional<std::int64_t> remaining(const Key& key, std::string_view kind,
                                                std::string_view model) const = 0;
  // How long until the first key that meets the conditions can pay; nothing: none will by itself.
  virtual std::optional<Milliseconds> next_free_in(const KeyQuery& query) const = 0;
  virtual bool any_usable() const = 0;  // At least one key is enabled and not at rest as a whole.

  // -- What became of a request
  // -------------------------------------------------------------------------------- A request is about to be
  // sent with this key: in flight until the token is destroyed.
  class InFlight {
   public:
    InFlight() = default;
    InFlight(KeyPool* pool, KeyRef key) : pool_(pool), key_(std::move(key)) {}
    InFlight(InFlight&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), key_(std::move(other.key_)) {}
    InFlight& operator=(InFlight&& other) noexcept {
      if (this != &other)
        release(), pool_ = std::exchange(other.pool_, nullptr), key_ = std::move(other.key_);
      return *this;
    }
    ~InFlight() { release(); }
    void release() noexcept {
      if (pool_) std::exchange(pool_, nullptr)->ended(*key_);
      key_.reset();
    }
    const KeyRef& key() const noexcept { return key_; }
    explicit operator bool() const noexcept { return pool_ != nullptr; }

   private:
    KeyPool* pool_ = nullptr;
    KeyRef key_;
  };
  // Counts the request (minute, day) and marks it in flight.
  virtual InFlight begin(const KeyRef& key, std::string_view model) = 0;
  virtual void succeeded(const Key& key, std::string_view model) = 0;  // Clears failures_in_a_row.
  // An attempt failed; counts and remembers the message (redacted by the caller), judges nothing.
  virtual void failed(const Key& key, std::string_view model, int status, std::string_view message) = 0;

  // Rests until then; a later, shorter rest never shortens a longer one. Model empty: the whole key.
  virtual void cool_down(const Key& key, std::string_view model, Milliseconds duration) = 0;
  virtual void disable(const Key& key, std::string_view reason) = 0;
  // One more failure of the key's own; at `max_failures` in a row it is disabled with the reason. 0: never.
  virtual void strike(const Key& key, int max_failures, std::string_view reason) = 0;
  // Counters, rests and failures to zero, and keys that were not disabled by hand are enabled; of one or of
  // all.
  virtual bool reset(std::optional<std::string_view> id) = 0;

  // -- Looking
  // ------------------------------------------------------------------------------------------------
  virtual std::vector<KeyStatus> statuses() const = 0;
  virtual std::optional<KeyStatus> status(std::string_view id) const = 0;
  // The states that changed since the last call, for the store: (id, state).
  virtual std::vector<std::pair<std::string, KeyState>> take_changed_states() = 0;

 private:
  virtual void ended(const Key& key) noexcept = 0;
};

// The next midnight in Los Angeles, daylight saving included (the system's time zone database): when Google's
// requests-a-day start anew.
WallTime next_pacific_midnight(WallTime now);
std::int64_t pacific_day(WallTime now);  // yyyymmdd

// Finds API keys in any text (AIza..., AQ....), without duplicates, in order; where none of those forms is
// found, every line or comma-separated word that could be a key.
std::vector<std::string> find_keys(std::string_view text);
}  // namespace pollux
