#include "net/test_loop.h"

#include "catch.h"
#include "net/timer.h"

namespace pollux::test {
namespace {

constexpr std::chrono::seconds too_long(20);
constexpr std::chrono::milliseconds look_again_after(5);

}  // namespace

TestLoop::TestLoop() : at_first_(open_handles()) {}

TestLoop::~TestLoop() {
  turn();
  CHECK(open_handles() == at_first_);
}

bool TestLoop::wait_until(const std::function<bool()>& done) {
  const auto begin = std::chrono::steady_clock::now();
  // What ends the wait may happen right before the loop sleeps: it looks again soon. A tick may be over
  // before that, too, so another one follows.
  Timer* again = nullptr;
  Timer tick(loop_, [&again] { again->start(look_again_after); });
  again = &tick;
  while (!done() && std::chrono::steady_clock::now() - begin < too_long) {
    tick.start(look_again_after);
    uv_run(loop_.uv(), UV_RUN_ONCE);
  }
  return done();
}

void TestLoop::turn(int times) {
  while (times-- > 0) uv_run(loop_.uv(), UV_RUN_NOWAIT);
}

std::size_t TestLoop::open_handles() {
  std::size_t count = 0;
  uv_walk(
      loop_.uv(),
      [](uv_handle_t* handle, void* counted) {
        if (uv_is_closing(handle) == 0) ++*static_cast<std::size_t*>(counted);
      },
      &count);
  return count;
}

void Recorder::on_data(std::string_view bytes) {
  data += bytes;
  ++reads;
  if (after_data) after_data();
}

void Recorder::on_end() {
  ended = true;
  if (after_end) after_end();
}

void Recorder::on_error(const NetError& told) {
  failed = true;
  error = told;
  if (after_error) after_error();
}

void Recorder::on_drained() {
  ++drained;
  if (after_drained) after_drained();
}

Pair::Pair(TestLoop& loop) {
  Door door(loop);
  ConnectRecorder connected;
  const auto connecting = connect(loop, door.origin(), nullptr, std::nullopt, {}, connected);
  REQUIRE(loop.wait_until([&] { return connected.over() && !door.accepted.empty(); }));
  client = std::move(connected.stream);
  server = std::move(door.accepted.front());
}

void ConnectRecorder::on_connected(std::unique_ptr<Stream> connected) {
  stream = std::move(connected);
  if (after) after();
}

void ConnectRecorder::on_connect_failed(const NetError& failure) {
  failed = true;
  error = failure;
  if (after) after();
}

Door::Door(Loop& loop, std::shared_ptr<TlsServerContext> tls, const std::string& host) {
  auto made = Listener::create(loop, host, 0, std::move(tls), [this](std::unique_ptr<Stream> stream) {
    accepted.push_back(std::move(stream));
  });
  REQUIRE(made.has_value());
  listener_ = std::move(*made);
}

}  // namespace pollux::test
