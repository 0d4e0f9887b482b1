#include "script/policy_watch.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string_view>

namespace pollux {
namespace {

constexpr std::chrono::milliseconds usual_pause{1000};
constexpr std::chrono::milliseconds pause_when_told{30'000};  // In case a notification got lost.
constexpr std::chrono::milliseconds after_a_change{50};       // An editor writes several times.

}  // namespace

// One look. It is shared by the watch and the pool's thread, and outlives both.
struct PolicyWatch::Job {
  uv_work_t work{};
  PolicyWatch* watch = nullptr;  // Null once the watch is gone. Of the loop's thread.
  std::function<Looked()>* look = nullptr;
  Looked looked;
  std::mutex mutex;
  std::condition_variable ended;
  bool is_over = false;
  std::shared_ptr<Job> itself;  // Until libuv has called back.
};

PolicyWatch::PolicyWatch(Loop& loop, std::function<Looked()> look)
    : loop_(loop), look_(std::move(look)), next_look_(loop, [this] { look_now(); }) {
  next_look_.start(after_a_change);
}

PolicyWatch::~PolicyWatch() {
  if (!job_) return;
  job_->watch = nullptr;
  if (uv_cancel(reinterpret_cast<uv_req_t*>(&job_->work)) == 0) return;
  std::unique_lock lock(job_->mutex);
  job_->ended.wait(lock, [this] { return job_->is_over; });
}

void PolicyWatch::look_now() {
  if (job_) {
    changed_meanwhile_ = true;
    return;
  }
  changed_meanwhile_ = false;
  job_ = std::make_shared<Job>();
  job_->work.data = job_.get();
  job_->watch = this;
  job_->look = &look_;
  job_->itself = job_;
  const int queued = uv_queue_work(
      loop_.uv(), &job_->work,
      [](uv_work_t* work) {
        auto* job = static_cast<Job*>(work->data);
        job->looked = (*job->look)();
        const std::lock_guard lock(job->mutex);
        job->is_over = true;
        job->ended.notify_all();
      },
      [](uv_work_t* work, int) {
        const auto job = std::move(static_cast<Job*>(work->data)->itself);
        if (job->watch) job->watch->on_looked(job->looked);
      });
  if (queued != 0) {
    job_->itself.reset();
    job_.reset();
    next_look_.start(usual_pause);
  }
}

void PolicyWatch::on_looked(const Looked& looked) {
  follow(looked.folders);
  job_.reset();
  if (!looked.settled || changed_meanwhile_) return next_look_.start(after_a_change);
  const bool told = looked.tells && all_watched_ && !watched_anew_;
  next_look_.start(told ? pause_when_told : usual_pause);
}

// Folders and policies; a busy file of another kind wakes nobody.
bool PolicyWatch::is_worth_a_look(std::string_view file) const {
  if (file.ends_with(".lua") || file.find('.') == std::string_view::npos) return true;
  return std::any_of(watched_.begin(), watched_.end(), [file](const Watched& watched) {
    return std::string_view(watched.folder.path).ends_with(file);  // The folder itself: moved or removed.
  });
}

void PolicyWatch::on_event(const char* file) {
  if (!is_worth_a_look(file ? file : "")) return;
  all_watched_ = false;  // A folder that was removed and made again may look the same, and is not watched.
  if (job_) {
    changed_meanwhile_ = true;
  } else {
    next_look_.start(after_a_change);
  }
}

// Where the system has no notifications left, the look once a second stands in.
void PolicyWatch::follow(const std::vector<PolicyFolder>& folders) {
  const bool same = all_watched_ && std::equal(folders.begin(), folders.end(), watched_.begin(),
                                               watched_.end(), [](const auto& folder, const auto& watched) {
                                                 return folder == watched.folder;
                                               });
  watched_anew_ = !same;
  if (same) return;
  watched_.clear();
  for (const auto& folder : folders) {
    auto raw = std::make_unique<uv_fs_event_t>();
    if (uv_fs_event_init(loop_.uv(), raw.get()) != 0) return;
    Handle<uv_fs_event_t> handle(raw.release());
    handle->data = this;
    const int started = uv_fs_event_start(
        handle.get(),
        [](uv_fs_event_t* event, const char* file, int, int) {
          if (auto* watch = static_cast<PolicyWatch*>(event->data)) watch->on_event(file);
        },
        folder.path.c_str(), 0);
    if (started != 0) return;
    watched_.push_back({folder, std::move(handle)});
  }
  all_watched_ = true;
}

}  // namespace pollux
