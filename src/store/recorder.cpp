#include "store/recorder.h"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <utility>

#include "base/log.h"

namespace pollux {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto gathering_interval = 1s;
constexpr auto longest_pause = 30s;  // Between two tries at a database that cannot be written.
constexpr auto longest_stop = 5s;
constexpr auto longest_flush = 3s;  // Of it, for trying again.
constexpr auto flush_pause = 200ms;
constexpr std::size_t most_waiting = 100'000;  // Changes, keys' states, quotas: ten times the largest pool.

// What a change is about: changes of the same thing replace each other.
std::string subject_of(const Change& change) {
  struct Name {
    std::string operator()(const KeyRecord& key) { return "key " + key.id; }
    std::string operator()(const RemovedKey& key) { return "key " + key.id; }
    std::string operator()(const Client& client) { return "client " + client.id; }
    std::string operator()(const RemovedClient& client) { return "client " + client.id; }
    std::string operator()(const NamedValue& value) { return "value " + value.name; }
    std::string operator()(const SessionRecord& session) { return "session " + session.token_hash; }
    std::string operator()(const RemovedSession& session) { return "session " + session.token_hash; }
  };
  return std::visit(Name{}, change);
}

}  // namespace

std::shared_ptr<Recorder> Recorder::start(std::unique_ptr<DatabaseFile> file) {
  std::shared_ptr<Recorder> recorder(new Recorder(std::move(file)));
  recorder->running_ = true;
  recorder->thread_ = std::thread([recorder] { recorder->run(); });
  return recorder;
}

void Recorder::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
  // A disk may hang for ever in a write; the thread then keeps this object alive and the process may end.
  const bool ended = ended_.wait_for(lock, longest_stop, [this] { return !running_; });
  abandoned_ = !ended;
  const auto lost = changes_.size() + states_waiting_;
  lock.unlock();
  ended ? thread_.join() : thread_.detach();
  if (lost > 0 && file_->keeps())
    log_error("database: changes could not be written and are lost", {{"changes", lost}});
}

void Recorder::record(Change change, Store::Done done) {
  auto subject = subject_of(change);
  const std::lock_guard lock(mutex_);
  const bool full = changes_.size() >= most_waiting && !changes_.contains(subject);
  if (!full) {
    auto& waiting = changes_[std::move(subject)];
    waiting.change = std::move(change);
    if (done) waiting.done.push_back(std::move(done));
  } else if (done) {
    turned_away_.push_back(std::move(done));
  }
  urgent_ = true;
  wake_.notify_one();
}

void Recorder::barrier(Store::Done done) {
  const std::lock_guard lock(mutex_);
  barriers_.push_back(std::move(done));
  urgent_ = true;
  wake_.notify_one();
}

void Recorder::gather_from(Source source) {
  const std::lock_guard lock(mutex_);
  source_ = std::move(source);
  changed_ = true;
  wake_.notify_one();
}

void Recorder::states_changed() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(changed_, true)) wake_.notify_one();
}

std::string Recorder::health() const {
  const std::lock_guard lock(mutex_);
  if (trouble_.empty()) return file_->notice();
  const auto waiting = changes_.size() + states_waiting_;
  return trouble_ + "; " + std::to_string(waiting) + (waiting == 1 ? " change waits" : " changes wait");
}

void Recorder::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // Signals are for the loops.
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    wait(lock);
    last = stopping_;
    lock.unlock();
    turn(last);
    lock.lock();
  }
  // Another program may hold the database for a moment: the last changes are worth a few tries.
  const auto limit = steady_clock::now() + longest_flush;
  while (file_->keeps() && (!changes_.empty() || !states_.empty()) && steady_clock::now() < limit &&
         !abandoned_) {
    wake_.wait_for(lock, flush_pause);
    lock.unlock();
    if (write_changes()) write_states();
    lock.lock();
  }
  running_ = false;
  ended_.notify_all();
}

// Until something is urgent, or it is time to gather or to try again.
void Recorder::wait(std::unique_lock<std::mutex>& lock) {
  const auto woken = [this] { return urgent_ || stopping_; };
  const bool failing = !trouble_.empty();
  if (!changed_) {
    const auto something_new = [&] { return woken() || changed_; };
    failing ? void(wake_.wait_until(lock, next_try_, something_new)) : wake_.wait(lock, something_new);
    if (woken() || !changed_) return;
    next_gathering_ = steady_clock::now() + gathering_interval;
  }
  wake_.wait_until(lock, failing ? std::min(next_gathering_, next_try_) : next_gathering_, woken);
}

void Recorder::turn(bool last) {
  const auto now = steady_clock::now();
  std::unique_lock lock(mutex_);
  const bool gathering = last || (changed_ && now >= next_gathering_);
  if (gathering) changed_ = false;  // What changes from now on is told anew.
  lock.unlock();
  if (gathering) gather();
  lock.lock();
  const bool urgent = std::exchange(urgent_, false);
  const bool failing = !trouble_.empty();
  lock.unlock();
  const bool try_again = failing && now >= next_try_;
  if (!urgent && !last && failing && !try_again) return;
  if (urgent || last || try_again) {
    if (!write_changes()) return;
  }
  if (gathering || try_again) write_states();
}

void Recorder::gather() {
  std::unique_lock lock(mutex_);
  const auto source = source_;
  lock.unlock();
  if (!source || !file_->keeps()) return;
  states_.add(source(), most_waiting);
  states_waiting_ = states_.size();
}

bool Recorder::write_changes() {
  std::unique_lock lock(mutex_);
  auto changes = std::exchange(changes_, {});
  const auto turned_away = std::exchange(turned_away_, {});
  auto asking = std::exchange(barriers_, {});
  lock.unlock();
  for (auto& [subject, waiting] : changes) {
    std::ranges::move(waiting.done, std::back_inserter(asking));
    waiting.done.clear();
  }
  const auto written = write_all(changes);
  if (!written && file_->keeps()) keep_trying(std::move(changes));
  tell(turned_away, unavailable("database: too many changes wait"));
  tell(asking, written);
  return written.has_value();
}

Result<void> Recorder::write_all(const Changes& changes) {
  if (changes.empty()) return file_->keeps() ? Result<void>() : unavailable(file_->notice());
  std::vector<const Change*> batch;
  for (const auto& [subject, waiting] : changes) batch.push_back(&waiting.change);
  auto written = file_->write(batch);
  written ? on_written() : on_refused(written.error().message);
  if (!written && file_->keeps()) {
    written.error().message += "; the change holds and is written as soon as that is possible";
  }
  return written;
}

bool Recorder::write_states() {
  if (states_.empty()) return true;
  const auto written = file_->write(states_);
  written ? on_written() : on_refused(written.error().message);
  if (written || !file_->keeps()) states_.clear();
  states_waiting_ = states_.size();
  return written.has_value();
}

void Recorder::keep_trying(Changes failed) {
  const std::lock_guard lock(mutex_);
  changes_.merge(failed);  // What came meanwhile about the same thing is newer and stays.
}

void Recorder::tell(const std::vector<Store::Done>& waiting, const Result<void>& result) {
  for (const auto& done : waiting) {
    std::unique_lock lock(mutex_);
    if (abandoned_) return;  // Whoever asked is gone.
    lock.unlock();
    done(result);
  }
}

void Recorder::on_written() {
  std::unique_lock lock(mutex_);
  const bool recovered = !std::exchange(trouble_, {}).empty();
  lock.unlock();
  pause_ = 0s;
  if (recovered) log_info("database is written again");
}

void Recorder::on_refused(const std::string& why) {
  pause_ = std::clamp<std::chrono::seconds>(pause_ * 2, 1s, longest_pause);
  next_try_ = steady_clock::now() + pause_;
  if (!file_->keeps()) return;  // Was told at start; there is nothing to wait for.
  std::unique_lock lock(mutex_);
  const bool news = std::exchange(trouble_, why) != why;
  lock.unlock();
  if (news) log_error("database cannot be written, changes wait", {{"error", why}});
}

}  // namespace pollux
