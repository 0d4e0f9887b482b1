#include "pool/client_profile.h"

#include <algorithm>

#include "pool/key_text.h"

namespace pollux {
namespace {

constexpr std::int64_t largest_limit = 1'000'000'000'000;
constexpr std::size_t most_tags = 50, most_models = 100, longest_model = 256;
constexpr std::size_t shortest_token = 8, longest_token = 512;
constexpr std::size_t shortest_hinted = 16, hint_size = 4;

Error wrong(std::string_view field, std::string_view what) {
  return invalid_input(std::string(field) + ": " + std::string(what));
}

std::string stripped(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(' '), text.size());
  return std::string(text.substr(begin, text.find_last_not_of(' ') + 1 - begin));
}

void drop_repeated(std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (auto& word : words) {
    if (std::ranges::find(kept, word) == kept.end()) kept.push_back(std::move(word));
  }
  words = std::move(kept);
}

Result<void> check_tags(std::vector<std::string>& tags) {
  if (tags.size() > most_tags) return wrong("tags", "more than 50");
  for (auto& tag : tags) {
    tag = stripped(tag);
    if (auto fine = check_label("tags", tag); !fine) return fine;
  }
  drop_repeated(tags);
  return {};
}

Result<void> check_models(std::vector<std::string>& models) {
  constexpr std::string_view prefix = "models/";
  if (models.size() > most_models) return wrong("models", "more than 100");
  for (auto& model : models) {
    if (model.starts_with(prefix)) model.erase(0, prefix.size());
    if (model.empty()) return wrong("models", "one is empty");
    if (model.size() > longest_model) return wrong("models", "one is longer than 256 bytes");
    const bool visible = std::ranges::all_of(model, [](char c) { return c > ' ' && c < 0x7F; });
    if (!visible) return wrong("models", "one contains a blank or a character that no model's name has");
  }
  drop_repeated(models);
  return {};
}

Result<void> check_limit(std::string_view field, const std::optional<ClientPatch::Limit>& given) {
  if (!given || !*given || (**given >= 1 && **given <= largest_limit)) return {};
  return wrong(field, "expected a whole number from 1 to 1000000000000, or null for no limit");
}

}  // namespace

Result<ClientPatch> checked(ClientPatch patch) {
  if (patch.name) {
    *patch.name = stripped(*patch.name);
    if (auto fine = check_label("name", *patch.name); !fine) return std::move(fine).error();
  }
  if (patch.tags) {
    if (auto fine = check_tags(*patch.tags); !fine) return std::move(fine).error();
  }
  if (patch.models) {
    if (auto fine = check_models(*patch.models); !fine) return std::move(fine).error();
  }
  for (const auto& [field, limit] :
       {std::pair{"rpm", &patch.rpm}, std::pair{"daily_requests", &patch.daily_requests},
        std::pair{"daily_tokens", &patch.daily_tokens}}) {
    if (auto fine = check_limit(field, *limit); !fine) return std::move(fine).error();
  }
  return patch;
}

Result<void> check_token(std::string_view token) {
  if (token.size() < shortest_token) return wrong("token", "shorter than 8 characters");
  if (token.size() > longest_token) return wrong("token", "longer than 512 characters");
  const bool visible = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7F; });
  if (!visible) return wrong("token", "contains a blank or a character that cannot stand in a header");
  return {};
}

std::string hint_of_token(std::string_view token) {
  return token.size() < shortest_hinted ? std::string() : std::string(token.substr(token.size() - hint_size));
}

}  // namespace pollux
