// The folder that holds the database, and the lock that keeps a second Pollux out of it.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace pollux {

// Held as long as it lives, and by the system let go with the process.
class DirectoryLock {
 public:
  DirectoryLock() = default;
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  DirectoryLock(DirectoryLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~DirectoryLock();

 private:
  int descriptor_ = -1;
};

// Errors of the kind `unavailable` say that nothing can be written here (read-only, no permission, disk
// full); all others that this folder will not do.

// Makes the folder (0700) and those above it where they are missing.
Result<void> make_directory(const std::string& directory);
Result<DirectoryLock> lock_directory(const std::string& directory);
// Creates the file where it is missing and leaves it to its owner alone (0600).
Result<void> make_private_file(const std::string& file);

}  // namespace pollux
