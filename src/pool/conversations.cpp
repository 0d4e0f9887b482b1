#include "pool/conversations.h"

namespace pollux {

void Conversations::keep(std::string_view conversation, std::string_view key_id, Milliseconds now) {
  if (conversation.empty() || conversation.size() > longest_name) return;
  const auto known = by_name_.find(conversation);
  if (known != by_name_.end()) {
    const auto place = known->second;
    place->key_id = key_id;
    place->at = now;
    by_age_.splice(by_age_.begin(), by_age_, place);
    return;
  }
  by_age_.push_front({std::string(conversation), std::string(key_id), now});
  by_name_.emplace(by_age_.front().conversation, by_age_.begin());
  if (by_age_.size() <= most) return;
  by_name_.erase(by_age_.back().conversation);
  by_age_.pop_back();
}

std::string_view Conversations::key_of(std::string_view conversation, Milliseconds now) {
  const auto known = by_name_.find(conversation);
  if (known == by_name_.end() || now - known->second->at > kept_for) return {};
  return known->second->key_id;
}

}  // namespace pollux
