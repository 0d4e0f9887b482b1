#include "script/policy_files.h"

#include <sys/stat.h>

#if defined(__linux__)
#include <sys/vfs.h>
#endif

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace pollux {
namespace {

namespace fs = std::filesystem;

constexpr int deepest_folder = 8;             // Links may lead in circles.
constexpr std::size_t most_entries = 10'000;  // Looked at in one folder and its subfolders.
constexpr std::string_view suffix = ".lua";
constexpr std::string_view test_suffix = "_test.lua";

bool is_wanted(const std::string& file, PolicyFiles which) {
  if (!file.ends_with(suffix) || file.front() == '.' || file.front() == '#') return false;
  if (file.find('.') != file.size() - suffix.size()) return false;
  return file.ends_with(test_suffix) == (which == PolicyFiles::tests);
}

// Whether the system tells of every change in files of this folder. It does not for what another machine
// changes, nor for a file behind a link.
bool tells_of_changes(const fs::path& folder) {
  std::error_code problem;
  auto named = fs::absolute(folder, problem).lexically_normal();
  if (!named.has_filename()) named = named.parent_path();  // "policies/"
  if (problem || fs::canonical(folder, problem) != named) return false;
#if defined(__linux__)
  struct statfs about {};
  if (::statfs(folder.c_str(), &about) != 0) return false;
  constexpr std::array<std::uint32_t, 8> local{0xEF53,       // ext2, ext3, ext4
                                               0x58465342,   // XFS
                                               0x9123683E,   // Btrfs
                                               0xF2F52010,   // F2FS
                                               0x2FC12FC1,   // ZFS
                                               0x24051905,   // UBIFS
                                               0x01021994,   // tmpfs
                                               0x794C7630};  // overlayfs
  const auto kind = static_cast<std::uint32_t>(about.f_type);
  return std::ranges::find(local, kind) != local.end();
#else
  return false;
#endif
}

void read_facts(const struct stat& facts, PolicyFile& file) {
  file.modified_ns = std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec;
  file.bytes = static_cast<std::uint64_t>(facts.st_size);
  file.inode = facts.st_ino;
}

void look_into(const fs::path& root, bool is_owners, PolicyFiles which, FoundPolicies& found) {
  struct stat facts {};
  if (::stat(root.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode)) {
    found.tells = false;
    return;
  }
  const auto device = facts.st_dev;
  if (!tells_of_changes(root)) found.tells = false;
  found.folders.push_back({root.string(), facts.st_ino});
  std::error_code problem;
  auto entry = fs::recursive_directory_iterator(
      root, fs::directory_options::follow_directory_symlink | fs::directory_options::skip_permission_denied,
      problem);
  std::size_t entries = 0;
  for (; !problem && entry != fs::recursive_directory_iterator() && ++entries < most_entries;
       entry.increment(problem)) {
    const auto& path = entry->path();
    std::error_code unknown;
    if (entry->is_symlink(unknown)) found.tells = false;
    if (::stat(path.c_str(), &facts) != 0) continue;
    if (facts.st_dev != device) found.tells = false;
    if (S_ISDIR(facts.st_mode)) {
      const bool enters = path.filename().string().front() != '.' && entry.depth() < deepest_folder;
      if (!enters) entry.disable_recursion_pending();
      if (enters) found.folders.push_back({path.string(), facts.st_ino});
      continue;
    }
    if (!S_ISREG(facts.st_mode) || !is_wanted(path.filename().string(), which)) continue;
    PolicyFile file{path.lexically_relative(root).string(), path.string(), is_owners};
    read_facts(facts, file);
    found.files.push_back(std::move(file));
  }
  if (problem || entries >= most_entries) found.tells = false;
}

std::string module_of(const std::string& name) {
  return name.substr(0, name.size() - suffix.size());
}

bool comes_before(const PolicyFile& one, const PolicyFile& other) {
  return std::pair(one.is_owners, std::string_view(one.name)) <
         std::pair(other.is_owners, std::string_view(other.name));
}

}  // namespace

FoundPolicies find_policies(const PolicyFolders& folders, PolicyFiles which) {
  FoundPolicies found;
  look_into(folders.shipped, false, which, found);
  if (!folders.owners.empty() && !are_same_folder(folders)) look_into(folders.owners, true, which, found);
  std::ranges::sort(found.files, comes_before);
  return found;
}

bool is_in_shipped_place(std::string_view name) {
  return name.starts_with("default/");
}

std::vector<PolicyFile> useless_files(const FoundPolicies& found) {
  auto files = found.files;
  std::erase_if(files,
                [](const PolicyFile& file) { return !file.is_owners || !is_in_shipped_place(file.name); });
  return files;
}

std::string why_useless(const PolicyFile& file) {
  return file.name + ": nothing reads it, for default/ is reserved for what is shipped";
}

bool are_same_folder(const PolicyFolders& folders) {
  std::error_code problem;
  return fs::equivalent(folders.owners, folders.shipped, problem) && !problem;
}

FoundPolicies found_without(const FoundPolicies& found, std::string_view name) {
  auto changed = found;
  std::erase_if(changed.files,
                [name](const PolicyFile& file) { return file.is_owners && file.name == name; });
  return changed;
}

FoundPolicies found_with(const FoundPolicies& found, const PolicyFolders& folders, std::string_view name,
                         std::shared_ptr<const std::string> draft) {
  auto changed = found_without(found, name);
  PolicyFile file{std::string(name), (fs::path(folders.owners) / name).string(), true};
  struct stat facts {};
  if (!draft && ::stat(file.path.c_str(), &facts) == 0) read_facts(facts, file);
  file.draft = std::move(draft);
  changed.files.insert(std::ranges::upper_bound(changed.files, file, comes_before), std::move(file));
  return changed;
}

Result<std::string> read_policy_file(const PolicyFile& file) {
  if (file.draft) return *file.draft;
  std::ifstream stream(file.path, std::ios::binary);
  if (!stream) return unavailable(file.name + ": it cannot be read");
  std::string text;
  std::array<char, std::size_t{16} * 1024> piece;
  while (text.size() <= largest_policy_bytes &&
         (stream.read(piece.data(), piece.size()), stream.gcount() > 0))
    text.append(piece.data(), static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) return unavailable(file.name + ": it cannot be read");
  if (text.size() > largest_policy_bytes) return invalid_input(file.name + ": it is larger than 1 MiB");
  return text;
}

Result<PolicySources> read_policies(const PolicyFolders& folders, const FoundPolicies& found,
                                    const std::set<std::string>& without) {
  PolicySources sources;
  for (const auto& file : found.files) {
    if (file.is_owners && (without.contains(file.name) || is_in_shipped_place(file.name))) continue;
    if (sources.size() >= most_policy_files) {
      return invalid_input("there are more than " + std::to_string(most_policy_files) + " policy files");
    }
    auto text = read_policy_file(file);
    if (!text) return std::move(text).error();
    const auto module = module_of(file.name);
    if (const auto shipped = sources.find(module); shipped != sources.end()) {
      auto behind = std::move(shipped->second);
      sources.erase(shipped);
      behind.file = "default/" + behind.file;
      behind.module = "default." + module;
      sources.emplace(behind.module, std::move(behind));
    }
    sources.emplace(module, PolicySource{module, file.name, file.path, std::move(*text), file.is_owners});
  }
  if (sources.empty()) {
    return not_found("there are no policies in " + folders.shipped +
                     (folders.owners.empty() ? "" : " and " + folders.owners));
  }
  return sources;
}

Result<PolicySources> read_policies(const PolicyFolders& folders) {
  return read_policies(folders, find_policies(folders));
}

const PolicySource* source_of_error(const PolicySources& sources, std::string_view message) {
  for (const auto& [module, source] : sources) {
    if (message.starts_with(source.file) && message.substr(source.file.size()).starts_with(":"))
      return &source;
  }
  return nullptr;
}

}  // namespace pollux
