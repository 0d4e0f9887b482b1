#include "app/settings_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <thread>

#include "app/env_file.h"
#include "app/setting_values.h"
#include "app/settings_table.h"
#include "base/redact.h"

namespace pollux {
namespace {

constexpr std::size_t env_file_most_bytes = 1ULL << 20;

using Source = SettingOrigin::Source;

// One variable as it was set somewhere.
struct Given {
  std::string name;    // As the user wrote it: maybe an alias.
  std::string value;   // Without white space around it; not empty.
  std::string origin;  // "environment", ".env:3", "--port"
  Source source{};
};

// Whether a policy could have a setting of this name: the environment holds much else.
bool is_upper_case_name(std::string_view name) {
  const bool clean = std::ranges::all_of(
      name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
  return clean && !name.empty() && name.front() >= 'A';
}

class SettingsReader {
 public:
  explicit SettingsReader(const SettingSources& sources) : sources_(sources) {}

  SettingsReading read() {
    gather();
    settings() = default_settings();
    for (const Setting& setting : all_settings()) read_one(setting);
    read_usual_key_file();
    check_tls_files();
    look_for_misspellings();
    return std::move(reading_);
  }

 private:
  Settings& settings() { return reading_.settings; }

  // Every source by its rank; within one, a later line of the same name wins.
  void gather() {
    for (const auto& [name, value] : sources_.options) {
      // "--port" for PORT, "--data" for DATA_DIR.
      std::string option = "--" + name.substr(0, name.find('_'));
      std::ranges::transform(option, option.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      add({name, value, option, Source::command_line});
    }
    for (const auto& [name, value] : sources_.environment) {
      // `docker run --env-file` leaves the quotes of NAME="value" in the value.
      if (is_upper_case_name(name))
        add({name, std::string(unquoted(value)), "environment", Source::environment});
    }
    gather_env_file();
  }

  void gather_env_file() {
    const std::string& path = sources_.env_file;
    if (!sources_.env_file_must_exist && access(path.c_str(), F_OK) != 0 && errno == ENOENT) return;
    auto text = read_whole_file(path, env_file_most_bytes);
    if (!text) {
      reading_.problems.push_back(path + ": expected " + std::move(text).error().message);
      return;
    }
    const EnvFile file = parse_env_file(*text);
    for (const EnvFlaw& flaw : file.flaws) {
      reading_.problems.push_back(path + ":" + std::to_string(flaw.line) + ": expected " + flaw.expected);
    }
    for (const EnvLine& line : file.lines) {
      add({line.name, std::string(trimmed(line.value)), path + ":" + std::to_string(line.line),
           Source::env_file});
    }
  }

  void add(Given given) {
    auto& of_rank = given_[static_cast<std::size_t>(given.source)];
    if (given.value.empty()) {
      of_rank.erase(given.name);  // Set to nothing is not set.
    } else {
      std::string name = given.name;
      of_rank.insert_or_assign(std::move(name), std::move(given));
    }
  }

  // The value that counts: of the highest source, and there the main name before its aliases.
  const Given* find(const Setting& setting) {
    std::vector<std::string_view> names = aliases_of(setting);
    names.insert(names.begin(), setting.name);
    for (const auto& of_rank : given_) {
      const Given* first = nullptr;
      for (const std::string_view name : names) {
        const auto found = of_rank.find(name);
        if (found == of_rank.end()) continue;
        if (first == nullptr) {
          first = &found->second;
        } else if (first->value != found->second.value) {
          reading_.warnings.push_back(found->second.name + " (" + found->second.origin +
                                      ") is ignored, because " + first->name + " is set");
        }
      }
      if (first != nullptr) return first;
    }
    return nullptr;
  }

  void read_one(const Setting& setting) {
    const Given* given = find(setting);
    if (given == nullptr) return;
    origins_.emplace(setting.name, *given);
    reading_.origins.emplace(setting.name, SettingOrigin{given->source, given->origin});
    settings().given.insert_or_assign(std::string(setting.name),
                                      setting.is_secret ? mask_secret(given->value) : given->value);
    for (const WrongValue& wrong : setting.kind.read(given->value, settings())) report(*given, wrong);
  }

  void report(const Given& given, const WrongValue& wrong) {
    reading_.problems.push_back(given.name + " (" + given.origin + "): found " + wrong.found + "; expected " +
                                wrong.expected);
  }

  void read_usual_key_file() {
    const std::string& path = sources_.usual_key_file;
    if (origins_.contains("KEY_FILE") || path.empty() || access(path.c_str(), F_OK) != 0) return;
    const Given given{"KEY_FILE", path, "not set; " + path + " exists", {}};
    for (const WrongValue& wrong : find_setting("KEY_FILE")->kind.read(path, settings()))
      report(given, wrong);
  }

  void check_tls_files() {
    const auto cert = origins_.find("TLS_CERT_FILE");
    const auto key = origins_.find("TLS_KEY_FILE");
    if ((cert == origins_.end()) == (key == origins_.end())) return;
    const bool has_cert = cert != origins_.end();
    const Given& given = has_cert ? cert->second : key->second;
    reading_.problems.push_back(std::string(has_cert ? "TLS_KEY_FILE" : "TLS_CERT_FILE") +
                                ": not set; expected a PEM file, because " + given.name + " is set (" +
                                given.origin + ")");
  }

  // What is not ours may belong to a policy, so it is kept; what is nearly ours is pointed out.
  void look_for_misspellings() {
    std::set<std::string_view> seen;
    for (const auto& of_rank : given_) {
      for (const auto& [name, given] : of_rank) {
        if (find_setting(name) != nullptr || !seen.insert(name).second) continue;
        settings().given.emplace(name, given.value);
        reading_.origins.emplace(name, SettingOrigin{given.source, given.origin});
        if (name == "SSL_CERT_FILE") continue;  // OpenSSL's; many machines set it.
        const std::string_view meant = nearest_setting(name);
        // The environment is full of other programs' names: SSL_CERT_FILE is no misspelt TLS_CERT_FILE.
        const bool is_others = given.source == Source::environment && meant.substr(0, 3) != name.substr(0, 3);
        if (!meant.empty() && !is_others) {
          reading_.warnings.push_back(name + " (" + given.origin + ") is not a setting; did you mean " +
                                      std::string(meant) + "?");
        }
      }
    }
  }

  const SettingSources& sources_;
  SettingsReading reading_;
  std::map<std::string, Given, std::less<>> given_[3];  // By source, then name; the first source wins.
  std::map<std::string, Given, std::less<>> origins_;   // By main name: where the value in force came from.
};

}  // namespace

Settings default_settings() {
  Settings settings;
  settings.workers = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 4U));
  settings.own_names = all_setting_names();
  return settings;
}

SettingsReading read_settings(const SettingSources& sources) {
  return SettingsReader(sources).read();
}

std::vector<std::pair<std::string, std::string>> environment_of_process() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace pollux
