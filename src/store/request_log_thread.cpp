#include "store/request_log_thread.h"

#include <sqlite3.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"
#include "store/body_text.h"
#include "store/sqlite_trouble.h"

namespace pollux {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto gathering_time = 1s;
constexpr std::size_t rows_in_a_batch = 1'000;  // Then nobody waits for the second to be over.
constexpr std::size_t most_waiting_bytes = std::size_t{8} << 20;
constexpr std::size_t most_jobs = 1'000;
constexpr auto pause_after_failure = 5s;
constexpr auto pause_between_steps = 2ms;  // Of throwing away: about half of the time is left to others.
constexpr auto longest_work = 10s;         // Without anything to do: then memory is given back.
constexpr auto longest_sleep = 1h;         // Rows grow too old though nothing happens.
constexpr auto longest_stop = 5s;

// The clock decides what is too old. One that was set is not believed at once: set wrongly, and set right
// again before that, it costs no row.
constexpr Milliseconds largest_drift = 1min;
constexpr Milliseconds until_believed = 10min;

std::size_t bytes_of(const ExchangeRecord& record) {
  auto bytes = sizeof record + record.path.size() + record.model.size() + record.upstream_model.size() +
               record.error.size() + record.reason.size() + record.client_name.size();
  for (const auto& attempt : record.attempts) bytes += sizeof attempt + attempt.message.size();
  if (record.bodies)
    bytes += sizeof *record.bodies + record.bodies->request.size() + record.bodies->answer.size();
  return bytes;
}

// Bodies come as bytes, and are read by people.
void make_readable(ExchangeRecord& record) {
  if (!record.bodies) return;
  auto bodies = *record.bodies;
  bodies.request = readable_text(bodies.request);
  bodies.answer = readable_text(bodies.answer);
  record.bodies = std::make_shared<const ExchangeBodies>(std::move(bodies));
}

}  // namespace

RequestLogThread::RequestLogThread(std::string directory, const Clock& clock, const RequestLogLimits& limits)
    : directory_(std::move(directory)),
      clock_(clock),
      limits_(limits),
      rest_at_(steady_clock::now() + longest_work),
      clock_offset_(clock.wall().time_since_epoch() - clock.monotonic()),
      steady_since_(clock.monotonic()) {}

std::shared_ptr<RequestLogThread> RequestLogThread::start(std::string directory, const Clock& clock,
                                                          const RequestLogLimits& limits) {
  std::shared_ptr<RequestLogThread> self(new RequestLogThread(std::move(directory), clock, limits));
  self->thread_ = std::thread([self] { self->run(); });
  return self;
}

void RequestLogThread::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
  // A disk may hang for ever in a write; the thread then keeps this object alive and the process may end.
  const bool ended = ended_.wait_for(lock, longest_stop, [this] { return !running_; });
  lock.unlock();
  ended ? thread_.join() : thread_.detach();
}

void RequestLogThread::configure(const RequestLogLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  configured_ = true;
  wake_.notify_one();
}

void RequestLogThread::add(ExchangeRecord record) {
  const auto bytes = bytes_of(record);
  const std::lock_guard lock(mutex_);
  if (waiting_bytes_ + bytes > most_waiting_bytes) {
    ++counts_.dropped;
    return;
  }
  waiting_bytes_ += bytes;
  waiting_.push_back(std::move(record));
  if (waiting_.size() == 1) next_write_ = steady_clock::now() + gathering_time;
  if (waiting_.size() == 1 || waiting_.size() == rows_in_a_batch) wake_.notify_one();
}

void RequestLogThread::ask(Job job) {
  std::unique_lock lock(mutex_);
  if (!stopping_ && jobs_.size() < most_jobs) {
    jobs_.push_back(std::move(job));
    return wake_.notify_one();
  }
  lock.unlock();
  job.refuse(unavailable("request log: too much is asked of it at once"));
}

RequestLogCounts RequestLogThread::counts() const {
  const std::lock_guard lock(mutex_);
  auto counts = counts_;
  counts.waiting = waiting_.size();
  counts.waiting_bytes = waiting_bytes_;
  return counts;
}

std::string RequestLogThread::health() const {
  const std::lock_guard lock(mutex_);
  if (trouble_.empty()) return {};
  const auto lost = counts_.dropped - told_dropped_;
  return "request log: " + trouble_ + "; " + std::to_string(lost) +
         (lost == 1 ? " request was not recorded" : " requests were not recorded");
}

// -- The thread

void RequestLogThread::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // Signals are for the loops.
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    wait(lock);
    auto batch = take_batch();
    const auto job = take_job();
    const auto limits = limits_;
    last = stopping_ && waiting_.empty() && jobs_.empty();
    const bool idle = batch.empty() && !job;
    if (std::exchange(configured_, false)) tidying_ = true;
    lock.unlock();
    if (!batch.empty()) write(std::move(batch));
    if (job) answer(*job);
    if (idle && tidying_ && !last) tidy(limits);
    if (idle && !tidying_) rest();
    if (!idle) resting_ = false, rest_at_ = steady_clock::now() + longest_work;
    lock.lock();
  }
  lock.unlock();
  file_.reset();
  lock.lock();
  running_ = false;
  ended_.notify_all();
}

// Until there is something to do.
void RequestLogThread::wait(std::unique_lock<std::mutex>& lock) {
  const auto woken = [this] {
    return stopping_ || configured_ || !jobs_.empty() || waiting_.size() >= rows_in_a_batch;
  };
  const auto now = steady_clock::now();
  const auto next_step = tidying_ ? now + pause_between_steps : now + longest_sleep;
  if (waiting_.empty()) {
    const auto until = resting_ || tidying_ ? next_step : rest_at_;
    const bool slept_on = !wake_.wait_until(lock, until, [&] { return woken() || !waiting_.empty(); });
    if (slept_on && resting_) tidying_ = true;  // An hour has passed.
    if (slept_on || woken()) return;
  }
  wake_.wait_until(lock, std::min(next_write_, next_step), woken);
}

RequestLogThread::Batch RequestLogThread::take_batch() {
  const bool due =
      stopping_ || !jobs_.empty() || waiting_.size() >= rows_in_a_batch || steady_clock::now() >= next_write_;
  if (!due) return {};
  waiting_bytes_ = 0;
  return std::exchange(waiting_, {});
}

std::optional<RequestLogThread::Job> RequestLogThread::take_job() {
  if (jobs_.empty()) return std::nullopt;
  auto job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

// Null: it cannot be opened now.
RequestFile* RequestLogThread::opened() {
  if (file_) return file_.get();
  const auto now = steady_clock::now();
  if (now < next_open_) return nullptr;
  next_open_ = now + pause_after_failure;
  try {
    auto opened = RequestFile::open(directory_, is_damaged_);
    if (!opened) return on_trouble(opened.error().message), nullptr;
    is_damaged_ = false;
    file_ = std::move(opened->file);
    if (opened->put_aside)
      log_error("request log was damaged, a new one is begun",
                {{"put_aside_as", directory_ + "/requests.db.damaged"}});
  } catch (const SQLite::Exception& failure) {
    on_failure(failure);
  }
  return file_.get();
}

void RequestLogThread::write(Batch batch) {
  std::unique_lock lock(mutex_);
  const bool keeps_nothing = limits_.keeps_nothing();
  lock.unlock();
  for (auto& record : batch) {
    history_.add(record);
    make_readable(record);
  }
  if (keeps_nothing) batch.clear();
  auto* const file = steady_clock::now() < next_try_ ? nullptr : opened();
  if (!file) return drop(batch.size());
  try {
    file->write(batch, history_);
  } catch (const SQLite::Exception& failure) {
    on_failure(failure);
    return drop(batch.size());
  }
  history_.written();
  tidying_ = true;
  lock.lock();
  counts_.written += batch.size();
  lock.unlock();
  on_written();
}

void RequestLogThread::drop(std::size_t records) {
  const std::lock_guard lock(mutex_);
  counts_.dropped += records;
}

void RequestLogThread::answer(const Job& job) {
  if (!job.is_wanted()) return;
  auto* const file = opened();
  if (!file) {
    std::unique_lock lock(mutex_);
    auto why = "request log: " + trouble_;
    lock.unlock();
    return job.refuse(unavailable(std::move(why)));
  }
  try {
    job.read(*file);
    tidying_ = true;  // Something may have been removed.
  } catch (const SQLite::Exception& failure) {
    job.refuse(unavailable("request log: " + in_words(failure)));
    on_failure(failure);
  }
}

void RequestLogThread::tidy(const RequestLogLimits& limits) {
  tidying_ = false;
  auto* const file = steady_clock::now() < next_try_ ? nullptr : opened();
  if (!file) return;
  const auto now = trusted_time();
  KeptRequests kept;
  if (now) kept.since = *now - std::chrono::hours(24) * limits.days;
  kept.rows = limits.keeps_nothing() ? 0 : limits.rows;
  kept.bytes = static_cast<std::int64_t>(limits.bytes);
  try {
    tidying_ = file->tidy(kept, now);
  } catch (const SQLite::Exception& failure) {
    on_failure(failure);
  }
}

void RequestLogThread::rest() {
  if (resting_ || steady_clock::now() < rest_at_) return;
  resting_ = true;
  if (file_) file_->rest();
}

// The time, if the clock has gone evenly for a while.
std::optional<WallTime> RequestLogThread::trusted_time() {
  const auto wall = clock_.wall();
  const auto monotonic = clock_.monotonic();
  const auto offset = wall.time_since_epoch() - monotonic;
  if (std::chrono::abs(offset - clock_offset_) > largest_drift) steady_since_ = monotonic;
  clock_offset_ = offset;
  return monotonic - steady_since_ >= until_believed ? std::optional(wall) : std::nullopt;
}

// -- Trouble

void RequestLogThread::on_written() {
  std::unique_lock lock(mutex_);
  const bool recovered = !std::exchange(trouble_, {}).empty();
  const auto lost = counts_.dropped - std::exchange(told_dropped_, counts_.dropped);
  lock.unlock();
  if (recovered) log_info("request log is written again");
  if (lost > 0)
    log_warn("requests were not recorded in the request log", {{"count", static_cast<std::int64_t>(lost)}});
}

void RequestLogThread::on_failure(const SQLite::Exception& failure) {
  const auto trouble = trouble_of(failure);
  is_damaged_ |= trouble == Trouble::damaged;
  const bool opens_at_once = trouble == Trouble::damaged;
  const auto now = steady_clock::now();
  next_try_ = opens_at_once ? now : now + pause_after_failure;
  const bool is_whole = trouble == Trouble::locked || failure.getErrorCode() == SQLITE_FULL;
  if (is_whole && file_) {
    file_->rest();  // Names that were numbered in what was rolled back have no number.
  } else {
    file_.reset();
    next_open_ = next_try_;
  }
  on_trouble(trouble == Trouble::damaged ? "damaged" : in_words(failure));
}

void RequestLogThread::on_trouble(const std::string& why) {
  std::unique_lock lock(mutex_);
  const bool news = std::exchange(trouble_, why) != why;
  lock.unlock();
  if (news) log_error("request log cannot be written", {{"error", why}});
}

}  // namespace pollux
