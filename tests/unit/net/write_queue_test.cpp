#include "net/write_queue.h"

#include <array>

#include "catch.h"

using namespace pollux;

TEST_CASE("a write queue joins small strings into one") {
  WriteQueue queue;
  for (int count = 0; count < 100; ++count) queue.push("data: x\n\n");

  CHECK(queue.pieces() == 1);
  CHECK(queue.bytes() == 900);
}

TEST_CASE("a write queue keeps large strings apart, uncopied") {
  WriteQueue queue;
  std::string large(100'000, 'x');
  const auto* where = large.data();
  queue.push("head");
  queue.push(std::move(large));

  std::array<uv_buf_t, 4> buffers;
  REQUIRE(queue.gather(buffers) == 2);
  CHECK(buffers[1].base == where);
}

TEST_CASE("a write queue gives away any part of its head") {
  WriteQueue queue;
  const std::string first(5'000, 'a'), second(5'000, 'b');
  queue.push(first);
  queue.push(second);
  std::string out;
  while (!queue.empty()) {
    const auto part = queue.front().substr(0, 777);
    out += part;
    queue.consume(part.size());
  }
  CHECK(out == first + second);
  CHECK(queue.pieces() == 0);
}

TEST_CASE("a write queue consumes across its strings at once") {
  WriteQueue queue;
  for (const char letter : {'a', 'b', 'c'}) queue.push(std::string(5'000, letter));
  queue.consume(12'000);
  CHECK(queue.bytes() == 3'000);
  CHECK(queue.front() == std::string(3'000, 'c'));
}
