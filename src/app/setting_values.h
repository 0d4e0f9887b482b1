// How the value of a setting is written as text: numbers, sizes, lists, files.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pollux {

// What is wrong with a value, ready to be shown: secrets are masked.
struct WrongValue {
  std::string found;     // As a person would quote it: "\"eighty\"", "item 2, \"ya29…\"".
  std::string expected;  // "a whole number from 0 to 65535"
};

// All of these fail with what is expected, as a noun phrase.
Result<std::int64_t> read_whole_number(std::string_view text, std::int64_t least, std::int64_t most);
Result<double> read_number(std::string_view text, double least, double most);
// Bytes: "1048576", "64MiB", "512k", "2 GB"; every unit counts in 1024s.
Result<std::uint64_t> read_bytes(std::string_view text, std::uint64_t most);
// A file that this process can open for reading, and no folder.
Result<void> check_readable_file(const std::string& path);
// The bytes of such a file, if they are at most so many.
Result<std::string> read_whole_file(const std::string& path, std::size_t most_bytes);

// Commas, pipes and white space part the items, or the text is a JSON array. Quotes around items are dropped,
// and so are empty items and later duplicates.
Result<std::vector<std::string>> read_list(std::string_view text);

// Without one pair of quotes around it, and without white space around that.
std::string_view unquoted(std::string_view text);
std::string in_quotes(std::string_view text);  // At most 80 bytes of it.
// With user name and password masked, as far as they can be told: "socks5://…@proxy:1080".
std::string masked_url(std::string_view url);
bool is_masked_url(std::string_view url);

}  // namespace pollux
