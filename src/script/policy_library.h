// All policies of the process: read from the search path, checked, handed to every worker at once, and read
// anew when a file is saved.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "script/policy_state.h"

namespace pollux {

struct PolicyFolders {
  std::string owners;  // First in the search path; may not exist.
  std::string shipped;
};

struct PolicyReport {
  struct File {
    std::string path;  // "keys.lua", "dialects/openai.lua"
    bool is_owners = false;
    bool overrides = false;          // An owner's file that stands in for a shipped one.
    std::string error;               // "keys.lua:7: ..." if this file stopped the last load or counts for
                                     // nothing; else empty.
    std::vector<std::string> hooks;  // Of the set in force, by the functions' names.
    std::vector<DeclaredSetting> settings;  // Likewise.
  };
  std::vector<File> files;
  std::uint64_t version = 0;  // Counts good sets.
  WallTime loaded_at;
  std::string error;  // Of the last load; empty: the newest files are in force.
};

// A file of the search path, as it is on disk.
struct PolicyText {
  std::string text;                    // The owner's where there is one.
  std::optional<std::string> shipped;  // Nothing where nothing of this name is shipped.
  bool is_owners = false;
};

// Reads the search path: every *.lua but *_test.lua, folders included; at most 1 MiB a file and 500 files.
Result<PolicySources> read_policies(const PolicyFolders& folders);

// Whether a policy may be written under this name: "keys.lua", "dialects/openai.lua". Nothing that climbs,
// hides, or that the search path would pass over.
Result<void> check_policy_name(std::string_view file);

class PolicyLibrary {
 public:
  static std::unique_ptr<PolicyLibrary> create(PolicyFolders folders, std::size_t workers,
                                               const PolicyHost& host, const PolicyLimits& limits = {});
  virtual ~PolicyLibrary() = default;

  // The first load. Where an owner's file is bad, the shipped one serves in its place and the report says so;
  // an error only if the shipped policies themselves do not load, or what the start gave is no value of a
  // setting that a policy declares.
  virtual Result<void> load_at_start() = 0;
  // Watches the folders from the main loop (by notifications where the system gives them, else by a look once
  // a second) and loads a changed set. Saving by rename counts. Loading runs off the loop.
  virtual void watch(Loop& loop) = 0;
  virtual void stop_watching() = 0;
  // Now; returns the error of a bad set. Blocks: for tests and `pollux check`.
  virtual Result<void> reload() = 0;

  // The newest state of this worker. A comparison of two numbers unless a new set has come: then it is
  // attached to `host` and kept. All workers see a new set from the same moment on.
  virtual std::shared_ptr<PolicyState> current(std::size_t worker, const PolicyHost& host) = 0;
  // The worker ends, and asks for nothing any more.
  virtual void detach(std::size_t worker) = 0;
  virtual PolicyReport report() const = 0;
  // Only files of the report are read. Blocks, as all that follows.
  virtual Result<PolicyText> text(std::string_view file) const = 0;

  // An owner's file with a new text, or without one: to remove it. The set that comes of it is loaded and
  // checked; `only_check` leaves it at that. Else the file is written, and the set is in force in every
  // worker when this returns. A set that does not load changes nothing on disk, unless it did not before for
  // the same reasons: then report() has the error. Errors of policies read "keys.lua:7: ..." (invalid_input).
  virtual Result<void> change(std::string_view file, std::optional<std::string> text, bool only_check) = 0;
  // Sets are loaded with these settings from now on, and the pool's limits follow them. The states that
  // workers have are theirs to tell.
  virtual void use_settings(std::shared_ptr<const Settings> settings) = 0;
};

// `pollux check [DIR]` and `pollux test [DIR]`: write what they find to standard output; the exit code.
int check_policies(const PolicyFolders& folders, const Settings& settings);
int test_policies(const PolicyFolders& folders, const Settings& settings);

}  // namespace pollux
