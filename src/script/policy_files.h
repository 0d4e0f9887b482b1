// The files of the search path on disk. Internal to src/script.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "script/policy_library.h"

namespace pollux {

inline constexpr std::size_t most_policy_files = 500;
inline constexpr std::uint64_t largest_policy_bytes = std::uint64_t{1024} * 1024;

struct PolicyFile {
  std::string name;  // "dialects/openai.lua"
  std::string path;  // On disk.
  bool is_owners = false;
  std::int64_t modified_ns = 0;
  std::uint64_t bytes = 0, inode = 0;
  std::shared_ptr<const std::string> draft;  // The text to come in place of the one on disk.
  bool operator==(const PolicyFile&) const = default;
};

struct PolicyFolder {
  std::string path;
  std::uint64_t inode = 0;
  bool operator==(const PolicyFolder&) const = default;
};

struct FoundPolicies {
  std::vector<PolicyFile> files;  // In order: shipped before owner's, by name.
  std::vector<PolicyFolder> folders;
  bool tells = true;  // The system tells of every change in them: nobody has to look again and again.
};

enum class PolicyFiles { policies, tests };

// Symbolic links are followed; hidden files and names with further dots (as editors make them) are passed
// over.
FoundPolicies find_policies(const PolicyFolders& folders, PolicyFiles which = PolicyFiles::policies);
Result<std::string> read_policy_file(const PolicyFile& file);
// The same with the owner's file of that name as it is now (in its place, or new); or as a draft with this
// text; or without it.
FoundPolicies found_with(const FoundPolicies& found, const PolicyFolders& folders, std::string_view name,
                         std::shared_ptr<const std::string> draft = nullptr);
FoundPolicies found_without(const FoundPolicies& found, std::string_view name);
// Below default/, where nothing of the owner's is read: `require "default.x"` is the shipped x.
bool is_in_shipped_place(std::string_view name);
// The owner's files there, and what to say of each.
std::vector<PolicyFile> useless_files(const FoundPolicies& found);
std::string why_useless(const PolicyFile& file);
// Both are one and the same folder on disk: then there are no owner's files.
bool are_same_folder(const PolicyFolders& folders);
// `without`: names of owner's files that are taken for absent.
Result<PolicySources> read_policies(const PolicyFolders& folders, const FoundPolicies& found,
                                    const std::set<std::string>& without = {});
// The file that an error names, "keys.lua" for "keys.lua:7: ..."; null: none of these.
const PolicySource* source_of_error(const PolicySources& sources, std::string_view message);

}  // namespace pollux
