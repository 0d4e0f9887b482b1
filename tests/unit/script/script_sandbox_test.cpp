// What a policy cannot do, whatever it tries.
#include "script_fixture.h"

using namespace pollux;

namespace {

bool fails_with(const std::string& outcome, std::string_view part) {
  INFO(outcome);
  return outcome.starts_with("keys.lua:") && outcome.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a policy finds only the allowed names") {
  for (const char* name :
       {"_G", "io", "os", "debug", "ffi", "jit", "package", "load", "loadstring", "dofile", "loadfile",
        "collectgarbage", "newproxy", "getfenv", "setfenv", "coroutine", "module", "gcinfo"}) {
    INFO(name);
    CHECK(evaluate(std::string("return type(") + name + ")") == "nil");
  }
  for (const char* name :
       {"assert", "error",    "ipairs",   "next",    "pairs",  "pcall",        "xpcall",
        "select", "tonumber", "tostring", "type",    "unpack", "setmetatable", "getmetatable",
        "rawget", "rawset",   "rawequal", "require", "print",  "sleep"}) {
    INFO(name);
    CHECK(evaluate(std::string("return type(") + name + ")") == "function");
  }
  for (const char* name :
       {"math", "string", "table", "bit", "json", "crypto", "time", "log", "shared", "http"}) {
    INFO(name);
    CHECK(evaluate(std::string("return type(") + name + ")") == "table");
  }
  CHECK(
      evaluate("return string.dump == nil, string.gfind == nil, math.randomseed == nil, table.getn == nil") ==
      "true true true true");
}

TEST_CASE("a global is refused by name, and reads as nil") {
  CHECK(evaluate("counter = 1") == "keys.lua:1: policies have no globals: counter");
  CHECK(evaluate("function helper() end") == "keys.lua:1: policies have no globals: helper");
  CHECK(evaluate("string = nil") == "keys.lua:1: policies have no globals: string");
  CHECK(evaluate("return counter") == "null");
}

TEST_CASE("the library cannot be changed") {
  CHECK(fails_with(evaluate("string.find = nil"), "string is read-only: its 'find' cannot be set"));
  CHECK(fails_with(evaluate("json.fresh = 1"), "json is read-only: its 'fresh' cannot be set"));
  CHECK(fails_with(evaluate("rawset(string, 'find', print)"), "read-only"));
  CHECK(fails_with(evaluate("rawset(math, 1, print)"), "read-only"));
  CHECK(fails_with(evaluate("table.insert(string, print)"), "read-only"));
  CHECK(fails_with(evaluate("table.insert(string, 1, print)"), "read-only"));
  CHECK(fails_with(evaluate("table.remove(string)"), "read-only"));
  CHECK(fails_with(evaluate("table.sort(string)"), "read-only"));
  CHECK(fails_with(evaluate("setmetatable(string, {})"), "protected metatable"));
  CHECK(fails_with(evaluate("json.object(string)"), "metatable of its own"));
  CHECK(fails_with(evaluate("json.array(string)"), "metatable of its own"));
}

TEST_CASE("metatables of what all policies share are hidden") {
  CHECK(evaluate("return getmetatable(''), getmetatable(string)") == "string read-only");
  CHECK(fails_with(evaluate("getmetatable('').__index.find = print"), ""));
  CHECK(evaluate("return getmetatable(json.null), getmetatable(json.array())") == "null json array");
  CHECK(evaluate("return getmetatable(json.decode('12345678901234567890'))") == "number");
  CHECK(fails_with(evaluate("setmetatable(json.array(), {})"), "protected metatable"));
  CHECK(evaluate("local t = setmetatable({}, {__index = {x = 1}}); return t.x, type(getmetatable(t))") ==
        "1 table");
}

TEST_CASE("texts have the safe functions as methods") {
  CHECK(evaluate("return ('abc'):upper(), ('abc'):find('b'), ('x'):rep(3)") == "ABC 2 xxx");
  CHECK(evaluate("return ('x').dump") == "null");
}

TEST_CASE("a policy sees of another only what that returned") {
  World world(
      {{"auth", "local t = {}; t.secret = nil; return t"},
       {"keys",
        "local auth = require 'auth'; auth.added = 1; return function() return auth.added, helper end"},
       {"models", "local auth = require 'auth'; return auth.added"}});
  CHECK(world.call("keys") == "1 null");
  CHECK(world.require("models") == "1");
}

TEST_CASE("bytecode is not loaded") {
  World world({{"keys", "return require 'evil'"}, {"evil", "\x1bLJ\x02\x02"}});
  CHECK(world.require("keys").starts_with("evil.lua:1: "));
}

TEST_CASE("deep recursion ends in an error and nothing else") {
  CHECK(fails_with(evaluate("local function f() return 1 + f() end return f()"), "stack overflow"));
  CHECK(evaluate("local function f() return pcall(f) end return type(f())") == "boolean");
  CHECK(evaluate("local n = 0; local function f() n = n + 1; return (('x'):gsub('x', f)) end "
                 "local ok, why = pcall(f); return ok, why:match('nested too deeply') ~= nil, n < 1000") ==
        "false true true");
  CHECK(evaluate("local function f(a, b) table.sort({1, 2, 3}, f) return false end "
                 "local ok, why = pcall(f); return ok, why:match('nested too deeply') ~= nil") ==
        "false true");
  CHECK(evaluate("local t = {}; setmetatable(t, {__index = function(t, k) return t[k .. 'x'] end}); "
                 "return (pcall(function() return t.x end))") == "false");
  CHECK(evaluate("local t = setmetatable({}, {__tostring = function(t) return tostring(t) .. '' end}); "
                 "return (pcall(tostring, t))") == "false");
  CHECK(evaluate("local t = setmetatable({}, {__tostring = function(t) return ('%s'):format(t) .. '' end}); "
                 "return (pcall(tostring, t))") == "false");
  CHECK(evaluate("local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return "
                 "(k:gsub('x', t)) end "
                 "local ok, why = pcall(string.gsub, 'x', 'x', t) return ok, why:match('nested too deeply') "
                 "~= nil") == "false true");
  CHECK(evaluate("local meta = {} local function one() return setmetatable({}, meta) end "
                 "meta.__lt = function() table.sort({one(), one()}) return false end "
                 "local ok, why = pcall(meta.__lt) return ok, why:match('nested too deeply') ~= nil") ==
        "false true");
  CHECK(evaluate("local t = setmetatable({}, {__tostring = function(t) print(t) return '' end}); "
                 "return (pcall(print, t))") == "false");
}

TEST_CASE("deeply nested source is refused") {
  const std::string deep = "return " + std::string(5000, '(') + "1" + std::string(5000, ')');
  CHECK(World({{"keys", deep}}).require("keys").starts_with("keys.lua:1: "));
  const std::string tables = "return " + std::string(5000, '{') + std::string(5000, '}');
  CHECK(World({{"keys", tables}}).require("keys").starts_with("keys.lua:1: "));
}

TEST_CASE("an error handler that fails is cut off") {
  CHECK(evaluate("return (xpcall(error, error))") == "false");
  CHECK(evaluate("local function h() error('again') end return (xpcall(error, h))") == "false");
  CHECK(evaluate("local function f() return f() + 1 end return (xpcall(f, f))") == "false");
}

TEST_CASE("a memory bomb is cut off and the state runs on") {
  PolicyLimits limits;
  limits.memory_bytes = 4 * 1024 * 1024;
  World world({{"keys",
                "local kind = 0\nreturn function() kind = kind + 1\n"
                "if kind == 1 then local t = {}; for i = 1, 1e9 do t[i] = {i} end end\n"
                "if kind == 2 then local s = 'x'; while true do s = s .. s end end\n"
                "if kind == 3 then local s = ('x'):rep(1e10) end\n"
                "if kind == 4 then local s = ('xyz'):rep(1e9, 'y') end\n"
                "if kind == 5 then local s = ('x'):rep(1e5):gsub('', ('y'):rep(1000)) end\n"
                "if kind == 6 then for i = 1, 1000 do pcall(('x').rep, 'x', 1e7) end return 'six' end\n"
                "return 'well', ('y'):rep(1e6):len() end"}},
              limits);
  CHECK(world.call("keys") == "keys.lua:3: not enough memory: policies may use 4 MiB");
  CHECK(world.call("keys") == "keys.lua:4: not enough memory: policies may use 4 MiB");
  CHECK(world.call("keys") == "keys.lua:5: not enough memory");
  CHECK(world.call("keys") == "keys.lua:6: not enough memory");
  CHECK(world.call("keys") == "keys.lua:7: not enough memory: policies may use 4 MiB");
  CHECK(world.call("keys") == "six");
  for (int i = 0; i < 20; ++i) CHECK(world.call("keys") == "well 1000000");
  CHECK(world.script->memory_in_use() < limits.memory_bytes);
}

TEST_CASE("a memory bomb while loading is cut off with its line") {
  PolicyLimits limits;
  limits.memory_bytes = 4 * 1024 * 1024;
  World world({{"keys", "\nlocal t = {}; for i = 1, 1e9 do t[i] = {i} end"}, {"auth", "return 'well'"}},
              limits);
  CHECK(world.require("keys") == "keys.lua:2: not enough memory: policies may use 4 MiB");
  CHECK(world.require("auth") == "well");
}

TEST_CASE("memory that is let go again never counts") {
  PolicyLimits limits;
  limits.memory_bytes = 4 * 1024 * 1024;
  limits.cpu_budget = std::chrono::seconds(20);
  World world({{"keys", "return function() local s = ('x'):rep(1e6); return #s end"}}, limits);
  for (int i = 0; i < 100; ++i) REQUIRE(world.call("keys") == "1000000");
}

TEST_CASE("a sort ends whatever its function says") {
  CHECK(evaluate("local t = {3, 1, 2}; table.sort(t, function() return true end); return #t") == "3");
  CHECK(evaluate(
            "local t = {}; for i = 1, 100 do t[i] = (i * 37) % 101 end "
            "table.sort(t, function(a, b) for i = 1, 100 do t[i] = nil end return a < b end); return 'over'")
            .find("") == 0);
  CHECK(fails_with(evaluate("table.sort({1, 'a', {}})"), "attempt to compare"));
  CHECK(fails_with(evaluate("table.sort({1, 2}, 1)"), "bad argument #2"));
}

TEST_CASE("a sort puts in order and keeps equals as they were") {
  CHECK(evaluate("local t = {5, 3, 9, 1, 7, 2}; table.sort(t); return table.concat(t, ' ')") ==
        "1 2 3 5 7 9");
  CHECK(evaluate("local t = {'b', 'a', 'c'}; table.sort(t, function(a, b) return a > b end); return "
                 "table.concat(t)") == "cba");
  CHECK(
      evaluate(
          "local t = {}; for i = 1, 100 do t[i] = {key = i % 7, n = i} end "
          "table.sort(t, function(a, b) return a.key < b.key end) "
          "for i = 2, 100 do local a, b = t[i - 1], t[i] "
          "if a.key > b.key or (a.key == b.key and a.n > b.n) then return 'wrong' end end return 'right'") ==
      "right");
  CHECK(evaluate("for n = 0, 70 do local t = {}; for i = 1, n do t[i] = (i * 7919) % 83 end; table.sort(t) "
                 "for i = 2, n do if t[i - 1] > t[i] then return n end end "
                 "if #t ~= n then return -n end end return 'right'") == "right");
}

TEST_CASE("lists grow and shrink as in plain Lua") {
  CHECK(evaluate("local t = {1, 2}; table.insert(t, 3); table.insert(t, 1, 0); table.insert(t, 3, 9); "
                 "return table.concat(t, ' ')") == "0 1 9 2 3");
  CHECK(evaluate(
            "local t = {1, 2, 3}; local a, b, c, d = table.remove(t, 1), table.remove(t), table.remove(t), "
            "table.remove(t); return a, b, c, d == nil, #t") == "1 3 2 true 0");
  CHECK(fails_with(evaluate("table.insert({}, 5, 1)"), "out of bounds"));
  CHECK(fails_with(evaluate("table.insert({})"), "table.insert takes"));
  CHECK(fails_with(evaluate("table.insert(json.object(), 1)"), "no positions"));
}

TEST_CASE("random numbers differ between states") {
  CHECK(evaluate("return math.random(1, 1e9)") != evaluate("return math.random(1, 1e9)"));
}
