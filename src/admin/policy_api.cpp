// GET /admin/policies; GET, PUT, DELETE /admin/policies/{path}.

#include <algorithm>
#include <array>
#include <charconv>

#include "admin/admin_call.h"
#include "admin/later_answer.h"
#include "admin/settings_json.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/unified_diff.h"

namespace pollux {
namespace {

constexpr std::size_t most_policy_bytes = std::size_t{1} << 20;

// -- Showing

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json file_json(const PolicyReport::File& file, const std::vector<SettingFacts>& settings) {
  Json own = Json::array();
  for (const auto& facts : settings) {
    if (facts.policy == file.path) own.push_back(setting_json(facts));
  }
  return {{"path", file.path},           {"owner", file.is_owners},
          {"overrides", file.overrides}, {"error", or_null(file.error)},
          {"hooks", file.hooks},         {"settings", std::move(own)}};
}

AdminAnswer list_policies(Admin& admin) {
  const auto report = admin.policies.report();
  const auto settings = admin.live_settings.all();
  Json files = Json::array();
  for (const auto& file : report.files) files.push_back(file_json(file, settings));
  return {200,
          {{"version", report.version},
           {"loaded_at", iso_time(report.loaded_at)},
           {"error", or_null(report.error)},
           {"files", std::move(files)}}};
}

std::string tag_of(std::string_view text) {
  return "\"" + hex(sha256(text)).substr(0, 32) + "\"";
}

AdminAnswer no_such_policy(const std::string& file) {
  return admin_error(404, "there is no policy " + file, "path");
}

// On the thread of jobs, as all that follows.
AdminAnswer show_policy(Admin& admin, const std::string& file) {
  const auto report = admin.policies.report();
  const auto found = std::ranges::find(report.files, file, &PolicyReport::File::path);
  if (found == report.files.end()) return no_such_policy(file);
  const auto text = admin.policies.text(file);
  if (!text) return admin_error(404, text.error().message, "path");
  auto json = file_json(*found, admin.live_settings.all());
  json["version"] = report.version;
  json["etag"] = tag_of(text->text);
  json["text"] = text->text;
  json["shipped_text"] = text->shipped ? Json(*text->shipped) : Json(nullptr);
  json["diff"] = text->is_owners && text->shipped
                     ? Json(unified_diff(*text->shipped, text->text, "shipped/" + file, file))
                     : Json(nullptr);
  AdminAnswer answer{200, std::move(json)};
  answer.headers.set("ETag", tag_of(text->text));
  return answer;
}

// -- Changing

// The line that "keys.lua:7: ..." names.
std::optional<int> line_of(std::string_view message) {
  constexpr std::string_view mark = ".lua:";
  const auto at = message.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto digits = message.substr(at + mark.size());
  int line = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), line);
  if (problem != std::errc() || end == digits.data() + digits.size() || *end != ':') return std::nullopt;
  return line;
}

AdminAnswer refused(const Error& error, std::string_view field) {
  switch (error.kind) {
    case Error::Kind::not_found:
      return admin_error(404, error.message, "path");
    case Error::Kind::conflict:
      return admin_error(409, error.message, "path");
    case Error::Kind::unavailable:
      return admin_error(500, error.message);
    default:
      break;
  }
  auto answer = admin_error(field.empty() ? 409 : 400, error.message, field);
  if (const auto line = line_of(error.message)) {
    answer.body["error"]["file"] = error.message.substr(0, error.message.find(':'));
    answer.body["error"]["line"] = *line;
  }
  return answer;
}

// If-Match and If-None-Match against the text that is there, so that two editors do not overwrite each other.
struct Conditions {
  std::string match, none_match;

  static Conditions from(const Headers& headers) {
    return {std::string(headers.get("if-match").value_or("")),
            std::string(headers.get("if-none-match").value_or(""))};
  }
  bool hold(const Result<PolicyText>& now) const {
    if (match.empty() && none_match.empty()) return true;
    const auto names = [&](std::string_view list) {
      return now.has_value() && (list == "*" || list.find(tag_of(now->text)) != std::string_view::npos);
    };
    return (match.empty() || names(match)) && (none_match.empty() || !names(none_match));
  }
};

AdminAnswer overtaken(const std::string& file) {
  return admin_error(412, file + " was changed meanwhile: read it again and repeat the change there", "path");
}

AdminAnswer write_policy(Admin& admin, const std::string& file, const std::string& text, bool only_check,
                         const Conditions& conditions) {
  if (!conditions.hold(admin.policies.text(file))) return overtaken(file);
  if (auto changed = admin.policies.change(file, text, only_check); !changed)
    return refused(changed.error(), "text");
  if (only_check) return {200, {{"path", file}, {"checked", true}}};
  log_info("policy saved", {{"file", file}});
  return show_policy(admin, file);
}

AdminAnswer remove_policy(Admin& admin, const std::string& file, const Conditions& conditions) {
  const auto now = admin.policies.text(file);
  if (!now || !now->is_owners) return admin_error(404, "there is no " + file + " of the owner's", "path");
  if (!conditions.hold(now)) return overtaken(file);
  if (auto changed = admin.policies.change(file, std::nullopt, false); !changed)
    return refused(changed.error(), {});
  log_info("policy removed", {{"file", file}});
  return {200, {{"removed", file}}};
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

// The body as it came, or the property "text" of a JSON object.
std::optional<AdminAnswer> read_text(const AdminCall& call, std::string& text) {
  text = call.text;
  if (call.headers.get("content-type").value_or("").starts_with("application/json")) {
    const auto body = Json::parse(call.text, nullptr, /*allow_exceptions=*/false);
    if (!body.is_object() || !body.contains("text") || !body["text"].is_string() || body.size() > 1)
      return admin_error(400, "expected {\"text\": ...}, or the text itself as text/plain", "text");
    text = body["text"].get<std::string>();
  }
  if (text.size() > most_policy_bytes) return admin_error(413, "a policy is at most 1 MiB", "text");
  if (!is_utf8(text)) return admin_error(400, "expected a text in UTF-8", "text");
  return std::nullopt;
}

std::optional<AdminAnswer> read_check(const AdminCall& call, bool& only_check) {
  constexpr std::array<std::string_view, 1> parameters{"check"};
  if (auto refused = refused_parameters(call, parameters)) return refused;
  const auto check = call.parameter("check").value_or("false");
  if (check != "true" && check != "false") return admin_error(400, "expected true or false", "check");
  only_check = check == "true";
  return std::nullopt;
}

AdminAnswer put_policy(const AdminCall& call, const std::string& file) {
  std::string text;
  bool only_check = false;
  if (auto good = check_policy_name(file); !good) return admin_error(400, good.error().message, "path");
  if (auto problem = read_check(call, only_check)) return *problem;
  if (auto problem = read_text(call, text)) return *problem;
  return answer_from(call.admin.jobs, call.admin.loop,
                     [&admin = call.admin, file, text = std::move(text), only_check,
                      conditions = Conditions::from(call.headers)] {
                       return write_policy(admin, file, text, only_check, conditions);
                     });
}

}  // namespace

AdminAnswer answer_policies(const AdminCall& call, std::string_view rest) {
  auto& admin = call.admin;
  if (call.method != "PUT") {
    if (auto refused = refused_parameters(call, {})) return *std::move(refused);
  }
  if (rest.empty()) {
    return call.method == "GET" ? list_policies(admin) : only_offered({"GET"});
  }
  const auto file = percent_decode(rest);
  if (call.method == "GET")
    return answer_from(admin.jobs, admin.loop, [&admin, file] { return show_policy(admin, file); });
  if (call.method == "PUT") return put_policy(call, file);
  if (call.method != "DELETE") return only_offered({"GET", "PUT", "DELETE"});
  return answer_from(admin.jobs, admin.loop, [&admin, file, conditions = Conditions::from(call.headers)] {
    return remove_policy(admin, file, conditions);
  });
}

}  // namespace pollux
