// What the store does when the disk, the file or a neighbour does not do its part.
#include <SQLiteCpp/Database.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "catch.h"
#include "full_disk.h"
#include "store/store.h"
#include "store/stored_things.h"
#include "temporary_folder.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

// Another program that holds the database's lock.
class Neighbour {
 public:
  explicit Neighbour(const std::string& file) : database_(file, SQLite::OPEN_READWRITE) {
    database_.exec("BEGIN IMMEDIATE");
  }
  ~Neighbour() { database_.exec("ROLLBACK"); }

 private:
  SQLite::Database database_;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool becomes_well(const Store& store) {
  for (int i = 0; i < 200 && !store.health().empty(); ++i) std::this_thread::sleep_for(50ms);
  return store.health().empty();
}

std::string put_aside_in(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const auto name = entry.path().string();
    if (contains(name, "pollux.db.damaged-") && !name.ends_with("-wal")) return name;
  }
  return "";
}

// Runs the body in a child process without root's power over permissions; its answer is the exit code.
template <typename Body>
int as_nobody(Body body) {
  const auto child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void fill(const std::string& directory, int keys) {
  const auto store = opened(directory);
  for (int i = 0; i < keys; ++i) store->save_key(a_key("key-" + std::to_string(i)));
  store->save_client(a_client("client-1"));
}

}  // namespace

TEST_CASE("a second Pollux on the same folder is told who runs there") {
  const TemporaryFolder folder;
  const auto first = opened(folder.path("data"));

  const auto second = Store::open(folder.path("data"));

  REQUIRE_FALSE(second);
  CHECK(second.error().kind == Error::Kind::conflict);
  CHECK(contains(second.error().message, folder.path("data")));
  CHECK(contains(second.error().message,
                 "another Pollux runs on this folder (process " + std::to_string(::getpid())));
}

TEST_CASE("a data folder that is a file is an error that names it") {
  const TemporaryFolder folder;
  const auto file = folder.write("data", "");
  const auto store = Store::open(file);
  REQUIRE_FALSE(store);
  CHECK(contains(store.error().message, file));
}

TEST_CASE("a database of a newer Pollux is left alone") {
  const TemporaryFolder folder;
  fill(folder.path("data"), 1);
  SQLite::Database(folder.path("data/pollux.db"), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 999");

  const auto store = Store::open(folder.path("data"));

  REQUIRE_FALSE(store);
  CHECK(contains(store.error().message, "newer Pollux"));
  CHECK(contains(store.error().message, "pollux.db"));
  CHECK(put_aside_in(folder.path("data")).empty());
}

TEST_CASE("a file that is no database is put aside and a new one begun") {
  const TemporaryFolder folder;
  const std::string garbage(10'000, 'x');
  folder.write("data/pollux.db", garbage);

  const auto store = opened(folder.path("data"));

  CHECK(contains(store->health(), "damaged"));
  const auto aside = put_aside_in(folder.path("data"));
  REQUIRE_FALSE(aside.empty());
  CHECK(contains(store->health(), aside));
  CHECK(std::filesystem::file_size(aside) == garbage.size());
  CHECK(saved(*store, a_key("a")));
}

TEST_CASE("what a damaged database still tells is saved from it") {
  const TemporaryFolder folder;
  fill(folder.path("data"), 500);
  const auto file = folder.path("data/pollux.db");
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 4096 * 3 / 4 * 4096);

  std::size_t saved_keys = 0;
  {
    const auto store = opened(folder.path("data"));
    CHECK(contains(store->health(), "was damaged"));
    saved_keys = store->load_keys().size();
    CHECK(saved_keys > 0);
    CHECK(saved_keys < 500);
    CHECK(store->load_keys()[0].first.secret == "secret-of-key-0");
  }
  const auto again = opened(folder.path("data"));
  CHECK(again->health().empty());
  CHECK(again->load_keys().size() == saved_keys);
}

TEST_CASE("a full disk is reported, and what could not be written is written later") {
  const TemporaryFolder folder;
  auto store = opened(folder.path("data"));
  REQUIRE(saved(*store, a_key("before")));
  {
    const FullDisk full;
    const auto refused = saved(*store, a_key("during"));
    REQUIRE_FALSE(refused);
    CHECK(contains(refused.error().message, "database: "));
    CHECK(contains(refused.error().message, "written as soon as that is possible"));
    CHECK_FALSE(contains(refused.error().message, "secret"));
    store->save_key(a_key("removed-meanwhile"));
    store->remove_key("removed-meanwhile");
    Answer barrier;
    store->barrier(barrier.done());
    CHECK_FALSE(barrier.wait());
    CHECK(contains(store->health(), "2 changes wait"));
  }

  CHECK(becomes_well(*store));
  store.reset();
  const auto keys = opened(folder.path("data"))->load_keys();
  REQUIRE(keys.size() == 2);
  CHECK(keys[1].first.id == "during");
}

TEST_CASE("a disk that stays full does not hold up the end") {
  const TemporaryFolder folder;
  auto store = opened(folder.path("data"));
  REQUIRE(saved(*store, a_key("before")));
  {
    const FullDisk full;
    CHECK_FALSE(saved(*store, a_key("during")));
    const auto start = std::chrono::steady_clock::now();
    store.reset();
    CHECK(std::chrono::steady_clock::now() - start < 6s);
  }
  CHECK(opened(folder.path("data"))->load_keys().size() == 1);
}

TEST_CASE("a database that another program locks is written once it is free") {
  const TemporaryFolder folder;
  const auto store = opened(folder.path("data"));
  {
    const Neighbour neighbour(folder.path("data/pollux.db"));
    const auto refused = saved(*store, a_key("a"));
    REQUIRE_FALSE(refused);
    CHECK(contains(refused.error().message, "locked by another program"));
    CHECK(contains(store->health(), "locked by another program; 1 change waits"));
    CHECK(store->load_keys().empty());
  }
  CHECK(becomes_well(*store));
  CHECK(store->load_keys().size() == 1);
}

TEST_CASE("a folder that cannot be written still gives its keys, and says that nothing is kept") {
  const TemporaryFolder folder;
  fill(folder.path("data"), 3);
  std::filesystem::permissions(folder.path("data/pollux.db"), std::filesystem::perms(0444));
  std::filesystem::permissions(folder.path("data"), std::filesystem::perms(0555));
  std::filesystem::permissions(folder.path("."), std::filesystem::perms(0755));

  const auto outcome = as_nobody([&] {
    const auto store = Store::open(folder.path("data"));
    if (!store) return 1;
    if (!contains((*store)->health(), "nothing can be written")) return 2;
    if ((*store)->load_keys().size() != 3) return 3;
    std::promise<Result<void>> answer;
    (*store)->save_key(a_key("new"), [&](const Result<void>& result) { answer.set_value(result); });
    const auto result = answer.get_future().get();
    if (result || !contains(result.error().message, "lost when Pollux stops")) return 4;
    return 0;
  });

  std::filesystem::permissions(folder.path("data"), std::filesystem::perms(0755));
  CHECK(outcome == 0);
}

TEST_CASE("a folder that cannot be made is no reason not to serve") {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.path("."), std::filesystem::perms(0555));
  const auto outcome = as_nobody([&] {
    const auto store = Store::open(folder.path("data"));
    return store && (*store)->load_keys().empty() && !(*store)->health().empty() ? 0 : 1;
  });
  std::filesystem::permissions(folder.path("."), std::filesystem::perms(0755));
  CHECK(outcome == 0);
}
