#include "script/policy_writing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/digest.h"
#include "script/policy_files.h"
#include "script/policy_library.h"

namespace pollux {
namespace {

constexpr std::size_t longest_name = 200, most_folders = 7;
constexpr std::string_view suffix = ".lua", test_suffix = "_test.lua";

// An open file or folder.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  bool close() noexcept { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

Error failure(std::string_view file, int number) {
  const std::string name(file);
  if (number == ELOOP || number == ENOTDIR)
    return conflict(name + ": a symbolic link or a file stands in the way: change what it leads to");
  if (number == ENOENT) return not_found(name + ": there is no such file of the owner's");
  return unavailable(name + ": it cannot be written: " + std::generic_category().message(number));
}

// The folder that holds the file, link by link; missing ones are made if `make` says so.
Result<Descriptor> open_folder_of(const std::string& folder, std::string_view file, bool make) {
  std::error_code ignored;
  if (make) std::filesystem::create_directories(folder, ignored);
  Descriptor at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) return failure(folder, errno);
  for (auto rest = file; rest.find('/') != std::string_view::npos; rest.remove_prefix(rest.find('/') + 1)) {
    const std::string name(rest.substr(0, rest.find('/')));
    if (make && ::mkdirat(at.get(), name.c_str(), 0777) != 0 && errno != EEXIST) return failure(file, errno);
    Descriptor inner(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inner) return failure(file, errno);
    at = std::move(inner);
  }
  return at;
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string last_part(std::string_view file) {
  return std::string(file.substr(file.rfind('/') + 1));
}

// A regular file with its mode, or none yet.
Result<mode_t> mode_of_old(int folder, const std::string& name, std::string_view file) {
  struct stat facts {};
  if (::fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? Result<mode_t>(0644) : Result<mode_t>(failure(file, errno));
  if (!S_ISREG(facts.st_mode)) return failure(file, ELOOP);
  return facts.st_mode & 0777;
}

}  // namespace

Result<void> check_policy_name(std::string_view file) {
  const auto bad = [&](const char* why) {
    return invalid_input("\"" + std::string(file.substr(0, 80)) + "\" is no name for a policy: " + why);
  };
  if (!file.ends_with(suffix)) return bad("it does not end with .lua");
  if (file.ends_with(test_suffix)) return bad("tests are no part of a set, and are not written here");
  if (file.size() > longest_name) return bad("it is longer than 200 bytes");
  if (is_in_shipped_place(file))
    return bad("default/ is reserved for what is shipped: require \"default.x\"");
  if (static_cast<std::size_t>(std::ranges::count(file, '/')) > most_folders)
    return bad("its folders are too deep");
  auto rest = file.substr(0, file.size() - suffix.size());
  for (bool more = true; more;) {
    const auto end = std::min(rest.find('/'), rest.size());
    const auto part = rest.substr(0, end);
    more = end < rest.size();
    if (part.empty() || !std::ranges::all_of(part, is_plain))
      return bad("expected letters, digits, _ and -, with / between folders");
    rest.remove_prefix(more ? end + 1 : end);
  }
  return {};
}

Result<void> write_policy_file(const std::string& folder, std::string_view file, std::string_view text) {
  auto parent = open_folder_of(folder, file, true);
  if (!parent) return std::move(parent).error();
  const auto name = last_part(file);
  const auto mode = mode_of_old(parent->get(), name, file);
  if (!mode) return mode.error();
  const auto draft = "." + name + "." + hex(random_bytes(8)) + ".tmp";
  Descriptor written(
      ::openat(parent->get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, *mode));
  if (!written) return failure(file, errno);
  const bool good = ::fchmod(written.get(), *mode) == 0 && write_all(written.get(), text) &&
                    ::fsync(written.get()) == 0 && written.close() &&
                    ::renameat(parent->get(), draft.c_str(), parent->get(), name.c_str()) == 0;
  if (!good) {
    const auto error = failure(file, errno);
    ::unlinkat(parent->get(), draft.c_str(), 0);
    return error;
  }
  (void)::fsync(parent->get());  // Some file systems sync no folders; the file itself is whole.
  return {};
}

Result<void> remove_policy_file(const std::string& folder, std::string_view file) {
  auto parent = open_folder_of(folder, file, false);
  if (!parent) return std::move(parent).error();
  if (::unlinkat(parent->get(), last_part(file).c_str(), 0) != 0) return failure(file, errno);
  (void)::fsync(parent->get());
  return {};
}

}  // namespace pollux
