// What settings hold: how each kind of value is read from text, and shown.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "app/setting_values.h"
#include "base/settings.h"

namespace pollux {

// One kind of value: how it is read from text, and shown.
struct SettingKind {
  using Read = std::vector<WrongValue>(std::string_view value, Settings& settings);
  using Show = nlohmann::ordered_json(const Settings& settings);

  std::string_view type;  // text, integer, number, boolean, list, choice, bytes, secret, file
  // Puts the value into `settings`; what is wrong with it comes back, several for a list.
  Read* read = nullptr;
  // The value in force, secrets masked or counted; null where there is none.
  Show* show = nullptr;
  std::optional<double> min = {}, max = {};  // Of numbers.
  std::string_view choices = {};             // Parted by commas.
};

namespace kinds {

using S = Settings;
using Json = nlohmann::ordered_json;
using Wrongs = std::vector<WrongValue>;

// -- For any field of that type

Wrongs wrong(std::string_view found, Error expected);

// 300 rather than 300.0.
Json number_json(double number);

template <auto Field>
Json shown(const Settings& settings) {
  if constexpr (std::is_same_v<std::remove_cvref_t<decltype(settings.*Field)>, double>) {
    return number_json(settings.*Field);
  } else if constexpr (requires { (settings.*Field).has_value(); }) {
    return settings.*Field ? Json(*(settings.*Field)) : Json(nullptr);
  } else if constexpr (requires { (settings.*Field).empty(); }) {
    return (settings.*Field).empty() ? Json(nullptr) : Json(settings.*Field);
  } else {
    return settings.*Field;
  }
}

template <auto Field, std::int64_t Least, std::int64_t Most>
Wrongs read_whole_number_into(std::string_view value, Settings& settings) {
  auto number = read_whole_number(value, Least, Most);
  if (!number) return wrong(value, std::move(number).error());
  settings.*Field = static_cast<int>(*number);
  return {};
}

template <auto Field, std::int64_t Least, std::int64_t Most>
constexpr SettingKind whole_number{"integer", read_whole_number_into<Field, Least, Most>, shown<Field>,
                                   static_cast<double>(Least), static_cast<double>(Most)};

template <auto Field, int Most>
Wrongs read_number_into(std::string_view value, Settings& settings) {
  auto number = read_number(value, 0, Most);
  if (!number) return wrong(value, std::move(number).error());
  settings.*Field = *number;
  return {};
}

template <auto Field, int Most>
constexpr SettingKind number{"number", read_number_into<Field, Most>, shown<Field>, 0, Most};

template <auto Field, std::uint64_t Most>
Wrongs read_bytes_into(std::string_view value, Settings& settings) {
  auto number = read_bytes(value, Most);
  if (!number) return wrong(value, std::move(number).error());
  settings.*Field = *number;
  return {};
}

template <auto Field, std::uint64_t Most>
constexpr SettingKind bytes{"bytes", read_bytes_into<Field, Most>, shown<Field>, 0,
                            static_cast<double>(Most)};

template <auto Field>
Wrongs read_file_into(std::string_view value, Settings& settings) {
  settings.*Field = std::string(value);
  if (auto readable = check_readable_file(settings.*Field); !readable) {
    return wrong(value, std::move(readable).error());
  }
  return {};
}

template <auto Field>
constexpr SettingKind readable_file{"file", read_file_into<Field>, shown<Field>};

// -- For one field

Wrongs read_given_keys(std::string_view value, Settings& settings);
Wrongs read_key_file(std::string_view value, Settings& settings);
Wrongs read_removed_keys(std::string_view value, Settings& settings);
Wrongs read_tokens(std::string_view value, Settings& settings);
Wrongs read_auth_token(std::string_view value, Settings& settings);
Wrongs read_admin_username(std::string_view value, Settings& settings);
Wrongs read_host(std::string_view value, Settings& settings);
Wrongs read_port(std::string_view value, Settings& settings);
Wrongs read_base_url(std::string_view value, Settings& settings);
Wrongs read_proxies(std::string_view value, Settings& settings);
Wrongs read_time_out(std::string_view value, Settings& settings);
Wrongs read_data_dir(std::string_view value, Settings& settings);
Wrongs read_log_level(std::string_view value, Settings& settings);
Wrongs read_log_format(std::string_view value, Settings& settings);
Wrongs read_request_log_bodies(std::string_view value, Settings& settings);
Wrongs read_log_file(std::string_view value, Settings& settings);

Json show_given_keys(const Settings& settings);
Json show_key_file(const Settings& settings);
Json show_removed_keys(const Settings& settings);
Json show_tokens(const Settings& settings);
Json show_auth_token(const Settings& settings);
Json show_proxies(const Settings& settings);
Json show_time_out(const Settings& settings);
Json show_log_level(const Settings& settings);
Json show_log_format(const Settings& settings);
Json show_request_log_bodies(const Settings& settings);
Json show_log_file(const Settings& settings);

inline constexpr SettingKind given_keys_kind{"secret", read_given_keys, show_given_keys};
inline constexpr SettingKind key_file_kind{"file", read_key_file, show_key_file};
inline constexpr SettingKind removed_keys_kind{"secret", read_removed_keys, show_removed_keys};
inline constexpr SettingKind tokens_kind{"secret", read_tokens, show_tokens};
inline constexpr SettingKind auth_token_kind{"secret", read_auth_token, show_auth_token};
inline constexpr SettingKind admin_username_kind{"text", read_admin_username, shown<&S::admin_username>};
inline constexpr SettingKind host_kind{"text", read_host, shown<&S::host>};
inline constexpr SettingKind port_kind{"integer", read_port, shown<&S::port>, 0, 65'535};
inline constexpr SettingKind base_url_kind{"text", read_base_url, shown<&S::gemini_base_url>};
inline constexpr SettingKind proxies_kind{"list", read_proxies, show_proxies};
inline constexpr SettingKind time_out_kind{"number", read_time_out, show_time_out, 0.001, 86'400};
inline constexpr SettingKind data_dir_kind{"text", read_data_dir, shown<&S::data_dir>};
inline constexpr SettingKind log_level_kind{
    "choice", read_log_level, show_log_level, {}, {}, "trace,debug,info,warn,error,off"};
inline constexpr SettingKind log_format_kind{"choice", read_log_format, show_log_format, {}, {}, "text,json"};
inline constexpr SettingKind request_log_bodies_kind{
    "choice", read_request_log_bodies, show_request_log_bodies, {}, {}, "off,errors,all"};
inline constexpr SettingKind log_file_kind{"file", read_log_file, show_log_file};

}  // namespace kinds
}  // namespace pollux
