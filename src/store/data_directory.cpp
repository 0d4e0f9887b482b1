#include "store/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

namespace pollux {
namespace {

Error failure(const std::string& path, int number) {
  const bool not_writable = number == EACCES || number == EPERM || number == EROFS || number == ENOSPC ||
                            number == EDQUOT || number == EIO;
  return {not_writable ? Error::Kind::unavailable : Error::Kind::invalid_input,
          path + ": " + std::generic_category().message(number)};
}

// The number that the holder of a lock left in its file.
std::string holder(int descriptor) {
  char text[24];
  const auto size = ::pread(descriptor, text, sizeof text - 1, 0);
  std::string number(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  number.resize(std::min(number.find_first_not_of("0123456789"), number.size()));
  return number.empty() ? "" : " (process " + number + ")";
}

}  // namespace

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> make_directory(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return {};
  const std::filesystem::path path(directory);
  const auto parent = path.has_filename() ? path.parent_path() : path.parent_path().parent_path();
  if (!parent.empty() && !std::filesystem::is_directory(parent, error)) {
    if (auto made = make_directory(parent.string()); !made) return made;
  }
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  return failure(directory, errno == EEXIST ? ENOTDIR : errno);
}

Result<DirectoryLock> lock_directory(const std::string& directory) {
  const auto file = directory + "/pollux.lock";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return failure(file, errno);
  DirectoryLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failure(file, errno);
    return conflict(directory + ": another Pollux runs on this folder" + holder(descriptor) +
                    ": stop it, or give this one another DATA_DIR");
  }
  const auto number = std::to_string(::getpid()) + "\n";
  // Only for the message above: a full disk may leave it out.
  if (::ftruncate(descriptor, 0) == 0) (void)!::pwrite(descriptor, number.data(), number.size(), 0);
  return lock;
}

Result<void> make_private_file(const std::string& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return failure(file, errno);
  struct stat status {};
  const bool open_to_others = ::fstat(descriptor, &status) == 0 && (status.st_mode & 0077) != 0;
  if (open_to_others && ::fchmod(descriptor, 0600) != 0) {
    const auto error = failure(file, errno);
    ::close(descriptor);
    return error;
  }
  ::close(descriptor);
  return {};
}

}  // namespace pollux
