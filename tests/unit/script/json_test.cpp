// JSON keeps in Lua what Lua's tables lose.
#include <random>

#include "script_fixture.h"

using namespace pollux;

namespace {

// What a text is after it was decoded and encoded, or the error.
std::string round_trip(std::string_view text) {
  World world;
  lua_State* lua = world.script->lua();
  const Result<void> decoded = json_decode(lua, text);
  if (!decoded) {
    CHECK(lua_gettop(lua) == 0);
    return decoded.error().message;
  }
  CHECK(lua_gettop(lua) == 1);
  std::string again;
  const Result<void> encoded = json_encode(lua, -1, again);
  CHECK(lua_gettop(lua) == 1);
  return encoded ? again : encoded.error().message;
}

void check_kept(std::string_view text) {
  CHECK(round_trip(text) == text);
}

// What becomes of `text` when the policy's `edit` has worked on it as `t`.
std::string edited(const std::string& text, const std::string& edit) {
  return evaluate("local t = json.decode([==[" + text + "]==]) " + edit + " return json.encode(t)");
}

}  // namespace

TEST_CASE("an object keeps the order of its properties") {
  check_kept(R"({"z":1,"a":2,"m":{"y":1,"x":2},"b":[{"q":1,"c":2},{"c":1,"q":2}]})");
  check_kept(R"({"9":1,"10":2,"1":3,"":4,"a b":5})");
}

TEST_CASE("empty lists and empty objects stay what they are") {
  check_kept(R"({"args":{},"parts":[],"deep":[{},[],[[]],{"a":{}}]})");
  check_kept("[]");
  check_kept("{}");
}

TEST_CASE("null stays, in objects and lists") {
  check_kept(R"({"a":null,"b":[null,1,null],"c":{"d":null}})");
  check_kept("null");
  CHECK(evaluate("local t = json.decode('[null]') return t[1] == json.null, #t, tostring(json.null)") ==
        "true 1 null");
}

TEST_CASE("numbers keep their value to the last digit") {
  for (const char* number : {"0",
                             "1",
                             "-1",
                             "42",
                             "0.5",
                             "-0.25",
                             "9007199254740992",
                             "-9007199254740992",
                             "1e+300",
                             "5e-324",
                             "9007199254740993",
                             "9223372036854775807",
                             "-9223372036854775808",
                             "18446744073709551615",
                             "123456789012345678901234567890",
                             "3.14159265358979323846",
                             "1e400",
                             "-1e400",
                             "1e-400",
                             "0.1",
                             "0.30000001192092896",
                             "1.7976931348623157e+308",
                             "0.30000000000000004"}) {
    INFO(number);
    check_kept(number);
  }
}

TEST_CASE("numbers that a double holds may be spelled shorter") {
  CHECK(round_trip("1.0") == "1");
  CHECK(round_trip("1e2") == "100");
  CHECK(round_trip("1E+2") == "100");
  CHECK(round_trip("0.10") == "0.1");
  CHECK(round_trip("1234567890123456") == "1234567890123456");
  CHECK(round_trip("100000000000000000000.5e-20") == "100000000000000000000.5e-20");
  CHECK(round_trip("-0") == "-0");
  CHECK(round_trip("0e5") == "0");
  CHECK(round_trip("0.000") == "0");
}

TEST_CASE("whole numbers are written without exponent or point") {
  CHECK(evaluate("return json.encode({2^53, 1e15, 1e2, -3, 0.5, 1e21})") ==
        "[9007199254740992,1000000000000000,100,-3,0.5,1e+21]");
}

TEST_CASE("a number that keeps its text calculates as a double does") {
  CHECK(evaluate("local n = json.decode('9223372036854775807') "
                 "return tostring(n), n + 0 == 2^63, n - n, n == json.decode('9223372036854775807'), n .. "
                 "'!', tonumber(n) == "
                 "2^63, -n == -2^63, n < json.decode('9223372036854775808'), n * 2 == 2^64, n % 7 == 2^63 % "
                 "7, n / 2 == 2^62") ==
        "9223372036854775807 true 0 true 9223372036854775807! true true false true true true");
  CHECK(evaluate(
            "local a, b = json.decode('1e400'), json.decode('10e399') return a == b, a + 0 == math.huge") ==
        "true true");
  CHECK(evaluate("return json.decode('9223372036854775807') + {}").find("number expected") !=
        std::string::npos);
}

TEST_CASE("texts keep every character") {
  check_kept("\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80\"");
  CHECK(round_trip(R"("\u00fc\u20ac\ud83d\ude00\/\b\f\n\r\t\"\\\u0000\u001f")") ==
        "\"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80/\\b\\f\\n\\r\\t\\\"\\\\\\u0000\\u001f\"");
  check_kept("\"" + std::string(100'000, 'x') + "\"");
  CHECK(evaluate("return #json.decode('\"a\\\\u0000b\"')") == "3");
}

TEST_CASE("what is not JSON is refused with its place") {
  CHECK(round_trip("") == "line 1, column 1: it ends where a value is expected");
  CHECK(round_trip("{\"a\":1,\n \"b\" 2}") == "line 2, column 6: a ':' is expected");
  CHECK(round_trip("{\"a\":1") == "line 1, column 7: a ',' or '}' is expected");
  CHECK(round_trip("[1,2") == "line 1, column 5: a ',' or ']' is expected");
  CHECK(round_trip("[1,]") == "line 1, column 4: a value is expected");
  CHECK(round_trip("{,}") == "line 1, column 2: a property's name in quotes is expected");
  CHECK(round_trip("{\"a\":1,}") == "line 1, column 8: a property's name in quotes is expected");
  CHECK(round_trip("nul") == "line 1, column 1: a value is expected");
  CHECK(round_trip("1 2") == "line 1, column 3: there is more after its end");
  CHECK(round_trip("\"a\xFF\"") == "line 1, column 3: this is not UTF-8");
  CHECK(round_trip("\"a\nb\"") == "line 1, column 3: a control character in a text must be escaped");
  CHECK(round_trip("\"\\x\"") == "line 1, column 2: this is no escape that JSON knows");
  CHECK(round_trip("\"\\ud800\"") == "line 1, column 2: half of a surrogate pair is no character");
  CHECK(round_trip("\"\\udc00\"") == "line 1, column 2: half of a surrogate pair is no character");
  for (const char* wrong : {"01",
                            "1.",
                            ".5",
                            "+1",
                            "-",
                            "1e",
                            "1e+",
                            "NaN",
                            "Infinity",
                            "'a'",
                            "[1 2]",
                            "\"",
                            "\"\\",
                            "\"\\u12",
                            "tru",
                            "{\"a\"}",
                            "{1:2}",
                            "--1",
                            "0x10",
                            "\xEF\xBB",
                            "\"\xC0\x80\"",
                            "\"\xED\xA0\x80\"",
                            "\"\xF4\x90\x80\x80\""}) {
    INFO(wrong);
    CHECK(round_trip(wrong).starts_with("line 1, column "));
  }
}

TEST_CASE("nesting is limited") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  check_kept(nested(200));
  CHECK(round_trip(nested(201)) == "line 1, column 201: it is nested deeper than 200 levels");
  CHECK(round_trip(std::string(100'000, '[')).find("200 levels") != std::string::npos);
  std::string objects = "1";
  for (int i = 0; i < 199; ++i) objects = "{\"a\":" + objects + ",\"b\":[]}";
  check_kept(objects);
}

TEST_CASE("large lists and objects are whole") {
  std::string list = "[0", object = "{\"k0\":0";
  for (int i = 1; i < 5000; ++i) {
    list += "," + std::to_string(i);
    object += ",\"k" + std::to_string(i) + "\":" + std::to_string(i);
  }
  check_kept(list + "]");
  check_kept(object + "}");
}

TEST_CASE("of a name that stands there twice the last value counts") {
  CHECK(round_trip(R"({"a":1,"b":2,"a":3})") == R"({"a":3,"b":2})");
  std::string many = "{";
  for (int i = 0; i < 200; ++i) many += "\"k" + std::to_string(i % 100) + "\":" + std::to_string(i) + ",";
  CHECK(round_trip(many + "\"z\":1}").starts_with(R"({"k0":100,"k1":101,)"));
}

TEST_CASE("a byte order mark is passed over") {
  CHECK(round_trip("\xEF\xBB\xBF{}") == "{}");
}

TEST_CASE("an edited object keeps its order, and new properties come last") {
  CHECK(edited(R"({"z":1,"a":2})", "t.m = 3") == R"({"z":1,"a":2,"m":3})");
  CHECK(edited(R"({"z":1,"a":2})", "t.z = 5") == R"({"z":5,"a":2})");
  CHECK(edited(R"({"z":1,"a":2,"b":3})", "t.a = nil") == R"({"z":1,"b":3})");
  CHECK(edited(R"({"z":1,"a":2,"b":3})", "t.a = nil t.a = 9") == R"({"z":1,"b":3,"a":9})");
  CHECK(edited(R"({"z":1})", "t.b = 1 t.a = 2 t.b = nil t.c = 3 t.b = 4") == R"({"z":1,"a":2,"c":3,"b":4})");
  CHECK(edited(R"({"z":1})", "for i = 1, 100 do t.x = i t.x = nil end t.y = 1 t.x = 2") ==
        R"({"z":1,"y":1,"x":2})");
  CHECK(
      edited("{}",
             "for i = 1, 300 do t['k' .. i] = i end for i = 1, 299 do t['k' .. i] = nil end t.last = true") ==
      R"({"k300":300,"last":true})");
  CHECK(edited(R"({"a":1})", "rawset(t, 'b', 2)") == R"({"a":1,"b":2})");
  CHECK(edited(R"({"a":1})", "t.b = nil t.c = json.null") == R"({"a":1,"c":null})");
}

TEST_CASE("objects that look the same do not share what is added to one") {
  CHECK(edited(R"([{"a":1},{"a":2},{"a":3}])", "t[2].b = 1 t[3].c = 1 t[3].a = nil") ==
        R"([{"a":1},{"a":2,"b":1},{"c":1}])");
}

TEST_CASE("lists grow and shrink and stay lists") {
  CHECK(edited("[1,2,3]", "t[#t + 1] = 4 table.remove(t, 1)") == "[2,3,4]");
  CHECK(edited("[1]", "t[1] = nil") == "[]");
  CHECK(edited("[]", "table.insert(t, 'x')") == R"(["x"])");
  CHECK(edited("[3,1,2]", "table.sort(t)") == "[1,2,3]");
}

TEST_CASE("pairs, ipairs, next and the length see the properties alone") {
  CHECK(evaluate(
            "local t = json.decode('{\"a\":1,\"b\":[1,2]}') local n = 0 for k in pairs(t) do n = n + 1 end "
            "local m = 0 for i, v in ipairs(t.b) do m = m + v end return n, m, #t.b, next(json.decode('{}')) "
            "== nil") == "2 3 2 true");
}

TEST_CASE("json.each goes through an object in its order") {
  CHECK(evaluate(
            "local t = json.decode('{\"z\":1,\"a\":2,\"m\":3}') t.b = 4 t.a = nil local names = {} "
            "for k, v in json.each(t) do names[#names + 1] = k .. v end return table.concat(names, ' ')") ==
        "z1 m3 b4");
  CHECK(
      evaluate("local s = '' for i, v in json.each(json.decode('[5,6]')) do s = s .. i .. v end return s") ==
      "1526");
  CHECK(evaluate("for k in json.each(json.decode('{}')) do error() end for k in json.each({}) do error() end "
                 "return 'none'") == "none");
  CHECK(evaluate("for k in json.each({a = 1}) do end") ==
        "keys.lua:1: json.each: the table keeps no order; json.object() gives it one");
}

TEST_CASE("tables made in Lua are lists, or objects sorted by name") {
  CHECK(evaluate("return json.encode({1, 2, {3}})") == "[1,2,[3]]");
  CHECK(evaluate("return json.encode({b = 1, a = {}, c = {x = true}})") ==
        R"({"a":{},"b":1,"c":{"x":true}})");
  CHECK(evaluate("return json.encode({})") == "{}");
  CHECK(evaluate("return json.encode({1, 2, x = 3})") == R"({"1":1,"2":2,"x":3})");
  CHECK(evaluate("return json.encode({[10] = 1, [1.5] = 2})") == R"({"1.5":2,"10":1})");
  CHECK(evaluate("return json.encode(nil), json.encode('x'), json.encode(true), json.encode(json.null)") ==
        "null \"x\" true null");
}

TEST_CASE("json.array and json.object mark a table") {
  CHECK(evaluate("return json.encode({a = json.array({}), b = json.object({}), c = json.array(), d = "
                 "json.object()})") == R"({"a":[],"b":{},"c":[],"d":{}})");
  CHECK(evaluate("local t = json.object({b = 1, a = 2}) t.Z = 3 return json.encode(t)") ==
        R"({"a":2,"b":1,"Z":3})");
  CHECK(evaluate("local t = json.array() t[1] = 5 return json.encode(t)") == "[5]");
  CHECK(evaluate("json.array({x = 1})") == "keys.lua:1: json.array: a list has only the positions 1 to n");
  CHECK(evaluate("json.object({1})") == "keys.lua:1: json.object: the names of properties are texts");
  CHECK(evaluate("json.array(setmetatable({}, {}))") ==
        "keys.lua:1: json.array: the table has a metatable of its own");
}

TEST_CASE("what has no JSON form is refused with its place") {
  CHECK(evaluate("local s = json.encode({a = {1, {b = print}}})") ==
        "keys.lua:1: json.encode: a[2].b: a function has no JSON form");
  CHECK(evaluate("local s = json.encode(print)") == "keys.lua:1: json.encode: a function has no JSON form");
  CHECK(evaluate("local s = json.encode({0/0})") ==
        "keys.lua:1: json.encode: [1]: NaN and infinity have no JSON form");
  CHECK(evaluate("local s = json.encode({x = 1/0})") ==
        "keys.lua:1: json.encode: x: NaN and infinity have no JSON form");
  CHECK(evaluate("local s = json.encode({'\\255'})") ==
        "keys.lua:1: json.encode: [1]: a text that is not UTF-8 has no JSON form");
  CHECK(evaluate("local t = {} t.t = {t} local s = json.encode(t)") ==
        "keys.lua:1: json.encode: t[1]: the table lies within itself");
  CHECK(evaluate("local t = json.decode('[1]') t.x = 1 local s = json.encode(t)") ==
        "keys.lua:1: json.encode: a list with names besides its positions 1 to 1");
  CHECK(evaluate("local s = json.encode({[true] = 1})") ==
        "keys.lua:1: json.encode: a boolean cannot be a property's name");
  CHECK(evaluate("local t = {} local u = t for i = 1, 300 do u.x = {} u = u.x end local s = json.encode(t)")
            .find("200 levels") != std::string::npos);
}

TEST_CASE("encoding appends, and leaves the text alone when it fails") {
  World world;
  lua_State* lua = world.script->lua();
  std::string text = "data: ";
  lua_pushnumber(lua, 5);
  REQUIRE(json_encode(lua, -1, text));
  CHECK(text == "data: 5");
  lua_newtable(lua);
  lua_pushcfunction(lua, [](lua_State*) { return 0; });
  lua_rawseti(lua, -2, 1);
  CHECK(!json_encode(lua, -1, text));
  CHECK(text == "data: 5");
  CHECK(lua_gettop(lua) == 2);
}

TEST_CASE("json.decode gives nil and the reason") {
  CHECK(evaluate("return json.decode('{')") ==
        "null line 1, column 2: a property's name in quotes is expected");
  CHECK(evaluate("return json.decode('null')") == "null");
  CHECK(evaluate("return json.decode()").find("bad argument") != std::string::npos);
}

TEST_CASE("a text too large for the memory is refused, and the state runs on") {
  PolicyLimits limits;
  limits.memory_bytes = 2 * 1024 * 1024;
  World world({{"keys", "return 'well'"}}, limits);
  std::string lists = "[";
  for (int i = 0; i < 100'000; ++i) lists += "[],";

  const Result<void> decoded = json_decode(world.script->lua(), lists + "[]]");

  REQUIRE(!decoded);
  CHECK(decoded.error().message == "not enough memory");
  CHECK(world.require("keys") == "well");
}

TEST_CASE("a policy that decodes too much is told so with its line") {
  PolicyLimits limits;
  limits.memory_bytes = 2 * 1024 * 1024;
  CHECK(evaluate("local s = ('[],'):rep(1e5) local t, why = json.decode('[' .. s .. '[]]') return why",
                 limits) == "not enough memory");
}

TEST_CASE("answers of the API come back as they were") {
  check_kept(
      R"({"candidates":[{"content":{"parts":[{"text":"Hi","thoughtSignature":"CiQB0e2Kb6"},{"functionCall":{"name":"f",)"
      R"("args":{}}}],"role":"model"},"finishReason":"STOP","index":0,"safetyRatings":[]}],"usageMetadata":)"
      R"({"promptTokenCount":4,"candidatesTokenCount":12,"totalTokenCount":16,"promptTokensDetails":[{"modality":"TEXT",)"
      R"("tokenCount":4}]},"modelVersion":"gemini-3.5-flash","responseId":"q1w2","createTime":"2026-11-21T08:00:00Z"})");
  check_kept(
      R"({"name":"models/gemini-3.5-flash-lite","inputTokenLimit":1048576,"supportedGenerationMethods":["generateContent",)"
      R"("countTokens"],"temperature":1,"topP":0.95,"topK":64,"maxTemperature":2,"thinking":true})");
  check_kept(
      R"({"embedding":{"values":[0.013,-0.02,-0.013476842,6.1e-05]},"usageMetadata":{"promptTokenCount":2}})");
  check_kept(
      R"({"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[{"@type":)"
      R"("type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":"q"}]},)"
      R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"33s"}]}})");
  check_kept(
      R"({"generationConfig":{"responseSchema":{"type":"OBJECT","properties":{"zebra":{"type":"STRING"},)"
      R"("apple":{"type":"INTEGER"}},"propertyOrdering":["zebra","apple"],"required":[]},"seed":9007199254740993}})");
}

namespace {

// JSON in the form in which it is encoded.
class RandomJson {
 public:
  explicit RandomJson(unsigned seed) : random_(seed) {}

  std::string value(int depth) {
    switch (below(depth > 4 ? 5 : 7)) {
      case 0:
        return "null";
      case 1:
        return below(2) ? "true" : "false";
      case 2:
        return std::to_string(static_cast<std::int64_t>(random_()) - (1LL << 31));
      case 3:
        return std::to_string(below(1000)) + "." + std::to_string(1 + below(9));
      case 4:
        return text();
      case 5:
        return list(depth);
      default:
        return object(depth);
    }
  }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  std::string text() {
    constexpr const char* pieces[] = {
        "a", "zebra", "\\n", "\\\"", "\\\\", "\xC3\xBC", "\xF0\x9F\x98\x80", " ", "\\u0001", "0123456789"};
    std::string text = "\"";
    for (unsigned i = below(6); i > 0; --i) text += pieces[below(10)];
    return text + "\"";
  }

  std::string list(int depth) {
    std::string text = "[";
    for (unsigned i = below(6); i > 0; --i) text += value(depth + 1) + (i > 1 ? "," : "");
    return text + "]";
  }

  std::string object(int depth) {
    std::string text = "{";
    const unsigned start = below(50);
    for (unsigned i = below(6); i > 0; --i) {
      text += "\"n" + std::to_string((start + i * 37) % 101) + "\":" + value(depth + 1) + (i > 1 ? "," : "");
    }
    return text + "}";
  }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("random values come back as they were") {
  World world;
  lua_State* lua = world.script->lua();
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const std::string text = RandomJson(seed).value(0);
    std::string again;
    INFO(text);
    REQUIRE(json_decode(lua, text));
    REQUIRE(json_encode(lua, -1, again));
    lua_pop(lua, 1);
    REQUIRE(again == text);
  }
}

TEST_CASE("broken texts end in an error or a value and nothing else") {
  World world;
  lua_State* lua = world.script->lua();
  std::mt19937 random(7);
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::string text = RandomJson(seed).value(0);
    for (int i = 0; i < 3; ++i) {
      const std::size_t at = random() % text.size();
      if (random() % 2)
        text[at] = static_cast<char>(random());
      else
        text.erase(at, 1 + random() % 3);
      if (text.empty()) break;
    }
    if (json_decode(lua, text)) lua_pop(lua, 1);
    REQUIRE(lua_gettop(lua) == 0);
  }
}
