#include "store/store.h"

#include <SQLiteCpp/Database.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "catch.h"
#include "store/stored_things.h"
#include "store/tables.h"
#include "temporary_folder.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

PoolState of_keys(std::vector<std::pair<std::string, KeyState>> keys) {
  return {.keys = std::move(keys), .quotas = {}, .forgotten_quotas = {}};
}

QuotaState a_quota(const std::string& project, const std::string& model, std::int64_t requests_today) {
  return {.project = project, .model = model, .day = 20261121, .requests_today = requests_today};
}

}  // namespace

TEST_CASE("a new store is empty and well") {
  const TemporaryFolder folder;
  const auto store = opened(folder.path("data"));
  CHECK(store->load_keys().empty());
  CHECK(store->load_clients().empty());
  CHECK_FALSE(store->load_value("secret"));
  CHECK(store->health().empty());
}

TEST_CASE("only the owner may read what is stored") {
  const TemporaryFolder folder;
  const auto data = folder.path("deep/data");
  const auto store = opened(data);
  REQUIRE(saved(*store, a_key("a")));
  CHECK(mode_of(data) == 0700);
  CHECK(mode_of(folder.path("deep")) == 0700);
  for (const char* file : {"/pollux.db", "/pollux.db-wal", "/pollux.db-shm", "/pollux.lock"}) {
    CHECK(mode_of(data + file) == 0600);
  }
}

TEST_CASE("a database that others could read is closed to them") {
  const TemporaryFolder folder;
  opened(folder.path("data"));
  ::chmod(folder.path("data/pollux.db").c_str(), 0644);
  const auto store = opened(folder.path("data"));
  CHECK(mode_of(folder.path("data/pollux.db")) == 0600);
}

TEST_CASE("a restart restores keys, clients and values") {
  const TemporaryFolder folder;
  auto disabled = a_key("b");
  disabled.profile.enabled = false;
  disabled.profile.disabled_reason = "API key not valid";
  disabled.profile.disabled_since = noon + 1s;
  disabled.profile.disabled_by_owner = true;
  {
    const auto store = opened(folder.path("data"));
    store->save_key(a_key("c"));
    store->save_key(disabled);
    store->save_key(a_key("gone"));
    store->save_client(a_client("client-1"));
    store->save_client(a_client("client-gone"));
    store->save_value("password", "old");
    store->save_value("password", "new");
    store->remove_key("gone");
    store->remove_client("client-gone");
  }

  const auto store = opened(folder.path("data"));

  const auto keys = store->load_keys();
  REQUIRE(keys.size() == 2);
  const auto& b = keys[keys[0].first.id == "b" ? 0 : 1].first;
  CHECK(b.secret == "secret-of-b");
  CHECK(b.added_at == noon);
  CHECK(b.profile.name == "name-of-b");
  CHECK(b.profile.project == "p1");
  CHECK(b.profile.tags == std::vector<std::string>{"paid", "two words"});
  CHECK(b.profile.weight == 2.5);
  CHECK_FALSE(b.profile.enabled);
  CHECK(b.profile.disabled_reason == "API key not valid");
  CHECK(b.profile.disabled_since == noon + 1s);
  CHECK(b.profile.disabled_by_owner);

  const auto clients = store->load_clients();
  REQUIRE(clients.size() == 1);
  CHECK(clients[0].id == "client-1");
  CHECK(clients[0].name == "laptop");
  CHECK(clients[0].token_hash == "0123");
  CHECK(clients[0].tags == std::vector<std::string>{"friend"});
  CHECK(clients[0].enabled);
  CHECK(clients[0].expires_at == noon + 1h);
  CHECK(clients[0].created_at == noon);
  CHECK_FALSE(clients[0].from_settings);
  CHECK(clients[0].token_hint == "x9Qk");
  CHECK(clients[0].models == std::vector<std::string>{"gemini-3.*", "gpt-4o"});
  CHECK(clients[0].quota == ClientQuota{5, std::nullopt, 5'000'000'000});

  CHECK(store->load_value("password") == "new");
}

TEST_CASE("usage of clients is gathered at the end and restored, and goes with its client") {
  const TemporaryFolder folder;
  const auto usage_of = [](const std::string& id) {
    return ClientUsageState{.client_id = id,
                            .day = 20261121,
                            .requests_today = 7,
                            .tokens_today = 5'000'000'000,
                            .minute = {{noon, 2, 0}, {noon + 250ms, 1, 0}},
                            .last_used = noon + 1s};
  };
  {
    const auto store = opened(folder.path("data"));
    store->gather_states([&] {
      PoolState state;
      state.clients = {usage_of("client-1"), usage_of("from-settings"), {.client_id = "idle"}};
      return state;
    });
  }
  {
    const auto store = opened(folder.path("data"));
    const auto usage = store->load_client_usage();
    REQUIRE(usage.size() == 3);
    CHECK(usage[0].client_id == "client-1");
    CHECK(usage[0].day == 20261121);
    CHECK(usage[0].requests_today == 7);
    CHECK(usage[0].tokens_today == 5'000'000'000);
    CHECK(usage[0].last_used == noon + 1s);
    REQUIRE(usage[0].minute.size() == 2);
    CHECK(usage[0].minute[1].at == noon + 250ms);
    CHECK(usage[0].minute[1].requests == 1);
    CHECK_FALSE(usage[2].last_used);
    store->remove_client("client-1");
  }

  CHECK(opened(folder.path("data"))->load_client_usage().size() == 2);
}

TEST_CASE("a state is gathered at the end and restored with all its numbers") {
  const TemporaryFolder folder;
  KeyState state{.cooldown_until = noon + 1h,
                 .rest_reason = "its answers say nothing",
                 .on_trial = true,
                 .failures_in_a_row = 2,
                 .last_used = noon,
                 .last_success = noon - 1s};
  state.models = {{.model = "gemini-3.5-flash",
                   .day = 20261121,
                   .requests_today = 7,
                   .successes = 5,
                   .failures = 2,
                   .tokens_today = {.input = 100, .cached = 60, .output = 20, .thoughts = 5'000'000'000}},
                  {.model = "", .day = 20261120, .requests_today = 1}};
  {
    const auto store = opened(folder.path("data"));
    REQUIRE(saved(*store, a_key("a")));
    store->gather_states([&] { return of_keys({{"a", state}, {"removed-meanwhile", {}}}); });
  }

  const auto keys = opened(folder.path("data"))->load_keys();

  REQUIRE(keys.size() == 1);
  const auto& read = keys[0].second;
  CHECK(read.cooldown_until == noon + 1h);
  CHECK(read.rest_reason == "its answers say nothing");
  CHECK(read.on_trial);
  CHECK(read.failures_in_a_row == 2);
  CHECK(read.last_used == noon);
  CHECK(read.last_success == noon - 1s);
  REQUIRE(read.models.size() == 2);
  CHECK(read.models[0].model.empty());
  CHECK(read.models[0].day == 20261120);
  CHECK(read.models[1].model == "gemini-3.5-flash");
  CHECK(read.models[1].requests_today == 7);
  CHECK(read.models[1].successes == 5);
  CHECK(read.models[1].failures == 2);
  CHECK(read.models[1].tokens_today == state.models[0].tokens_today);
}

TEST_CASE("a project's quota is restored with all its numbers") {
  const TemporaryFolder folder;
  auto quota = a_quota("my project", "gemini-3.5-flash", 7);
  quota.minute = {{noon - 59s, 1, 1200}, {noon - 58750ms, 3, 0}, {noon, 2, 5'000'000'000}};
  quota.cooldown_until = noon + 2h;
  quota.back_offs = 3;
  quota.learned = {.rpm = 0, .tpm = std::nullopt, .rpd = 20};
  {
    const auto store = opened(folder.path("data"));
    store->gather_states([&] {
      PoolState state;
      state.quotas = {quota, a_quota("key:3f9a2c", "gemini-3.5-flash", 1)};
      return state;
    });
  }

  const auto quotas = opened(folder.path("data"))->load_quotas();

  REQUIRE(quotas.size() == 2);
  CHECK(quotas[0].project == "key:3f9a2c");
  CHECK(quotas[0].minute.empty());
  CHECK_FALSE(quotas[0].cooldown_until);
  CHECK(quotas[0].learned == Limits{});
  const auto& read = quotas[1];
  CHECK(read.project == "my project");
  CHECK(read.model == "gemini-3.5-flash");
  CHECK(read.day == 20261121);
  CHECK(read.requests_today == 7);
  REQUIRE(read.minute.size() == 3);
  for (std::size_t at = 0; at < 3; ++at) {
    CHECK(read.minute[at].at == quota.minute[at].at);
    CHECK(read.minute[at].requests == quota.minute[at].requests);
    CHECK(read.minute[at].tokens == quota.minute[at].tokens);
  }
  CHECK(read.cooldown_until == noon + 2h);
  CHECK(read.back_offs == 3);
  CHECK(read.learned == quota.learned);
}

TEST_CASE("of a damaged minute as much is read as makes sense") {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder.path("data"));
    store->gather_states([] {
      PoolState state;
      state.quotas = {a_quota("p", "m", 1)};
      return state;
    });
  }
  SQLite::Database(folder.path("data/pollux.db"), SQLite::OPEN_READWRITE)
      .exec("UPDATE quotas SET minute = '1795262400000 1 5 250 2 6 9223372036854775807 1 1 x'");

  const auto quotas = opened(folder.path("data"))->load_quotas();

  REQUIRE(quotas.size() == 1);
  REQUIRE(quotas[0].minute.size() == 2);
  CHECK(quotas[0].minute[1].at == noon + 250ms);
  CHECK(quotas[0].minute[1].tokens == 6);
}

TEST_CASE("a quota that is forgotten is gone, unless its project came again") {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder.path("data"));
    store->gather_states([] {
      PoolState state;
      state.quotas = {a_quota("p", "a", 1), a_quota("p", "b", 1), a_quota("p", "c", 1)};
      return state;
    });
  }
  {
    const auto store = opened(folder.path("data"));
    store->gather_states([] {
      PoolState state;
      state.forgotten_quotas = {{"p", "a"}, {"p", "b"}, {"p", "never stored"}};
      state.quotas = {a_quota("p", "b", 2)};
      return state;
    });
  }

  const auto quotas = opened(folder.path("data"))->load_quotas();

  REQUIRE(quotas.size() == 2);
  CHECK(quotas[0].model == "b");
  CHECK(quotas[0].requests_today == 2);
  CHECK(quotas[1].model == "c");
}

TEST_CASE("a later state of the same quota replaces one that waits") {
  StateBatch batch;
  PoolState first, second;
  first.quotas = {a_quota("p", "a", 1), a_quota("p", "b", 1)};
  first.keys = {{"k", {.failures_in_a_row = 1}}};
  second.quotas = {a_quota("p", "a", 2), a_quota("p", "one too many", 1)};
  second.forgotten_quotas = {{"p", "b"}};
  second.keys = {{"k", {.failures_in_a_row = 2}}};

  batch.add(std::move(first), 2);
  batch.add(std::move(second), 2);

  REQUIRE(batch.size() == 3);
  CHECK(batch.keys.at("k").failures_in_a_row == 2);
  CHECK(batch.quotas.at({"p", "a"})->requests_today == 2);
  CHECK_FALSE(batch.quotas.at({"p", "b"}));
}

TEST_CASE("states are gathered again and again while the store is open") {
  const TemporaryFolder folder;
  const auto store = opened(folder.path("data"));
  REQUIRE(saved(*store, a_key("a")));
  std::atomic<int> times = 0;
  std::promise<void> twice;
  store->gather_states([&] {
    if (++times == 3) twice.set_value();
    store->states_changed();
    return of_keys({{"a", {.failures_in_a_row = times}}});
  });
  REQUIRE(twice.get_future().wait_for(20s) == std::future_status::ready);
  CHECK(store->load_keys()[0].second.failures_in_a_row >= 2);
}

TEST_CASE("nobody is asked for states while none has changed") {
  const TemporaryFolder folder;
  const auto store = opened(folder.path("data"));
  std::atomic<int> times = 0;
  const auto becomes = [&](int wanted) {
    for (int i = 0; i < 400 && times != wanted; ++i) std::this_thread::sleep_for(50ms);
    return times == wanted;
  };
  store->gather_states([&] {
    ++times;
    return PoolState();
  });
  REQUIRE(becomes(1));
  std::this_thread::sleep_for(1500ms);
  CHECK(times == 1);

  for (int i = 0; i < 100; ++i) store->states_changed();
  CHECK(becomes(2));
  REQUIRE(saved(*store, a_key("a")));
  std::this_thread::sleep_for(1500ms);
  CHECK(times == 2);
}

TEST_CASE("a changed profile keeps the key's place and its state") {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder.path("data"));
    REQUIRE(saved(*store, a_key("a")));
    REQUIRE(saved(*store, a_key("b")));
    store->gather_states([] { return of_keys({{"a", {.failures_in_a_row = 3}}}); });
  }
  {
    auto changed = a_key("a");
    changed.profile.name = "renamed";
    REQUIRE(saved(*opened(folder.path("data")), changed));
  }
  const auto keys = opened(folder.path("data"))->load_keys();
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].first.profile.name == "renamed");
  CHECK(keys[0].second.failures_in_a_row == 3);
}

TEST_CASE("a barrier is passed when all before it is on disk") {
  const TemporaryFolder folder;
  const auto store = opened(folder.path("data"));
  for (int i = 0; i < 200; ++i) store->save_key(a_key("key-" + std::to_string(i)));
  Answer answer;
  store->barrier(answer.done());
  REQUIRE(answer.wait());
  CHECK(store->load_keys().size() == 200);

  Answer nothing_before_it;
  store->barrier(nothing_before_it.done());
  CHECK(nothing_before_it.wait());
}

TEST_CASE("threads may save at the same time, and each is answered") {
  const TemporaryFolder folder;
  std::atomic<int> answered = 0;
  {
    const auto store = opened(folder.path("data"));
    store->gather_states([] { return of_keys({{"0-0", {.failures_in_a_row = 1}}}); });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          store->save_key(a_key(std::to_string(t) + "-" + std::to_string(i)),
                          [&](const Result<void>& result) { answered += result.has_value(); });
          (void)store->health();
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  CHECK(answered == 200);
  CHECK(opened(folder.path("data"))->load_keys().size() == 200);
}
