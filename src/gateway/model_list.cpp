#include "gateway/model_list.h"

#include <nlohmann/json.hpp>

namespace pollux {
namespace {

using Json = nlohmann::ordered_json;

class JsonModelList final : public ModelList {
 public:
  JsonModelList(Json list, const char* name)
      : list_(std::move(list)), name_(name), entries_(list_[name_]), visible_(Json::array()) {}

  void filter(PolicyExchange& policies,
              std::function<void(std::variant<std::string, PolicyFailure>)> done) override {
    policies_ = &policies;
    done_ = std::move(done);
    ask();
  }

  bool changed() const override { return visible_.size() != entries_.size(); }

 private:
  // A policy that does not wait answers within the call: looping instead of recursing keeps the stack flat.
  void ask() {
    while (at_ < entries_.size()) {
      inside_call_ = true;
      answered_ = false;
      policies_->visible(as_google_lists(entries_[at_]).dump(),
                         [this](Visible outcome) { on_answer(std::move(outcome)); });
      inside_call_ = false;
      if (failure_) return done_(*failure_);
      if (!answered_) return;  // It waits; on_answer goes on.
    }
    Json left = list_;
    left[name_] = visible_;
    done_(left.dump(2));
  }

  void on_answer(Visible outcome) {
    answered_ = true;
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) {
      failure_ = *failure;
    } else if (std::get<bool>(outcome)) {
      visible_.push_back(entries_[at_]);
    }
    ++at_;
    if (inside_call_) return;
    if (failure_) return done_(*failure_);
    ask();
  }

  // Policies see one shape: OpenAI's entries have an "id" in place of the name.
  static Json as_google_lists(const Json& entry) {
    auto shown = entry;
    if (entry.is_object() && !entry.contains("name") && entry.contains("id")) shown["name"] = entry["id"];
    return shown;
  }

  const Json list_;
  const char* const name_;
  const Json& entries_;  // Of list_.
  Json visible_;
  PolicyExchange* policies_ = nullptr;
  std::function<void(std::variant<std::string, PolicyFailure>)> done_;
  std::optional<PolicyFailure> failure_;
  std::size_t at_ = 0;
  bool inside_call_ = false, answered_ = false;
};

}  // namespace

std::unique_ptr<ModelList> ModelList::read(std::string_view text) {
  auto list = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  for (const char* name : {"models", "data"}) {
    if (list.is_object() && list.contains(name) && list[name].is_array())
      return std::make_unique<JsonModelList>(std::move(list), name);
  }
  return nullptr;
}

}  // namespace pollux
