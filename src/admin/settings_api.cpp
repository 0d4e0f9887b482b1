// GET /admin/settings, PATCH /admin/settings.

#include "admin/admin_call.h"
#include "admin/later_answer.h"
#include "admin/settings_json.h"

namespace pollux {
namespace {

AdminAnswer settings_answer(const SettingsService& settings) {
  Json answer = Json::object(), details = Json::array();
  for (const auto& facts : settings.all()) {
    answer[facts.name] = facts.value;
    details.push_back(setting_json(facts));
  }
  answer["settings"] = std::move(details);
  return {200, std::move(answer)};
}

AdminAnswer change_settings(const AdminCall& call) {
  if (!call.body.is_object()) return admin_error(400, "expected an object of settings and their values");
  return answer_later(call.admin.loop, [&settings = call.admin.live_settings, wanted = call.body](Tell tell) {
    settings.change(
        wanted, [&settings, tell = std::move(tell)](const std::optional<SettingsService::Refusal>& refused) {
          tell([&settings, refused] {
            if (refused) return admin_error(refused->status, refused->message, refused->field);
            auto answer = settings_answer(settings);
            answer.when_stored = true;
            return answer;
          });
        });
  });
}

}  // namespace

Json setting_json(const SettingFacts& facts) {
  const auto or_null = [](const auto& text) { return text.empty() ? Json(nullptr) : Json(text); };
  Json json = {{"name", facts.name},
               {"value", facts.value},
               {"default", facts.fallback},
               {"default_text", or_null(facts.fallback_words)},
               {"source", facts.source},
               {"pinned", facts.pinned()},
               {"place", or_null(facts.place)},
               {"changeable", facts.changeable},
               {"type", facts.type}};
  if (!facts.choices.empty()) json["choices"] = facts.choices;
  if (!facts.min.is_null()) json["min"] = facts.min;
  if (!facts.max.is_null()) json["max"] = facts.max;
  if (!facts.form.empty()) json["form"] = facts.form;
  json["about"] = facts.about;
  json["group"] = facts.group;
  json["policy"] = or_null(facts.policy);
  json["error"] = or_null(facts.error);
  return json;
}

AdminAnswer answer_settings(const AdminCall& call, std::string_view rest) {
  if (!rest.empty()) return admin_error(404, "there is no /admin/settings/" + std::string(rest));
  if (call.method == "PATCH") return change_settings(call);
  if (call.method != "GET") return only_offered({"GET", "PATCH"});
  return settings_answer(call.admin.live_settings);
}

}  // namespace pollux
