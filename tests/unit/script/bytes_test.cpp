// The library `bytes`: the same of texts and of blobs.
#include "base/base64.h"
#include "policy_world.h"
#include "script/blob.h"
#include "script/loaded_policies.h"
#include "script/lua_libraries.h"

using namespace pollux;

namespace {

// Bytes of every value.
std::string any_bytes(std::size_t count) {
  std::string bytes;
  for (std::size_t at = 0; at < count; ++at) bytes += static_cast<char>((at * at + at / 256) % 256);
  return bytes;
}

// What the expression gives of `data`, a blob of this text, as append_bytes() sees it, or the failure.
std::string given(const std::string& expression, const std::string& text) {
  PolicyWorld world(Modules{});
  auto& policies = static_cast<LoadedPolicies&>(*world.state);
  auto* lua = policies.lua();
  const LentText lent(lua, text);
  const auto source = "local data = ... return " + expression;
  REQUIRE(luaL_loadbuffer(lua, source.data(), source.size(), "@x.lua") == 0);
  policies.script().push_environment("x");
  lua_setfenv(lua, -2);
  push_blob(lua, Blob::plain(lent.name(), 0, text.size(), true));
  std::string outcome;
  const auto run = policies.script().run(1, [&outcome](lua_State* results, const Error* error) {
    if (error) return void(outcome = error->message);
    if (lua_isnil(results, 1)) return void(outcome = "nil");
    const auto appended = append_bytes(results, 1, outcome);
    if (!appended) outcome = "error: " + appended.error().message;
  });
  return outcome;
}

std::string type_of(const std::string& expression, const std::string& text) {
  return given("type(" + expression + ")", text);
}

}  // namespace

TEST_CASE("a piece of a blob is a blob if it is long, else a text") {
  const auto text = base64_encode(any_bytes(100'000));
  CHECK(given("bytes.sub(data, 1, 10)", text) == text.substr(0, 10));
  CHECK(type_of("bytes.sub(data, 1, 10)", text) == "string");
  CHECK(given("bytes.sub(data, 1001)", text) == text.substr(1000));
  CHECK(type_of("bytes.sub(data, 1001)", text) == "userdata");
  CHECK(given("bytes.sub(data, -5, -2)", text) == text.substr(text.size() - 5, 4));
  CHECK(given("bytes.sub(data, -1e9, 1e9)", text) == text);
  CHECK(given("bytes.sub(data, 5, 4)", text).empty());
  CHECK(given("bytes.sub(data, 0/0)", text).empty());
  CHECK(given("bytes.sub('hello', 2, -2)", text) == "ell");
}

TEST_CASE("base64 of blobs is written where it belongs") {
  for (const std::size_t size : {100'000U, 100'001U, 100'002U}) {
    const auto bytes = any_bytes(size);
    const auto base64 = base64_encode(bytes);
    INFO(size);
    CHECK(type_of("bytes.to_base64(data)", bytes) == "userdata");
    CHECK(given("bytes.to_base64(data)", bytes) == base64);
    CHECK(given("bytes.length(bytes.to_base64(data))", bytes) ==
          "error: a number, expected a text or a blob");
    CHECK(given("tostring(bytes.length(bytes.to_base64(data)))", bytes) == std::to_string(base64.size()));
    CHECK(type_of("bytes.from_base64(data)", base64) == "userdata");
    CHECK(given("bytes.from_base64(data)", base64) == bytes);
    CHECK(given("bytes.from_base64(bytes.to_base64(data))", bytes) == bytes);
    CHECK(given("bytes.to_base64(bytes.from_base64(data))", base64) == base64);
    CHECK(given("bytes.to_base64(bytes.to_base64(data))", bytes) == base64_encode(base64));
    CHECK(given("bytes.from_base64(bytes.from_base64(data))", base64_encode(base64)) == bytes);
  }
}

TEST_CASE("pieces of base64 and of what it stands for are cut anywhere") {
  const auto bytes = any_bytes(150'000);
  const auto base64 = base64_encode(bytes);
  for (const std::size_t from : {1U, 2U, 3U, 4U, 5U, 50'001U}) {
    for (const std::size_t to : {70'000U, 70'001U, 70'002U, 70'003U, 150'000U}) {
      const auto cut = ", " + std::to_string(from) + ", " + std::to_string(to) + ")";
      INFO(cut);
      CHECK(given("bytes.sub(bytes.to_base64(data)" + cut, bytes) == base64.substr(from - 1, to - from + 1));
      const auto piece = bytes.substr(from - 1, to - from + 1);
      CHECK(given("bytes.sub(bytes.from_base64(data)" + cut, base64) == piece);
      CHECK(given("bytes.to_base64(bytes.sub(bytes.from_base64(data)" + cut + ")", base64) ==
            base64_encode(piece));
      CHECK(given("bytes.sub(bytes.sub(bytes.from_base64(data)" + cut + ", 2)", base64) == piece.substr(1));
    }
  }
  CHECK(type_of("bytes.to_base64(bytes.sub(bytes.from_base64(data), 4))", base64) == "userdata");
  CHECK(type_of("bytes.from_base64(bytes.sub(bytes.to_base64(data), 5))", bytes) == "userdata");
}

TEST_CASE("base64 of the other alphabet is read and written again in the usual one") {
  const auto bytes = any_bytes(100'001);
  auto url = base64_encode(bytes);
  std::replace(url.begin(), url.end(), '+', '-');
  std::replace(url.begin(), url.end(), '/', '_');
  url.erase(url.find('='));
  CHECK(given("bytes.from_base64(data)", url) == bytes);
  CHECK(given("bytes.to_base64(bytes.from_base64(data))", url) == base64_encode(bytes));
}

TEST_CASE("what is no base64 gives nothing") {
  CHECK(given("bytes.from_base64(data)", std::string(70'001, 'A')) == "nil");
  CHECK(given("bytes.from_base64(data)", std::string(70'000, '!')) == "nil");
  CHECK(given("bytes.from_base64('?')", "") == "nil");
  CHECK(given("bytes.from_base64('aGVsbG8')", "") == "hello");
  CHECK(given("bytes.to_base64('hello')", "") == "aGVsbG8=");
}

TEST_CASE("texts are told from other values") {
  CHECK(given("tostring(bytes.is_text(data)) .. tostring(bytes.is_text('')) .. tostring(bytes.is_text(1)) .. "
              "tostring(bytes.is_text(json.null)) .. tostring(bytes.is_text(nil))",
              "abc") == "truetruefalsefalsefalse");
  CHECK(given("bytes.text(data) .. bytes.text('!')", "abc") == "abc!");
  CHECK(given("bytes.text(bytes.to_base64(data))", any_bytes(70'000)) == base64_encode(any_bytes(70'000)));
  CHECK(given("bytes.length({})", "") == "x.lua:1: bytes.length: expected a text or a blob, got table");
  CHECK(given("bytes.sub(json.null, 1)", "") ==
        "x.lua:1: bytes.sub: expected a text or a blob, got userdata");
}

TEST_CASE("numbers are written as floats of four bytes") {
  CHECK(given("bytes.to_base64(bytes.float32 {1, -2.5, 0})", "") ==
        base64_encode(std::string("\x00\x00\x80\x3f\x00\x00\x20\xc0\x00\x00\x00\x00", 12)));
  CHECK(given("bytes.float32 {}", "").empty());
  CHECK(given("bytes.float32 {1, 'x'}", "") ==
        "x.lua:1: bytes.float32: its element 2 is a string, expected a number");
}

TEST_CASE("json.encode writes blobs, as bytes alone they have no JSON form") {
  const auto base64 = base64_encode(any_bytes(70'000));
  CHECK(given("json.encode {data}", base64) == "[\"" + base64 + "\"]");
  CHECK(given("json.encode {a = {bytes.to_base64(data)}}", any_bytes(70'000)) ==
        R"({"a":[")" + base64 + "\"]}");
  CHECK(given("json.encode {a = {bytes.from_base64(data)}}", base64) ==
        "x.lua:1: json.encode: a[1]: bytes have no JSON form: bytes.to_base64() gives them one");
}

TEST_CASE("a list of texts and blobs is written as one") {
  CHECK(given("{'<', data, '>', bytes.to_base64(data)}", "abc") == "<abc>YWJj");
  CHECK(given("{}", "abc").empty());
  CHECK(given("{'<', {}}", "abc") == "error: [2]: a table, expected a text or a blob");
  CHECK(given("7", "abc") == "error: a number, expected a text or a blob");
}

TEST_CASE("too many bytes are not written") {
  const std::string much(std::size_t{100} * 1024 * 1024, 'A');
  CHECK(given("{data, data, data}", much) == "error: [3]: its bytes are too many");
  CHECK(given("json.encode {data, data, data}", much) == "x.lua:1: json.encode: [3]: its text is too long");
}

TEST_CASE("a text too large for the policies' memory is refused, and nothing breaks") {
  const std::string much(std::size_t{40} * 1024 * 1024, 'A');
  CHECK_THAT(given("bytes.text(data)", much), Catch::Matchers::Contains("not enough memory"));
  CHECK(given("tostring(select(2, pcall(bytes.text, data))) .. #data", much) == "not enough memory41943040");
}
