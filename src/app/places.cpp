#include "app/places.h"

#include <filesystem>
#include <system_error>
#include <vector>

namespace pollux {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

}  // namespace

Result<Places> find_places(const std::string& share, const std::string& program) {
  std::vector<fs::path> candidates;
  if (!share.empty()) {
    candidates = {fs::path(share)};
  } else {
    const fs::path folder = fs::path(program).parent_path();
    candidates = {(folder / "..").lexically_normal(), (folder / "../share/pollux").lexically_normal()};
  }
  std::string looked_at;
  for (const fs::path& candidate : candidates) {
    const fs::path policies = candidate / "policies";
    if (is_folder(policies)) {
      const fs::path web = candidate / "web";
      return Places{policies.string(), is_folder(web) ? web.string() : ""};
    }
    looked_at += (looked_at.empty() ? "" : " and ") + policies.string();
  }
  return not_found("the shipped policies were not found: looked for " + looked_at +
                   "; POLLUX_SHARE names the folder that holds them");
}

std::string path_of_program(const char* argv0) {
  std::error_code failed;
  const fs::path linux_link = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) return linux_link.string();
  const fs::path named = fs::canonical(argv0, failed);
  return failed ? std::string(argv0) : named.string();
}

}  // namespace pollux
