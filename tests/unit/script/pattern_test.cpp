// Lua's patterns, compared with those of LuaJIT itself.
#include <random>

#include "script_fixture.h"

using namespace pollux;

namespace {

// A state with the standard library as it is.
class PlainLua {
 public:
  PlainLua() : state_(luaL_newstate()) {
    luaL_openlibs(state_);
    luaJIT_setmode(state_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  }
  ~PlainLua() { lua_close(state_); }
  PlainLua(const PlainLua&) = delete;
  PlainLua& operator=(const PlainLua&) = delete;
  lua_State* get() { return state_; }

 private:
  lua_State* state_;
};

constexpr const char* probe = R"(
local string = string
local function show(...)
  local parts = {}
  for i = 1, select('#', ...) do parts[i] = tostring((select(i, ...))) end
  return table.concat(parts, '|')
end
return function(kind, subject, pattern, extra)
  if kind == 1 then return show(pcall(string.find, subject, pattern, extra)) end
  if kind == 2 then return show(pcall(string.match, subject, pattern, extra)) end
  if kind == 3 then return show(pcall(string.gsub, subject, pattern, '<%0>', extra)) end
  if kind == 4 then return show(pcall(string.gsub, subject, pattern, function(a, b) return b and a .. b end)) end
  if kind == 5 then return show(pcall(string.gsub, subject, pattern, {a = 'A', ab = 1, b = false})) end
  if kind == 6 then return show(pcall(string.gsub, subject, pattern, '%1%%')) end
  if kind == 7 then return show(pcall(string.find, subject, pattern, extra, true)) end
  local all = {}
  local ok, why = pcall(function()
    for a, b, c in subject:gmatch(pattern) do all[#all + 1] = show(a, b, c) end
  end)
  return show(ok, why, table.concat(all, ';'))
end)";

// What the probe in this state says; the state keeps the probe at index 1.
std::string answer(lua_State* lua, int kind, const std::string& subject, const std::string& pattern,
                   int extra) {
  lua_pushvalue(lua, 1);
  lua_pushinteger(lua, kind);
  lua_pushlstring(lua, subject.data(), subject.size());
  lua_pushlstring(lua, pattern.data(), pattern.size());
  if (extra == 0)
    lua_pushnil(lua);
  else
    lua_pushinteger(lua, extra);
  if (lua_pcall(lua, 4, 1, 0) != 0) return "failed";
  const std::string text = lua_tostring(lua, -1);
  lua_pop(lua, 1);
  return text;
}

bool is_error(const std::string& text) {
  return text.starts_with("false");
}

class Both {
 public:
  Both() : world({{"probe", probe}}) {
    REQUIRE(world.script->require("probe"));
    REQUIRE(luaL_loadstring(plain.get(), probe) == 0);
    REQUIRE(lua_pcall(plain.get(), 0, 1, 0) == 0);
  }

  void check(int kind, const std::string& subject, const std::string& pattern, int extra = 0) {
    const std::string ours = answer(world.script->lua(), kind, subject, pattern, extra);
    const std::string theirs = answer(plain.get(), kind, subject, pattern, extra);
    INFO(kind << " '" << subject << "' '" << pattern << "' " << extra);
    // Ours refuses a wrong pattern at once, theirs when a match comes to the wrong place.
    if (is_error(ours)) {
      if (is_error(theirs) || ours.find("pattern") != std::string::npos ||
          ours.find("capture") != std::string::npos)
        return;
    }
    REQUIRE(ours == theirs);
  }

  World world;
  PlainLua plain;
};

}  // namespace

TEST_CASE("patterns of the manual match as the manual says") {
  CHECK(evaluate("return ('hello world'):find('o w')") == "5 7");
  CHECK(evaluate("return ('hello'):find('l+')") == "3 4");
  CHECK(evaluate("return ('key = value'):match('^(%w+)%s*=%s*(%w+)$')") == "key value");
  CHECK(evaluate("return ('THE (quick) fox'):find('%((%a+)%)')") == "5 11 quick");
  CHECK(evaluate("return ('f(a(b)c)d'):match('%b()')") == "(a(b)c)");
  CHECK(evaluate("return ('THE (quick) fox'):gsub('%f[%a]%a+', 'w')") == "w (w) w 3");
  CHECK(evaluate("return ('hello'):match('()ll()')") == "3 5");
  CHECK(evaluate("return ('hello world'):gsub('o', {o = '0'}, 1)") == "hell0 world 1");
  CHECK(evaluate("return ('abc'):gsub('%w', '%0%0')") == "aabbcc 3");
  CHECK(evaluate("return ('abc'):gsub('', '-')") == "-a-b-c- 4");
  CHECK(evaluate("return ('a,b,,c'):gsub(',', ';', 2)") == "a;b;,c 2");
  CHECK(evaluate("return ('x^y'):find('^', 1, true)") == "2 2");
  CHECK(evaluate("return ('aXb'):gsub('%u', string.lower)") == "axb 1");
  CHECK(evaluate("local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end "
                 "return t[1], t[2]") == "a1 b2");
  CHECK(evaluate("return ('[test]'):match('%[(.-)%]')") == "test");
  CHECK(evaluate("return ('abab'):match('^(ab)%1$')") == "ab");
  CHECK(evaluate("return ('a\\0b'):find('%z'), ('a\\0b'):find('\\0', 1, true)") == "2 2 2");
  CHECK(evaluate("return (('x'):rep(300) .. 'y'):find('x*' .. ('[x]?'):rep(100) .. 'y')") == "1 301");
}

TEST_CASE("wrong patterns are refused") {
  for (const char* wrong : {"[", "[a", "[]", "[^]", "%", "(", "(()", ")", "a)", "%b", "%bx", "%f", "%fa",
                            "%1", "(%1)", "[%", "[a-"}) {
    INFO(wrong);
    CHECK(evaluate(std::string("return pcall(string.match, 'a', '") + wrong + "')").starts_with("false "));
    CHECK(evaluate(std::string("return pcall(string.gmatch, 'a', '") + wrong + "')").starts_with("false "));
  }
  CHECK(evaluate("return pcall(string.find, 'a', ('()'):rep(33))") == "false too many captures");
  CHECK(evaluate("return pcall(string.gsub, 'a', 'a', '%2')") == "false invalid capture index");
  CHECK(evaluate("return pcall(string.gsub, 'a', 'a', '%')") ==
        "false invalid replacement: it ends with '%'");
  CHECK(evaluate("return pcall(string.gsub, 'a', 'a', function() return {} end)") ==
        "false invalid replacement value (a table)");
  CHECK(evaluate("return pcall(string.gsub, 'a', 'a', true)").find("string/function/table expected") !=
        std::string::npos);
}

TEST_CASE("a position before or after the text is put into it") {
  Both both;
  for (int kind : {1, 2, 7}) {
    for (int extra : {-10, -3, -1, 1, 2, 3, 4, 5, 100}) {
      both.check(kind, "abc", "b", extra);
      both.check(kind, "abc", "", extra);
      both.check(kind, "abc", ".", extra);
      both.check(kind, "", "", extra);
      both.check(kind, "abc", "^b", extra);
    }
  }
}

TEST_CASE("random patterns match as LuaJIT's own") {
  constexpr const char* pieces[] = {
      "a",     "b",    "ab",    ".",    "%a", "%d",  "%s",      "%w",     "%A",     "[ab]", "[^a]",
      "[a-c]", "[%d]", "[^%s]", "*",    "+",  "-",   "?",       "(",      ")",      "()",   "^",
      "$",     "%b()", "%f[a]", "%1",   "%.", "%%",  "[]]",     "[^]]",   "[a-]",   " ",    "1",
      "%p",    "%x",   "(a*)",  "(.-)", ".*", "(.)", "%f[^%a]", "[%a-z]", "[+-%]]", "%u",   "[.]"};
  constexpr const char* letters[] = {"a", "b", "c", "A", "1", " ", "(", ")", ".", "%", "]", "-", "ab", "\n"};
  Both both;
  std::mt19937 random(42);
  for (int i = 0; i < 20'000; ++i) {
    std::string subject, pattern;
    for (auto n = random() % 9; n > 0; --n) subject += letters[random() % std::size(letters)];
    for (auto n = random() % 6; n > 0; --n) pattern += pieces[random() % std::size(pieces)];
    const int extra = random() % 4 == 0 ? static_cast<int>(random() % 9) - 3 : 0;
    both.check(1 + static_cast<int>(random() % 8), subject, pattern, extra);
  }
}

TEST_CASE("every byte is in the classes that LuaJIT says") {
  Both both;
  for (int c = 0; c < 256; ++c) {
    const std::string subject(1, static_cast<char>(c));
    for (const char* name : {"%a", "%c", "%d", "%l", "%p", "%s", "%u", "%w",    "%x",    "%A",        "%C",
                             "%D", "%L", "%P", "%S", "%U", "%W", "%X", "[%a_]", "[^%c]", "[%z\1-\37]"}) {
      both.check(1, subject, name);
    }
  }
}

TEST_CASE("patterns in linear time pass over long texts") {
  PolicyLimits limits;
  limits.cpu_budget = std::chrono::seconds(30);
  CHECK(evaluate("local s = ('a b '):rep(1e6) local r, n = s:gsub('%s+', ' ') return n, #r", limits) ==
        "2000000 4000000");
  CHECK(evaluate("return #(('x'):rep(3e6) .. 'y'):match('.*y')", limits) == "3000001");
}
