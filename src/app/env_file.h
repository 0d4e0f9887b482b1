// The text of a .env file, as people write them:
//
//   export NAME = value   # a comment after white space
//   NAME='as it stands'   NAME="with \n and \" read"   NAME=["a list", "over several lines"]
//
// Quoted values and lists in brackets may span lines; Windows' line ends and a byte order mark are fine.
// No $NAME is expanded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pollux {

struct EnvLine {
  std::string name, value;
  std::size_t line = 0;  // Counted from 1, where the variable begins.
};

// A line that cannot be read. What stood there is not repeated: it may hold a secret.
struct EnvFlaw {
  std::size_t line = 0;
  std::string expected;
};

struct EnvFile {
  std::vector<EnvLine> lines;  // In their order; a name may come twice, then the later one counts.
  std::vector<EnvFlaw> flaws;
};

EnvFile parse_env_file(std::string_view text);

// Without the byte order mark that Windows' editors put first.
std::string_view without_byte_order_mark(std::string_view text);
// Without white space at either end.
std::string_view trimmed(std::string_view text);

}  // namespace pollux
