// POST /admin/keys/batch: one action for many keys.

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <unordered_set>
#include <utility>

#include "admin/admin_call.h"
#include "admin/key_checks.h"
#include "admin/key_properties.h"
#include "admin/many_keys.h"
#include "base/log.h"

namespace pollux {
namespace {

enum class Action { enable, disable, remove, reset, check, tag, untag, set };

struct ActionName {
  std::string_view name;
  Action action;
};
constexpr std::array actions{
    ActionName{"enable", Action::enable}, ActionName{"disable", Action::disable},
    ActionName{"delete", Action::remove}, ActionName{"reset", Action::reset},
    ActionName{"check", Action::check},   ActionName{"tag", Action::tag},
    ActionName{"untag", Action::untag},   ActionName{"set", Action::set},
};

struct Batch {
  Admin& admin;
  std::string_view name;  // Of the action; a literal.
  Action action = Action::enable;
  std::vector<std::string> ids;  // Each once.
  KeyPool::Patch patch;

  std::size_t done = 0;
  Json missing = Json::array(), refused = Json::array();
  std::vector<KeyRef> to_check;

  std::size_t steps() const;
  void take(std::size_t step);
  void remove(std::size_t from);
  void take(const std::string& id);
  void change(const std::string& id);
  AdminAnswer answer();
};

// More take a worker's loop too long to read.
constexpr std::size_t most_ids = 20'000;

// Removing is cheap for many at a time; the rest is done key by key.
constexpr std::size_t removed_at_once = 64;

std::size_t Batch::steps() const {
  const auto in_step = action == Action::remove ? removed_at_once : 1;
  return (ids.size() + in_step - 1) / in_step;
}

void Batch::take(std::size_t step) {
  action == Action::remove ? remove(step * removed_at_once) : take(ids[step]);
}

void Batch::remove(std::size_t from) {
  const auto some = std::span(ids).subspan(from, std::min(removed_at_once, ids.size() - from));
  const auto not_there = admin.pool.remove_all(some);
  done += some.size() - not_there.size();
  for (const auto& id : not_there) missing.push_back(id);
}

void Batch::change(const std::string& id) {
  const auto changed = admin.pool.change(id, patch);
  if (changed) {
    ++done;
  } else if (changed.error().kind == Error::Kind::not_found) {
    missing.push_back(id);
  } else {
    refused.push_back({{"id", id}, {"reason", changed.error().message}});
  }
}

void Batch::take(const std::string& id) {
  auto& pool = admin.pool;
  if (action == Action::reset) {
    pool.reset(id) ? void(++done) : missing.push_back(id);
  } else if (action == Action::check) {
    auto key = pool.find(id);
    key && key->id() == id ? to_check.push_back(std::move(key)) : missing.push_back(id);
  } else {
    change(id);
  }
}

AdminAnswer Batch::answer() {
  if (action == Action::check) {
    const auto started = to_check.size();
    admin.key_checks.add(std::move(to_check));
    return {202, {{"action", name}, {"started", started}, {"missing", std::move(missing)}}};
  }
  log_info("keys changed together", {{"action", name}, {"count", done}});
  return {
      200,
      {{"action", name}, {"done", done}, {"missing", std::move(missing)}, {"refused", std::move(refused)}},
      true};
}

std::optional<AdminAnswer> read_ids(const Json& body, std::vector<std::string>& ids) {
  const auto given = body.find("ids");
  bool good = given != body.end() && given->is_array() && !given->empty();
  if (good && given->size() > most_ids)
    return admin_error(400, "at most " + std::to_string(most_ids) + " at once", "ids");
  std::unordered_set<std::string_view> seen;
  for (const auto& id : good ? *given : Json::array()) {
    good = good && id.is_string();
    if (good && seen.insert(id.get_ref<const std::string&>()).second) ids.push_back(id.get<std::string>());
  }
  if (!good) return admin_error(400, "expected a list of the keys' ids", "ids");
  return std::nullopt;
}

std::optional<AdminAnswer> read_action(const Json& body, Batch& batch) {
  const auto given = body.find("action");
  const auto* const found =
      given == body.end() || !given->is_string()
          ? actions.end()
          : std::ranges::find(actions, given->get_ref<const std::string&>(), &ActionName::name);
  if (found == actions.end())
    return admin_error(400, "expected enable, disable, delete, reset, check, tag, untag or set", "action");
  batch.name = found->name, batch.action = found->action;
  return std::nullopt;
}

// What an action takes besides.
std::optional<AdminAnswer> read_facts(const Json& body, Batch& batch) {
  auto& patch = batch.patch;
  const auto read = [&](std::initializer_list<std::string_view> allowed) {
    return read_key_properties(body, allowed, patch);
  };
  std::optional<AdminAnswer> problem;
  switch (batch.action) {
    case Action::disable:
      problem = read({"ids", "action", "reason"});
      patch.enabled = false;
      break;
    case Action::tag:
    case Action::untag:
      problem = read({"ids", "action", "tags"});
      if (!problem && (!patch.tags || patch.tags->empty()))
        problem = admin_error(400, "expected a list of tags", "tags");
      break;
    case Action::set:
      problem = read({"ids", "action", "project_id", "weight"});
      if (!problem && !patch.project && !patch.weight)
        problem = admin_error(400, "expected project_id, weight or both", "project_id");
      break;
    default:
      problem = read({"ids", "action"});
      if (batch.action == Action::enable) patch.enabled = true;
  }
  return problem;
}

// What is wrong for every key is told at once.
std::optional<AdminAnswer> check_facts(const KeyPool::Patch& patch) {
  const GivenKey any{.secret = "any-key",
                     .name = {},
                     .project = patch.project.value_or(""),
                     .tags = patch.tags.value_or(std::vector<std::string>{}),
                     .weight = patch.weight.value_or(1)};
  if (const auto fine = check_given_key(any); !fine) return refused_by_pool(fine.error());
  return std::nullopt;
}

}  // namespace

AdminAnswer answer_key_batch(const AdminCall& call) {
  if (call.method != "POST") return only_offered({"POST"});
  if (!call.body.is_object()) return admin_error(400, "expected {\"ids\": [...], \"action\": ...}", "ids");
  const auto batch = std::make_shared<Batch>(Batch{.admin = call.admin});
  for (const auto& problem :
       {read_ids(call.body, batch->ids), read_action(call.body, *batch), read_facts(call.body, *batch)}) {
    if (problem) return *problem;
  }
  if (auto problem = check_facts(batch->patch)) return *problem;
  auto& patch = batch->patch;
  if (batch->action == Action::tag) patch.add_tags = *std::exchange(patch.tags, std::nullopt);
  if (batch->action == Action::untag) patch.remove_tags = *std::exchange(patch.tags, std::nullopt);
  return answer_in_turns(call.admin.loop, {.count = batch->steps(),
                                           .each = [batch](std::size_t step) { batch->take(step); },
                                           .answer = [batch] { return batch->answer(); }});
}

}  // namespace pollux
