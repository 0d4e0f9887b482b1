// The thread that writes: gathers what has changed, writes it in batches, tries again what failed.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/database_file.h"
#include "store/store.h"

namespace pollux {

class Recorder : public std::enable_shared_from_this<Recorder> {
 public:
  using Source = std::function<PoolState()>;

  static std::shared_ptr<Recorder> start(std::unique_ptr<DatabaseFile> file);
  // Writes what waits and ends the thread, within 5 s. Called once, before the last owner lets go.
  void stop();

  // A later change of the same thing replaces one that waits; both are then confirmed together. A change that
  // the disk refuses is reported to `done` at once, and tried again until it is written or replaced.
  void record(Change change, Store::Done done);
  // Told once all changes that wait now were written or refused.
  void barrier(Store::Done done);
  void gather_from(Source source);
  void states_changed();

  std::string health() const;
  DatabaseFile& file() { return *file_; }

 private:
  struct Waiting {
    Change change;
    std::vector<Store::Done> done;  // Not told yet.
  };
  using Changes = std::map<std::string, Waiting>;  // By what they are about.
  using Time = std::chrono::steady_clock::time_point;

  explicit Recorder(std::unique_ptr<DatabaseFile> file) : file_(std::move(file)) {}
  void run();
  void wait(std::unique_lock<std::mutex>& lock);
  void turn(bool last);
  void gather();
  bool write_changes();
  bool write_states();
  void keep_trying(Changes failed);
  Result<void> write_all(const Changes& changes);
  void tell(const std::vector<Store::Done>& waiting, const Result<void>& result);
  void on_written();
  void on_refused(const std::string& why);

  const std::unique_ptr<DatabaseFile> file_;
  std::thread thread_;

  mutable std::mutex mutex_;  // Guards what follows.
  std::condition_variable wake_, ended_;
  Changes changes_;
  std::vector<Store::Done> turned_away_;  // Of changes for which there was no room.
  std::vector<Store::Done> barriers_;
  Source source_;
  std::string trouble_;   // Empty: the last write went well.
  bool changed_ = false;  // The source has something to tell.
  bool urgent_ = false, stopping_ = false, running_ = false, abandoned_ = false;

  // The thread's own.
  StateBatch states_;
  std::atomic<std::size_t> states_waiting_ = 0;
  Time next_gathering_, next_try_;
  std::chrono::seconds pause_{0};
};

}  // namespace pollux
