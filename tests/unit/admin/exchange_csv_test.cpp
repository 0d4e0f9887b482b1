#include "admin/exchange_csv.h"

#include "catch.h"

using namespace pollux;

namespace {

// The line of an exchange whose model is called so, and nothing else is known of it.
std::string line_with(std::string model) {
  ExchangeRecord record;
  record.model = std::move(model);
  return csv_line(record);
}

bool says(const std::string& model, const std::string& cell) {
  return line_with(model).find("," + cell + ",") != std::string::npos;
}

}  // namespace

TEST_CASE("a line of CSV quotes what it must, and nothing else") {
  CHECK(says("gemini-3.5-flash", "gemini-3.5-flash"));
  CHECK(says("a,b", "\"a,b\""));
  CHECK(says("a\"b", "\"a\"\"b\""));
  CHECK(says("a\nb", "\"a\nb\""));
  CHECK(says("größe\t1", "größe\t1"));
}

TEST_CASE("no cell of CSV is a formula, in no width") {
  for (const std::string sign : {"=", "+", "-", "@", "\t", "＝", "＋", "－", "＠"}) {
    CHECK(says(sign + "1+1", "\"'" + sign + "1+1\""));
  }
}

TEST_CASE("no control character and no broken UTF-8 stands in CSV") {
  CHECK(says(std::string("m\0x", 3), "m\xef\xbf\xbdx"));
  CHECK(says(std::string("\0=1", 3), "\xef\xbf\xbd=1"));
  CHECK(says("m\x1b[31m\x7f", "m\xef\xbf\xbd[31m\xef\xbf\xbd"));
  CHECK(says("m\xff", "m\xef\xbf\xbd"));
}
