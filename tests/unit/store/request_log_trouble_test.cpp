// What the request log does when it grows too large, and when the disk or the clock do not do their part.
#include <SQLiteCpp/Database.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "full_disk.h"
#include "store/logged_requests.h"
#include "store/schema.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t rows_in(Desk& desk) {
  RequestQuery query;
  query.limit = 1'000;
  std::size_t rows = 0;
  for (bool more = true; more;) {
    const auto page = desk.find(query);
    rows += page.requests.size();
    more = page.next.has_value();
    query.before = page.next.value_or(0);
  }
  return rows;
}

}  // namespace

TEST_CASE("beyond so many rows the oldest go") {
  Desk desk({.rows = 100});
  std::int64_t last = 0;
  for (int i = 0; i < 900; ++i) last = desk.add(a_request(i));
  CHECK(desk.becomes_true([&] { return rows_in(desk) == 100; }));
  CHECK(desk.find().requests.front().id == last);
}

TEST_CASE("beyond so many bytes the oldest go, and the file shrinks") {
  Desk desk;
  auto large = a_request(0, "laptop", "work", 500);
  for (int i = 0; i < 12'000; ++i) {
    auto record = a_request(i, "laptop", "work", 500);
    record.error = std::string(480, static_cast<char>('a' + i % 26));
    desk.add(std::move(record));
    if (i % 4'000 == 3'999) (void)desk.find();
  }
  const auto file = desk.folder.path("requests.db");
  desk.close();
  const auto before = std::filesystem::file_size(file);
  REQUIRE(before > 4U << 20);
  desk.open();

  desk.log().configure({.bytes = 1 << 20});

  CHECK(desk.becomes_true([&] {
    (void)desk.find();
    return SQLite::Database(file).execAndGet("PRAGMA page_count").getInt64() * 4096 <= 1 << 20;
  }));
  CHECK(rows_in(desk) > 500);
  desk.close();
  CHECK(std::filesystem::file_size(file) <= 1U << 20);
}

TEST_CASE("what is older than so many days goes, names included") {
  Desk desk({.days = 2});
  desk.add(a_request(0, "old"));
  desk.clock.advance(72h);
  const auto young = desk.add(a_request(72 * 3'600'000, "young"));
  CHECK(desk.becomes_true([&] { return rows_in(desk) == 1; }));
  CHECK(ids_of(desk.find()) == std::vector<std::int64_t>{young});
  desk.close();
  SQLite::Database database(desk.folder.path("requests.db"));
  CHECK(database.execAndGet("SELECT group_concat(name) FROM clients").getString() == "young");
}

TEST_CASE("a clock that is set wrongly, and right again, costs no row") {
  Desk desk({.days = 2});
  desk.add(a_request(0));
  REQUIRE(rows_in(desk) == 1);
  desk.clock.advance(1h);
  desk.clock.set_wall(noon + 365 * 24h);
  desk.add(a_request(1));
  (void)rows_in(desk);
  std::this_thread::sleep_for(200ms);
  desk.clock.advance(5min);
  CHECK(rows_in(desk) == 2);
  desk.clock.set_wall(noon + 1h);
  CHECK(rows_in(desk) == 2);
}

TEST_CASE("a limit of nothing keeps nothing but the charts' numbers") {
  Desk desk;
  desk.add(a_request(0));
  REQUIRE(rows_in(desk) == 1);
  desk.log().configure({.days = 0, .bodies = KeptBodies::all});
  CHECK(desk.log().wanted_body_bytes() == 0);
  desk.add(a_request(1));
  CHECK(desk.becomes_true([&] { return rows_in(desk) == 0; }));
  CHECK(desk.stats(60min, noon).models["gemini-3.5-flash"].requests == 2);
}

TEST_CASE("a log that is no database is put aside and begun anew") {
  Desk desk;
  desk.close();
  desk.folder.write("requests.db", std::string(10'000, 'x'));
  desk.open();
  const auto id = desk.add(a_request(1));
  CHECK(ids_of(desk.find()) == std::vector<std::int64_t>{id});
  CHECK(desk.log().health().empty());
  CHECK(std::filesystem::file_size(desk.folder.path("requests.db.damaged")) == 10'000);
  CHECK((std::filesystem::status(desk.folder.path("requests.db")).permissions() &
         std::filesystem::perms(0077)) == std::filesystem::perms::none);
}

TEST_CASE("a log that turns out to be damaged is begun anew while it runs") {
  Desk desk;
  for (int i = 0; i < 3'000; ++i) desk.add(a_request(i));
  (void)desk.find();
  desk.close();
  const auto file = desk.folder.path("requests.db");
  {
    std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
    const auto pages = std::filesystem::file_size(file) / 4096;
    for (std::size_t page = 2; page < pages; ++page) {
      damage.seekp(static_cast<std::streamoff>(page * 4096));
      damage << std::string(200, '\x77');
    }
  }
  desk.open();

  CHECK(desk.becomes_true([&] {
    desk.add(a_request(5'000));
    return desk.try_find() && std::filesystem::exists(file + ".damaged");
  }));
  const auto page = desk.try_find();
  REQUIRE(page);
  CHECK(page->requests.size() >= 1);
}

TEST_CASE("a log of a newer Pollux is put aside") {
  Desk desk;
  (void)desk.find();
  desk.close();
  SQLite::Database(desk.folder.path("requests.db"), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 999");
  desk.open();
  desk.add(a_request(1));
  CHECK(desk.find().requests.size() == 1);
  CHECK(std::filesystem::exists(desk.folder.path("requests.db.damaged")));
}

TEST_CASE("a full disk costs requests, which are counted, and nothing else") {
  Desk desk;
  desk.add(a_request(1));
  REQUIRE(rows_in(desk) == 1);
  {
    const FullDisk full;
    for (int i = 0; i < 20; ++i) desk.add(a_request(10 + i));
    (void)desk.try_find();
    CHECK(desk.becomes_true([&] { return desk.log().counts().dropped == 20; }));
    CHECK(contains(desk.log().health(), "20 requests were not recorded"));
  }
  CHECK(desk.becomes_true([&] {
    desk.add(a_request(100));
    (void)desk.try_find();
    return desk.log().health().empty();
  }));
  CHECK(desk.find().requests.size() >= 2);
  CHECK(desk.log().counts().written >= 2);
  // What was counted for the charts meanwhile waited in memory.
  CHECK(desk.stats(60min, noon).models["gemini-3.5-flash"].requests >= 22);
}

TEST_CASE("a folder that is not there costs requests only") {
  Desk desk;
  desk.close();
  const ManualClock clock(noon);
  RequestLog log(desk.folder.path("nowhere"), clock, {});
  auto record = a_request(1);
  log.add(record);
  CHECK(desk.becomes_true([&] { return log.counts().dropped == 1; }));
  CHECK(contains(log.health(), "1 request was not recorded"));
}

TEST_CASE("more than memory takes is dropped and counted") {
  Desk desk({.bodies = KeptBodies::all, .body_bytes = 1 << 20});
  const auto bodies =
      std::make_shared<const ExchangeBodies>(ExchangeBodies{std::string(1 << 20, 'x'), "", false, false});
  for (int i = 0; i < 50; ++i) {
    auto record = a_request(i);
    record.bodies = bodies;
    desk.add(std::move(record));
  }
  const auto found = rows_in(desk);
  CHECK(found >= 7);
  CHECK(desk.log().counts().dropped == 50 - found);
  CHECK(desk.log().counts().waiting_bytes == 0);
}

TEST_CASE("after a kill at most the last second is missing") {
  const TemporaryFolder folder;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const auto child = ::fork();
  if (child == 0) {
    const ManualClock clock(noon);
    RequestLog log(folder.path("."), clock, {});
    for (int i = 0; i < 500; ++i) {
      auto record = a_request(i);
      record.id = log.make_id(record);
      log.add(std::move(record));
    }
    while (log.counts().written < 500) std::this_thread::sleep_for(10ms);
    if (::write(ends[1], "+", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char told = 0;
  REQUIRE(::read(ends[0], &told, 1) == 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  SQLite::Database database(folder.path("requests.db"));
  CHECK(database.execAndGet("SELECT count(*) FROM requests").getInt() == 500);
}

TEST_CASE("what comes once there is room on the disk again is written") {
  const TemporaryFolder folder;
  auto opened = std::make_unique<SQLite::Database>(folder.path("requests.db"),
                                                   SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  auto& database = *opened;
  REQUIRE(migrate(database, request_schema_steps()));
  RequestFile file(std::move(opened));
  auto record = a_request(1);
  record.id = 1;
  record.bodies = std::make_shared<const ExchangeBodies>(ExchangeBodies{std::string(100'000, 'x'), "y"});
  database.exec("PRAGMA max_page_count = 1");
  REQUIRE_THROWS_AS(file.write({&record, 1}, {}), SQLite::Exception);
  file.rest();

  database.exec("PRAGMA max_page_count = 10000");
  CHECK_NOTHROW(file.write({&record, 1}, {}));

  CHECK(file.get(1));
}
