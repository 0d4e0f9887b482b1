#include "admin/authorization.h"

#include "base/digest.h"
#include "catch.h"

using namespace pollux;

namespace {

const AdminAccount account{"admin", hex(sha256("secret"))};

Headers with(std::initializer_list<std::pair<const char*, const char*>> fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return headers;
}

}  // namespace

TEST_CASE("the token opens the administration as Bearer, and as the password of the administrator") {
  CHECK(may_administer(account, with({{"Authorization", "Bearer secret"}})));
  CHECK(may_administer(account, with({{"Authorization", "basic YWRtaW46c2VjcmV0"}})));  // admin:secret
}

TEST_CASE("anything else does not") {
  for (const auto* field : {"", "Bearer", "Bearer ", "Bearer Secret", "Bearer secret ", "secret", "Basic !!!",
                            "Basic YWRtaW4=", "Basic cm9vdDpzZWNyZXQ=", "Basic YWRtaW46c2VjcmV0Og=="}) {
    INFO(field);
    CHECK(!may_administer(account, with({{"Authorization", field}})));
  }
  CHECK(!may_administer(account, {}));
  CHECK(!may_administer(account, with({{"x-api-key", "secret"}})));
}

TEST_CASE("a request that a browser sends for another site's page is told from others") {
  CHECK(!is_from_another_site(with({{"Host", "pollux:8000"}})));
  CHECK(!is_from_another_site(with({{"Host", "pollux:8000"}, {"Origin", "http://Pollux:8000"}})));
  CHECK(!is_from_another_site(with({{"Host", "pollux"}, {"Origin", "https://pollux:8443"}})));
  CHECK(!is_from_another_site(with({{"Host", "[::1]:8000"}, {"Origin", "http://[::1]:8000"}})));
  CHECK(!is_from_another_site(
      with({{"Host", "a"}, {"Origin", "http://b"}, {"Sec-Fetch-Site", "same-origin"}})));
  CHECK(!is_from_another_site(with({{"Host", "a"}, {"Sec-Fetch-Site", "none"}})));

  CHECK(is_from_another_site(with({{"Host", "pollux:8000"}, {"Origin", "http://evil"}})));
  CHECK(is_from_another_site(with({{"Host", "pollux"}, {"Origin", "http://pollux.evil"}})));
  CHECK(is_from_another_site(with({{"Host", "[::1]:8000"}, {"Origin", "http://[::2]:8000"}})));
  CHECK(is_from_another_site(with({{"Host", "pollux"}, {"Origin", "null"}})));
  CHECK(is_from_another_site(with({{"Origin", "http://pollux"}})));
  CHECK(is_from_another_site(with({{"Host", "a"}, {"Sec-Fetch-Site", "cross-site"}})));
  CHECK(is_from_another_site(with({{"Host", "a"}, {"Sec-Fetch-Site", "same-site"}})));
}
