#include "admin/process_facts.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <uv.h>

#include <memory>

namespace pollux {
namespace {

std::chrono::microseconds duration_of(const uv_timeval_t& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

std::uint64_t count_open_files() {
#ifdef __linux__
  struct stat facts {};  // Since Linux 6.2 the size of that folder is the number of its files.
  if (stat("/proc/self/fd", &facts) == 0 && facts.st_size > 0)
    return static_cast<std::uint64_t>(facts.st_size);
#endif
  const std::unique_ptr<DIR, int (*)(DIR*)> files(opendir("/dev/fd"), &closedir);
  if (!files) return 0;
  std::uint64_t count = 0;
  while (const auto* file = readdir(files.get())) count += file->d_name[0] != '.';
  return count - 1;  // The folder itself is open just now.
}

}  // namespace

ProcessFacts read_process_facts(WallTime started) {
  ProcessFacts facts{.started = started};
  std::size_t resident = 0;
  if (uv_resident_set_memory(&resident) == 0) facts.resident_bytes = resident;
  uv_rusage_t usage{};
  if (uv_getrusage(&usage) == 0) facts.cpu = duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) facts.most_files = files.rlim_cur;
  facts.open_files = count_open_files();
  return facts;
}

}  // namespace pollux
