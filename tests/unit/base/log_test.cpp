#include "base/log.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

#include "base/log_format.h"
#include "catch.h"
#include "temporary_folder.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1795262400123ms};  // 2026-11-21 12:00 UTC

std::string text_line(std::string_view message, std::vector<LogField> fields = {}) {
  std::string line;
  append_log_line(line, false, noon, LogLevel::info, message, fields);
  return line;
}

std::string json_line(std::string_view message, std::vector<LogField> fields = {}) {
  std::string line;
  append_log_line(line, true, noon, LogLevel::warn, message, fields);
  return line;
}

std::string content_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// A log in a file, stopped at the latest with the test.
class StartedLog {
 public:
  explicit StartedLog(const LogOptions& options) { REQUIRE(log_start(options)); }
  ~StartedLog() { log_stop(); }
};

// Standard error goes into a pipe meanwhile.
class CapturedErrors {
 public:
  CapturedErrors() : saved_(::dup(STDERR_FILENO)) {
    REQUIRE(::pipe2(ends_, O_CLOEXEC) == 0);
    ::dup2(ends_[1], STDERR_FILENO);
    ::close(ends_[1]);
  }
  ~CapturedErrors() { restore(), ::close(ends_[0]); }
  void restore() {
    if (saved_ < 0) return;
    ::dup2(saved_, STDERR_FILENO);
    ::close(std::exchange(saved_, -1));
  }
  // Reads until the text is found.
  std::string read_until(std::string_view wanted) {
    std::string text;
    char buffer[4096];
    while (text.find(wanted) == std::string::npos) {
      const auto size = ::read(ends_[0], buffer, sizeof buffer);
      if (size <= 0) break;
      text.append(buffer, static_cast<std::size_t>(size));
    }
    return text;
  }

 private:
  int saved_;
  int ends_[2] = {-1, -1};
};

}  // namespace

TEST_CASE("a line of text has time, level, message and named values") {
  CHECK(text_line("key disabled", {{"key", "work-1"}, {"reason", "API key not valid"}}) ==
        "2026-11-21T12:00:00.123Z info  key disabled  key=work-1 reason=\"API key not valid\"\n");
  CHECK(text_line("started") == "2026-11-21T12:00:00.123Z info  started\n");
}

TEST_CASE("a line of JSON is one object with typed values") {
  CHECK(json_line("served", {{"status", 200}, {"stream", true}, {"seconds", 0.25}, {"model", "a \"b\""}}) ==
        "{\"time\":\"2026-11-21T12:00:00.123Z\",\"level\":\"warn\",\"message\":\"served\",\"status\":200,"
        "\"stream\":true,\"seconds\":0.25,\"model\":\"a \\\"b\\\"\"}\n");
}

TEST_CASE("numbers that JSON does not know are written as text") {
  CHECK(json_line("x", {{"ratio", std::numeric_limits<double>::infinity()}}).find("\"ratio\":\"inf\"") !=
        std::string::npos);
}

TEST_CASE("a value cannot end its line, steer a terminal or pass for another value") {
  CHECK(text_line("x", {{"a", "one\ntwo"}}).ends_with(" a=\"one\\ntwo\"\n"));
  CHECK(text_line("x", {{"a", "\x1b[31mred"}}).ends_with(" a=\"\\u001b[31mred\"\n"));
  CHECK(text_line("x", {{"a",
                         "\xC2\x9B"
                         "31m"}})
            .ends_with(" a=\\u009b31m\n"));
  CHECK(text_line("x", {{"a", "b c=d"}}).ends_with(" a=\"b c=d\"\n"));
  CHECK(text_line("x", {{"a", "b=\"c\""}}).ends_with(" a=\"b=\\\"c\\\"\"\n"));
  CHECK(text_line("x", {{"a", ""}}).ends_with(" a=\"\"\n"));
  CHECK(text_line("two\nlines").ends_with("two\\nlines\n"));
}

TEST_CASE("what is not UTF-8 is replaced, what is stays") {
  CHECK(json_line("x", {{"a", "caf\xC3\xA9 \xF0\x9F\x98\x80"}}).find("caf\xC3\xA9 \xF0\x9F\x98\x80") !=
        std::string::npos);
  for (const std::string wrong :
       {"\xFF", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xF0\x8F\x80\x80"}) {
    const auto line = json_line("x", {{"a", wrong}});
    CHECK(line.find(wrong) == std::string::npos);
    CHECK(line.find("\xEF\xBF\xBD") != std::string::npos);
  }
}

TEST_CASE("a long value is cut") {
  const auto line = text_line("x", {{"a", std::string(100'000, 'a')}});
  CHECK(line.size() < 5'000);
  CHECK(line.ends_with("…\n"));
}

TEST_CASE("a Google key is masked wherever a line carries it") {
  const std::string key = "AIzaSyA1234567890abcdefghijklmnopqrx9Qk";
  CHECK(text_line("failed with " + key, {{"url", "/v1beta/models?key=" + key}})
            .ends_with("failed with AIza…x9Qk  url=\"/v1beta/models?key=AIza…x9Qk\"\n"));
  CHECK(json_line("x", {{"key", key}}).ends_with("\"key\":\"AIza…x9Qk\"}\n"));
}

TEST_CASE("lines from many threads all arrive, each in one piece") {
  const TemporaryFolder folder;
  const auto file = folder.path("pollux.log");
  {
    const StartedLog log({.file = file});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 500; ++i) log_info("line", {{"thread", t}, {"number", i}});
      });
    }
    for (auto& thread : threads) thread.join();
  }
  std::istringstream lines(content_of(file));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    REQUIRE(line.find("Z info  line  thread=") != std::string::npos);
  }
  CHECK(count == 2000);
}

TEST_CASE("lines below the level cost nothing and are not written") {
  const TemporaryFolder folder;
  const auto file = folder.path("pollux.log");
  {
    const StartedLog log({.level = LogLevel::warn, .file = file});
    CHECK_FALSE(log_enabled(LogLevel::info));
    log_info("unheard");
    log_warn("heard");
    log_set_level(LogLevel::off);
    log_error("unheard");
    CHECK_FALSE(log_enabled(LogLevel::off));
  }
  log_set_level(LogLevel::info);
  CHECK(lines_in(content_of(file)) == 1);
}

TEST_CASE("a log file that is full is put aside, and only so many are kept") {
  const TemporaryFolder folder;
  {
    const StartedLog log({.file = folder.path("pollux.log"), .rotate_bytes = 2000, .rotate_files = 2});
    for (int i = 0; i < 200; ++i) log_info("a line of some length", {{"number", i}});
  }
  CHECK(std::filesystem::file_size(folder.path("pollux.log")) <= 2000);
  CHECK(std::filesystem::exists(folder.path("pollux.1.log")));
  CHECK(std::filesystem::exists(folder.path("pollux.2.log")));
  CHECK_FALSE(std::filesystem::exists(folder.path("pollux.3.log")));
  CHECK(content_of(folder.path("pollux.log")).find("number=199") != std::string::npos);
}

TEST_CASE("a log file that cannot be opened is named") {
  const TemporaryFolder folder;
  const auto blocked = folder.write("file", "") + "/pollux.log";

  const auto started = log_start({.file = blocked});

  REQUIRE_FALSE(started);
  CHECK(started.error().message.find(blocked) != std::string::npos);
}

TEST_CASE("a log is started only once at a time") {
  const TemporaryFolder folder;
  const StartedLog log({.file = folder.path("pollux.log")});
  const auto again = log_start({});
  REQUIRE_FALSE(again);
  CHECK(again.error().kind == Error::Kind::conflict);
}

TEST_CASE("a full disk sends the lines to standard error until it has room again") {
  const TemporaryFolder folder;
  const auto file = folder.path("pollux.log");
  CapturedErrors errors;
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const StartedLog log({.file = file});
  const rlimit full{.rlim_cur = 1, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);

  log_info("homeless");
  const auto told = errors.read_until("homeless");
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK(told.find("log file cannot be written") != std::string::npos);
  CHECK(told.find(file) != std::string::npos);

  // It is opened again a second later at the earliest.
  for (int i = 0; i < 100 && content_of(file).find("at home") == std::string::npos; ++i) {
    log_info("at home");
    std::this_thread::sleep_for(50ms);
  }
  CHECK(content_of(file).find("at home") != std::string::npos);
}

TEST_CASE("a reader that stalls costs lines, which are counted, and never a caller's time") {
  CapturedErrors errors;
  const StartedLog log({});
  const std::string filler(1000, 'x');

  for (int i = 0; i < 5000; ++i) log_info("pressing", {{"text", filler}});  // 5 MB into a pipe nobody reads.

  const auto text = errors.read_until("lines=");  // It may come in pieces.
  CHECK(lines_in(text) > 900);
  CHECK(text.find("log lines dropped") != std::string::npos);
}

TEST_CASE("before the start and after the end lines go straight to standard error") {
  CapturedErrors errors;
  log_info("early");
  CHECK(errors.read_until("\n").ends_with("early\n"));
}
