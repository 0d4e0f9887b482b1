#include "pool/clients.h"

#include <chrono>
#include <string>
#include <vector>

#include "base/digest.h"
#include "catch.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1795262400000ms};
constexpr Moment now{noon, 1'000'000ms};

ClientPatch named(const std::string& name) {
  ClientPatch profile;
  profile.name = name;
  return profile;
}

ClientRef added(Clients& clients, const std::string& name, const std::string& token) {
  auto client = clients.add(token, named(name), noon);
  if (!client) FAIL(client.error().message);
  return *client;
}

std::string error_of(const Result<ClientRef>& result) {
  return result ? "none" : result.error().message;
}

// What the store would be told.
class Notes final : public ClientsObserver {
 public:
  void on_client_changed(const Client& client) override { lines.push_back("changed " + client.name); }
  void on_client_removed(const std::string& id) override { lines.push_back("removed " + id); }
  void on_usage_changed() override { ++usage; }
  std::vector<std::string> lines;
  int usage = 0;
};

}  // namespace

TEST_CASE("a client is found by its token, which is kept as a hash only") {
  const auto clients = Clients::create();
  CHECK(clients->empty());

  const auto laptop = added(*clients, "laptop", "token-of-laptop");

  CHECK(clients->find("token-of-laptop", noon) == laptop);
  CHECK(clients->find("token-of-lapto", noon) == nullptr);
  CHECK(clients->find("", noon) == nullptr);
  CHECK(clients->with_id(laptop->id) == laptop);
  CHECK(clients->with_id("nobody") == nullptr);
  CHECK(laptop->token_hash == hex(sha256("token-of-laptop")));
  CHECK_FALSE(clients->empty());
}

TEST_CASE("a token's end is shown only where that tells little") {
  const auto clients = Clients::create();
  CHECK(added(*clients, "long", "0123456789abcdef")->token_hint == "cdef");
  CHECK(added(*clients, "short", "0123456789abcde")->token_hint.empty());
}

TEST_CASE("a disabled or expired client does not come in, and it is known why") {
  const auto clients = Clients::create();
  auto changed = *added(*clients, "laptop", "its-token");
  changed.expires_at = noon + 1h;
  clients->restore(changed);
  CHECK(clients->find("its-token", noon + 59min));
  CHECK_FALSE(clients->find("its-token", noon + 1h));
  CHECK(clients->holder_of("its-token")->standing(noon + 1h) == Client::Standing::expired);
  changed.expires_at.reset();
  changed.enabled = false;
  clients->restore(changed);
  CHECK_FALSE(clients->find("its-token", noon));
  CHECK(clients->holder_of("its-token")->standing(noon) == Client::Standing::disabled);
  CHECK(clients->all().size() == 1);
}

TEST_CASE("clients from the settings live as long as the settings name them") {
  const auto clients = Clients::create();
  added(*clients, "by hand", "token-of-h");
  clients->set_from_settings({"a", "b"}, noon);
  const auto a = clients->find("a", noon), b = clients->find("b", noon);
  REQUIRE(a);
  CHECK(a->name == "token-1");
  CHECK(a->id == "client-" + a->token_hash.substr(0, 12));
  CHECK(a->from_settings);
  CHECK(b->name == "token-2");

  clients->set_from_settings({"b", "c", "token-of-h"}, noon + 1h);

  CHECK(clients->find("a", noon) == nullptr);
  CHECK(clients->find("b", noon) == b);
  CHECK(clients->find("c", noon)->name == "token-1");
  CHECK(clients->find("token-of-h", noon)->name == "by hand");
  CHECK(clients->all().size() == 3);
}

TEST_CASE("what was changed of a client from the settings holds when it is named again") {
  const auto clients = Clients::create();
  clients->set_from_settings({"token-of-a"}, noon);
  const auto id = clients->find("token-of-a", noon)->id;
  ClientPatch patch;
  patch.rpm = 5;
  patch.enabled = false;
  const auto changed = clients->change(id, patch);
  REQUIRE(changed);

  SECTION("at once") {
    clients->set_from_settings({}, noon);
    CHECK(clients->empty());
  }
  SECTION("after a restart") {}

  const auto again = Clients::create();
  again->restore(**changed);
  again->set_from_settings({"token-of-b"}, noon);
  CHECK(again->holder_of("token-of-a") == nullptr);
  for (const auto& some : {clients.get(), again.get()}) {
    some->set_from_settings({"token-of-a"}, noon);
    const auto client = some->holder_of("token-of-a");
    REQUIRE(client);
    CHECK(client->id == id);
    CHECK(client->quota.rpm == 5);
    CHECK_FALSE(client->enabled);
  }
}

TEST_CASE("a token that went from the settings to a client of the owner's is that client's alone") {
  Client from_settings{.id = "old", .name = "token-1", .token_hash = hex(sha256("the-token"))};
  from_settings.from_settings = true;
  const Client by_hand{.id = "new", .name = "laptop", .token_hash = from_settings.token_hash};
  for (const std::vector<std::string>& named : {std::vector<std::string>{}, {"the-token"}}) {
    const auto clients = Clients::create();
    clients->restore(from_settings);
    clients->restore(by_hand);
    clients->set_from_settings(named, noon);
    REQUIRE(clients->all().size() == 1);
    CHECK(clients->holder_of("the-token")->id == "new");
  }
}

TEST_CASE("a client from the settings keeps its token and stays") {
  const auto clients = Clients::create();
  clients->set_from_settings({"token-of-a"}, noon);
  const auto id = clients->all()[0]->id;
  CHECK(clients->remove(id).error().kind == Error::Kind::conflict);
  CHECK(clients->change_token(id, "another-token").error().kind == Error::Kind::conflict);
  CHECK(clients->find("token-of-a", noon));
}

TEST_CASE("a change makes a new client of the same usage") {
  const auto clients = Clients::create();
  const auto before = added(*clients, "laptop", "its-token");
  CHECK_FALSE(before->usage->admit(before->quota, now));
  ClientPatch patch;
  patch.models = {{"models/gemini-*", "gemini-*"}};
  patch.tags = {{" friend ", "friend"}};
  patch.rpm = 1;
  patch.expires_at = noon + 1h;

  const auto after = clients->change(before->id, patch);

  REQUIRE(after);
  CHECK(before->models.empty());
  CHECK((*after)->models == std::vector<std::string>{"gemini-*"});
  CHECK((*after)->tags == std::vector<std::string>{"friend"});
  CHECK((*after)->may_use("gemini-3.8-flash"));
  CHECK_FALSE((*after)->may_use("gpt-4o"));
  CHECK(clients->find("its-token", noon) == *after);
  CHECK((*after)->usage->admit((*after)->quota, now));
  CHECK((*after)->is_limited());
  CHECK_FALSE(before->is_limited());
  patch = {};
  patch.rpm = ClientPatch::Limit();
  CHECK_FALSE((*clients->change(before->id, patch))->quota.rpm);
}

TEST_CASE("another token takes the place of the one of before") {
  const auto clients = Clients::create();
  const auto client = added(*clients, "laptop", "token-of-before");

  REQUIRE(clients->change_token(client->id, "token-of-after"));

  CHECK(clients->find("token-of-before", noon) == nullptr);
  CHECK(clients->find("token-of-after", noon)->id == client->id);
  CHECK(added(*clients, "other", "token-of-before")->id != client->id);
  CHECK(error_of(clients->change_token(client->id, "token-of-before")).starts_with("token: another"));
}

TEST_CASE("a removed client is gone at once, and its name and token are free") {
  const auto clients = Clients::create();
  const auto client = added(*clients, "laptop", "its-token");
  REQUIRE(clients->remove(client->id));
  CHECK(clients->find("its-token", noon) == nullptr);
  CHECK(clients->remove(client->id).error().kind == Error::Kind::not_found);
  CHECK(error_of(clients->change(client->id, {})) == "there is no such client");
  added(*clients, "laptop", "its-token");
}

TEST_CASE("no two clients have one name or one token") {
  const auto clients = Clients::create();
  added(*clients, "laptop", "its-token");
  const auto phone = added(*clients, "phone", "another-token");
  CHECK(error_of(clients->add("third-token", named(" laptop "), noon)) == "name: another client has it");
  CHECK(error_of(clients->add("its-token", named("tablet"), noon)) == "token: another client has it");
  CHECK(error_of(clients->change(phone->id, named("laptop"))) == "name: another client has it");
  CHECK(error_of(clients->change(phone->id, named("phone"))) == "none");
  CHECK(clients->all().size() == 2);
}

TEST_CASE("what cannot be meant is refused by its name") {
  const auto clients = Clients::create();
  const auto error = [&](const ClientPatch& patch, const std::string& token = "its-token") {
    return error_of(clients->add(token, patch, noon));
  };
  CHECK(error({}) == "name: expected one");
  CHECK(error(named(" ")) == "name: empty");
  CHECK(error(named(std::string(101, 'x'))) == "name: longer than 100 bytes");
  CHECK(error(named("a\nb")) == "name: contains a control character");
  CHECK(error(named("a"), "short").starts_with("token: shorter"));
  CHECK(error(named("a"), std::string(513, 'x')).starts_with("token: longer"));
  CHECK(error(named("a"), "a blank in it").starts_with("token: contains"));
  for (const auto limit : {0, -1}) {
    auto patch = named("a");
    patch.daily_tokens = limit;
    CHECK(error(patch).starts_with("daily_tokens: expected"));
  }
  auto patch = named("a");
  patch.models = {{"gemini-*", "two\nlines"}};
  CHECK(error(patch).starts_with("models: one contains"));
  patch.models = {{""}};
  CHECK(error(patch) == "models: one is empty");
  patch.models = std::vector<std::string>(101, "x");
  CHECK(error(patch) == "models: more than 100");
  patch = named("a");
  patch.tags = {{"a\nb"}};
  CHECK(error(patch).starts_with("tags: contains"));
  patch.tags = std::vector<std::string>(51, "x");
  CHECK(error(patch) == "tags: more than 50");
  CHECK(clients->empty());
}

TEST_CASE("who stores clients is told of every change in order, and once of usage") {
  const auto clients = Clients::create();
  Notes notes;
  clients->restore({.id = "old", .name = "old", .token_hash = "h"});
  clients->set_observer(&notes);
  clients->set_from_settings({"token-of-a"}, noon);
  const auto client = added(*clients, "laptop", "its-token");
  REQUIRE(clients->change(client->id, named("desktop")));
  REQUIRE(clients->remove(client->id));
  CHECK(notes.lines ==
        std::vector<std::string>{"changed laptop", "changed desktop", "removed " + client->id});

  const auto a = clients->find("token-of-a", noon);
  CHECK_FALSE(a->usage->admit(a->quota, now));
  CHECK_FALSE(a->usage->admit(a->quota, now));
  clients->with_id("old")->usage->used(3, noon, now);
  client->usage->used(3, noon, now);  // Removed meanwhile.
  CHECK(notes.usage == 1);
  const auto states = clients->take_changes(now);
  REQUIRE(states.size() == 2);
  CHECK(states[0].client_id == a->id);
  CHECK(states[0].requests_today == 2);
  CHECK(states[1].tokens_today == 3);
  CHECK(clients->take_changes(now).empty());
  a->usage->used(1, noon, now);
  CHECK(notes.usage == 2);
}

TEST_CASE("usage that was stored comes back to its client") {
  const auto clients = Clients::create();
  clients->set_from_settings({"token-of-a"}, noon);
  const auto a = clients->find("token-of-a", noon);
  clients->restore(ClientUsageState{.client_id = a->id,
                                    .day = 20261121,
                                    .requests_today = 4,
                                    .tokens_today = 9,
                                    .minute = {},
                                    .last_used = {}},
                   now);
  clients->restore(ClientUsageState{.client_id = "nobody", .minute = {}, .last_used = {}}, now);
  CHECK(a->usage->numbers(now).requests_today == 4);
}

TEST_CASE("a client knows its tags") {
  const Client client{.tags = {"friend"}};
  CHECK(client.has_tag("friend"));
  CHECK_FALSE(client.has_tag("foe"));
}

TEST_CASE("thousands of clients stay fast") {
  const auto clients = Clients::create();
  for (int number = 0; number < 5000; ++number) {
    const auto text = std::to_string(number);
    added(*clients, "client " + text, "token-of-client-" + text);
  }
  CHECK(clients->find("token-of-client-4711", noon)->name == "client 4711");
  CHECK(clients->all().size() == 5000);
}
