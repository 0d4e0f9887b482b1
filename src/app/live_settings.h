// The settings of the running process: those of the start, with what was set "here" (in the administration)
// over the defaults and under everything that was given at the start.
//
// What is set here is kept in the store, as texts by name. A change is checked, kept, and handed to every
// worker before it is answered; a worker goes by a copy of its own, so that reading costs nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/settings_service.h"
#include "app/settings_reader.h"
#include "app/settings_table.h"
#include "base/job_thread.h"
#include "script/policy_library.h"
#include "store/store.h"

namespace pollux {

class LiveSettings final : public SettingsService {
 public:
  using Snapshot = std::shared_ptr<const Settings>;
  using Observer = std::function<void(const Settings&)>;
  // Hands settings to every worker; `done` is called once all go by them.
  using HandOut = std::function<void(Snapshot settings, std::function<void()> done)>;

  // Reads what was kept. REQUIRES: `reading` has no problems.
  LiveSettings(SettingsReading reading, Store& store);

  Snapshot current() const;
  // Called with the settings at once and after every change, before it is answered, one at a time on a thread
  // that may wait. REQUIRES: before connect().
  void on_settings_changed(Observer observer);
  // From here on changes are possible.
  void connect(PolicyLibrary& policies, JobThread& jobs, HandOut hand_out);
  // Warns of what was set here and counts for nothing.
  void warn_of_strays() const;

  std::vector<SettingFacts> all() const override;
  void change(const nlohmann::ordered_json& wanted, Done done) override;

 private:
  using Texts = std::map<std::string, std::string, std::less<>>;  // What is set here, by name.
  using Declared =
      std::map<std::string, std::pair<DeclaredSetting, std::string>, std::less<>>;  // And the file.

  Settings with(const Texts& here) const;
  Declared declared() const;
  std::optional<Refusal> read_changes(const nlohmann::ordered_json& wanted, Texts& here) const;
  std::optional<Refusal> read_change(const std::string& name, const nlohmann::ordered_json& value,
                                     const Declared& known, Texts& here) const;
  std::optional<Refusal> why_fixed(const std::string& name, const Setting* setting) const;
  SettingFacts facts_of(const Setting& setting, const Settings& settings, const Texts& here) const;
  SettingFacts facts_of(const DeclaredSetting& setting, const std::string& file, const Settings& settings,
                        const Texts& here) const;
  void tell_source(SettingFacts& facts, const Texts& here) const;
  void make_change(const nlohmann::ordered_json& wanted, const Done& done);

  const SettingsReading at_start_;
  Store& store_;
  PolicyLibrary* policies_ = nullptr;
  JobThread* jobs_ = nullptr;
  HandOut hand_out_;
  std::vector<Observer> observers_;

  mutable std::mutex mutex_;  // Held for moments.
  Texts here_;
  Snapshot settings_;
};

}  // namespace pollux
