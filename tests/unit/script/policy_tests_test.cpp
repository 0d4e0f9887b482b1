// `pollux check` and `pollux test`: what they print and how they end.
#include <unistd.h>

#include <cstdio>
#include <sstream>

#include "policy_world.h"

using namespace pollux;

namespace {

// What `work` prints, with its exit code on the last line.
std::string printed(const std::function<int()>& work) {
  std::fflush(stdout);
  const int terminal = dup(STDOUT_FILENO);
  std::FILE* file = std::tmpfile();
  dup2(fileno(file), STDOUT_FILENO);
  const int code = work();
  std::fflush(stdout);
  dup2(terminal, STDOUT_FILENO);
  close(terminal);
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text + "exit " + std::to_string(code);
}

// Runs this file of tests beside a few policies.
std::string tested(const std::string& text) {
  TemporaryFolder shipped;
  shipped.write("auth.lua",
                R"(local auth = {settings = {{name = "LIMIT", type = "integer", default = 5, about = "x"}}}
    function auth.identify(request) return clients.find(request.token) or deny(401, "unknown") end return auth)");
  shipped.write("keys.lua", R"(local keys = {}
    function keys.select(request, pool) return pool:tagged("paid"):least_busy() or pool:least_busy() end return keys)");
  shipped.write("x_test.lua", text);
  const auto output = printed([&] { return test_policies({"", shipped.path.string()}, {}); });
  const auto summary = output.find("1 file of tests\n");
  REQUIRE(summary != std::string::npos);
  return output.substr(0, summary) + output.substr(summary + std::string("1 file of tests\n").size());
}

// The body of one test, which holds.
std::string holds(const std::string& body) {
  const auto output = tested("it('holds', function() " + body + "\nend)");
  return output == "1 passed, 0 failed\nexit 0" ? "yes" : output;
}

}  // namespace

TEST_CASE("tests that hold are counted") {
  CHECK(tested("describe('a', function() it('b', function() expect(1).to_be(1) end) end)\n"
               "it('c', function() expect(true).to_be_true() end)") == "2 passed, 0 failed\nexit 0");
  CHECK(tested("") == "0 passed, 0 failed\nexit 0");
}

TEST_CASE("a test that fails is told with file, line and sentence") {
  CHECK(
      tested(
          "describe('keys', function()\n it('are few', function()\n  expect('a').to_be('b')\n end)\nend)") ==
      "FAILED x_test.lua:3: keys are few: expected \"a\" to be \"b\"\n"
      "0 passed, 1 failed\nexit 1");
  CHECK(tested("it('falls', function()\n local x = nil + 1 end)") ==
        "FAILED x_test.lua:2: falls: attempt to perform arithmetic on a nil value\n"
        "0 passed, 1 failed\nexit 1");
}

TEST_CASE("a test without an expectation fails, and so does one that runs away") {
  CHECK(tested("it('sleeps', function() end)") ==
        "FAILED x_test.lua:1: sleeps: it asserts nothing\n0 passed, 1 failed\nexit 1");
  CHECK_THAT(tested("it('runs', function() while true do pcall(function() while true do end end) end end)\n"
                    "it('goes on', function() expect(1).to_be(1) end)"),
             Catch::Matchers::StartsWith("FAILED x_test.lua:1: runs: stopped: ") &&
                 Catch::Matchers::EndsWith("1 passed, 1 failed\nexit 1"));
}

TEST_CASE("a failed expectation is not undone by pcall") {
  CHECK_THAT(tested("it('hides', function() pcall(function() expect(1).to_be(2) end) end)"),
             Catch::Matchers::EndsWith("0 passed, 1 failed\nexit 1"));
}

TEST_CASE("a file of tests that does not load fails") {
  CHECK(tested("it(") ==
        "FAILED x_test.lua:1: unexpected symbol near '<eof>'\n"
        "0 passed, 1 failed\nexit 1");
  CHECK(tested("require 'nothing'") ==
        "FAILED x_test.lua:1: require: there is no module \"nothing\" in the search path\n"
        "0 passed, 1 failed\nexit 1");
}

TEST_CASE("expectations compare in every way") {
  CHECK(holds("expect({a = {1, 2}}).to_equal({a = {1, 2}}) expect({1}).never.to_equal({1, 2}) "
              "expect({1}).not_.to_be({1})") == "yes");
  CHECK(holds("expect(nil).to_be_nil() expect(0).to_be_truthy() expect(false).to_be_false() "
              "expect(2).to_be_above(1) "
              "expect(1).to_be_below(2)") == "yes");
  CHECK(
      holds(
          "expect('abc').to_contain('b') expect({1, {2}}).to_contain({2}) expect({}).never.to_contain(1)") ==
      "yes");
  CHECK(holds("expect(function() error('not that') end).to_fail_with('that') "
              "expect(function() end).never.to_fail_with('x')") == "yes");
  CHECK_THAT(holds("expect(1).to_bee(1)"),
             Catch::Matchers::ContainsSubstring("x_test.lua:1: holds: expect knows no to_bee"));
  CHECK_THAT(holds("expect(1).never.to_be(1)"), Catch::Matchers::ContainsSubstring("expected 1 not to be 1"));
}

TEST_CASE("before_each runs before each test of its group and those within") {
  CHECK(tested("local count = 0 describe('a', function() before_each(function() count = count + 1 end)\n"
               "it('one', function() expect(count).to_be(1) end)\n"
               "describe('b', function() it('two', function() expect(count).to_be(2) end) end) end)\n"
               "it('out', function() expect(count).to_be(2) end)") == "3 passed, 0 failed\nexit 0");
}

TEST_CASE("fake keys may have seen anything") {
  CHECK(holds("local key = a_key { limits = { rpm = 5, rpd = 20 }, requests_today = 7, requests_this_minute "
              "= 2 }\n"
              "expect(key.requests_today).to_be(7)\n"
              "expect(key:remaining('rpm', 'gemini-2.5-flash')).to_be(3)\n"
              "expect(key:remaining('rpd', 'gemini-2.5-flash')).to_be(13)\n"
              "expect(key:remaining('tpm', 'gemini-2.5-flash')).to_be_nil()") == "yes");
  CHECK(holds("local key = a_key { in_flight = 2, failures_in_a_row = 3, rests = 60, enabled = false, weight "
              "= 2 }\n"
              "expect(key.in_flight).to_be(2) expect(key.failures_in_a_row).to_be(3) "
              "expect(key.weight).to_be(2)\n"
              "expect(a_pool { key }:least_busy()).to_be_nil()") == "yes");
  CHECK(holds("local one, two = a_key { project = 'p', requests_today = 3, limits = { rpd = 10 } }, "
              "a_key { project = 'p', requests_today = 4 }\n"
              "for key in a_pool { one, two }:each() do\n"
              "  expect(key:remaining('rpd', 'gemini-2.5-flash')).to_be(3)\n"
              "end") == "yes");
}

TEST_CASE("fake pools may have limits, conversations and a size of the request") {
  CHECK(
      holds("local free = a_key { tags = { 'free' }, requests_this_minute = 5 }\n"
            "local limits = { tiers = { 'free' }, free = { x = { rpm = 5, tpm = 1000 }, y = { rpm = 6 } } }\n"
            "expect(a_pool { free, limits = limits, model = 'x' }:best()).to_be_nil()\n"
            "expect(a_pool { free, limits = limits, model = 'y' }:best()).to_be(free)") == "yes");
  CHECK(holds("local key = a_key { limits = { tpm = 1000 }, tokens_this_minute = 400 }\n"
              "expect(a_pool { key, estimated_tokens = 600 }:best()).to_be(key)\n"
              "expect(a_pool { key, estimated_tokens = 601 }:best()).to_be_nil()") == "yes");
  CHECK(holds("local hers, other = a_key(), a_key()\n"
              "local pool = a_pool { other, hers, kept = { chat = hers } }\n"
              "expect(pool:kept_for('chat')).to_be(hers) expect(pool:kept_for('x')).to_be_nil()\n"
              "expect(pool:kept_for(nil)).to_be_nil()") == "yes");
  CHECK_THAT(holds("a_pool { limits = { tiers = {}, free = {} } }"),
             Catch::Matchers::ContainsSubstring("a_pool: limits: \"free\" is none of the tiers"));
  CHECK_THAT(holds("a_pool { limit = {} }"), Catch::Matchers::ContainsSubstring("a_pool knows no limit"));
}

TEST_CASE("fake requests say what they are taken for") {
  CHECK(holds("local request = a_request { conversation = 'chat', estimated_tokens = 12, own_key = true }\n"
              "expect(request.conversation).to_be('chat') expect(request.estimated_tokens).to_be(12)\n"
              "expect(request.own_key).to_be_true() expect(request.client.name).to_be('own key')\n"
              "expect(a_request().own_key).to_be_false() expect(a_request().conversation).to_be_nil()") ==
        "yes");
}

TEST_CASE("policies are tested with real pools, keys and requests") {
  CHECK(holds("local keys = require 'keys'\n"
              "local paid, free = a_key { name = 'p', tags = { 'paid' } }, a_key { name = 'f' }\n"
              "expect(keys.select(a_request(), a_pool { free, paid })).to_be(paid)\n"
              "expect(keys.select(a_request(), a_pool { free }).name).to_be('f')\n"
              "expect(keys.select(a_request(), a_pool {})).to_be_nil()\n"
              "local tired = a_key { tags = { 'paid' }, rests = 30, rests_for = 'm' }\n"
              "expect(keys.select(a_request(), a_pool { tired, free, model = 'm' })).to_be(free)\n"
              "expect(keys.select(a_request(), a_pool { tired, free, model = 'n' })).to_be(tired)\n"
              "expect(keys.select(a_request(), a_pool { a_key { in_flight = 1 }, free })).to_be(free)\n"
              "local one, two = a_key {}, a_key {}\n"
              "expect(keys.select(a_request(), a_pool { one, two, tried = { one } })).to_be(two)\n"
              "expect(keys.select(a_request(), a_pool { a_key { enabled = false } })).to_be_nil()") == "yes");
  CHECK(
      holds(
          "local auth = require 'auth' with_clients { { name = 'ann', token = 't', tags = { 'friend' } } }\n"
          "expect(auth.identify(a_request { token = 't' }).name).to_be('ann')\n"
          "expect(auth.identify(a_request { token = 't' }):has_tag('friend')).to_be_true()\n"
          "expect(auth.identify(a_request { token = 'u' }).status).to_be(401)") == "yes");
}

TEST_CASE("fakes have what they are given") {
  CHECK(
      holds(
          "local request = a_request { method = 'GET', path = '/x', query = { alt = 'sse' }, headers = { "
          "['X-A'] = 'b' },\n"
          "  endpoint = 'stream', model = 'm', upstream_model = 'u', streaming = true, token = 't',\n"
          "  client = a_client { name = 'ann', tags = { 'friend' } }, body = { a = { 1 } }, state = { n = 1 "
          "} }\n"
          "expect({ request.method, request.path, request.query.alt, request.headers['x-a'], "
          "request.endpoint,\n"
          "  request.model, request.upstream_model, request.streaming, request.token, request.client.name,\n"
          "  request.body.a[1], request.state.n }).to_equal({ 'GET', '/x', 'sse', 'b', 'stream', 'm', 'u', "
          "true, 't',\n"
          "  'ann', 1, 1 })\n"
          "request.path = '/y' expect(request.path).to_be('/y')\n"
          "expect(request.dialect .. a_request().model).to_be('geminigemini-2.5-flash')") == "yes");
  CHECK(holds("local attempt = an_attempt { status = 429, headers = { ['retry-after'] = 7 }, number = 2,\n"
              "  body = { error = { message = 'No' } } }\n"
              "expect({ attempt.status, attempt.headers['retry-after'], attempt.number, attempt.kind, "
              "attempt:says('no') })\n"
              "  .to_equal({ 429, '7', 2, 'http', true })\n"
              "attempt.status = 500 attempt.kind = 'empty' expect(attempt.status .. "
              "attempt.kind).to_be('500empty')\n"
              "expect(an_attempt { kind = 'connect' }.status).to_be_nil()") == "yes");
  CHECK(holds("local response = a_response { body = { a = 1 } } response.body.b = 2\n"
              "expect(response.text).to_be('{\"a\":1,\"b\":2}') expect(response.status).to_be(200)") ==
        "yes");
  CHECK_THAT(holds("a_request { modle = 'x' }"),
             Catch::Matchers::ContainsSubstring("x_test.lua:1: holds: a_request knows no modle"));
}

TEST_CASE("time, settings and the network are in the test's hand") {
  CHECK(holds("at_time('2026-11-21T08:00:00Z') expect(time.now()).to_be(1795248000) sleep(90)\n"
              "expect(time.now()).to_be(1795248090) at_time(5) expect(time.now()).to_be(5)") == "yes");
  CHECK(holds("with_settings { LIMIT = 9, MAX_RETRIES = 0 } expect(settings.LIMIT + "
              "settings.MAX_RETRIES).to_be(9)") == "yes");
  CHECK_THAT(holds("with_settings { NOTHING = 1 }"),
             Catch::Matchers::ContainsSubstring("x_test.lua:1: holds: there is no setting NOTHING"));
  CHECK(holds("fake_fetch(function(request) return { body = request.url } end)\n"
              "local answer = http.fetch { url = 'http://x' } expect(answer.body .. "
              "answer.status).to_be('http://x200')\n"
              "fake_fetch(function() return nil, 'down' end) local _, why = http.fetch { url = 'x' } "
              "expect(why).to_be('down')") == "yes");
  CHECK_THAT(holds("http.fetch { url = 'x' }"), Catch::Matchers::ContainsSubstring("say with fake_fetch"));
}

TEST_CASE("what one test sets is gone in the next") {
  CHECK(
      tested(
          "it('a', function() with_settings { MAX_RETRIES = 0 } with_clients { { token = 't' } } at_time(1)\n"
          "  shared.set('x', 1) expect(clients.find('t')).to_be_truthy() end)\n"
          "it('b', function() expect(settings.MAX_RETRIES).to_be(3) expect(clients.find('t')).to_be_nil()\n"
          "  expect(time.now()).to_be_above(1) expect(shared.get('x')).to_be_nil() end)") ==
      "2 passed, 0 failed\nexit 0");
}

TEST_CASE("shipped tests are about shipped policies, the owner's about the owner's") {
  TemporaryFolder owners, shipped;
  const std::string test = "it('says', function() expect(require('auth').word).to_be('";
  shipped.write("auth.lua", "return {word = 'shipped'}");
  shipped.write("auth_test.lua", test + "shipped') end)");
  owners.write("auth.lua", "return {word = 'mine'}");
  owners.write("auth_test.lua", test + "mine') end)");
  CHECK(printed([&] {
          return test_policies({owners.path.string(), shipped.path.string()}, {});
        }) == "2 files of tests\n2 passed, 0 failed\nexit 0");
}

TEST_CASE("check names every file with what is wrong") {
  TemporaryFolder owners, shipped;
  shipped.write("auth.lua", "return {}");
  shipped.write("keys.lua", "return {}");
  owners.write("keys.lua", "return {}");
  owners.write("more.lua", "return {}");
  const PolicyFolders folders{owners.path.string(), shipped.path.string()};
  CHECK(printed([&] { return check_policies(folders, {}); }) ==
        "OK     auth.lua\nOK     default/keys.lua\nOK     keys.lua (yours, in place of the shipped one)\n"
        "OK     more.lua (yours)\nexit 0");

  owners.write("default/keys.lua", "return {");
  CHECK_THAT(
      printed([&] { return check_policies(folders, {}); }),
      Catch::Matchers::EndsWith("UNUSED default/keys.lua: nothing reads it, for default/ is reserved for "
                                "what is shipped\nexit 0"));
  std::filesystem::remove_all(owners.path / "default");

  owners.write("keys.lua", "return {select = 1}");
  owners.write("more.lua", "return {");
  CHECK(printed([&] { return check_policies(folders, {}); }) ==
        "OK     auth.lua\nOK     default/keys.lua\nFAILED keys.lua: select is a number, expected a function\n"
        "FAILED more.lua:1: unexpected symbol near '<eof>'\nexit 1");
  CHECK_THAT(printed([] {
               return check_policies({"", "/nowhere"}, {});
             }),
             Catch::Matchers::StartsWith("FAILED there are no policies in /nowhere"));
}

TEST_CASE("a fake request has the form that it is given") {
  CHECK(holds(R"(
    local request = a_request { headers = { ["x-one"] = "1" }, form = {
      { name = "model", value = "whisper-1" }, { name = "n", value = 2 },
      { name = "file", filename = "a.wav", type = "audio/wav", value = ("x"):rep(65536) } } }
    expect(#request.form).to_be(3)
    expect(request.form[1]).to_equal({ name = "model", value = "whisper-1" })
    expect(request.form[2].value).to_be("2")
    expect(request.form[3].filename).to_be("a.wav")
    expect(request.form[3].type).to_be("audio/wav")
    expect(bytes.length(request.form[3].value)).to_be(65536)
    expect(request.headers["x-one"]).to_be("1")
    expect(a_request { form = {} }.form).to_equal({})
    expect(a_request { text = "x" }.form).to_be_nil())") == "yes");
}

TEST_CASE("the cache is fresh in every test") {
  CHECK(tested("it('sets', function() cache.set('a', 1) expect(cache.get('a')).to_be(1) end)\n"
               "it('begins anew', function() expect(cache.get('a')).to_be_nil() end)") ==
        "2 passed, 0 failed\nexit 0");
}

TEST_CASE("a fake fetch keeps to the options, and google.fetch needs no key") {
  CHECK(holds(R"(
    fake_fetch(function(call)
      return { body = call.url and "hello" or tostring(call.key) .. " " .. call.path }
    end)
    expect(http.fetch({ url = "https://example.org/", base64 = true, public_only = true }).body).to_be("aGVsbG8=")
    expect(select(2, http.fetch { url = "https://example.org/", max_bytes = 4 })).to_be(
      "the answer is larger than 4 bytes")
    expect(google.fetch({ path = "/v1beta/models" }).body).to_be("nil /v1beta/models")
    expect(google.fetch(a_key {}, { path = "/" }).body).to_be("key /")
    expect(function() google.fetch("key", { path = "/" }) end).to_fail_with("google.fetch: expected a key"))") ==
        "yes");
}
