// A process that is killed loses nothing that was confirmed.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "catch.h"
#include "store/store.h"
#include "store/stored_things.h"
#include "temporary_folder.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

[[noreturn]] void save_keys(Store& store, int confirmations) {
  for (int i = 0;; ++i) {
    std::promise<bool> written;
    store.save_key(a_key("key-" + std::to_string(i)),
                   [&](const Result<void>& result) { written.set_value(result.has_value()); });
    if (!written.get_future().get()) ::_exit(2);
    const char one = '+';
    if (::write(confirmations, &one, 1) != 1) ::_exit(3);
  }
}

// Counts up whenever it is asked for states: what it told the last time is then written.
[[noreturn]] void count(Store& store, int confirmations) {
  store.save_key(a_key("a"));
  int asked = 0;
  store.gather_states([&] {
    const char one = '+';
    if (++asked > 1 && ::write(confirmations, &one, 1) != 1) ::_exit(3);
    store.states_changed();
    PoolState state;
    state.keys = {{"a", {.failures_in_a_row = asked}}};
    state.quotas = {{.project = "p", .model = "m", .day = 20261121, .requests_today = asked}};
    return state;
  });
  for (;;) ::pause();
}

// A child that works for ever, telling on its pipe of each thing that was confirmed.
struct Writer {
  pid_t process = -1;
  int confirmed = -1;  // To be read.

  explicit Writer(const std::string& directory, void (*work)(Store&, int) = save_keys) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    process = ::fork();
    if (process == 0) {
      auto store = Store::open(directory);
      if (!store) ::_exit(1);
      work(**store, ends[1]);
    }
    ::close(ends[1]);
    confirmed = ends[0];
  }
  ~Writer() { ::close(confirmed); }

  void await(std::size_t count) const {
    char one = 0;
    for (std::size_t i = 0; i < count; ++i) REQUIRE(::read(confirmed, &one, 1) == 1);
  }

  // Kills it in the middle of its work; returns how many more were confirmed until then.
  std::size_t kill() const {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    std::size_t count = 0;
    for (char one = 0; ::read(confirmed, &one, 1) == 1;) ++count;
    return count;
  }
};

}  // namespace

TEST_CASE("after a kill -9 everything that was confirmed is there, and the file is whole") {
  const TemporaryFolder folder;
  std::size_t confirmed = 0;
  {
    const Writer writer(folder.path("data"));
    writer.await(50);
    confirmed = 50 + writer.kill();
  }

  const auto store = opened(folder.path("data"));

  CHECK(store->health().empty());
  CHECK(store->load_keys().size() >= confirmed);
  CHECK(store->load_keys().size() <= confirmed + 1);
}

TEST_CASE("after a kill -9 the states of all but the last second are there, keys and quotas of one moment") {
  const TemporaryFolder folder;
  std::size_t confirmed = 0;
  {
    const Writer writer(folder.path("data"), count);
    writer.await(2);
    confirmed = 2 + writer.kill();
  }

  const auto store = opened(folder.path("data"));

  const auto keys = store->load_keys();
  const auto quotas = store->load_quotas();
  REQUIRE(keys.size() == 1);
  REQUIRE(quotas.size() == 1);
  CHECK(keys[0].second.failures_in_a_row >= static_cast<int>(confirmed));
  CHECK(quotas[0].requests_today == keys[0].second.failures_in_a_row);
}

TEST_CASE("the lock of a killed process is free") {
  const TemporaryFolder folder;
  {
    const Writer writer(folder.path("data"));
    writer.await(1);
    CHECK_FALSE(Store::open(folder.path("data")));
    writer.kill();
  }
  CHECK(Store::open(folder.path("data")));
}
