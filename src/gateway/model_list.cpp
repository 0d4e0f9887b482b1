#include "gateway/model_list.h"

#include <nlohmann/json.hpp>

namespace pollux {
namespace {

using Json = nlohmann::ordered_json;

class JsonModelList final : public ModelList {
 public:
  explicit JsonModelList(Json list) : list_(std::move(list)), visible_(Json::array()) {}

  void filter(PolicyExchange& policies,
              std::function<void(std::variant<std::string, PolicyFailure>)> done) override {
    policies_ = &policies;
    done_ = std::move(done);
    ask();
  }

  bool changed() const override { return visible_.size() != list_["models"].size(); }

 private:
  // A policy that does not wait answers within the call: looping instead of recursing keeps the stack flat.
  void ask() {
    while (at_ < list_["models"].size()) {
      inside_call_ = true;
      answered_ = false;
      policies_->visible(list_["models"][at_].dump(),
                         [this](Visible outcome) { on_answer(std::move(outcome)); });
      inside_call_ = false;
      if (failure_) return done_(*failure_);
      if (!answered_) return;  // It waits; on_answer goes on.
    }
    Json left = list_;
    left["models"] = visible_;
    done_(left.dump(2));
  }

  void on_answer(Visible outcome) {
    answered_ = true;
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) {
      failure_ = *failure;
    } else if (std::get<bool>(outcome)) {
      visible_.push_back(list_["models"][at_]);
    }
    ++at_;
    if (inside_call_) return;
    if (failure_) return done_(*failure_);
    ask();
  }

  Json list_, visible_;
  PolicyExchange* policies_ = nullptr;
  std::function<void(std::variant<std::string, PolicyFailure>)> done_;
  std::optional<PolicyFailure> failure_;
  std::size_t at_ = 0;
  bool inside_call_ = false, answered_ = false;
};

}  // namespace

std::unique_ptr<ModelList> ModelList::read(std::string_view text) {
  auto list = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_object() || !list.contains("models") || !list["models"].is_array()) return nullptr;
  return std::make_unique<JsonModelList>(std::move(list));
}

}  // namespace pollux
