#include "base/result.h"

#include <memory>
#include <string>

#include "catch.h"

using namespace pollux;

TEST_CASE("a result holds a value, also one that only moves") {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);

  REQUIRE(result);
  const std::unique_ptr<int> taken = *std::move(result);
  CHECK(*taken == 7);
}

TEST_CASE("a result without a value says why") {
  const Result<int> result = not_found("no key has this id");

  REQUIRE_FALSE(result);
  CHECK(result.error().kind == Error::Kind::not_found);
  CHECK(result.error().message == "no key has this id");
}

TEST_CASE("an error that is passed on reads from the outside in") {
  CHECK(invalid_input("99999 is above 65535").within("PORT").within("settings").message ==
        "settings: PORT: 99999 is above 65535");
}

TEST_CASE("a result of nothing is good unless it holds an error") {
  CHECK(Result<void>().has_value());
  CHECK_FALSE(Result<void>(unavailable("disk is full")).has_value());
}
