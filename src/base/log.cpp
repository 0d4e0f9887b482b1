#include "base/log.h"

#include <spdlog/common.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/log_format.h"

namespace pollux {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_pending = std::size_t{1024} * 1024;  // Bytes; then lines are dropped.
constexpr std::size_t kept_capacity =
    std::size_t{64} * 1024;            // What a burst needed beyond this is given back.
constexpr auto gathering_time = 20ms;  // Lines that come together are written together.
constexpr auto reopening_pause = 1s;   // Between two tries at a log file that fails.
constexpr auto longest_stop = 3s;      // A stalled terminal may not hold up the end.

void write_to_stderr(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // Nowhere is left to say so.
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Our lines are spelled already: spdlog only carries them.
class AsItIs final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    out.append(line.payload.data(), line.payload.data() + line.payload.size());
  }
  std::unique_ptr<formatter> clone() const override { return std::make_unique<AsItIs>(); }
};

// A rotating file; used by one thread. While it fails (disk full), the lines go to standard error.
class LogFile {
 public:
  explicit LogFile(const LogOptions& options) : options_(options) {}

  Result<void> open() {
    try {
      sink_ = std::make_unique<spdlog::sinks::rotating_file_sink_st>(options_.file, options_.rotate_bytes,
                                                                     options_.rotate_files);
      sink_->set_formatter(std::make_unique<AsItIs>());
      return {};
    } catch (const std::exception& failure) {
      sink_.reset();
      return unavailable("log file " + options_.file + ": " + failure.what());
    }
  }

  void write(std::string_view lines) {
    if (!sink_ && !reopen()) return write_to_stderr(lines);
    try {
      for (auto rest = lines; !rest.empty();) {
        const auto size = std::min(rest.find('\n'), rest.size() - 1) + 1;
        sink_->log({"", spdlog::level::info, {rest.data(), size}});
        rest.remove_prefix(size);
      }
      sink_->flush();
    } catch (const std::exception& failure) {
      sink_.reset();  // It may have lost its file and does not survive being used without.
      retry_at_ = std::chrono::steady_clock::now() + reopening_pause;
      if (!std::exchange(failing_, true)) {
        std::string line;
        append_log_line(line, options_.json, SystemClock().wall(), LogLevel::error,
                        "log file cannot be written, lines go here meanwhile",
                        std::initializer_list<LogField>{{"file", options_.file}, {"error", failure.what()}});
        write_to_stderr(line);
      }
      return write_to_stderr(lines);  // Some of them may be in the file as well.
    }
    failing_ = false;
  }

 private:
  bool reopen() {
    const auto now = std::chrono::steady_clock::now();
    if (now < retry_at_) return false;
    retry_at_ = now + reopening_pause;
    return open().has_value();
  }

  LogOptions options_;
  std::unique_ptr<spdlog::sinks::rotating_file_sink_st> sink_;
  std::chrono::steady_clock::time_point retry_at_;
  bool failing_ = false;
};

class Log {
 public:
  std::atomic<LogLevel> level = LogLevel::info;
  std::atomic<bool> json = false;

  Result<void> start(const LogOptions& options) {
    std::unique_ptr<LogFile> file;
    if (!options.file.empty()) {
      file = std::make_unique<LogFile>(options);
      if (auto opened = file->open(); !opened) return opened;
    }
    const std::lock_guard lock(mutex_);
    if (running_) return conflict("the log was started already");
    level = options.level;
    json = options.json;
    file_ = std::move(file);
    running_ = true;
    stopping_ = false;
    writer_ = std::thread([this] { run(); });
    return {};
  }

  void stop() {
    std::unique_lock lock(mutex_);
    if (!running_) return;
    stopping_ = true;
    wake_.notify_all();
    const bool ended = ended_.wait_for(lock, longest_stop, [this] { return !running_; });
    auto writer = std::move(writer_);
    lock.unlock();
    if (ended) {
      writer.join();
      file_.reset();
    } else {
      writer.detach();  // It hangs in a write; the log lives as long as the process, so it may go on.
    }
  }

  void append(std::string_view line) {
    std::unique_lock lock(mutex_);
    if (!running_) {
      lock.unlock();
      return write_to_stderr(line);
    }
    if (pending_.size() + line.size() > most_pending) {
      ++dropped_;
      return;
    }
    const bool was_half_empty = pending_.size() < most_pending / 2;
    pending_ += line;
    const bool in_a_hurry = was_half_empty && pending_.size() >= most_pending / 2;
    const bool wake = sleeping_ || in_a_hurry;
    sleeping_ = false;
    lock.unlock();
    if (wake) wake_.notify_one();
  }

  std::uint64_t dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  void run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all,
                    nullptr);  // Signals are for the loops; a closed pipe is only an error here.
    std::string lines;
    std::unique_lock lock(mutex_);
    while (!stopping_ || !pending_.empty()) {
      sleeping_ = pending_.empty() && !stopping_;
      wake_.wait(lock, [this] { return !pending_.empty() || stopping_; });
      sleeping_ = false;
      wake_.wait_for(lock, gathering_time,
                     [this] { return stopping_ || pending_.size() >= most_pending / 2; });
      lines.swap(pending_);
      const auto dropped = static_cast<std::int64_t>(dropped_ - std::exchange(told_dropped_, dropped_));
      lock.unlock();
      if (dropped > 0) {
        append_log_line(lines, json, SystemClock().wall(), LogLevel::warn,
                        "log lines dropped, the disk or terminal is slow",
                        std::initializer_list<LogField>{{"lines", dropped}});
      }
      file_ ? file_->write(lines) : write_to_stderr(lines);
      lines.clear();
      if (lines.capacity() > kept_capacity) lines.shrink_to_fit();
      lock.lock();
    }
    running_ = false;
    ended_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::string pending_;
  std::uint64_t dropped_ = 0, told_dropped_ = 0;  // In all, and of them in the log.
  bool running_ = false, stopping_ = false, sleeping_ = false;
  std::unique_ptr<LogFile> file_;  // The writer's while it runs.
  std::thread writer_;
};

// Never destroyed: other statics, and a writer that hangs, may use it to the very end.
Log& the_log() {
  static Log& log = *new Log;
  return log;
}

}  // namespace

Result<void> log_start(const LogOptions& options) {
  return the_log().start(options);
}
void log_stop() {
  the_log().stop();
}
void log_set_level(LogLevel level) {
  the_log().level.store(level, std::memory_order_relaxed);
}

std::uint64_t log_lines_dropped() {
  return the_log().dropped();
}

bool log_enabled(LogLevel level) noexcept {
  return level != LogLevel::off && level >= the_log().level.load(std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  if (!log_enabled(level)) return;
  thread_local std::string line;
  line.clear();
  auto& log = the_log();
  append_log_line(line, log.json.load(std::memory_order_relaxed), SystemClock().wall(), level, message,
                  fields);
  log.append(line);
}

}  // namespace pollux
