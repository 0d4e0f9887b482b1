// A small world for tests of policies: sets are given as texts, outcomes are read as texts.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/settings.h"
#include "catch.h"
#include "net/loop.h"
#include "pool/clients.h"
#include "pool/key_pool.h"
#include "script/policy_exchange.h"
#include "script/policy_library.h"
#include "script/policy_state.h"

namespace pollux {

using Modules = std::vector<std::pair<std::string, std::string>>;

inline PolicySources policy_sources(const Modules& modules) {
  PolicySources sources;
  for (const auto& [module, text] : modules) {
    sources.emplace(module, PolicySource{module, module + ".lua", module + ".lua", text, false});
  }
  return sources;
}

// What policies stand on: clock, pool, clients, settings; and a set of them.
class PolicyWorld {
 public:
  PolicyWorld() {
    host.clock = &clock;
    host.pool = pool.get();
    host.clients = clients.get();
    host.shared = shared.get();
    host.cache = cache.get();
    host.settings = &settings;
  }
  explicit PolicyWorld(const Modules& modules) : PolicyWorld() { load(modules); }

  void load(const Modules& modules) {
    auto loaded = PolicyState::load(policy_sources(modules), host);
    if (!loaded) FAIL(loaded.error().message);
    state = std::move(*loaded);
  }

  std::string load_error(const Modules& modules) {
    auto loaded = PolicyState::load(policy_sources(modules), host);
    return loaded ? "loaded" : loaded.error().message;
  }

  KeyRef add_key(const std::string& name, std::vector<std::string> tags = {}, std::string project = {}) {
    auto added = pool->add({"AIzaSecretOf" + name, name, std::move(project), std::move(tags)});
    REQUIRE(added);
    return added->key;
  }

  ManualClock clock{WallTime(Milliseconds(1'795'219'200'000))};
  Settings settings;
  std::unique_ptr<KeyPool> pool = KeyPool::create(clock);
  std::unique_ptr<Clients> clients = Clients::create();
  std::unique_ptr<SharedTable> shared = SharedTable::create(clock);
  std::unique_ptr<SharedTable> cache = SharedTable::create_cache(clock);
  PolicyHost host;
  std::shared_ptr<PolicyState> state;
};

// -- Outcomes as texts: "the client ann", "deny 401 who?", "failure: auth.lua:3: ..."
inline std::string shown(const Denial& denial) {
  auto text = "deny " + std::to_string(denial.status) + " " + denial.message;
  if (denial.retry_after) text += " after " + std::to_string(static_cast<int>(*denial.retry_after)) + " s";
  return text;
}
inline std::string shown(const PolicyFailure& failure) {
  return "failure: " + failure.message;
}
inline std::string shown(const ClientRef& client) {
  return "the client " + client->name;
}
inline std::string shown(const std::string& text) {
  return text;
}
inline std::string shown(bool flag) {
  return flag ? "true" : "false";
}
inline std::string shown(const OwnKey& own) {
  return "the own key " + own.secret;
}
// "no key; asked paid p1 of gemini-x, any of gemini-x; free in 30000 ms"
inline std::string shown(const KeyQuery& query) {
  std::string text;
  for (const auto& condition : query.conditions) text += (text.empty() ? "" : "+") + condition.value;
  if (text.empty()) text = "any";
  return query.model.empty() ? text : text + " of " + std::string(query.model);
}
inline std::string shown(const Selection& selection) {
  if (selection.key) return selection.key->name();
  std::string text = "no key; asked";
  for (const auto& query : selection.asked)
    text += (&query == &selection.asked[0] ? " " : ", ") + shown(query);
  if (selection.free_in) text += "; free in " + std::to_string(selection.free_in->count()) + " ms";
  return text;
}
inline std::string shown(std::monostate) {
  return "done";
}
inline std::string shown(const KeyMeaning& meaning) {
  const auto of_model = meaning.model.empty() ? std::string() : " for " + meaning.model;
  const auto because = meaning.reason.empty() ? std::string() : ": " + meaning.reason;
  const auto rest = std::to_string(meaning.duration.count()) + " ms";
  const auto key = meaning.key ? meaning.key->name() : std::string("everybody");
  switch (meaning.kind) {
    case KeyMeaning::Kind::cool_down:
      return key + " rests " + rest + of_model + because;
    case KeyMeaning::Kind::back_off:
    case KeyMeaning::Kind::back_off_model:
      return key + " backs off " + rest + " to " + std::to_string(meaning.most.count()) + " ms" + of_model;
    case KeyMeaning::Kind::disable:
      return key + " is disabled" + because;
    case KeyMeaning::Kind::disable_project:
      return key + " is disabled with its project" + because;
    case KeyMeaning::Kind::strike:
      return key + " is struck" + because;
    case KeyMeaning::Kind::learn_limit:
      return key + " has " + meaning.limit_kind + " " + std::to_string(meaning.limit) + of_model;
    case KeyMeaning::Kind::learn_project:
      return key + " is of " + meaning.project;
  }
  return "?";
}
inline std::string shown(const Verdict& verdict) {
  std::string text = verdict.action == Verdict::Action::retry ? "retry" : "answer";
  if (verdict.same_key) text += " with the same key";
  if (verdict.pause.count() > 0) text += " after " + std::to_string(verdict.pause.count()) + " ms";
  if (verdict.not_counted) text += ", not counted";
  for (const auto& meaning : verdict.meanings) text += "; " + shown(meaning);
  if (verdict.otherwise) text += "; or " + shown(*verdict.otherwise);
  return text;
}

// One exchange, asked hook by hook. "waiting" stands for no outcome yet.
class Asking {
 public:
  // Where the world has no policies yet, the exchange is made when it has.
  explicit Asking(const PolicyWorld& world)
      : exchange(world.state ? PolicyExchange::create(world.state, request) : nullptr) {
    request.method = "POST";
    request.path = "/v1beta/models/gemini-2.5-flash:generateContent";
    request.model = "gemini-2.5-flash";
    request.endpoint = "generate";
  }

  template <typename Outcome>
  auto told() {
    return [this](Outcome given) {
      std::visit([this](const auto& value) { outcome = shown(value); }, given);
      if constexpr (std::is_same_v<Outcome, Selected>) {
        if (auto* kept = std::get_if<Selection>(&given)) selection = std::move(*kept);
      }
    };
  }
  std::string identify() { return outcome = "waiting", exchange->identify(told<Identified>()), outcome; }
  std::string resolve() { return outcome = "waiting", exchange->resolve(told<Resolved>()), outcome; }
  std::string permit() { return outcome = "waiting", exchange->permit(told<Permitted>()), outcome; }
  std::string visible(std::string_view model) {
    return outcome = "waiting", exchange->visible(model, told<Visible>()), outcome;
  }
  std::string select() {
    return outcome = "waiting", exchange->select({tried, place}, told<Selected>()), outcome;
  }
  std::string judge(const PolicyAttempt& attempt) {
    return outcome = "waiting", exchange->judge(attempt, told<Judged>()), outcome;
  }
  std::string transform() {
    return outcome = "waiting", exchange->transform_request(told<Transformed>()), outcome;
  }
  std::string transform(PolicyResponse& response) {
    return outcome = "waiting", exchange->transform_response(response, told<Transformed>()), outcome;
  }
  std::string body() {
    const auto bytes = exchange->body_to_send();
    return bytes ? std::string(*bytes) : "error: " + bytes.error().message;
  }
  void give_body(std::string text) {
    request.has_body_text = true;
    request.body_text = std::move(text);
  }

  PolicyRequest request;
  std::vector<std::string> tried;
  const WaitingPlace* place = nullptr;
  Selection selection;  // The latest.
  std::string outcome = "waiting";
  std::unique_ptr<PolicyExchange> exchange;
};

// What `return EXPRESSION` gives in auth.identify, as the message of a refusal.
inline std::string seen_by_policy(PolicyWorld& world, Asking& asking) {
  (void)world;
  const auto text = asking.identify();
  return text.starts_with("deny 499 ") ? text.substr(9) : text;
}

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pollux-policies-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path at(const std::string& name) const { return path / name; }
  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories(at(name).parent_path());
    std::ofstream(at(name), std::ios::binary) << text;
  }
  void save_by_rename(const std::string& name, std::string_view text) const {
    write(name + "~", text);
    std::filesystem::rename(at(name + "~"), at(name));
  }
  void remove(const std::string& name) const { std::filesystem::remove(at(name)); }

  std::filesystem::path path;
};

}  // namespace pollux
