// crypto, time, shared and log, as policies see them.
#include "script/log_allowance.h"
#include "script_fixture.h"

using namespace pollux;

TEST_CASE("hashes are hexadecimal texts") {
  CHECK(evaluate("return crypto.sha256('abc')") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(evaluate("return crypto.hmac_sha256('key', 'The quick brown fox jumps over the lazy dog')") ==
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
  CHECK(evaluate("return crypto.sha256()").find("bad argument") != std::string::npos);
}

TEST_CASE("base64 goes there and back") {
  CHECK(evaluate("return crypto.base64('hello\\0')") == "aGVsbG8A");
  CHECK(evaluate("return crypto.base64_decode('aGVsbG8='), #crypto.base64_decode('aGVsbG8A')") == "hello 6");
  CHECK(evaluate("return crypto.base64_decode('?')") == "null not base64");
}

TEST_CASE("every uuid is another") {
  CHECK(evaluate("local a, b = crypto.uuid(), crypto.uuid() return #a, a ~= b, "
                 "a:match('^%x+%-%x+%-4%x+%-%x+%-%x+$') == a") == "36 true true");
}

TEST_CASE("time is the clock's") {
  CHECK(evaluate("return time.now()") == "1795219200");
  CHECK(evaluate("return time.iso(), time.iso(0), time.iso(1.5)") ==
        "2026-11-21T00:00:00.000Z 1970-01-01T00:00:00.000Z 1970-01-01T00:00:01.500Z");
  CHECK(evaluate("return time.iso(-1)").find("not a time") != std::string::npos);
  CHECK(evaluate("return time.iso(1e300)").find("not a time") != std::string::npos);
}

TEST_CASE("the next midnight in Los Angeles is asked for by time") {
  CHECK(evaluate("return time.iso(time.pacific_midnight())") == "2026-11-21T08:00:00.000Z");
  CHECK(evaluate("return time.iso(time.pacific_midnight(1751328000))") == "2025-07-01T07:00:00.000Z");
}

TEST_CASE("shared values are one for all policies") {
  World world(
      {{"keys",
        "return function() shared.set('a', 'text') shared.set('b', true) shared.set('c', 1.5, 60) "
        "return shared.incr('n'), shared.incr('n', 5), shared.incr('m', 2, 60) end"},
       {"auth",
        "return function() return shared.get('a'), shared.get('b'), shared.get('c'), shared.get('n'), "
        "shared.get('none') end"}});
  CHECK(world.call("keys") == "1 6 2");
  CHECK(world.call("auth") == "text true 1.5 6 null");
  world.clock.advance(Milliseconds(60'000));
  CHECK(world.call("auth") == "text true null 6 null");
}

TEST_CASE("what is cached is apart from what is shared, and one for all policies") {
  World world(
      {{"auth", "return function() cache.set('a', 'text') shared.set('b', 1) cache.set('c', 2, 60) end"},
       {"keys", "return function() return cache.get('a'), cache.get('b'), cache.get('c') end"}});
  world.call("auth");
  CHECK(world.call("keys") == "text null 2");
  world.clock.advance(Milliseconds(60'000));
  CHECK(world.call("keys") == "text null null");
  CHECK(evaluate("cache.set('a', {})").find("only texts, numbers, booleans and nil") != std::string::npos);
  CHECK(evaluate("cache.set('a', ('x'):rep(9e6))") ==
        "keys.lua:1: cache: the value is larger than the whole table");
  CHECK(evaluate("cache.incr('a')") == "keys.lua:1: attempt to call field 'incr' (a nil value)");
}

TEST_CASE("what cannot be shared is refused with the line") {
  CHECK(evaluate("shared.set('a', {})").find("only texts, numbers, booleans and nil can be shared") !=
        std::string::npos);
  CHECK(evaluate("shared.set('a', 1, -5)").find("not a time to live") != std::string::npos);
  CHECK(evaluate("shared.set('a', 'x') local n = shared.incr('a')").starts_with("keys.lua:1: shared.incr: "));
  CHECK(evaluate("shared.set('a', ('x'):rep(5e6))").starts_with("keys.lua:1: shared: "));
}

TEST_CASE("log lines and print take what they are given") {
  CHECK(
      evaluate(
          "log.debug('fine') log.info('text', {a = 1, b = 'x', c = true, d = json.null, e = {}, [1] = 2}) "
          "log.warn(('x'):rep(1e5), {long = ('y'):rep(1e5)}) print(1, nil, 'x', {}) print() return 'well'") ==
      "well");
  CHECK(evaluate("log.info()").find("bad argument") != std::string::npos);
  CHECK(evaluate("log.info('x', 5)").find("bad argument") != std::string::npos);
}

TEST_CASE("so many lines a second may be logged, the rest are counted") {
  LogAllowance allowance;
  int written = 0;
  for (int i = 0; i < 150; ++i) written += allowance.take(Milliseconds(5)) ? 1 : 0;
  CHECK(written == LogAllowance::lines_per_second);
  CHECK(allowance.take_withheld() == 50);
  CHECK(allowance.take(Milliseconds(1005)));
  CHECK(allowance.take_withheld() == 0);
}
