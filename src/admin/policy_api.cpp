// GET /admin/policies, GET /admin/policies/{path}.

#include <algorithm>

#include "admin/admin_call.h"

namespace pollux {
namespace {

Json file_json(const PolicyReport::File& file) {
  return {{"path", file.path},
          {"owner", file.is_owners},
          {"overrides", file.overrides},
          {"error", file.error.empty() ? Json(nullptr) : Json(file.error)}};
}

}  // namespace

AdminAnswer answer_policies(const AdminCall& call, std::string_view file) {
  if (call.method != "GET") return admin_error(405, "only GET is offered here");
  const auto report = call.admin.policies.report();
  if (!file.empty()) {
    const auto found = std::find_if(report.files.begin(), report.files.end(),
                                    [&](const PolicyReport::File& known) { return known.path == file; });
    if (found == report.files.end())
      return admin_error(404, "there is no policy " + std::string(file), "path");
    auto text = call.admin.policies.text(file);
    if (!text) return admin_error(404, text.error().message, "path");
    auto answer = file_json(*found);
    answer["text"] = *std::move(text);
    return {200, std::move(answer)};
  }
  Json files = Json::array();
  for (const auto& known : report.files) files.push_back(file_json(known));
  return {200,
          {{"version", report.version},
           {"loaded_at", iso_time(report.loaded_at)},
           {"error", report.error.empty() ? Json(nullptr) : Json(report.error)},
           {"files", std::move(files)}}};
}

}  // namespace pollux
