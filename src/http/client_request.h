// One request under way: it finds itself a connection, sends itself, and once more if a pooled one was stale.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/client_link.h"
#include "net/connector.h"

namespace pollux {

class SendingRequest final : public ClientRequest,
                             private ConnectEvents,
                             private LinkUser,
                             private Flushable {
 public:
  SendingRequest(std::shared_ptr<ClientPool> pool, std::shared_ptr<TlsClientContext> tls,
                 const OutgoingRequest& request, ResponseEvents& events);
  ~SendingRequest() override;

  void begin();

  // ClientRequest
  void send_body(std::string_view bytes) override;
  void end_body() override;
  std::size_t queued_bytes() const override;
  void pause() override;
  void resume() override;

 private:
  // ConnectEvents
  void on_connected(std::unique_ptr<Stream> stream) override;
  void on_connect_failed(const NetError& error) override;

  // LinkUser
  ResponseEvents& events() override { return events_; }
  bool is_head() const override { return is_head_; }
  bool wholly_sent() const override { return body_ended_; }
  bool asked_to_upgrade() const override { return asked_to_upgrade_; }
  void on_upgraded() override;
  void on_answered(bool reusable) override;
  void on_failed(TransportError::Kind kind, std::string_view what) override;
  void on_stale(TransportError::Kind kind, std::string_view what) override;

  void flush() override;

  std::string head_of(const OutgoingRequest& request) const;
  void append_framing(std::string& head, const OutgoingRequest& request) const;
  void connect_anew();
  void send_on(std::unique_ptr<ClientLink> link);
  void send_piece(std::string bytes);
  void let_go_of_link();
  void fail_later(std::string_view what);

  std::shared_ptr<ClientPool> pool_;
  std::shared_ptr<TlsClientContext> tls_;
  ResponseEvents& events_;
  std::unique_ptr<ClientLink> link_;
  std::unique_ptr<Connecting> connecting_;
  std::string head_;       // As it goes over the wire; kept while it may have to be sent again.
  std::string_view body_;  // Held by the caller.
  std::string early_;      // Of a streamed body, from before there was a connection.
  std::string failure_;    // To be told when the turn ends.
  std::uint64_t body_left_ = 0;
  bool is_head_ = false;
  bool streamed_ = false;
  bool chunked_ = false;
  bool body_ended_ = true;
  bool asked_to_upgrade_ = false;
  bool raw_ = false;  // Upgraded.
  bool over_ = false;
  bool paused_ = false;
};

}  // namespace pollux
