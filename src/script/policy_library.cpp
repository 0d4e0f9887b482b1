#include "script/policy_library.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "base/log.h"
#include "pool/key_pool.h"
#include "script/limit_policy.h"
#include "script/policy_files.h"
#include "script/policy_watch.h"

namespace pollux {
namespace {

using States = std::vector<std::shared_ptr<PolicyState>>;

class WatchedLibrary final : public PolicyLibrary {
 public:
  WatchedLibrary(PolicyFolders folders, std::size_t workers, const PolicyHost& host,
                 const PolicyLimits& limits)
      : folders_(std::move(folders)), host_(host), limits_(limits), slots_(workers) {
    host_.loop = nullptr;  // States are loaded on any thread, and attached by their worker.
    host_.http = nullptr;
    host_.google = nullptr;
  }

  Result<void> load_at_start() override;
  void watch(Loop& loop) override {
    watch_ = std::make_unique<PolicyWatch>(loop, [this] { return look(); });
  }
  void stop_watching() override { watch_.reset(); }
  Result<void> reload() override;
  std::shared_ptr<PolicyState> current(std::size_t worker, const PolicyHost& host) override;
  void detach(std::size_t worker) override;
  PolicyReport report() const override;
  Result<std::string> text(std::string_view file) const override;

 private:
  struct alignas(64) Slot {              // Workers do not touch each other's cache lines.
    std::shared_ptr<PolicyState> state;  // Of the worker's thread alone.
    std::uint64_t version = 0;
    std::shared_ptr<PolicyState> next;  // Under mutex_.
  };
  using Errors = std::map<std::string, std::string>;  // By file.

  PolicyWatch::Looked look();
  Result<void> load(const FoundPolicies& found);
  Result<States> make_states(const PolicySources& sources) const;
  void publish(States states, const PolicySources& sources, const Errors& errors, const std::string& error);
  void refuse(const PolicySources* sources, const Error& error);
  void hand_out_limits(const States& states);
  void adopt(Slot& slot, const PolicyHost& host);

  const PolicyFolders folders_;
  PolicyHost host_;
  const PolicyLimits limits_;

  std::mutex load_mutex_;  // One load at a time; guards the next six.
  std::vector<PolicyFile> loaded_files_, seen_files_;
  int unsettled_looks_ = 0;
  std::optional<PolicySources> loaded_sources_;  // The newest that were tried, good or bad.
  std::optional<Error> loaded_error_;            // What became of them.
  std::shared_ptr<const LimitTable> quotas_;     // What the pool goes by.

  mutable std::mutex mutex_;  // Held for moments; guards the report and every slot's `next`.
  PolicyReport report_;
  std::map<std::string, std::string, std::less<>> paths_;  // On disk, of the files that text() may show.
  std::atomic<std::uint64_t> version_{0};
  std::vector<Slot> slots_;
  std::unique_ptr<PolicyWatch> watch_;  // Last: it waits for a look that uses all of the above.
};

std::vector<PolicyReport::File> files_of(const PolicySources& sources,
                                         const std::map<std::string, std::string>& errors) {
  std::vector<PolicyReport::File> files;
  for (const auto& [module, source] : sources) {
    if (module.starts_with("default.")) continue;
    const auto error = errors.find(source.file);
    files.push_back({source.file, source.is_owners, sources.contains("default." + module),
                     error == errors.end() ? "" : error->second});
  }
  return files;
}

std::string owners_files(const PolicySources& sources) {
  std::string names;
  for (const auto& [module, source] : sources) {
    if (source.is_owners) names += (names.empty() ? "" : " ") + source.file;
  }
  return names.empty() ? "-" : names;
}

bool same_texts(const PolicySources& one, const PolicySources& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const auto& left, const auto& right) {
                      return left.first == right.first && left.second.text == right.second.text &&
                             left.second.path == right.second.path;
                    });
}

// -- Loading

Result<States> WatchedLibrary::make_states(const PolicySources& sources) const {
  States states;
  for (std::size_t worker = 0; worker < slots_.size(); ++worker) {
    auto state = PolicyState::load(sources, host_, limits_);
    if (!state) return std::move(state).error();
    states.push_back(std::move(*state));
  }
  return states;
}

// Puts aside the owner's files that errors name, one by one, then all of them.
Result<void> WatchedLibrary::load_at_start() {
  const std::lock_guard loading(load_mutex_);
  const auto found = find_policies(folders_);
  loaded_files_ = found.files;
  std::set<std::string> without;
  Errors errors;
  std::string first_error;
  for (;;) {
    auto sources = read_policies(folders_, found, without);
    auto states = sources ? make_states(*sources) : Result<States>(sources.error());
    if (states) {
      auto all = without.empty() ? sources : read_policies(folders_, found);
      if (!all) all = sources;
      loaded_sources_ = *all;
      if (!first_error.empty()) loaded_error_ = invalid_input(first_error);
      publish(std::move(*states), *all, errors, first_error);
      return {};
    }
    const auto& message = states.error().message;
    const auto is_left = [&](const PolicyFile& file) {
      return file.is_owners && !without.contains(file.name);
    };
    const auto bad = std::find_if(found.files.begin(), found.files.end(), [&](const PolicyFile& file) {
      return is_left(file) && message.starts_with(file.name + ":");
    });
    const auto without_before = without.size();
    if (bad != found.files.end()) {
      without.insert(bad->name);
      errors.emplace(bad->name, message);
    } else {
      for (const auto& file : found.files) {
        if (is_left(file)) without.insert(file.name);
      }
    }
    if (without.size() == without_before) return std::move(states).error();
    if (first_error.empty()) first_error = message;
    log_error("an owner's policy is not loaded, the shipped one serves in its place", {{"error", message}});
  }
}

Result<void> WatchedLibrary::reload() {
  const std::lock_guard loading(load_mutex_);
  const auto found = find_policies(folders_);
  loaded_files_ = found.files;
  return load(found);
}

// REQUIRES: load_mutex_ is held.
Result<void> WatchedLibrary::load(const FoundPolicies& found) {
  auto sources = read_policies(folders_, found);
  if (!sources) {
    loaded_sources_.reset();
    refuse(nullptr, sources.error());
    return std::move(sources).error();
  }
  if (loaded_sources_ && same_texts(*loaded_sources_, *sources)) {
    return loaded_error_ ? Result<void>(*loaded_error_) : Result<void>();
  }
  loaded_sources_ = *sources;
  auto states = make_states(*sources);
  if (!states) {
    refuse(&*sources, states.error());
    return std::move(states).error();
  }
  publish(std::move(*states), *sources, {}, "");
  loaded_error_.reset();
  return {};
}

// On a thread of the pool. A file that changes from look to look is still being written, for half a second at
// most.
PolicyWatch::Looked WatchedLibrary::look() {
  constexpr int most_unsettled_looks = 8;
  const std::lock_guard loading(load_mutex_);
  auto found = find_policies(folders_);
  if (found.files == loaded_files_) return {true, std::move(found.folders), found.tells};
  if (found.files != seen_files_ && ++unsettled_looks_ < most_unsettled_looks) {
    seen_files_ = std::move(found.files);
    return {false, std::move(found.folders), found.tells};
  }
  unsettled_looks_ = 0;
  loaded_files_ = found.files;
  (void)load(found);  // What went wrong is logged and in the report.
  return {true, std::move(found.folders), found.tells};
}

// All workers see the new set from the moment on when the version changes.
void WatchedLibrary::publish(States states, const PolicySources& sources, const Errors& errors,
                             const std::string& error) {
  std::uint64_t version = 0;
  hand_out_limits(states);
  {
    const std::lock_guard lock(mutex_);
    version = version_.load(std::memory_order_relaxed) + 1;
    for (std::size_t worker = 0; worker < slots_.size(); ++worker)
      std::swap(slots_[worker].next, states[worker]);
    report_ = {files_of(sources, errors), version, host_.clock ? host_.clock->wall() : SystemClock().wall(),
               error};
    paths_.clear();
    for (const auto& [module, source] : sources) paths_.emplace(source.file, source.path);
    version_.store(version, std::memory_order_release);
  }
  log_info("policies loaded",
           {{"version", static_cast<std::int64_t>(version)}, {"owners", owners_files(sources)}});
}

// REQUIRES: load_mutex_ is held. One pool serves all workers, and all states say the same.
void WatchedLibrary::hand_out_limits(const States& states) {
  if (!host_.pool || states.empty()) return;
  auto limits = states.front()->limits();
  if (!limits) limits = default_limits(host_.settings);
  if (quotas_ && *limits == *quotas_) return;
  quotas_ = std::move(limits);
  host_.pool->set_limits(quotas_);
}

void WatchedLibrary::refuse(const PolicySources* sources, const Error& error) {
  Errors errors;
  const auto* bad = sources ? source_of_error(*sources, error.message) : nullptr;
  if (bad) errors.emplace(bad->file, error.message);
  const bool is_new = !loaded_error_ || loaded_error_->message != error.message;
  loaded_error_ = error;
  {
    const std::lock_guard lock(mutex_);
    report_.error = error.message;
    if (sources) {
      report_.files = files_of(*sources, errors);
      for (const auto& [module, source] : *sources) paths_.insert_or_assign(source.file, source.path);
    }
  }
  if (!is_new) return;
  log_error("policies not loaded, the old ones go on",
            {{"error", error.message},
             {"version", static_cast<std::int64_t>(version_.load(std::memory_order_relaxed))}});
}

// -- Handing out

std::shared_ptr<PolicyState> WatchedLibrary::current(std::size_t worker, const PolicyHost& host) {
  auto& slot = slots_[worker];
  if (slot.version != version_.load(std::memory_order_acquire)) adopt(slot, host);
  return slot.state;
}

void WatchedLibrary::adopt(Slot& slot, const PolicyHost& host) {
  std::shared_ptr<PolicyState> old;  // Dies outside of the lock.
  {
    const std::lock_guard lock(mutex_);
    slot.version = version_.load(std::memory_order_relaxed);
    old = std::exchange(slot.state, std::move(slot.next));
  }
  slot.state->attach(host);
}

void WatchedLibrary::detach(std::size_t worker) {
  if (auto& state = slots_[worker].state) state->detach();
}

PolicyReport WatchedLibrary::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

Result<std::string> WatchedLibrary::text(std::string_view file) const {
  PolicyFile wanted;
  {
    const std::lock_guard lock(mutex_);
    const auto found = paths_.find(file);
    if (found == paths_.end()) return not_found("there is no policy " + std::string(file));
    wanted.name = file;
    wanted.path = found->second;
  }
  return read_policy_file(wanted);
}

}  // namespace

std::unique_ptr<PolicyLibrary> PolicyLibrary::create(PolicyFolders folders, std::size_t workers,
                                                     const PolicyHost& host, const PolicyLimits& limits) {
  return std::make_unique<WatchedLibrary>(std::move(folders), workers, host, limits);
}

}  // namespace pollux
