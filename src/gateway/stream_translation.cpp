#include "gateway/stream_translation.h"

namespace pollux {

void StreamTranslation::begin() {
  scanner_.emplace();
  kept_.clear();
  saw_event_ = false;
  state_ = State::open;
}

void StreamTranslation::feed(std::string_view bytes) {
  if (!scanner_->feed(bytes, [this](std::string_view event) { feed_event(event); }) && state_ == State::open)
    state_ = State::oversized;
}

void StreamTranslation::feed_event(std::string_view event) {
  if (event.empty() || event == "[DONE]") return;  // Gateways between here and Google may write it.
  saw_event_ = true;
  if (state_ == State::waiting) {
    kept_.emplace_back(std::string(event));
  } else if (state_ == State::open) {
    translate(event);
  }
}

void StreamTranslation::finish() {
  scanner_->finish([this](std::string_view event) { feed_event(event); });
  if (state_ == State::waiting) {
    kept_.emplace_back(std::nullopt);
  } else if (state_ == State::open && !saw_event_) {
    problem_ = {502, "Pollux: the answer is no stream of events", {}, false};
    state_ = State::failed;
  } else if (state_ == State::open) {
    translate(std::nullopt);
  }
}

void StreamTranslation::translate(std::optional<std::string_view> event) {
  state_ = State::waiting;
  calling_ = true;
  policies_.translate_event(event, [this, is_last = !event](TranslatedPart part) {
    on_translated(std::move(part), is_last);
    if (!calling_) go_on();
  });
  calling_ = false;
}

void StreamTranslation::on_translated(TranslatedPart part, bool was_last) {
  if (auto* failure = std::get_if<PolicyFailure>(&part)) {
    failure_ = std::move(*failure);
    state_ = State::broken;
  } else if (std::holds_alternative<AskAgain>(part)) {
    state_ = State::again;
  } else if (auto* problem = std::get_if<Problem>(&part)) {
    problem_ = std::move(*problem);
    state_ = State::failed;
  } else {
    auto& event = std::get<TranslatedEvent>(part);
    if (translated_.empty()) {
      translated_ = std::move(event.text);
    } else {
      translated_ += event.text;
    }
    state_ = was_last ? State::ended : State::open;
  }
}

// A hook that had waited is through: now what came meanwhile.
void StreamTranslation::go_on() {
  while (state_ == State::open && !kept_.empty()) {
    const auto event = std::move(kept_.front());
    kept_.pop_front();
    translate(event ? std::optional<std::string_view>(*event) : std::nullopt);
  }
  progressed_();
}

}  // namespace pollux
