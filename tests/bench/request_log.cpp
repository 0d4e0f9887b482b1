// What the request log costs with a million rows: build/tests/bench/request_log [ROWS [FOLDER]]
//
// Two weeks of an installation with 30 keys, 20 clients and 12 models: 2 % of the exchanges fail, 3 % were
// retried, and a few are rare enough to be hard to find. The file stays where a folder is named, and is used
// again.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "store/request_file.h"

using namespace pollux;
using std::chrono::steady_clock;

namespace {

constexpr int keys = 30, clients = 20, models = 12;
const WallTime end = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21));
constexpr std::chrono::hours span{14 * 24};

// Numbers that scatter, the same in every run.
std::uint64_t scattered(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
  return number ^ (number >> 31);
}

AttemptRecord attempt(std::uint64_t key, int status) {
  const auto number = std::to_string(key % keys);
  const bool well = status < 400;
  return {"3f9a2c41d0" + number,
          "key-" + number,
          "AIza…x9" + number,
          status,
          well ? "" : "http",
          well ? "" : "Resource has been exhausted (e.g. check quota).",
          std::chrono::microseconds(300),
          std::chrono::milliseconds(900)};
}

ExchangeRecord exchange(std::uint64_t number, std::uint64_t of) {
  const auto random = scattered(number + 1);
  const auto model = "gemini-3." + std::to_string(random % models) + "-flash";
  const auto client = number % 40'000 == 7 ? std::string("rare") : std::to_string((random >> 8) % clients);
  const bool failed = random % 50 == 0, retried = random % 33 == 0;
  ExchangeRecord record;
  record.began = end - span + std::chrono::duration_cast<Milliseconds>(span) * number / of;
  record.id = first_id_of(record.began) + static_cast<std::int64_t>(number % 1000);
  record.client_id = "client-" + client;
  record.client_name = "tool " + client;
  record.remote_address = "192.168.1." + client;
  record.dialect = "gemini";
  record.streamed = (random >> 40) % 2 == 0;
  record.endpoint = record.streamed ? "stream" : "generate";
  record.method = "POST";
  record.path = "/v1beta/models/" + model + (record.streamed ? ":streamGenerateContent" : ":generateContent");
  record.model = record.upstream_model = model;
  record.status = !failed ? 200 : number % 50'000 < 50 ? 418 : random % 4 == 0 ? 503 : 429;
  record.outcome = failed ? "failed" : "answered";
  if (retried) record.attempts.push_back(attempt(random >> 24, 429));
  record.attempts.push_back(attempt(random >> 16, record.status));
  const auto& last = record.attempts.back();
  record.key_id = last.key_id, record.key_name = last.key_name, record.masked_key = last.masked_key;
  if (failed) {
    record.reason = "status " + std::to_string(record.status);
    record.error = "Quota exceeded, please retry in " + std::to_string(random % 100'000) + " ms";
  }
  record.duration = last.began + last.duration;
  record.first_byte = std::chrono::milliseconds(200 + random % 700);
  record.tokens = {
      {static_cast<std::int64_t>(random % 5'000), 0, static_cast<std::int64_t>(random % 700), 0}};
  record.request_bytes = random % 20'000, record.answer_bytes = random % 3'000;
  return record;
}

// Of the processor, the system's part included: others may be busy beside this.
double cpu_milliseconds_of(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  };
  const auto began = now();
  work();
  return now() - began;
}

double milliseconds_of(const std::function<void()>& work) {
  const auto began = steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
}

void fill(RequestFile& file, std::uint64_t rows) {
  constexpr std::uint64_t batch_rows = 1'000;
  TrafficHistory history;
  std::vector<ExchangeRecord> batch;
  for (std::uint64_t number = 0; number < rows; ++number) {
    batch.push_back(exchange(number, rows));
    if (batch.size() < batch_rows && number + 1 < rows) continue;
    for (const auto& record : batch) history.add(record);
    file.write(batch, history);
    history.written();
    batch.clear();
  }
}

// Seconds with so many exchanges each, behind all that is there.
void insert(RequestFile& file, std::size_t rows, int seconds) {
  TrafficHistory history;
  double spent = 0;
  for (int second = 0; second < seconds; ++second) {
    std::vector<ExchangeRecord> batch;
    for (std::uint64_t number = 0; number < rows; ++number) {
      auto& record = batch.emplace_back(
          exchange(scattered(number + 1'000'000U * static_cast<unsigned>(second)) >> 8, 1));
      record.began = end + std::chrono::seconds(second) + std::chrono::hours(rows);
      record.id = first_id_of(record.began) + static_cast<std::int64_t>(number * 1'000'000 / rows);
    }
    spent += cpu_milliseconds_of([&] {
      for (const auto& record : batch) history.add(record);
      file.write(batch, history);
      history.written();
    });
  }
  std::printf("insert, in batches of %-22zu %10.1f us of CPU a row\n", rows,
              spent * 1000 / static_cast<double>(rows) / seconds);
}

struct Look {
  const char* name;
  std::function<void(RequestFilter&)> set;
};

// The slowest and the middle of several first pages, and all pages to the end of what is found, at most 100.
void look(RequestFile& file, const Look& look, std::int64_t before) {
  constexpr int times = 9, most_pages = 100;
  RequestQuery query;
  look.set(query.filter);
  query.before = before;
  std::vector<double> took;
  RequestPage page;
  for (int i = 0; i < times; ++i) took.push_back(milliseconds_of([&] { page = file.find(query); }));
  std::ranges::sort(took);
  const auto first_found = page.requests.size();
  double slowest = took.back();
  std::size_t found = first_found;
  int pages = 1;
  for (; page.next && pages < most_pages; ++pages, found += page.requests.size()) {
    query.before = *page.next;
    slowest = std::max(slowest, milliseconds_of([&] { page = file.find(query); }));
  }
  std::printf("%-44s %10.1f %10.1f %6zu %8d %8zu%s\n", look.name, took[times / 2], slowest, first_found,
              pages, found, page.next ? " ..." : "");
}

void look_all(RequestFile& file, std::int64_t before) {
  std::printf("\n%-44s %10s %10s %6s %8s %8s\n", "pages of 50, ms", "median", "slowest", "found", "pages",
              "in all");
  const Look looks[] = {
      {"no filter", [](RequestFilter&) {}},
      {"key", [](RequestFilter& filter) { filter.key = "key-7"; }},
      {"client", [](RequestFilter& filter) { filter.client = "tool 3"; }},
      {"client, rare", [](RequestFilter& filter) { filter.client = "tool rare"; }},
      {"model", [](RequestFilter& filter) { filter.model = "gemini-3.5-flash"; }},
      {"model with *", [](RequestFilter& filter) { filter.model = "*3.1*"; }},
      {"error", [](RequestFilter& filter) { filter.ending = RequestFilter::Ending::error; }},
      {"status 503",
       [](RequestFilter& filter) {
         filter.ending = RequestFilter::Ending::status;
         filter.least_status = filter.most_status = 503;
       }},
      {"status 418, rare",
       [](RequestFilter& filter) {
         filter.ending = RequestFilter::Ending::status;
         filter.least_status = filter.most_status = 418;
       }},
      {"key and client and model",
       [](RequestFilter& filter) {
         filter.key = "key-7", filter.client = "tool 3", filter.model = "gemini-3.5-flash";
       }},
      {"client and key that hardly met",
       [](RequestFilter& filter) { filter.client = "tool rare", filter.key = "key-29"; }},
      {"q in a name", [](RequestFilter& filter) { filter.words = {"3.5-flash:stream"}; }},
      {"q in an error", [](RequestFilter& filter) { filter.words = {"4711 ms"}; }},
      {"q, not found", [](RequestFilter& filter) { filter.words = {"nowhere to be found"}; }},
      {"since one day ago, an hour long",
       [](RequestFilter& filter) {
         filter.since = end - std::chrono::hours(24), filter.until = end - std::chrono::hours(23);
       }},
  };
  for (const auto& one : looks) look(file, one, before);
}

void export_all(RequestFile& file) {
  RequestQuery query;
  query.limit = 500;
  std::size_t rows = 0;
  double slowest = 0;
  const double all = milliseconds_of([&] {
    for (bool more = true; more;) {
      RequestPage page;
      slowest = std::max(slowest, milliseconds_of([&] { page = file.find(query); }));
      rows += page.requests.size();
      more = page.next.has_value();
      query.before = page.next.value_or(0);
    }
  });
  std::printf("\n%-44s %10.0f rows a second; slowest slice of 500 rows %.1f ms\n", "export, read",
              static_cast<double>(rows) / all * 1000, slowest);
}

void throw_away(RequestFile& file) {
  KeptRequests kept;
  kept.rows = file.rows() - 100'000;
  kept.bytes = std::int64_t{1} << 40;
  double slowest = 0;
  bool more = true;
  const auto before = file.rows();
  const double all = milliseconds_of([&] {
    while (more && file.rows() > kept.rows)
      slowest = std::max(slowest, milliseconds_of([&] { more = file.tidy(kept, std::nullopt); }));
  });
  std::printf("%-44s %10.1f us a row; slowest step %.1f ms\n", "pruning, the oldest rows",
              all * 1000 / static_cast<double>(before - file.rows()), slowest);
  RequestQuery query;
  query.filter.client = "tool 5";
  query.limit = 200;
  slowest = 0;
  std::size_t removed = 0;
  const double removal = milliseconds_of([&] {
    for (bool going = true; going;) {
      RemovedRequests step;
      slowest = std::max(slowest, milliseconds_of([&] { step = file.remove(query); }));
      removed += step.count;
      going = step.next.has_value();
      query.before = step.next.value_or(0);
    }
  });
  std::printf("%-44s %10.1f us a row; slowest step %.1f ms\n", "deletion, of one client's rows",
              removal * 1000 / static_cast<double>(std::max<std::size_t>(removed, 1)), slowest);
}

}  // namespace

int main(int count, char** words) {
  const auto rows = count > 1 ? std::strtoull(words[1], nullptr, 10) : 1'000'000;
  const bool keep = count > 2;
  const std::filesystem::path folder =
      keep ? words[2]
           : std::filesystem::temp_directory_path() / ("pollux-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  auto opened = RequestFile::open(folder.string(), false);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  auto& file = *opened->file;
  if (file.rows() == 0) fill(file, rows);
  std::printf("%-44s %10.0f bytes a row, %.0f MiB\n", "size",
              static_cast<double>(file.bytes()) / static_cast<double>(file.rows()),
              static_cast<double>(file.bytes()) / (1 << 20));
  look_all(file, RequestQuery{}.before);
  std::printf("\nbehind 900,000 newer rows:");
  look_all(file, first_id_of(end - span / 10 * 9));
  std::printf("\n%-44s %10.1f ms\n", "stats of a day",
              milliseconds_of([&] { (void)file.stats(std::chrono::hours(24), end); }));
  std::printf("%-44s %10.1f ms\n", "stats of 30 days",
              milliseconds_of([&] { (void)file.stats(std::chrono::hours(30 * 24), end); }));
  export_all(file);
  if (!keep) {
    for (const std::size_t batch : {1, 10, 100, 1'000}) insert(file, batch, 100);
    throw_away(file);
  }
  opened->file.reset();
  if (!keep) std::filesystem::remove_all(folder);
}
