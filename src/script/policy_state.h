// One Lua state with one whole set of policies, loaded and checked. It belongs to one worker; it may be made
// on another thread and handed over. Exchanges hold it by shared_ptr, so a set lives until the last of them
// has ended.
//
// Hooks run as Lua coroutines, kept and used again: one that never yields costs no switch and no allocation.
// The state is capped in memory, and a burst of work (between two yields) in CPU time.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "script/declared_setting.h"

struct lua_State;

namespace pollux {

class Loop;
class HttpClient;
class KeyPool;
class LimitTable;
class Clients;
class Clock;
class SharedTable;
struct GoogleAddress;
struct Settings;

// What policies may reach. One for each worker; outlives its states.
struct PolicyHost {
  Loop* loop = nullptr;  // For sleep() and the fetches. Null while a set is loaded or checked.
  HttpClient* http = nullptr;
  KeyPool* pool = nullptr;
  Clients* clients = nullptr;
  SharedTable* shared = nullptr;
  SharedTable* cache = nullptr;  // For what may be lost at any time.
  const Clock* clock = nullptr;
  const Settings* settings = nullptr;
  GoogleAddress* google = nullptr;  // For google.fetch(), as `loop` and `http`.
};

// A program that is watched by a sanitizer, and not optimized, is several times slower.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int slowness = 8;
#else
inline constexpr int slowness = 1;
#endif

struct PolicyLimits {
  std::chrono::milliseconds cpu_budget{100 * slowness};  // Of one burst of a hook, in CPU time of its thread.
  std::chrono::milliseconds load_budget{1000 * slowness};    // For loading one whole set.
  std::size_t memory_bytes = std::size_t{32} * 1024 * 1024;  // Of one state.
  std::size_t pattern_steps = 5'000'000;                     // Of one string.find, match, gmatch or gsub.
};

// The text of one module: the owner's where there is one, else the shipped one.
struct PolicySource {
  std::string module;  // "keys", "dialects/openai"; "default.keys" is the shipped one behind an owner's.
  std::string file;    // What messages name: "keys.lua".
  std::string path;    // On disk.
  std::string text;
  bool is_owners = false;
};
using PolicySources = std::map<std::string, PolicySource, std::less<>>;  // By module.

class PolicyState {
 public:
  // Loads every hook module of the sources (auth, models, keys, failover, transform, health, record,
  // dialects/*) in a fresh sandbox, and checks that each returns a table whose hooks are functions and whose
  // settings are well formed. The error reads "FILE.lua:LINE: message". It is a conflict where all of that is
  // good, but what the start gave is no value of a setting.
  static Result<std::shared_ptr<PolicyState>> load(const PolicySources& sources, const PolicyHost& host,
                                                   const PolicyLimits& limits = {});
  virtual ~PolicyState() = default;

  // Called once by the worker that takes the state over.
  virtual void attach(const PolicyHost& host) = 0;
  // The settings of its host have changed: policies see the new values from now on.
  virtual void settings_changed() = 0;
  // Called by the same worker before its loop ends: what still waits there is given up.
  virtual void detach() = 0;
  virtual bool has_hook(std::string_view module, std::string_view hook) const = 0;
  // Those of the module, in the order in which an exchange meets them.
  virtual std::vector<std::string> hooks_of(std::string_view module) const = 0;
  // What all modules declare, by name.
  virtual std::vector<DeclaredSetting> declared_settings() const = 0;
  virtual std::size_t memory_in_use() const = 0;
  // What policies/limits.lua says; null where there is no such file.
  virtual std::shared_ptr<const LimitTable> limits() const = 0;
};

// State that outlives a reload, one for all workers: strings, numbers and booleans with a time to live.
// Safe for any thread; bounded.
class SharedTable {
 public:
  enum class GivesWay {
    first_to_end,
    oldest
  };  // Where there is no more room; the oldest was set before all others.
  using Value = std::variant<std::monostate, bool, double, std::string>;
  static std::unique_ptr<SharedTable> create(const Clock& clock,
                                             std::size_t max_bytes = std::size_t{4} * 1024 * 1024,
                                             GivesWay gives_way = GivesWay::first_to_end);
  static std::unique_ptr<SharedTable> create_cache(const Clock& clock);
  virtual ~SharedTable() = default;
  virtual Value get(std::string_view name) = 0;
  // `ttl` zero: for ever. monostate removes. An error if the value alone is larger than the table.
  virtual Result<void> set(std::string_view name, Value value, std::chrono::milliseconds ttl) = 0;
  // Adds and returns the new number; a missing one counts from 0, and takes `ttl` then. An error on a text.
  virtual Result<double> incr(std::string_view name, double by, std::chrono::milliseconds ttl) = 0;
};

}  // namespace pollux
