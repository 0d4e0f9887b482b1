#include "app/settings_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "app/settings_table.h"
#include "catch.h"
#include "temporary_folder.h"

using namespace pollux;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

namespace {

// A user's folder, environment and command line, and what is read from them.
struct User {
  TemporaryFolder folder;
  SettingSources sources;

  User() {
    sources.env_file = folder.path(".env");
    sources.usual_key_file = folder.path("key.txt");
  }
  User& sets(const std::string& name, const std::string& value) {
    sources.environment.emplace_back(name, value);
    return *this;
  }
  User& writes_env(std::string_view text) {
    folder.write(".env", text);
    return *this;
  }
  SettingsReading reading() const { return read_settings(sources); }
};

Settings good(const User& user) {
  const SettingsReading reading = user.reading();
  for (const std::string& problem : reading.problems) UNSCOPED_INFO(problem);
  REQUIRE(reading.problems.empty());
  return reading.settings;
}

Settings with(const std::string& name, const std::string& value) {
  return good(User().sets(name, value));
}

// The one problem of a variable set so.
std::string problem(const std::string& name, const std::string& value) {
  const SettingsReading reading = User().sets(name, value).reading();
  REQUIRE(reading.problems.size() == 1);
  return reading.problems.front();
}

std::string problem_without_name(const std::string& name, const std::string& value) {
  const std::string text = problem(name, value);
  const std::string begin = name + " (environment): ";
  REQUIRE(text.substr(0, begin.size()) == begin);
  return text.substr(begin.size());
}

Strings warnings(const User& user) {
  return user.reading().warnings;
}

}  // namespace

// -- Where values come from

TEST_CASE("settings without any source are the defaults") {
  const Settings settings = good(User());

  CHECK(settings.host == "0.0.0.0");
  CHECK(settings.port == 8000);
  CHECK(settings.gemini_base_url == "https://generativelanguage.googleapis.com");
  CHECK_FALSE(settings.gemini_base_url_set);
  CHECK(settings.max_retries == 3);
  CHECK(settings.time_out == 300s);
  CHECK(settings.max_body_bytes == 2147483648U);
  CHECK(settings.retry_body_bytes == 33554432U);
  CHECK_FALSE(settings.auth_token.has_value());
  CHECK(settings.workers >= 1);
  CHECK(settings.workers <= 4);
  CHECK(settings.given.empty());
}

TEST_CASE("settings know all their names") {
  const auto names = good(User()).own_names;
  for (const auto* name : {"PORT", "AUTH_TOKEN", "GEMINI_API_KEYS", "API_KEYS", "BASE_URL", "LOG_LEVEL"})
    CHECK(std::ranges::find(names, std::string_view(name)) != names.end());
}

TEST_CASE("options win over the environment, and that over the env file") {
  User user;
  user.writes_env("HOST=10.0.0.1\nPORT=1\nADMIN_USERNAME=file\n").sets("HOST", "10.0.0.2").sets("PORT", "2");
  user.sources.options["HOST"] = "10.0.0.3";

  const Settings settings = good(user);

  CHECK(settings.host == "10.0.0.3");
  CHECK(settings.port == 2);
  CHECK(settings.admin_username == "file");
}

TEST_CASE("an alias in the environment wins over the main name in the env file") {
  User user;
  user.writes_env("GEMINI_API_KEYS=from-file").sets("GOOGLE_KEYS", "from-environment");

  CHECK(good(user).gemini_api_keys == Strings{"from-environment"});
}

TEST_CASE("every alias is read") {
  CHECK(with("API_KEYS", "a").gemini_api_keys == Strings{"a"});
  CHECK(with("GOOGLE_KEYS", "a").gemini_api_keys == Strings{"a"});
  CHECK(with("ALLOWED_API_KEYS", "a").allowed_tokens == Strings{"a"});
  CHECK(with("USER_KEYS", "a").allowed_tokens == Strings{"a"});
  CHECK(with("PLACEHOLDER_GEMINI_TOKEN", "a").allowed_tokens == Strings{"a"});
  CHECK(with("ADMIN_PASSWORD", "a").auth_token == "a");
  CHECK(with("BASE_URL", "http://localhost:1").gemini_base_url == "http://localhost:1");
}

TEST_CASE("a main name wins over its alias, with a warning if they differ") {
  User user;
  user.sets("API_KEYS", "alias").sets("GEMINI_API_KEYS", "main");

  CHECK(good(user).gemini_api_keys == Strings{"main"});
  CHECK(warnings(user) == Strings{"API_KEYS (environment) is ignored, because GEMINI_API_KEYS is set"});
  CHECK(warnings(User().sets("API_KEYS", "a").sets("GEMINI_API_KEYS", "a")).empty());
}

TEST_CASE("an empty value is no value") {
  User user;
  user.writes_env("PORT=80\nHOST=\nADMIN_USERNAME=eve\nADMIN_USERNAME=\n").sets("PORT", "");

  const Settings settings = good(user);

  CHECK(settings.port == 80);
  CHECK(settings.host == "0.0.0.0");
  CHECK(settings.admin_username == "admin");
  CHECK(settings.given.size() == 1);
}

TEST_CASE("of two lines in an env file the later one counts") {
  CHECK(good(User().writes_env("PORT=1\nPORT=2\n")).port == 2);
}

TEST_CASE("quotes that a container's env file leaves in a value are dropped") {
  CHECK(with("PORT", "\"81\"").port == 81);
  CHECK(with("PORT", " 81 ").port == 81);
}

TEST_CASE("an env file that was named must exist") {
  User user;
  user.sources.env_file_must_exist = true;

  const auto reading = user.reading();

  REQUIRE(reading.problems.size() == 1);
  CHECK(reading.problems[0] ==
        user.sources.env_file + ": expected a file that can be read: No such file or directory");
}

TEST_CASE("an env file that is a folder is a problem even where it was not named") {
  User user;
  user.folder.write(".env/inside", "");

  REQUIRE(user.reading().problems.size() == 1);
}

TEST_CASE("a line of the env file that is no assignment is a problem, shown without its text") {
  User user;
  user.writes_env("PORT=1\nAIzaSecretSecretSecret\n");

  const auto reading = user.reading();

  REQUIRE(reading.problems.size() == 1);
  CHECK(reading.problems[0] == user.sources.env_file + ":2: expected NAME=value");
}

TEST_CASE("given holds what was set, by main name, and the settings of policies") {
  User user;
  user.writes_env("API_KEYS=AIzaSyA-1234567890123456789012345678901\nGREETING=hello\n");
  user.sets("TIME_OUT", "5").sets("lower", "no");

  const auto given = good(user).given;

  CHECK(given.size() == 3);
  CHECK(given.at("TIME_OUT") == "5");
  CHECK(given.at("GREETING") == "hello");
  CHECK(given.at("GEMINI_API_KEYS").find("1234567890") == std::string::npos);
}

// -- Lists and keys

TEST_CASE("a list may be written in every usual way") {
  const Strings abc{"a", "b", "c"};
  CHECK(with("ALLOWED_TOKENS", "a,b,c").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", "a|b | c").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", " a b\n\tc ").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", "a,,b, ,c,a,").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", "\"a\", 'b', c").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", R"(["a", "b", "", "a", "c"])").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", R"('["a","b","c"]')").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", R"(["a", "b", "c",])").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", "['a', 'b', 'c']").allowed_tokens == abc);
  CHECK(with("ALLOWED_TOKENS", "[]").allowed_tokens.empty());
  CHECK(with("ALLOWED_TOKENS", "[123456]").allowed_tokens == Strings{"123456"});
}

TEST_CASE("a list over several lines of an env file is one list") {
  CHECK(good(User().writes_env("USER_KEYS=[\n  \"a\",\n  \"b\"\n]\n")).allowed_tokens == Strings{"a", "b"});
  CHECK(good(User().writes_env("USER_KEYS=\"a,\nb\"\n")).allowed_tokens == Strings{"a", "b"});
}

TEST_CASE("a list that is broken JSON is a problem") {
  CHECK(problem_without_name("ALLOWED_TOKENS", "[\"a\"") ==
        "found a list that cannot be read; expected a JSON array, or items parted by commas, pipes or white "
        "space");
  CHECK(problem_without_name("ALLOWED_TOKENS", "[{}]") ==
        "found a list that cannot be read; expected a JSON array of strings");
}

TEST_CASE("keys come from the variable and from the key file together") {
  User user;
  const std::string file =
      user.folder.write("keys", "\xEF\xBB\xBF# mine\r\none\r\n\r\ntwo # work\r\nthree, one\r\n");
  user.sets("KEY_FILE", file).sets("GEMINI_API_KEYS", "zero,two");

  CHECK(good(user).gemini_api_keys == Strings{"zero", "two", "one", "three"});
}

TEST_CASE("the usual key file is read where it exists and no other is named") {
  User user;
  user.folder.write("key.txt", "usual\n");
  const std::string other = user.folder.write("other.txt", "other\n");

  CHECK(good(user).gemini_api_keys == Strings{"usual"});
  CHECK(good(user.sets("KEY_FILE", other)).gemini_api_keys == Strings{"other"});
}

TEST_CASE("a key file that is not there is a problem") {
  CHECK(problem_without_name("KEY_FILE", "/nowhere/keys") ==
        "found \"/nowhere/keys\"; expected a file that can be read: No such file or directory");
}

TEST_CASE("what cannot be an API key is a problem that names its place and masks it") {
  const std::string token = "ya29.a0AfH6SMBxxxxxxxxxxxxxxxxxxxxxxxx";
  const std::string text = problem_without_name("GEMINI_API_KEYS", "good," + token);
  CHECK(text.find("found item 2, ") == 0);
  CHECK(text.find("OAuth access token") != std::string::npos);
  CHECK(text.find("AfH6SMBx") == std::string::npos);

  User user;
  const std::string file = user.folder.write("keys", "good\neyJhbGciOiJSUzI1NiJ9\n");
  const auto reading = user.sets("KEY_FILE", file).reading();
  REQUIRE(reading.problems.size() == 1);
  CHECK(reading.problems[0].find(file + ":2; expected a Gemini API key; this is a JSON web token") !=
        std::string::npos);

  CHECK(problem_without_name("GEMINI_API_KEYS", "auth_tokens/abcdefghijklmnop").find("for one session") !=
        std::string::npos);

  CHECK(problem_without_name("GEMINI_API_KEYS", "sch\xC3\xBCssel").find("without blanks") !=
        std::string::npos);
}

// -- Single settings

TEST_CASE("a port is a number up to 65535, and 0 takes a free one") {
  CHECK(with("PORT", "0").port == 0);
  CHECK(with("PORT", "65535").port == 65535);
  for (const std::string wrong : {"eighty", "65536", "-1", "80a", "8 0", "1.5", "0x50"}) {
    CHECK(problem("PORT", wrong) ==
          "PORT (environment): found \"" + wrong + "\"; expected a whole number from 0 to 65535");
  }
}

TEST_CASE("a problem names the line of the env file or the option") {
  User in_file;
  in_file.writes_env("# one\nPORT=many\n");
  REQUIRE(in_file.reading().problems.size() == 1);
  CHECK(in_file.reading().problems[0].find("PORT (" + in_file.sources.env_file + ":2): found \"many\"") == 0);

  User on_line;
  on_line.sources.options["PORT"] = "many";
  REQUIRE(on_line.reading().problems.size() == 1);
  CHECK(on_line.reading().problems[0].find("PORT (--port): found \"many\"") == 0);
}

TEST_CASE("every problem is found, not only the first") {
  const auto reading = User().sets("PORT", "x").sets("WORKERS", "0").sets("LOG_LEVEL", "loud").reading();

  CHECK(reading.problems.size() == 3);
}

TEST_CASE("a host is an address or a name") {
  for (const std::string fine : {"127.0.0.1", "::", "::1", "fe80::1%eth0", "localhost", "my-host.lan"}) {
    CHECK(with("HOST", fine).host == fine);
  }
  CHECK(with("HOST", "[::1]").host == "::1");
  for (const std::string wrong : {"http://localhost", "localhost:80", "a b", "a/b", "[]"}) {
    CHECK(problem_without_name("HOST", wrong).find("the port is set by PORT") != std::string::npos);
  }
}

TEST_CASE("the upstream's address loses its version and keeps its prefix") {
  const auto base = [](const std::string& value) { return with("GEMINI_BASE_URL", value).gemini_base_url; };
  CHECK(base("http://localhost:9000") == "http://localhost:9000");
  CHECK(base("http://localhost:9000/") == "http://localhost:9000");
  CHECK(base("https://example.com/v1beta") == "https://example.com");
  CHECK(base("https://example.com/v1beta/") == "https://example.com");
  CHECK(base("https://example.com/v1") == "https://example.com");
  CHECK(base("https://example.com/gemini//v1/") == "https://example.com/gemini");
  CHECK(base("https://example.com/a/b") == "https://example.com/a/b");
  CHECK(base("https://example.com/rev1") == "https://example.com/rev1");
  CHECK(with("GEMINI_BASE_URL", "http://localhost:9000").gemini_base_url_set);
}

TEST_CASE("Google's own address is the same as none") {
  CHECK_FALSE(with("BASE_URL", "https://generativelanguage.googleapis.com/v1beta").gemini_base_url_set);
}

TEST_CASE("an upstream's address that is none is a problem") {
  for (const std::string wrong :
       {"example.com", "ftp://example.com", "https://", "https://a b", "https://a?b=c"}) {
    CHECK(problem_without_name("GEMINI_BASE_URL", wrong) ==
          "found \"" + wrong +
              "\"; expected an address such as https://HOST, http://HOST:PORT or https://HOST/PREFIX");
  }
}

TEST_CASE("a password in an address is not shown") {
  CHECK(problem("GEMINI_BASE_URL", "https://me:hidden@example.com").find("hidden") == std::string::npos);
  const std::string text = problem_without_name("PROXIES", "http://good:1,ftp://me:hidden@proxy:2");
  CHECK(text.find("found item 2, \"ftp://…@proxy:2\"") == 0);
  CHECK(text.find("hidden") == std::string::npos);
}

TEST_CASE("proxies are a list of addresses") {
  const Settings settings = with("PROXIES", R"(["http://proxy:3128", "socks5://me:secret@[::1]:1080"])");

  CHECK(settings.proxies == Strings{"http://proxy:3128", "socks5://me:secret@[::1]:1080"});
  CHECK(with("PROXIES", "[]").proxies.empty());
}

TEST_CASE("TLS files must be readable, both or none") {
  User user;
  const std::string cert = user.folder.write("cert.pem", "cert");
  const std::string key = user.folder.write("key.pem", "key");

  CHECK(good(User().sets("TLS_CERT_FILE", cert).sets("TLS_KEY_FILE", key)).tls_key_file == key);
  CHECK(problem("TLS_CERT_FILE", cert) ==
        "TLS_KEY_FILE: not set; expected a PEM file, because TLS_CERT_FILE is set (environment)");
  CHECK(problem("TLS_KEY_FILE", key) ==
        "TLS_CERT_FILE: not set; expected a PEM file, because TLS_KEY_FILE is set (environment)");
  CHECK(problem("UPSTREAM_CA_FILE", "/nowhere/ca.pem") ==
        "UPSTREAM_CA_FILE (environment): found \"/nowhere/ca.pem\"; expected a file that can be read: "
        "No such file or directory");
  CHECK(problem_without_name("UPSTREAM_CA_FILE", "/tmp") ==
        "found \"/tmp\"; expected a file that can be read; this is a folder");
}

TEST_CASE("counts and times have bounds") {
  CHECK(with("MAX_RETRIES", "0").max_retries == 0);
  CHECK(problem_without_name("MAX_RETRIES", "-1") == "found \"-1\"; expected a whole number from 0 to 1000");
  CHECK(with("MAX_FAILURES", "0").max_failures == 0);
  CHECK(problem_without_name("MAX_FAILURES", "3.5").find("a whole number") != std::string::npos);
  CHECK(with("RETRY_DELAY_SECONDS", "0.25").retry_delay_seconds == 0.25);
  CHECK(problem_without_name("RETRY_DELAY_SECONDS", "soon") ==
        "found \"soon\"; expected a number from 0 to 3600");
  CHECK(with("MAX_WAIT_SECONDS", "0").max_wait_seconds == 0);
  CHECK(problem_without_name("MAX_WAIT_SECONDS", "nan") == "found \"nan\"; expected a number from 0 to 3600");
  CHECK(with("CHECK_INTERVAL_HOURS", "0.5").check_interval_hours == 0.5);
  CHECK(problem_without_name("CHECK_INTERVAL_HOURS", "inf") ==
        "found \"inf\"; expected a number from 0 to 8760");
  CHECK(with("DEFAULT_RPM_LIMIT", "15").default_rpm_limit == 15);
  CHECK(problem_without_name("DEFAULT_RPM_LIMIT", "0").find("from 1 to") != std::string::npos);
  CHECK(with("DEFAULT_RPD_LIMIT", "250").default_rpd_limit == 250);
  CHECK(problem_without_name("DEFAULT_RPD_LIMIT", "many").find("from 1 to") != std::string::npos);
  CHECK(with("WORKERS", "2").workers == 2);
  CHECK(problem_without_name("WORKERS", "0") == "found \"0\"; expected a whole number from 1 to 256");
}

TEST_CASE("the time-out is in seconds, with fractions") {
  CHECK(with("TIME_OUT", "1").time_out == 1s);
  CHECK(with("TIME_OUT", "0.25").time_out == 250ms);
  CHECK(problem_without_name("TIME_OUT", "0") == "found \"0\"; expected seconds from 0.001 to 86400");
  CHECK(problem_without_name("TIME_OUT", "5m") == "found \"5m\"; expected seconds from 0.001 to 86400");
}

TEST_CASE("bytes may carry a unit of 1024s") {
  const auto most = [](const std::string& value) { return with("MAX_BODY_BYTES", value).max_body_bytes; };
  CHECK(most("1048576") == 1048576U);
  CHECK(most("512k") == 524288U);
  CHECK(most("64MiB") == 67108864U);
  CHECK(most("2 GB") == 2147483648U);
  CHECK(most("1T") == 1ULL << 40);
  CHECK(most("0") == 0U);
  for (const std::string wrong : {"-1", "2TiB", "1.5G", "64 MiBs", "k", "99999999999999999999", "1x"}) {
    CHECK(problem_without_name("MAX_BODY_BYTES", wrong) ==
          "found \"" + wrong +
              "\"; expected a number of bytes from 0 to 1099511627776, such as 1048576, 512k or 64MiB");
  }
  CHECK(with("RETRY_BODY_BYTES", "1M").retry_body_bytes == 1048576U);
}

TEST_CASE("the log has a level, a form and a file") {
  CHECK(with("LOG_LEVEL", "DEBUG").log.level == LogLevel::debug);
  CHECK(with("LOG_LEVEL", "warning").log.level == LogLevel::warn);
  CHECK(problem_without_name("LOG_LEVEL", "loud") ==
        "found \"loud\"; expected trace, debug, info, warn, error or off");
  CHECK(with("LOG_FORMAT", "json").log.json);
  CHECK_FALSE(with("LOG_FORMAT", "text").log.json);
  CHECK(problem_without_name("LOG_FORMAT", "xml") == "found \"xml\"; expected text or json");
  CHECK(with("LOG_FILE", "/var/log/pollux.log").log.file == "/var/log/pollux.log");
}

TEST_CASE("the administrator has a name without a colon and a token without control characters") {
  CHECK(with("ADMIN_USERNAME", "eve").admin_username == "eve");
  CHECK(problem_without_name("ADMIN_USERNAME", "a:b") ==
        "found \"a:b\"; expected a name of at most 200 characters without a colon");
  CHECK(with("AUTH_TOKEN", "with blanks").auth_token == "with blanks");
  const std::string text = problem_without_name("AUTH_TOKEN", "top\nsecret");
  CHECK(text.find("secret") == std::string::npos);
  CHECK(text.find("expected at most 1024 characters without line ends") != std::string::npos);
}

TEST_CASE("keys to remove, the data folder and tokens are read as they are") {
  CHECK(with("REMOVE_GOOGLE_KEYS", "a b").remove_google_keys == Strings{"a", "b"});
  CHECK(with("DATA_DIR", "/srv/pollux data").data_dir == "/srv/pollux data");
}

// -- Names that are nearly right

TEST_CASE("a name near a known one is warned of") {
  const auto meant = [](const std::string& name) {
    const Strings said = warnings(User().sets(name, "1"));
    if (said.empty()) return std::string();
    const std::string begin = name + " (environment) is not a setting; did you mean ";
    REQUIRE(said.front().substr(0, begin.size()) == begin);
    return said.front().substr(begin.size());
  };
  CHECK(meant("MAX_RETRY") == "MAX_RETRIES?");
  CHECK(meant("MAX_RETIRES") == "MAX_RETRIES?");
  CHECK(meant("TIMEOUT") == "TIME_OUT?");
  CHECK(meant("GEMINI_API_KEY") == "GEMINI_API_KEYS?");
  CHECK(meant("API_KEY") == "API_KEYS?");
  CHECK(meant("WORKER") == "WORKERS?");
  CHECK(meant("PROXY") == "PROXIES?");
  CHECK(meant("LOGLEVEL") == "LOG_LEVEL?");
  CHECK(meant("SSL_CERT_FILE") == "");
  CHECK(meant("HOME") == "");
  CHECK(meant("PATH") == "");
  CHECK(meant("USER") == "");
  CHECK(meant("LOGNAME") == "");
  CHECK(meant("HOSTNAME") == "");
  CHECK(meant("GREETING") == "");
}

TEST_CASE("a lower-case name in the env file is warned of, in the environment it is another program's") {
  User in_file;
  in_file.writes_env("port=1\n");
  CHECK(warnings(in_file) ==
        Strings{"port (" + in_file.sources.env_file + ":1) is not a setting; did you mean PORT?"});
  CHECK(warnings(User().sets("port", "1")).empty());
}

// -- The table

TEST_CASE("every setting has a sentence, a reader and names of its own") {
  Strings names;
  for (const Setting& setting : all_settings()) {
    CHECK(setting.kind.read != nullptr);
    CHECK(setting.about.ends_with('.'));
    names.emplace_back(setting.name);
    for (const auto alias : aliases_of(setting)) names.emplace_back(alias);
  }
  const auto count = names.size();
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  CHECK(names.size() == count);
}

TEST_CASE("the default that a person reads is the one that holds") {
  Settings untouched;
  for (const Setting& setting : all_settings()) {
    const bool is_value = setting.fallback.find(' ') == std::string_view::npos && !setting.fallback.empty();
    if (!is_value) continue;
    Settings read;
    CHECK(setting.kind.read(setting.fallback, read).empty());
    CHECK(read.port == untouched.port);
    CHECK(read.host == untouched.host);
    CHECK(read.max_retries == untouched.max_retries);
    CHECK(read.max_failures == untouched.max_failures);
    CHECK(read.retry_delay_seconds == untouched.retry_delay_seconds);
    CHECK(read.max_wait_seconds == untouched.max_wait_seconds);
    CHECK(read.check_interval_hours == untouched.check_interval_hours);
    CHECK(read.time_out == untouched.time_out);
    CHECK(read.data_dir == untouched.data_dir);
    CHECK(read.max_body_bytes == untouched.max_body_bytes);
    CHECK(read.retry_body_bytes == untouched.retry_body_bytes);
    CHECK(read.log.level == untouched.log.level);
    CHECK(read.log.json == untouched.log.json);
    CHECK(read.gemini_base_url == untouched.gemini_base_url);
    CHECK(read.admin_username == untouched.admin_username);
  }
}
