#include "store/store.h"

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <future>
#include <iostream>
#include <thread>
#include <vector>

#include "app/temporary_folder.h"
#include "catch.h"
#include "store/stored_things.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

using States = std::vector<std::pair<std::string, KeyState>>;

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

  CHECK(store->load_value("password") == "new");
}

TEST_CASE("a state is gathered at the end and restored with all its numbers") {
  const TemporaryFolder folder;
  KeyState state{
      .cooldown_until = noon + 1h, .failures_in_a_row = 2, .last_used = noon, .last_success = noon - 1s};
  state.models = {{.model = "gemini-3.5-flash",
                   .day = 20261121,
                   .requests_today = 7,
                   .successes = 5,
                   .failures = 2,
                   .cooldown_until = noon + 2h},
                  {.model = "", .day = 20261120, .requests_today = 1}};
  {
    const auto store = opened(folder.path("data"));
    REQUIRE(saved(*store, a_key("a")));
    store->gather_states([&]() -> States { return {{"a", state}, {"removed-meanwhile", {}}}; });
  }

  const auto keys = opened(folder.path("data"))->load_keys();

  REQUIRE(keys.size() == 1);
  const auto& read = keys[0].second;
  CHECK(read.cooldown_until == noon + 1h);
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
  CHECK(read.models[1].cooldown_until == noon + 2h);
}

TEST_CASE("states are gathered again and again while the store is open") {
  const TemporaryFolder folder;
  const auto store = opened(folder.path("data"));
  REQUIRE(saved(*store, a_key("a")));
  std::atomic<int> times = 0;
  std::promise<void> twice;
  store->gather_states([&]() -> States {
    if (++times == 3) twice.set_value();
    return {{"a", {.failures_in_a_row = times}}};
  });
  REQUIRE(twice.get_future().wait_for(20s) == std::future_status::ready);
  CHECK(store->load_keys()[0].second.failures_in_a_row >= 2);
}

TEST_CASE("a changed profile keeps the key's place and its state") {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder.path("data"));
    REQUIRE(saved(*store, a_key("a")));
    REQUIRE(saved(*store, a_key("b")));
    store->gather_states([]() -> States { return {{"a", {.failures_in_a_row = 3}}}; });
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
    store->gather_states([] { return States{{"0-0", {.failures_in_a_row = 1}}}; });
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

TEST_CASE("ten thousand keys are loaded at start") {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder.path("data"));
    States states;
    for (int i = 0; i < 10'000; ++i) {
      const auto id = std::to_string(i);
      store->save_key(a_key(id));
      states.emplace_back(id, KeyState{.models = {{.model = "gemini-3.5-flash", .requests_today = i}}});
    }
    store->gather_states([states] { return states; });
  }
  const auto start = std::chrono::steady_clock::now();
  const auto store = opened(folder.path("data"));
  const auto keys = store->load_keys();
  const auto time = std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start);
  CHECK(keys.size() == 10'000);
  std::cout << "10,000 keys opened and loaded in " << time.count() << " ms\n";
}
