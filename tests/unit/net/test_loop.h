// A loop for tests: waits for events, never for time, and fails the test if a handle is still open at the
// end.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "net/connector.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"

namespace pollux::test {

class TestLoop {
 public:
  TestLoop();
  ~TestLoop();

  Loop& get() noexcept { return loop_; }
  operator Loop&() noexcept { return loop_; }

  // Runs turns until it is so; false if that takes longer than any working program would.
  bool wait_until(const std::function<bool()>& done);
  // Runs a few turns that do not wait, for what must not happen.
  void turn(int times = 5);

 private:
  std::size_t open_handles();

  Loop loop_;
  std::size_t at_first_;
};

// Notes what a stream says, and does what the test wants it to do then.
class Recorder final : public StreamEvents {
 public:
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_error(const NetError& error) override;
  void on_drained() override;

  std::string data;
  std::size_t reads = 0;
  bool ended = false;
  bool failed = false;
  NetError error;
  int drained = 0;
  std::function<void()> after_data, after_end, after_error, after_drained;
};

// Both ends of a connection on one loop.
struct Pair {
  explicit Pair(TestLoop& loop);
  std::unique_ptr<Stream> client, server;
};

class ConnectRecorder final : public ConnectEvents {
 public:
  void on_connected(std::unique_ptr<Stream> connected) override;
  void on_connect_failed(const NetError& failure) override;
  bool over() const { return stream != nullptr || failed; }

  std::unique_ptr<Stream> stream;
  bool failed = false;
  NetError error;
  std::function<void()> after;
};

// A listener on a free port of 127.0.0.1 that keeps what it accepts.
class Door {
 public:
  explicit Door(Loop& loop, std::shared_ptr<TlsServerContext> tls = nullptr,
                const std::string& host = "127.0.0.1");
  std::uint16_t port() const { return listener_->port(); }
  Origin origin(const std::string& host = "127.0.0.1", bool tls = false) const { return {tls, host, port()}; }
  void close() { listener_.reset(); }

  std::vector<std::unique_ptr<Stream>> accepted;

 private:
  std::unique_ptr<Listener> listener_;
};

}  // namespace pollux::test
