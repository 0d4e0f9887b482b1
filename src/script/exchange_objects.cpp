#include "script/exchange_objects.h"

#include <algorithm>

#include "script/json_outline.h"
#include "script/object_types.h"

namespace pollux {

// -- EditableBody

const LentText& EditableBody::lend(lua_State* state, std::string_view original) {
  const auto text = base(original);
  if (!lent_.is(text)) lent_ = LentText(state, text);
  return lent_;
}

LentText EditableBody::take_lent() {
  auto lent = std::move(lent_);
  *this = {};
  return lent;
}

void EditableBody::push(lua_State* state, std::string_view original) {
  if (decoded_) return decoded_.push(state);
  if (is_no_json_ || !push_json(state, base(original), &lend(state, original))) {
    is_no_json_ = true;
    return lua_pushnil(state);
  }
  decoded_ = LuaRef(state, -1);
}

void EditableBody::assign(lua_State* state, int index) {
  decoded_ = LuaRef(state, index);
  assigned_ = true;
  is_no_json_ = false;
}

void EditableBody::assign_text(std::string_view text) {
  lent_ = {};
  replaced_text_ = std::string(text);
  decoded_ = {};
  assigned_ = is_no_json_ = false;
}

Result<std::string_view> EditableBody::bytes(lua_State* state, std::string_view original) {
  const auto unchanged = base(original);
  if (!decoded_) return unchanged;
  LuaStackGuard guard(state);
  encoded_ = {};
  decoded_.push(state);
  auto now = json_outline(state, -1);
  if (!now) return std::move(now).error();
  if (!assigned_) {
    // Only looked at, or changed? Both are written the same way, so that the look of the original does not
    // matter.
    if (auto decoded = json_decode(state, unchanged, &lend(state, original)); !decoded) {
      return std::move(decoded).error();
    }
    const auto then = json_outline(state, -1);
    if (!then) return then.error();
    if (now->reads_as(*then, state)) return unchanged;
  }
  encoded_ = std::move(*now).filled(state);
  return std::string_view(encoded_);
}

Result<void> EditableBody::settle(lua_State* state, std::string& original) {
  const auto now = bytes(state, original);
  if (!now) return now.error();
  if (now->data() == original.data()) return {};
  const bool is_encoded = now->data() == encoded_.data();
  original = std::move(is_encoded ? encoded_ : *replaced_text_);
  *this = {};
  return {};
}

// -- ExchangeObjects

ExchangeObjects::ExchangeObjects(LoadedPolicies& its_policies, PolicyRequest& its_request)
    : policies(its_policies),
      request(its_request),
      name(policies.enlist(*this)),
      pool(policies.host().pool) {}

ExchangeObjects::~ExchangeObjects() {
  policies.strike_off(name);
}

void ExchangeObjects::begin_select(const PolicyExchange::Selecting& selecting) {
  ++select_number;
  queries.resize(1);
  auto& whole = queries[0];
  whole.model = request.upstream_model.empty() ? request.model : request.upstream_model;
  if (!request.counts_quota) whole.model = {};
  whole.conditions.clear();
  whole.avoid = selecting.tried;
  whole.tokens = request.estimated_tokens;
  whole.place = selecting.place;
  other_models.clear();
  asked.clear();
  free_in.reset();
}

void ExchangeObjects::note_in_vain(const KeyQuery& vain, std::optional<Milliseconds> its_free_in) {
  constexpr std::size_t most_asked = 8;
  if (its_free_in) free_in = free_in ? std::min(*free_in, *its_free_in) : *its_free_in;
  const bool is_new = std::none_of(asked.begin(), asked.end(), [&vain](const KeyQuery& other) {
    return other.model == vain.model && other.conditions == vain.conditions;
  });
  if (is_new && asked.size() < most_asked) asked.push_back(vain);
}

void ExchangeObjects::begin_attempt(const PolicyAttempt& next) {
  attempt = &next;
  ++attempt_number;
  attempt_body = {};
}

void ExchangeObjects::end_attempt() {
  attempt = nullptr;
  attempt_body = {};
}

void ExchangeObjects::begin_response(PolicyResponse& next) {
  response = &next;
  ++response_number;
  response_body = {};
}

bool ExchangeObjects::keep_response() {
  constexpr std::size_t most_kept_bytes = std::size_t{256} * 1024 * 1024;
  auto lent = response_body.take_lent();
  if (!lent.is_cut()) return true;
  kept_bytes += response->text.size();
  // The bytes of a long text stay where they are when it is moved, and blobs lie in long texts alone.
  kept_answers.push_back({std::move(response->text), std::move(lent)});
  return kept_bytes <= most_kept_bytes;
}

void ExchangeObjects::end_response() {
  response = nullptr;
  response_body = {};
}

// -- Small things

std::string_view counted_model(const PolicyRequest& request, std::string_view model) {
  return model == request.model && !request.upstream_model.empty() ? std::string_view(request.upstream_model)
                                                                   : model;
}

std::string describe_value(lua_State* state, int index) {
  switch (lua_type(state, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
      return "nothing";
    case LUA_TBOOLEAN:
      return lua_toboolean(state, index) ? "true" : "false";
    case LUA_TUSERDATA:
      for (const auto type : {ObjectType::request, ObjectType::headers, ObjectType::attempt,
                              ObjectType::response, ObjectType::pool, ObjectType::key, ObjectType::client}) {
        const bool owning = type == ObjectType::key || type == ObjectType::client;
        const bool is = owning ? (type == ObjectType::key ? key_at(state, index) != nullptr
                                                          : client_at(state, index) != nullptr)
                               : box_at<ExchangeBox>(state, index, type) != nullptr;
        if (is) return std::string(type == ObjectType::attempt ? "an " : "a ") + name_of(type);
      }
      return blob_at(state, index) ? "a blob" : "an object";
    default:
      return std::string("a ") + luaL_typename(state, index);
  }
}

}  // namespace pollux
