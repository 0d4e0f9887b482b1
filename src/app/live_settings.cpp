#include "app/live_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/env_file.h"
#include "base/log.h"

namespace pollux {
namespace {

using Json = nlohmann::ordered_json;
using Refusal = SettingsService::Refusal;
using Type = DeclaredSetting::Type;

constexpr std::string_view kept_under = "settings";

Json parsed(const std::optional<std::string>& text) {
  return text ? Json::parse(*text, nullptr, /*allow_exceptions=*/false) : Json();
}

// -- Values between JSON and the texts that the tables read

std::string number_text(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

// What a value of this type may be in JSON; a text always may, as it stands in .env.
Result<std::string> text_of(const Json& value, std::string_view type) {
  if (value.is_string()) return std::string(trimmed(value.get_ref<const std::string&>()));
  const bool counts = type == "integer" || type == "number" || type == "bytes";
  if (counts && value.is_number_integer()) return value.dump();
  if (counts && value.is_number()) return number_text(value.get<double>());
  if (type == "boolean" && value.is_boolean()) return std::string(value.get<bool>() ? "true" : "false");
  const auto is_text = [](const Json& item) { return item.is_string(); };
  if (type == "list" && value.is_array() && std::ranges::all_of(value, is_text)) return value.dump();
  const auto* expected = counts              ? "a number"
                         : type == "boolean" ? "true or false"
                         : type == "list"    ? "a list of texts"
                                             : "a text";
  return invalid_input("found " + in_quotes(value.dump()) + "; expected " + expected);
}

// Set to nothing is not set, as in .env.
bool is_nothing(const Json& value) {
  return value.is_null() || (value.is_string() && trimmed(value.get_ref<const std::string&>()).empty());
}

std::string_view name_of(Type type) {
  constexpr std::array<std::string_view, 5> names{"boolean", "number", "integer", "text", "list"};
  return names[static_cast<std::size_t>(type)];
}

std::string_view type_of(const DeclaredSetting& setting) {
  return setting.type == Type::text && !setting.choices.empty() ? "choice" : name_of(setting.type);
}

Json json_of(const DeclaredSetting::Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) return *texts;
  const auto* number = std::get_if<double>(&value);
  return number ? kinds::number_json(*number) : Json(nullptr);
}

Json bound(std::optional<double> number) {
  return number ? kinds::number_json(*number) : Json(nullptr);
}

// Reads into a copy, so that a wrong value leaves nothing behind.
std::string problem_of(const Setting& setting, std::string_view text, Settings& settings) {
  auto changed = settings;
  const auto wrongs = setting.kind.read(text, changed);
  if (wrongs.empty()) {
    settings = std::move(changed);
    return {};
  }
  return "found " + wrongs.front().found + "; expected " + wrongs.front().expected;
}

// A list is shown with its secrets masked: an item that comes back as it was shown is the one it was.
std::string unmasked(const std::string& text, const std::vector<std::string>& items) {
  auto given = read_list(text);
  if (!given) return text;
  for (auto& item : *given) {
    const auto same = std::ranges::find(items, item, [](const auto& known) { return masked_url(known); });
    if (same != items.end()) item = *same;
  }
  return Json(*given).dump();
}

Refusal refusal(int status, std::string message, const std::string& field) {
  return {status, std::move(message), field};
}

std::string place_in_words(const SettingOrigin& origin) {
  switch (origin.source) {
    case SettingOrigin::Source::command_line:
      return "is set on the command line by " + origin.place;
    case SettingOrigin::Source::environment:
      return "is set in the environment";
    case SettingOrigin::Source::env_file:
      return "is set in " + origin.place;
  }
  return {};
}

std::string_view source_name(SettingOrigin::Source source) {
  constexpr std::array<std::string_view, 3> names{"command line", "environment", ".env"};
  return names[static_cast<std::size_t>(source)];
}

}  // namespace

// -- What is in force

LiveSettings::LiveSettings(SettingsReading reading, Store& store)
    : at_start_(std::move(reading)), store_(store) {
  const auto kept = parsed(store.load_value(kept_under));
  for (const auto& [name, text] : kept.items()) {
    if (text.is_string() && !text.get_ref<const std::string&>().empty())
      here_.emplace(name, text.get<std::string>());
  }
  settings_ = std::make_shared<const Settings>(with(here_));
}

Settings LiveSettings::with(const Texts& here) const {
  auto settings = at_start_.settings;
  for (const auto& [name, text] : here) {
    if (at_start_.origins.contains(name)) continue;
    const auto* setting = find_setting(name);
    if (!setting) {
      settings.given_here.emplace(name, text);
    } else if (setting->change == Change::while_running) {
      (void)problem_of(*setting, text, settings);
    }
  }
  return settings;
}

LiveSettings::Snapshot LiveSettings::current() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void LiveSettings::on_settings_changed(Observer observer) {
  observer(*current());
  observers_.push_back(std::move(observer));
}

void LiveSettings::connect(PolicyLibrary& policies, JobThread& jobs, HandOut hand_out) {
  policies_ = &policies;
  jobs_ = &jobs;
  hand_out_ = std::move(hand_out);
}

LiveSettings::Declared LiveSettings::declared() const {
  Declared known;
  for (auto& file : policies_->report().files) {
    for (auto& setting : file.settings) {
      auto name = setting.name;
      known.emplace(std::move(name), std::pair(std::move(setting), file.path));
    }
  }
  return known;
}

// -- Showing

void LiveSettings::tell_source(SettingFacts& facts, const Texts& here) const {
  if (const auto origin = at_start_.origins.find(facts.name); origin != at_start_.origins.end()) {
    facts.source = source_name(origin->second.source);
    facts.place = origin->second.place;
    facts.error.clear();
  } else if (here.contains(facts.name)) {
    facts.source = "here";
  }
}

SettingFacts LiveSettings::facts_of(const Setting& setting, const Settings& settings,
                                    const Texts& here) const {
  SettingFacts facts;
  facts.name = setting.name;
  facts.value = setting.kind.show(settings);
  facts.fallback = setting.kind.show(default_settings());
  if (facts.fallback.is_null()) facts.fallback_words = setting.fallback;
  facts.changeable = setting.change == Change::while_running;
  facts.type = setting.kind.type;
  for (const auto choice : choices_of(setting)) facts.choices.emplace_back(choice);
  facts.min = bound(setting.kind.min), facts.max = bound(setting.kind.max);
  facts.about = setting.about;
  facts.group = setting.group;
  if (const auto text = here.find(facts.name); text != here.end()) {
    auto scratch = at_start_.settings;
    facts.error = facts.changeable ? problem_of(setting, text->second, scratch) : "it is read at start only";
  }
  tell_source(facts, here);
  return facts;
}

SettingFacts LiveSettings::facts_of(const DeclaredSetting& setting, const std::string& file,
                                    const Settings& settings, const Texts& here) const {
  SettingFacts facts;
  facts.name = setting.name;
  facts.value = json_of(value_in_force(setting, settings));
  facts.fallback = json_of(setting.fallback);
  facts.type = type_of(setting);
  facts.choices = setting.choices;
  facts.min = bound(setting.min), facts.max = bound(setting.max);
  facts.form = setting.form;
  facts.about = setting.about;
  facts.group = "Policies";
  facts.policy = file;
  if (const auto text = here.find(facts.name); text != here.end()) {
    if (auto value = parse_setting(setting, text->second); !value) facts.error = value.error().message;
  }
  tell_source(facts, here);
  return facts;
}

std::vector<SettingFacts> LiveSettings::all() const {
  Texts here;
  Snapshot settings;
  {
    const std::lock_guard lock(mutex_);
    here = here_;
    settings = settings_;
  }
  std::vector<SettingFacts> all;
  for (const auto& setting : all_settings()) all.push_back(facts_of(setting, *settings, here));
  const auto known = declared();
  for (const auto& [name, entry] : known) {
    if (!find_setting(name)) all.push_back(facts_of(entry.first, entry.second, *settings, here));
  }
  for (const auto& [name, text] : here) {
    if (find_setting(name) || known.contains(name)) continue;
    SettingFacts facts;
    facts.name = name;
    facts.value = text;
    facts.source = "here";
    facts.group = "Policies";
    facts.error = "nothing knows a setting of this name (any more)";
    all.push_back(std::move(facts));
  }
  return all;
}

void LiveSettings::warn_of_strays() const {
  for (const auto& facts : all()) {
    if (facts.error.empty()) continue;
    log_warn("a setting that was set in the administration counts for nothing",
             {{"name", facts.name}, {"reason", facts.error}});
  }
}

// -- Changing

std::optional<Refusal> LiveSettings::why_fixed(const std::string& name, const Setting* setting) const {
  if (const auto origin = at_start_.origins.find(name); origin != at_start_.origins.end())
    return refusal(409, name + " " + place_in_words(origin->second) + "; change it there", name);
  if (setting && setting->change == Change::at_start_only) {
    return refusal(409, name + " is read at start only: set it in the environment or in .env, and start anew",
                   name);
  }
  return std::nullopt;
}

std::optional<Refusal> LiveSettings::read_change(const std::string& name, const Json& value,
                                                 const Declared& known, Texts& here) const {
  const auto* setting = find_setting(name);
  if (setting && setting->name != name)
    return refusal(400, name + " is another name of " + std::string(setting->name), name);
  const auto own = known.find(name);
  if (!setting && own == known.end()) {
    if (is_nothing(value) && here.erase(name) > 0) return std::nullopt;
    const auto meant = nearest_setting(name);
    return refusal(400,
                   "there is no setting " + name +
                       (meant.empty() ? std::string() : "; did you mean " + std::string(meant) + "?"),
                   name);
  }
  if (auto fixed = why_fixed(name, setting)) return fixed;
  if (is_nothing(value)) return here.erase(name), std::nullopt;
  auto text = text_of(value, setting ? setting->kind.type : type_of(own->second.first));
  const auto wrong = [&name](std::string why) { return refusal(400, name + ": " + std::move(why), name); };
  if (!text) return wrong(std::move(text).error().message);
  if (setting) {
    if (setting->is_secret && setting->kind.type == "list") *text = unmasked(*text, current()->proxies);
    auto scratch = at_start_.settings;
    if (auto problem = problem_of(*setting, *text, scratch); !problem.empty())
      return wrong(std::move(problem));
  } else if (auto good = parse_setting(own->second.first, *text); !good) {
    return wrong(std::move(good).error().message);
  }
  here.insert_or_assign(name, *std::move(text));
  return std::nullopt;
}

std::optional<Refusal> LiveSettings::read_changes(const Json& wanted, Texts& here) const {
  const auto known = declared();
  for (const auto& [name, value] : wanted.items()) {
    if (auto refused = read_change(name, value, known, here)) return refused;
  }
  return std::nullopt;
}

void LiveSettings::change(const Json& wanted, Done done) {
  if (!jobs_->post([this, wanted, done] { make_change(wanted, done); }))
    done(refusal(503, "too many changes wait; try again in a moment", {}));
}

// On the thread of jobs, one at a time.
void LiveSettings::make_change(const Json& wanted, const Done& done) {
  Texts here;
  {
    const std::lock_guard lock(mutex_);
    here = here_;
  }
  const auto before = here;
  if (auto refused = read_changes(wanted, here)) return done(std::move(refused));
  if (here == before) return done(std::nullopt);
  const auto settings = std::make_shared<const Settings>(with(here));
  store_.save_value(std::string(kept_under), Json(here).dump());
  {
    const std::lock_guard lock(mutex_);
    here_ = std::move(here);
    settings_ = settings;
  }
  policies_->use_settings(settings);
  for (const auto& observer : observers_) observer(*settings);
  std::string names;
  for (const auto& [name, value] : wanted.items()) names += (names.empty() ? "" : " ") + name;
  log_info("settings changed", {{"names", names}});
  hand_out_(settings, [done] { done(std::nullopt); });
}

}  // namespace pollux
