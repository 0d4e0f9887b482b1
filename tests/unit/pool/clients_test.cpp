#include "pool/clients.h"

#include <string>
#include <vector>

#include "base/digest.h"
#include "catch.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {
constexpr WallTime noon{1795262400000ms};
}

TEST_CASE("a client is found by its token, which is kept as a hash only") {
  const auto clients = Clients::create();
  CHECK(clients->empty());

  const auto added = clients->add("laptop", "token-of-laptop", noon);

  CHECK(clients->find("token-of-laptop", noon) == added);
  CHECK(clients->find("token-of-lapto", noon) == nullptr);
  CHECK(clients->find("", noon) == nullptr);
  CHECK(added->token_hash == hex(sha256("token-of-laptop")));
  CHECK(added->id == "client-" + added->token_hash.substr(0, 12));
  CHECK(clients->add("other", "token-of-laptop", noon) == added);
  CHECK_FALSE(clients->empty());
}

TEST_CASE("a disabled or expired client is not found") {
  const auto clients = Clients::create();
  auto changed = *clients->add("laptop", "token", noon);
  changed.expires_at = noon + 1h;
  clients->restore(changed);
  CHECK(clients->find("token", noon + 59min));
  CHECK_FALSE(clients->find("token", noon + 1h));
  changed.expires_at.reset();
  changed.enabled = false;
  clients->restore(changed);
  CHECK_FALSE(clients->find("token", noon));
  CHECK(clients->all().size() == 1);
}

TEST_CASE("clients from the settings live as long as the settings name them") {
  const auto clients = Clients::create();
  clients->add("by hand", "token-h", noon);
  clients->set_from_settings({"token-a", "token-b"}, noon);
  const auto a = clients->find("token-a", noon), b = clients->find("token-b", noon);
  REQUIRE(a);
  CHECK(a->name == "token-1");
  CHECK(a->from_settings);
  CHECK(b->name == "token-2");

  clients->set_from_settings({"token-b", "token-c", "token-h"}, noon + 1h);

  CHECK(clients->find("token-a", noon) == nullptr);
  CHECK(clients->find("token-b", noon) == b);
  CHECK(clients->find("token-c", noon)->name == "token-1");
  CHECK(clients->find("token-h", noon)->name == "by hand");
  CHECK(clients->all().size() == 3);
}

TEST_CASE("a client knows its tags") {
  const Client client{.tags = {"friend"}};
  CHECK(client.has_tag("friend"));
  CHECK_FALSE(client.has_tag("foe"));
}
