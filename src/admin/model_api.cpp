// GET /admin/models.

#include <array>
#include <set>
#include <utility>

#include "admin/admin_call.h"
#include "base/log.h"
#include "gateway/model_list.h"
#include "net/timer.h"
#include "script/models_overview.h"
#include "script/policy_exchange.h"

namespace pollux {
namespace {

// What a client without restrictions would ask for.
PolicyRequest list_request() {
  PolicyRequest request;
  request.method = "GET";
  request.path = "/v1beta/models";
  request.endpoint = "list_models";
  Client anybody;
  anybody.id = anybody.name = "anybody";
  request.client = std::make_shared<const Client>(std::move(anybody));
  return request;
}

std::string plain_name(const Json& entry) {
  const auto given = entry.find("name");  // At its end for all that is no object.
  if (given == entry.end() || !given->is_string()) return {};
  const auto& name = given->get_ref<const std::string&>();
  constexpr std::string_view prefix = "models/";
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

// A property of Google's, under the name that it has here.
Json taken(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  return found == entry.end() ? Json(nullptr) : *found;
}

// First what the policies know, then which of the models they show to clients.
class ModelsAnswer final : public AdminTask {
 public:
  ModelsAnswer(Admin& admin, AdminReply& reply)
      : reply_(reply),
        policies_(admin.policies.current(admin.worker, admin.host)),
        deadline_(admin.loop, [this] { give_up(); }) {
    deadline_.start(ModelsOverview::longest);
    overview_ = ModelsOverview::start(policies_,
                                      [this](const Result<std::string>& overview) { on_overview(overview); });
  }

 private:
  void on_overview(const Result<std::string>& overview) {
    if (overview) {
      read(*overview);
    } else {
      error_ = overview.error().message;
    }
    auto& models = overview_json_["models"];
    if (!models.is_array()) models = Json::array();
    exchange_ = PolicyExchange::create(policies_, request_);
    list_ = ModelList::read(Json{{"models", models}}.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (!exchange_->wants_visible()) return answer(models);
    list_->filter(*exchange_, [this](const std::variant<std::string, PolicyFailure>& left) {
      if (const auto* failure = std::get_if<PolicyFailure>(&left)) {
        log_error("policy failed", {{"error", failure->message}});
        error_ = failure->message;
        return answer(Json::array());
      }
      answer(Json::parse(std::get<std::string>(left))["models"]);
    });
  }

  void read(const std::string& overview) {
    auto json = Json::parse(overview, nullptr, /*allow_exceptions=*/false);
    error_ = json.is_object()
                 ? taken(json, "error")
                 : Json("models.overview returned a list, expected a table of models, aliases and endings");
    if (json.is_object()) overview_json_ = std::move(json);
  }

  void give_up() {
    overview_.reset();
    exchange_.reset();
    error_ = "the policies took longer than 15 s";
    answer(Json::array());
  }

  // `visible`: the entries of models that clients are shown.
  void answer(const Json& visible) {
    std::set<std::string> seen;
    for (const auto& entry : visible) seen.insert(plain_name(entry));
    Json models = Json::array();
    for (const auto& entry : overview_json_["models"]) {
      if (!entry.is_object()) continue;
      const auto name = plain_name(entry);
      const auto methods = taken(entry, "supportedGenerationMethods");
      models.push_back({{"name", name},
                        {"display_name", taken(entry, "displayName")},
                        {"input_token_limit", taken(entry, "inputTokenLimit")},
                        {"output_token_limit", taken(entry, "outputTokenLimit")},
                        {"methods", methods.is_array() ? methods : Json::array()},
                        {"visible", seen.contains(name)}});
    }
    const auto list = [this](const char* name) {
      auto values = taken(overview_json_, name);
      return values.is_array() ? values : Json::array();
    };
    reply_.answer({200,
                   {{"models", std::move(models)},
                    {"aliases", list("aliases")},
                    {"endings", list("endings")},
                    {"error", error_}}});
  }

  AdminReply& reply_;
  const std::shared_ptr<PolicyState> policies_;
  PolicyRequest request_ = list_request();
  Json overview_json_ = Json::object();
  Json error_ = nullptr;
  std::unique_ptr<ModelList> list_;
  std::unique_ptr<PolicyExchange> exchange_;
  std::unique_ptr<ModelsOverview> overview_;
  Timer deadline_;
};

}  // namespace

AdminAnswer answer_models(const AdminCall& call, std::string_view rest) {
  if (!rest.empty()) return admin_error(404, "there is no /admin/models/" + std::string(rest));
  if (call.method != "GET") return only_offered({"GET"});
  AdminAnswer answer;
  answer.task = [&admin = call.admin](AdminReply& reply) {
    return std::make_unique<ModelsAnswer>(admin, reply);
  };
  return answer;
}

}  // namespace pollux
