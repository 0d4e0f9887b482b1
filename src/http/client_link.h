// One connection of the client to an origin: in the pool, or in the hands of one request.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"
#include "http/parser.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"

namespace pollux {

class ClientLink;

// Where idle connections to one origin, by one way, wait for the next request.
class ClientPool {
 public:
  ClientPool(Loop& loop, const Origin& pool_origin, const std::optional<Proxy>& pool_proxy,
             const ClientLimits& limits);
  ~ClientPool();
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;

  // The one used last: the others may grow old and go. Null if there is none.
  std::unique_ptr<ClientLink> take();
  void put(std::unique_ptr<ClientLink> link);
  // An idle link ended: it is retired.
  void drop(const ClientLink& link);
  void close_all();  // For good: what comes later is closed too.
  std::size_t size() const noexcept { return idle_.size(); }

  Loop& loop;
  const Origin origin;
  const std::optional<Proxy> proxy;
  const std::string authority;  // For the Host header.
  const std::string name;       // For people.
  ClientLimits limits;

 private:
  std::vector<std::unique_ptr<ClientLink>> idle_;
  bool closed_ = false;
};

// What a link tells the request that holds it. Each call may end the link's use.
class LinkUser {
 public:
  virtual ~LinkUser() = default;
  virtual ResponseEvents& events() = 0;
  virtual bool is_head() const = 0;
  virtual bool wholly_sent() const = 0;
  virtual bool asked_to_upgrade() const = 0;
  virtual void on_upgraded() = 0;  // The head of a 101 is about to be told.
  // The whole answer has been read; `reusable`: the link may serve another request.
  virtual void on_answered(bool reusable) = 0;
  virtual void on_failed(TransportError::Kind kind, std::string_view what) = 0;
  // Closed by the peer before a byte of the answer, after it had served others.
  virtual void on_stale(TransportError::Kind kind, std::string_view what) = 0;
};

class ClientLink final : public StreamEvents, public Flushable {
 public:
  ClientLink(std::shared_ptr<ClientPool> pool, std::unique_ptr<Stream> stream);
  ~ClientLink() override;

  ClientPool& pool() noexcept { return *pool_; }

  // The next request begins.
  void attach(LinkUser& user);
  bool used_before() const noexcept { return used_before_; }
  void wait_in_pool();
  void close();  // No event after it; the link is still to be retired.

  void send(std::string bytes);
  void shutdown() { stream_->shutdown(); }  // Of an upgraded link: its last byte is queued.
  void on_request_sent();                   // The last byte is queued: the answer's first is awaited.
  std::size_t queued_bytes() const { return stream_ ? stream_->queued_bytes() : 0; }
  void pause();
  void resume();

 private:
  enum class End { none, closed, broken };

  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_error(const NetError& error) override;
  void on_drained() override;
  void flush() override;

  void read(std::string_view& input);
  bool step(std::string_view& input);
  bool take_head();
  void end_answer(std::string_view rest);
  void peer_left();
  void fail(TransportError::Kind kind, std::string_view what);
  void on_due();
  void set_reading(bool wanted);

  std::shared_ptr<ClientPool> pool_;
  std::unique_ptr<Stream> stream_;
  LinkUser* user_ = nullptr;
  Parser parser_;
  Timer timer_;
  std::string held_;  // Read, but not parsed while the user pauses.
  End end_ = End::none;
  std::string end_reason_;
  bool used_before_ = false;
  bool first_byte_seen_ = false;
  bool head_seen_ = false;
  bool raw_ = false;  // The protocol was switched: no HTTP any more.
  bool paused_ = false;
  bool reading_ = true;
  int interim_answers_ = 0;
  std::uint64_t sent_ = 0, taken_ = 0;
};

}  // namespace pollux
