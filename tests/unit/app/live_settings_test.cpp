#include "app/live_settings.h"

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "temporary_folder.h"

using namespace pollux;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* a_policy =
    "return { settings = {"
    "{ name = 'STICKY', type = 'boolean', default = true, about = 'Stays.' },"
    "{ name = 'WORDS', type = 'list', default = { 'a' }, about = 'Words.' },"
    "{ name = 'SHARE', type = 'number', default = 0.5, min = 0, max = 1, about = 'A share.' },"
    "{ name = 'COLOUR', type = 'string', default = 'red', choices = { 'red', 'blue' }, about = 'A colour.' },"
    "{ name = 'TITLE', type = 'string', default = 'Sir', about = 'A title.' } "
    "} }";

// A process with its settings, on a data folder that outlives it.
class Process {
 public:
  explicit Process(const TemporaryFolder& folder, SettingSources sources = {}, const char* policy = a_policy)
      : store_(*Store::open(folder.path("data"))) {
    folder.write("shipped/keys.lua", policy);
    sources.env_file = folder.path("test.env");
    sources.usual_key_file.clear();
    auto reading = read_settings(sources);
    REQUIRE(reading.problems.empty());
    live = std::make_unique<LiveSettings>(std::move(reading), *store_);
    live->on_settings_changed([this](const Settings& now) { seen.push_back(now.max_retries); });
    start_ = live->current();
    host_.settings = start_.get();
    library_ = PolicyLibrary::create({folder.path("owners"), folder.path("shipped")}, 1, host_);
    REQUIRE(library_->load_at_start());
    live->connect(*library_, jobs_, [this](const LiveSettings::Snapshot& now, const auto& done) {
      handed_out = now;
      done();
    });
  }
  ~Process() { jobs_.stop(); }

  // "" or "409 PORT: ...".
  std::string change(const Json& wanted) {
    std::promise<std::string> told;
    live->change(wanted, [&told](const std::optional<SettingsService::Refusal>& refused) {
      told.set_value(
          refused ? std::to_string(refused->status) + " " + refused->field + ": " + refused->message : "");
    });
    return told.get_future().get();
  }

  SettingFacts facts(const std::string& name) const {
    for (auto& facts : live->all()) {
      if (facts.name == name) return facts;
    }
    FAIL("no setting " << name);
    return {};
  }

  std::unique_ptr<Store> store_;
  std::unique_ptr<LiveSettings> live;
  LiveSettings::Snapshot handed_out;
  std::vector<int> seen;  // By the observer.

 private:
  JobThread jobs_;
  LiveSettings::Snapshot start_;
  PolicyHost host_;
  std::unique_ptr<PolicyLibrary> library_;
};

}  // namespace

TEST_CASE("a change is in force, told to who watches, and there after a restart") {
  TemporaryFolder folder;
  {
    Process process(folder);
    CHECK(
        process.change({{"MAX_RETRIES", 1}, {"TIME_OUT", 2.5}, {"STICKY", false}, {"MAX_BODY_BYTES", "1MiB"}})
            .empty());
    CHECK(process.live->current()->max_retries == 1);
    CHECK(process.handed_out == process.live->current());
    CHECK(process.handed_out->time_out.count() == 2500);
    CHECK(process.handed_out->max_body_bytes == 1U << 20);
    CHECK(process.seen == std::vector{3, 1});
    CHECK(process.facts("MAX_RETRIES").source == "here");
    CHECK(process.facts("STICKY").value == false);
    CHECK(process.facts("STICKY").policy == "keys.lua");
  }
  Process process(folder);
  CHECK(process.live->current()->max_retries == 1);
  CHECK(process.seen == std::vector{1});
  CHECK(process.facts("STICKY").value == false);
  CHECK(process.change({{"MAX_RETRIES", nullptr}}).empty());
  CHECK(process.facts("MAX_RETRIES").value == 3);
  CHECK(process.facts("MAX_RETRIES").source == "default");
}

TEST_CASE("numbers, booleans, texts and lists are taken as such and as texts, and nothing else for them") {
  TemporaryFolder folder;
  Process process(folder);
  CHECK(process.change({{"MAX_RETRIES", "2"}, {"STICKY", "off"}, {"WORDS", "x, y"}, {"SHARE", 1}}).empty());
  CHECK(process.facts("MAX_RETRIES").value == 2);
  CHECK(process.facts("WORDS").value == Json{"x", "y"});
  CHECK(process.change({{"WORDS", {"two words", "b"}}}).empty());
  CHECK(process.facts("WORDS").value == Json{"two words", "b"});
  CHECK(process.change({{"WORDS", Json::array()}}).empty());
  CHECK(process.facts("WORDS").value == Json::array());
  CHECK(process.change({{"MAX_WAIT_SECONDS", 0.25}}).empty());
  CHECK(process.live->current()->max_wait_seconds == 0.25);
  for (const auto& [name, value] : {std::pair<std::string, Json>{"MAX_RETRIES", true},
                                    {"MAX_RETRIES", 1.5},
                                    {"MAX_RETRIES", -1},
                                    {"MAX_RETRIES", "many"},
                                    {"MAX_RETRIES", Json::array({1})},
                                    {"MAX_RETRIES", Json::object()},
                                    {"STICKY", 1},
                                    {"STICKY", "perhaps"},
                                    {"SHARE", 2},
                                    {"SHARE", "x"},
                                    {"COLOUR", "green"},
                                    {"COLOUR", 1},
                                    {"WORDS", 1},
                                    {"WORDS", Json::array({1})},
                                    {"LOG_LEVEL", "loud"},
                                    {"PROXIES", Json::array({"ftp://x"})}}) {
    INFO(name << " " << value.dump());
    CHECK(process.change({{name, value}}).starts_with("400 " + name + ": "));
  }
}

TEST_CASE("what is set to nothing is not set, and back at its default") {
  TemporaryFolder folder;
  Process process(folder);
  for (const auto& [name, value] : {std::pair<std::string, Json>{"MAX_RETRIES", 1},
                                    {"LOG_LEVEL", "debug"},
                                    {"STICKY", false},
                                    {"WORDS", "x"},
                                    {"COLOUR", "blue"},
                                    {"TITLE", "Another"}}) {
    for (const auto* nothing : {"", " \t"}) {
      INFO(name);
      REQUIRE(process.change({{name, value}}).empty());
      CHECK(process.facts(name).source == "here");
      CHECK(process.change({{name, nothing}}).empty());
      CHECK(process.facts(name).source == "default");
      CHECK(process.facts(name).value == process.facts(name).fallback);
    }
  }
}

TEST_CASE("all of a change or nothing of it") {
  TemporaryFolder folder;
  Process process(folder);
  CHECK(process.change({{"MAX_RETRIES", 1}, {"MAX_RETRY", 1}}) ==
        "400 MAX_RETRY: there is no setting MAX_RETRY; did you mean MAX_RETRIES?");
  CHECK(process.live->current()->max_retries == 3);
  CHECK_FALSE(process.handed_out);
  CHECK(process.seen == std::vector{3});
}

TEST_CASE("what the start gave is pinned, and what only the start reads is refused") {
  TemporaryFolder folder;
  folder.write("test.env", "\nMAX_RETRIES=5\nSHARE=0.25\n");
  Process process(folder,
                  {.options = {{"PORT", "0"}}, .environment = {{"STICKY", "no"}, {"MAX_FAILURES", "9"}}});
  CHECK(process.change({{"MAX_RETRIES", 1}}) ==
        "409 MAX_RETRIES: MAX_RETRIES is set in " + folder.path("test.env") + ":2; change it there");
  CHECK(process.change({{"MAX_FAILURES", nullptr}}) ==
        "409 MAX_FAILURES: MAX_FAILURES is set in the environment; change it there");
  CHECK(process.change({{"STICKY", true}}).starts_with("409 STICKY: "));
  CHECK(process.change({{"PORT", 1}}) ==
        "409 PORT: PORT is set on the command line by --port; change it there");
  for (const auto* name : {"HOST", "WORKERS", "GEMINI_BASE_URL", "AUTH_TOKEN", "LOG_FILE", "GEMINI_API_KEYS"})
    CHECK(process.change({{name, "1"}})
              .starts_with("409 " + std::string(name) + ": " + name + " is read at start only"));
  CHECK(process.change({{"BASE_URL", "x"}}) == "400 BASE_URL: BASE_URL is another name of GEMINI_BASE_URL");
  CHECK(process.facts("SHARE").value == 0.25);
  CHECK(process.facts("SHARE").source == ".env");
  CHECK(process.facts("STICKY").source == "environment");
  CHECK(process.facts("PORT").source == "command line");
  CHECK_FALSE(process.facts("PORT").changeable);
}

TEST_CASE("what was set here gives way to the start, and comes back when it says nothing") {
  TemporaryFolder folder;
  CHECK(Process(folder).change({{"MAX_RETRIES", 1}, {"STICKY", false}}).empty());
  {
    Process process(folder, {.environment = {{"MAX_RETRIES", "5"}, {"STICKY", "yes"}}});
    CHECK(process.live->current()->max_retries == 5);
    CHECK(process.facts("STICKY").value == true);
    CHECK(process.facts("STICKY").pinned());
  }
  CHECK(Process(folder).live->current()->max_retries == 1);
}

TEST_CASE("what nothing understands any more counts for nothing, is shown, and can be taken away") {
  TemporaryFolder folder;
  CHECK(Process(folder).change({{"SHARE", 0.75}, {"COLOUR", "blue"}, {"WORDS", "x"}}).empty());
  Process process(folder, {},
                  "return { settings = {"
                  "{ name = 'SHARE', type = 'number', default = 0.1, max = 0.5, about = 'A share.' },"
                  "{ name = 'WORDS', type = 'list', default = {}, about = 'Words.' } } }");
  CHECK(process.facts("SHARE").value == 0.1);
  CHECK(process.facts("SHARE").error == "0.75 is above 0.5");
  CHECK(process.facts("COLOUR").error == "nothing knows a setting of this name (any more)");
  CHECK(process.facts("WORDS").error.empty());
  CHECK(process.change({{"COLOUR", "red"}}).starts_with("400 COLOUR: "));
  CHECK(process.change({{"COLOUR", nullptr}, {"SHARE", 0.2}}).empty());
  CHECK(process.facts("SHARE").error.empty());
  for (const auto& facts : process.live->all()) CHECK(facts.name != "COLOUR");
}

TEST_CASE("no secret is shown") {
  TemporaryFolder folder;
  Process process(folder, {.environment = {{"GEMINI_API_KEYS", "AIzaFirstSecret,AIzaSecondSecret"},
                                           {"ALLOWED_TOKENS", "only-token"},
                                           {"AUTH_TOKEN", "the-password"}}});
  CHECK(process.facts("GEMINI_API_KEYS").value == "2 keys");
  CHECK(process.facts("ALLOWED_TOKENS").value == "1 token");
  CHECK(process.facts("AUTH_TOKEN").value == "set");
  CHECK(process.change({{"PROXIES", {"http://user:hidden@proxy:8080", "socks5://plain:1080"}}}).empty());
  CHECK(process.facts("PROXIES").value == Json{"http://…@proxy:8080", "socks5://plain:1080"});
}

TEST_CASE("a proxy that comes back as it was shown is the one it was") {
  TemporaryFolder folder;
  Process process(folder);
  REQUIRE(process.change({{"PROXIES", {"http://user:hidden@proxy:8080"}}}).empty());
  CHECK(process.change({{"PROXIES", {"http://new:1", "http://…@proxy:8080"}}}).empty());
  CHECK(process.live->current()->proxies ==
        std::vector<std::string>{"http://new:1", "http://user:hidden@proxy:8080"});
}

TEST_CASE("a masked proxy that is none of those set now is refused") {
  TemporaryFolder folder;
  Process process(folder);
  REQUIRE(process.change({{"PROXIES", {"http://user:hidden@proxy:8080"}}}).empty());
  CHECK(process.change({{"PROXIES", {"http://…@proxy:8080", "http://…@proxy:8081"}}}) ==
        "400 PROXIES: PROXIES: found item 2, \"http://…@proxy:8081\"; expected its user name and password in "
        "full, for this is none of the proxies set now");
  CHECK(process.live->current()->proxies == std::vector<std::string>{"http://user:hidden@proxy:8080"});
}

TEST_CASE("every setting is told whole, and shows its own default") {
  TemporaryFolder folder;
  Process process(folder);
  for (const auto& facts : process.live->all()) {
    INFO(facts.name);
    CHECK_FALSE(facts.about.empty());
    CHECK_FALSE(facts.group.empty());
    CHECK_FALSE(facts.type.empty());
    CHECK(facts.value == facts.fallback);
    CHECK(facts.source == "default");
  }
}
