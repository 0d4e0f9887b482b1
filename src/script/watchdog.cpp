#include "script/watchdog.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <mutex>

#include "base/log.h"

#if !defined(__linux__)
#include <condition_variable>
#include <thread>
#endif

#if defined(__SANITIZE_THREAD__)
#define POLLUX_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POLLUX_TSAN 1
#endif
#endif

#ifdef POLLUX_TSAN
// ThreadSanitizer puts signals off until the program next calls into the C library, which a loop in Lua never
// does.
extern "C" int __sigaction(int, const struct sigaction*,
                           struct sigaction*);  // NOLINT(bugprone-reserved-identifier)
#define POLLUX_SIGACTION __sigaction
#define POLLUX_IN_HANDLER __attribute__((no_sanitize("thread")))
#else
#define POLLUX_SIGACTION sigaction
#define POLLUX_IN_HANDLER
#endif

namespace pollux {

namespace {

constexpr std::chrono::milliseconds tick{20};  // Of CPU time; a burst is stopped at most two ticks late.

constinit thread_local BurstSlot slot;
constinit thread_local char first_stop[256] = {};  // Where the burst was first stopped; empty before.
constinit thread_local std::uint64_t last_sequence = 0;
constinit thread_local bool has_timer = false;
// The handler's own: which burst it saw last, and when first.
constinit thread_local std::uint64_t seen_sequence = 0;
constinit thread_local std::int64_t seen_at_ns = 0;

POLLUX_IN_HANDLER std::int64_t cpu_ns() noexcept {
  timespec now{};
#ifdef POLLUX_TSAN
  syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &now);
#else
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
#endif
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int raise_stopped(lua_State* state, int level) {
  if (first_stop[0] == '\0') {
    lua_Debug where;
    bool known = false;
    while (!known && lua_getstack(state, level++, &where)) {
      known = lua_getinfo(state, "Sl", &where) && where.currentline > 0 && where.source[0] == '@';
    }
    const auto limit = static_cast<long long>(slot.named_ms);
    if (known) {
      std::snprintf(first_stop, sizeof first_stop, "%s:%d: stopped: it ran for more than %lld ms",
                    where.short_src, where.currentline, limit);
    } else {
      std::snprintf(first_stop, sizeof first_stop, "stopped: it ran for more than %lld ms", limit);
    }
  }
  lua_pushstring(state, first_stop);
  return lua_error(state);
}

void stop_hook(lua_State* state, lua_Debug* /*record*/) {
  raise_stopped(state, 0);
}

// Async-signal-safe but for lua_sethook, which LuaJIT's own interpreter calls from its handler of SIGINT.
POLLUX_IN_HANDLER void on_tick(int /*signal*/) {
  const int saved_errno = errno;
  const std::uint64_t sequence = slot.sequence;
  if (sequence != 0 && !slot.stopped) {
    const std::int64_t now = cpu_ns();
    if (sequence != seen_sequence) {
      seen_sequence = sequence;
      seen_at_ns = now;
    } else if (now - seen_at_ns >= slot.budget_ns) {
      slot.stopped = 1;
      lua_sethook(slot.state, stop_hook, LUA_MASKCOUNT, 1);
    }
  }
  errno = saved_errno;
}

int tick_signal() noexcept {
#if defined(__linux__)
  return SIGRTMIN + 1;
#else
  return SIGPROF;
#endif
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_handler = on_tick;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    POLLUX_SIGACTION(tick_signal(), &action, nullptr);
  });
  sigset_t mine;
  sigemptyset(&mine);
  sigaddset(&mine, tick_signal());
  pthread_sigmask(SIG_UNBLOCK, &mine, nullptr);
}

#if defined(__linux__)

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

// The timer of one thread, gone with it.
class ThreadTimer {
 public:
  ThreadTimer() {
    install_handler();
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = tick_signal();
    event.sigev_notify_thread_id = static_cast<pid_t>(syscall(SYS_gettid));
    itimerspec period{};
    period.it_value.tv_nsec = period.it_interval.tv_nsec = std::chrono::nanoseconds(tick).count();
    made_ = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &id_) == 0;
    if (!made_ || timer_settime(id_, 0, &period, nullptr) != 0) {
      log_error("no timer for policies: a runaway cannot be stopped", {{"errno", errno}});
    }
  }
  ~ThreadTimer() {
    if (made_) timer_delete(id_);
  }
  ThreadTimer(const ThreadTimer&) = delete;
  ThreadTimer& operator=(const ThreadTimer&) = delete;

 private:
  timer_t id_{};
  bool made_ = false;
};

#else

// Without timers on a thread's CPU time: a thread that knocks every tick.
class ThreadTimer {
 public:
  ThreadTimer() {
    install_handler();
    knocker_ = std::thread([this, watched = pthread_self()] {
      std::unique_lock lock(mutex_);
      while (!wake_.wait_for(lock, tick, [this] { return ending_; })) pthread_kill(watched, tick_signal());
    });
  }
  ~ThreadTimer() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    knocker_.join();
  }
  ThreadTimer(const ThreadTimer&) = delete;
  ThreadTimer& operator=(const ThreadTimer&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread knocker_;
};

#endif

void watch_this_thread() {
  static thread_local ThreadTimer timer;
  static_cast<void>(timer);
  has_timer = true;
}

}  // namespace

CpuBurst::CpuBurst(lua_State* state, std::chrono::nanoseconds budget,
                   std::chrono::milliseconds named) noexcept {
  if (!has_timer) watch_this_thread();
  if (slot.sequence != 0) before_ = slot;
  slot.sequence = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  slot.state = state;
  slot.budget_ns = budget.count();
  slot.named_ms = named.count();
  slot.stopped = 0;
  first_stop[0] = '\0';
  std::atomic_signal_fence(std::memory_order_seq_cst);
  slot.sequence = ++last_sequence;
}

CpuBurst::~CpuBurst() {
  slot.sequence = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);  // From here on the handler sets no hook.
  const bool outer_stopped = before_.sequence != 0 && before_.stopped;
  if (slot.stopped && !outer_stopped) lua_sethook(slot.state, nullptr, 0, 0);
  slot.stopped = 0;
  if (before_.sequence != 0) slot = before_;
}

const char* CpuBurst::stopped_message() const noexcept {
  return slot.stopped && first_stop[0] != '\0' ? first_stop : nullptr;
}

bool burst_is_spent() noexcept {
  return slot.sequence != 0 && slot.stopped;
}

int raise_spent(lua_State* state) {
  return raise_stopped(state, 1);
}

std::chrono::nanoseconds thread_cpu_time() noexcept {
  return std::chrono::nanoseconds(cpu_ns());
}

}  // namespace pollux
