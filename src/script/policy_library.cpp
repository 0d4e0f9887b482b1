#include "script/policy_library.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "base/log.h"
#include "pool/key_pool.h"
#include "script/limit_policy.h"
#include "script/loaded_policies.h"
#include "script/policy_files.h"
#include "script/policy_watch.h"
#include "script/policy_writing.h"

namespace pollux {
namespace {

using States = std::vector<std::shared_ptr<PolicyState>>;

class WatchedLibrary final : public PolicyLibrary {
 public:
  WatchedLibrary(PolicyFolders folders, std::size_t workers, const PolicyHost& host,
                 const PolicyLimits& limits)
      : folders_(std::move(folders)), limits_(limits), host_(host), slots_(workers) {
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
  Result<PolicyText> text(std::string_view file) const override;
  Result<void> change(std::string_view file, std::optional<std::string> text, bool only_check) override;
  void use_settings(std::shared_ptr<const Settings> settings) override;

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
  void hand_out_limits(std::shared_ptr<const LimitTable> limits);
  void note_files(const FoundPolicies& found);
  void note_contents(const PolicySources& sources, const PolicyState& state);
  std::vector<PolicyReport::File> files_of(const PolicySources& sources, const Errors& errors) const;
  Errors errors_of(const PolicySources& sources) const;
  bool was_as_bad_before(std::string_view changed_file, const PolicySources& sources) const;
  Result<void> write(std::string_view file, const std::optional<std::string>& text);
  void adopt(Slot& slot, const PolicyHost& host);

  const PolicyFolders folders_;
  const PolicyLimits limits_;

  std::mutex load_mutex_;  // One load at a time; guards what follows, up to the next mutex.
  PolicyHost host_;
  std::shared_ptr<const Settings> settings_;  // Keeps those of host_, once they were changed.
  std::vector<PolicyFile> loaded_files_, seen_files_;
  int unsettled_looks_ = 0;
  std::optional<PolicySources> loaded_sources_;  // The newest that were tried, good or bad.
  std::optional<Error> loaded_error_;            // What became of them.
  std::shared_ptr<const LimitTable> quotas_;     // What the pool goes by.
  struct Contents {
    std::vector<std::string> hooks;
    std::vector<DeclaredSetting> settings;
  };
  std::map<std::string, Contents, std::less<>> contents_;  // Of the set in force, by module.

  mutable std::mutex mutex_;  // Held for moments; guards the report and every slot's `next`.
  PolicyReport report_;
  std::vector<PolicyFile> useless_;                        // Those of the owner's that nothing reads.
  std::map<std::string, std::string, std::less<>> paths_;  // On disk, of the files that text() may show.
  std::atomic<std::uint64_t> version_{0};
  std::vector<Slot> slots_;
  std::unique_ptr<PolicyWatch> watch_;  // Last: it waits for a look that uses all of the above.
};

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

// -- Telling

// REQUIRES: load_mutex_ is held, here and below where nothing else is said.
void WatchedLibrary::note_files(const FoundPolicies& found) {
  loaded_files_ = found.files;
  auto useless = useless_files(found);
  for (const auto& file : useless) {
    if (std::ranges::find(useless_, file.name, &PolicyFile::name) == useless_.end())
      log_warn("an owner's file counts for nothing", {{"error", why_useless(file)}});
  }
  const std::lock_guard lock(mutex_);
  useless_ = std::move(useless);
}

void WatchedLibrary::note_contents(const PolicySources& sources, const PolicyState& state) {
  contents_.clear();
  for (const auto& entry : sources) contents_[entry.first].hooks = state.hooks_of(entry.first);
  for (auto& setting : state.declared_settings()) {
    auto& settings = contents_[setting.module].settings;
    settings.push_back(std::move(setting));
  }
}

std::vector<PolicyReport::File> WatchedLibrary::files_of(const PolicySources& sources,
                                                         const Errors& errors) const {
  std::vector<PolicyReport::File> files;
  for (const auto& [module, source] : sources) {
    if (module.starts_with("default.")) continue;
    PolicyReport::File file{source.file, source.is_owners, sources.contains("default." + module)};
    if (const auto error = errors.find(source.file); error != errors.end()) file.error = error->second;
    if (const auto known = contents_.find(module); known != contents_.end()) {
      file.hooks = known->second.hooks;
      file.settings = known->second.settings;
    }
    files.push_back(std::move(file));
  }
  return files;
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

// Puts aside the owner's files that errors name, one by one, then all of them. But none for a setting that
// the start gave wrongly: the owner puts that right.
Result<void> WatchedLibrary::load_at_start() {
  const std::lock_guard loading(load_mutex_);
  const auto found = find_policies(folders_);
  note_files(found);
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
    if (states.error().kind == Error::Kind::conflict) return std::move(states).error();
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
  note_files(found);
  return load(found);
}

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

// On a thread of the pool. A file that changes from look to look is still being written, for half a second
// at most.
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
  note_files(found);
  (void)load(found);  // What went wrong is logged and in the report.
  return {true, std::move(found.folders), found.tells};
}

// All workers see the new set from the moment on when the version changes.
void WatchedLibrary::publish(States states, const PolicySources& sources, const Errors& errors,
                             const std::string& error) {
  std::uint64_t version = 0;
  hand_out_limits(states);
  note_contents(sources, *states.front());
  auto files = files_of(sources, errors);
  {
    const std::lock_guard lock(mutex_);
    version = version_.load(std::memory_order_relaxed) + 1;
    for (std::size_t worker = 0; worker < slots_.size(); ++worker)
      std::swap(slots_[worker].next, states[worker]);
    report_ = {std::move(files), version, host_.clock ? host_.clock->wall() : SystemClock().wall(), error};
    paths_.clear();
    for (const auto& [module, source] : sources) paths_.emplace(source.file, source.path);
    version_.store(version, std::memory_order_release);
  }
  log_info("policies loaded",
           {{"version", static_cast<std::int64_t>(version)}, {"owners", owners_files(sources)}});
}

// One pool serves all workers, and all states say the same.
void WatchedLibrary::hand_out_limits(const States& states) {
  auto limits = states.front()->limits();
  hand_out_limits(limits ? std::move(limits) : default_limits(host_.settings));
}

void WatchedLibrary::hand_out_limits(std::shared_ptr<const LimitTable> limits) {
  if (!host_.pool || (quotas_ && *limits == *quotas_)) return;
  quotas_ = std::move(limits);
  host_.pool->set_limits(quotas_);
}

void WatchedLibrary::refuse(const PolicySources* sources, const Error& error) {
  Errors errors;
  const auto* bad = sources ? source_of_error(*sources, error.message) : nullptr;
  if (bad) errors.emplace(bad->file, error.message);
  const bool is_new = !loaded_error_ || loaded_error_->message != error.message;
  loaded_error_ = error;
  auto files = sources ? files_of(*sources, errors) : std::vector<PolicyReport::File>();
  {
    const std::lock_guard lock(mutex_);
    report_.error = error.message;
    if (sources) {
      report_.files = std::move(files);
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
  auto report = report_;
  for (const auto& file : useless_)
    report.files.push_back({file.name, true, false, why_useless(file), {}, {}});
  return report;
}

Result<PolicyText> WatchedLibrary::text(std::string_view file) const {
  PolicyFile wanted, behind;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(report_.files, file, &PolicyReport::File::path);
    const auto useless = std::ranges::find(useless_, file, &PolicyFile::name);
    if (useless != useless_.end()) {
      wanted = *useless;
    } else if (found == report_.files.end()) {
      return not_found("there is no policy " + std::string(file));
    } else {
      wanted = {found->path, paths_.at(found->path), found->is_owners};
      if (found->overrides) behind = {"default/" + found->path, paths_.at("default/" + found->path)};
    }
  }
  auto text = read_policy_file(wanted);
  if (!text) return std::move(text).error();
  PolicyText answer{*std::move(text), std::nullopt, wanted.is_owners};
  if (!wanted.is_owners) answer.shipped = answer.text;
  if (behind.path.empty()) return answer;
  auto shipped = read_policy_file(behind);
  if (!shipped) return std::move(shipped).error();
  answer.shipped = *std::move(shipped);
  return answer;
}

// -- Changing

Result<void> WatchedLibrary::change(std::string_view file, std::optional<std::string> text, bool only_check) {
  if (text) {
    if (auto good = check_policy_name(file); !good) return good;
    if (text->size() > largest_policy_bytes)
      return invalid_input(std::string(file) + ": it is larger than 1 MiB");
  }
  if (folders_.owners.empty() || are_same_folder(folders_))
    return conflict("the owner's policies have no folder of their own: --policies names one");

  const std::lock_guard loading(load_mutex_);
  const auto found = find_policies(folders_);
  note_files(found);
  (void)load(found);  // What an editor has saved meanwhile.
  const auto is_known = [&](const PolicyFile& known) { return known.is_owners && known.name == file; };
  if (!text && std::ranges::none_of(found.files, is_known))
    return not_found("there is no " + std::string(file) + " of the owner's");

  auto draft = text ? std::make_shared<const std::string>(*text) : nullptr;
  auto sources = read_policies(
      folders_, text ? found_with(found, folders_, file, std::move(draft)) : found_without(found, file));
  if (!sources) return std::move(sources).error();
  auto states = make_states(*sources);
  if (!states && !was_as_bad_before(file, *sources)) return std::move(states).error();
  if (only_check) return {};
  if (auto written = write(file, text); !written) return written;

  // No look of the watch finds a difference: this is the one load.
  note_files(text ? found_with(found, folders_, file) : found_without(found, file));
  loaded_sources_ = *sources;
  if (states) {
    publish(std::move(*states), *sources, {}, "");
    loaded_error_.reset();
  } else {
    refuse(&*sources, states.error());
  }
  return {};
}

Result<void> WatchedLibrary::write(std::string_view file, const std::optional<std::string>& text) {
  return text ? write_policy_file(folders_.owners, file, *text) : remove_policy_file(folders_.owners, file);
}

WatchedLibrary::Errors WatchedLibrary::errors_of(const PolicySources& sources) const {
  LoadedPolicies::ErrorsByFile errors;
  auto set = LoadedPolicies::create(sources, host_, limits_);
  if (!set) return {{"", set.error().message}};
  (void)(*set)->load_modules(sources, &errors);
  return {errors.begin(), errors.end()};
}

// Whether the set that is loaded now was bad already, and the changed file has no part in what is wrong:
// one bad file shall not keep its owner from putting another right.
bool WatchedLibrary::was_as_bad_before(std::string_view changed_file, const PolicySources& sources) const {
  if (!loaded_error_ || !loaded_sources_) return false;
  const auto before = errors_of(*loaded_sources_), after = errors_of(sources);
  return std::ranges::all_of(after, [&](const auto& error) {
    const auto& [file, message] = error;
    const auto known = before.find(file);
    const bool is_its_own = file == changed_file || message.starts_with(std::string(changed_file) + ":");
    return !is_its_own && known != before.end() && known->second == message;
  });
}

void WatchedLibrary::use_settings(std::shared_ptr<const Settings> settings) {
  const std::lock_guard loading(load_mutex_);
  settings_ = std::move(settings);
  host_.settings = settings_.get();
  if (quotas_) hand_out_limits(quotas_->with_fallback(fallback_limits(host_.settings)));
}

}  // namespace

std::unique_ptr<PolicyLibrary> PolicyLibrary::create(PolicyFolders folders, std::size_t workers,
                                                     const PolicyHost& host, const PolicyLimits& limits) {
  return std::make_unique<WatchedLibrary>(std::move(folders), workers, host, limits);
}

}  // namespace pollux
