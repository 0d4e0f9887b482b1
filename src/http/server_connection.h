// One client's connection to the server: a head is read, a handler answers, then the next.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/deadlines.h"
#include "http/parser.h"
#include "http/server.h"
#include "net/loop.h"
#include "net/stream.h"

namespace pollux {

class ServerConnection;

// What the connections of one server share.
class ServerShared {
 public:
  ServerShared(Loop& shared_loop, Gate& shared_gate, const ServerLimits& shared_limits)
      : loop(shared_loop), gate(shared_gate), limits(shared_limits) {}
  virtual ~ServerShared() = default;
  // The connection is over and touches nothing any more; it is to be retired.
  virtual void on_closed(ServerConnection& connection) = 0;
  // "Date: ...\r\n", made anew each second.
  std::string_view date_line();

  Loop& loop;
  Gate& gate;
  const ServerLimits limits;
  bool draining = false;

 private:
  std::string date_line_;
  std::chrono::milliseconds date_until_{-1};
};

class ServerConnection final : public StreamEvents, public Reply, public Flushable {
 public:
  ServerConnection(ServerShared& shared, std::unique_ptr<Stream> stream, bool tls);
  ~ServerConnection() override;

  void begin();
  // Answers with this status and closes, whatever the client may be about to say.
  void turn_away(int status, std::string_view message);
  // The server ends: at once if nothing is asked or answered, else after the running answer.
  void drain();
  void close();

  std::size_t place = 0;  // In the server's list.

  // Reply
  void send_continue() override;
  void resume_body() override;
  void pause_body() override;
  void start(int status, const Headers& headers, BodyLength length) override;
  void body(std::string_view bytes) override;
  void give_body(std::string bytes) override;
  void finish() override;
  void upgrade(const Headers& headers) override;
  void abort() override;
  bool started() const override { return started_; }
  std::size_t queued_bytes() const override { return stream_ ? stream_->queued_bytes() : 0; }

 private:
  // In the order a connection visits them; from discarding or running it may go back to waiting.
  enum class Stage {
    waiting,     // For a head, or the rest of one.
    running,     // A handler is at work.
    discarding,  // The answer is finished; the rest of the request's body is read and dropped.
    leaving,     // The last answer is on its way out, then the connection ends.
    closed,
  };
  enum class Deadline { idle, head, body, write, count };

  // StreamEvents
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_error(const NetError& error) override;
  void on_drained() override;
  void flush() override;  // The loop's turn ends: go on with what has been read ahead.

  void read_pending();
  void read(std::string_view& input);
  bool step(std::string_view& input);
  bool read_head(std::string_view& input);
  bool read_body(std::string_view& input);
  bool read_raw(std::string_view& input);
  bool discard_body(std::string_view& input);
  void regulate_reading();
  std::size_t read_ahead_bytes() const;

  void begin_exchange();
  void end_exchange();
  void dismiss_handler();
  void lose_client();
  bool rest_is_worth_reading() const;
  void wait_for_next();
  void refuse(int status, std::string_view message);
  void leave(bool whole);
  void depart();

  bool may_write_body(std::size_t size);
  void send(std::string bytes);
  void append_framing(std::string& head, int status, BodyLength length);
  void on_deadline();
  void on_write_deadline();
  void watch_writing();

  ServerShared& shared_;
  std::unique_ptr<Stream> stream_;
  const ClientInfo client_;
  Parser parser_;
  std::unique_ptr<RequestHandler> handler_;
  Deadlines<Deadline> deadlines_;
  std::string pending_;  // Read and not yet parsed.
  std::string target_;   // Of the running request, if it has a body.
  Stage stage_ = Stage::waiting;
  bool in_read_ = false;      // read() is on the stack: it will go on by itself.
  bool reading_ = true;       // The stream is not paused.
  bool leaves_whole_ = true;  // The last answer is complete.

  // Of the running exchange.
  bool body_wanted_ = false;
  bool body_ended_ = false;
  bool continue_due_ = false;  // The client waits for "100 Continue".
  bool keep_alive_ = false;
  bool started_ = false;
  bool chunked_ = false;
  bool swallowed_ = false;  // HEAD, 204, 304: body bytes are not sent.
  bool length_known_ = false;
  bool upgraded_ = false;      // No HTTP any more: raw bytes both ways.
  bool client_ended_ = false;  // Upgraded, and the client has sent its last byte.
  std::uint64_t announced_ = 0, written_ = 0;

  // For the client that takes nothing.
  std::uint64_t sent_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace pollux
