#include "admin/key_properties.h"

#include <algorithm>
#include <string>
#include <vector>

namespace pollux {
namespace {

using Problem = std::optional<AdminAnswer>;

Problem read(const Json& value, std::string_view name, std::optional<std::string>& target) {
  if (value.is_null()) {
    target = "";
  } else if (value.is_string()) {
    target = value.get<std::string>();
  } else {
    return admin_error(400, "expected text", name);
  }
  return std::nullopt;
}

Problem read(const Json& value, std::string_view name, std::optional<bool>& target) {
  if (!value.is_boolean()) return admin_error(400, "expected true or false", name);
  target = value.get<bool>();
  return std::nullopt;
}

Problem read(const Json& value, std::string_view name, std::optional<double>& target) {
  if (!value.is_number() || value.get<double>() < 0)
    return admin_error(400, "expected a number of 0 or more", name);
  target = value.get<double>();
  return std::nullopt;
}

Problem read(const Json& value, std::string_view name, std::optional<std::vector<std::string>>& target) {
  std::vector<std::string> words;
  bool good = value.is_array();
  for (const auto& word : good ? value : Json::array()) {
    good = good && word.is_string() && !word.get_ref<const std::string&>().empty();
    if (good) words.push_back(word.get<std::string>());
  }
  if (!good) return admin_error(400, "expected a list of words", name);
  target = std::move(words);
  return std::nullopt;
}

Problem read(const Json& value, std::string_view name, std::string& target) {
  if (!value.is_string()) return admin_error(400, "expected text", name);
  target = value.get<std::string>();
  return std::nullopt;
}

std::string listed(std::initializer_list<std::string_view> names) {
  std::string list;
  for (const auto name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

Problem read_property(const std::string& name, const Json& value, KeyPool::Patch& patch) {
  if (name == "name") return read(value, name, patch.name);
  if (name == "project_id") return read(value, name, patch.project);
  if (name == "tags") return read(value, name, patch.tags);
  if (name == "weight") return read(value, name, patch.weight);
  if (name == "enabled") return read(value, name, patch.enabled);
  if (name == "reason") return read(value, name, patch.reason);
  return std::nullopt;
}

}  // namespace

Problem read_key_properties(const Json& body, std::initializer_list<std::string_view> allowed,
                            KeyPool::Patch& patch) {
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::find(allowed, name) == allowed.end())
      return admin_error(400, "unknown property; expected some of " + listed(allowed), name);
    if (auto problem = read_property(name, value, patch)) return problem;
  }
  return std::nullopt;
}

AdminAnswer refused_by_pool(const Error& error) {
  const std::string_view message = error.message;
  const auto field = message.substr(0, std::min(message.find(':'), message.size()));
  constexpr std::string_view fields[] = {"key", "name", "project_id", "tags", "weight", "reason"};
  const bool named = std::ranges::find(fields, field) != std::end(fields);
  return admin_error(error.kind == Error::Kind::conflict ? 409 : 400, message, named ? field : "");
}

AdminAnswer no_such_key(std::string_view key_id) {
  return admin_error(404, "there is no key with the id " + std::string(key_id), "key_id");
}

}  // namespace pollux
