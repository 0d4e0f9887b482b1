// The page's files, read from a folder by the thread pool: no loop waits for the disk.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.h"

namespace pollux {

struct WebFile {
  enum class Kind { found, unchanged, missing, without_libraries, unreadable } kind = Kind::missing;
  std::string_view type;  // A literal: "text/javascript; charset=UTF-8".
  std::string etag;
  bool gzipped = false;
  std::string bytes;
};

struct WebFileRequest {
  std::string path;           // Within the folder: "vendor/preact.js".
  std::string if_none_match;  // As the browser sent it.
  bool takes_gzip = false;
  bool needs_libraries =
      false;  // It is the page itself, which is of no use without what scripts/vendor fetches.
};

// Plain names below the folder, of a kind that a page is made of: nothing hidden, nothing that climbs.
bool is_web_path(std::string_view path) noexcept;

// Blocks. A symbolic link in the folder is not followed, and only regular files are read.
WebFile read_web_file(const std::string& folder, const WebFileRequest& request);

// One for each worker.
class WebFiles {
 public:
  static constexpr std::size_t most_at_once =
      64;  // Of this worker: the thread pool has others to serve, too.

  explicit WebFiles(Loop& loop) : loop_(loop) {}

  // Destroying it means that nobody waits for the file any more.
  class Reading;
  using Done = std::function<void(WebFile)>;
  // `done` is called later, on the loop. Null: too many are being read, or the system cannot.
  std::unique_ptr<Reading> read(std::string folder, WebFileRequest request, Done done);

 private:
  Loop& loop_;
  // Shared with what is under way, which may outlive this.
  std::shared_ptr<std::size_t> under_way_ = std::make_shared<std::size_t>(0);
};

class WebFiles::Reading {
 public:
  struct Job;
  explicit Reading(std::shared_ptr<Job> job) : job_(std::move(job)) {}
  ~Reading();
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  std::shared_ptr<Job> job_;
};

}  // namespace pollux
