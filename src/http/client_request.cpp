#include "http/client_request.h"

#include <utility>

#include "http/write.h"

namespace pollux {
namespace {

// A held body up to this size is sent in one piece with the head.
constexpr std::size_t small_body_bytes = std::size_t{16} * 1024;

bool is_clients_own(std::string_view name) noexcept {
  switch (name.size()) {
    case 4:
      return equals_ignoring_case(name, "Host");
    case 14:
      return equals_ignoring_case(name, "Content-Length");
    default:
      return is_hop_by_hop(name);
  }
}

bool usually_has_body(std::string_view method) noexcept {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

SendingRequest::SendingRequest(std::shared_ptr<ClientPool> pool, std::shared_ptr<TlsClientContext> tls,
                               const OutgoingRequest& request, ResponseEvents& events)
    : pool_(std::move(pool)),
      tls_(std::move(tls)),
      events_(events),
      body_(request.body),
      is_head_(request.method == "HEAD"),
      streamed_(request.streamed_length.has_value()),
      asked_to_upgrade_(!request.upgrade.empty() && request.body.empty() && !request.streamed_length) {
  if (streamed_) {
    body_ = {};
    chunked_ = request.streamed_length->kind == BodyLength::Kind::chunked;
    body_left_ = request.streamed_length->bytes;
    body_ended_ = false;
  }
  if (request.method.empty() || !is_token(request.method)) {
    fail_later("the method is no token");
  } else {
    head_ = head_of(request);
  }
}

SendingRequest::~SendingRequest() {
  pool_->loop.forget(*this);
  let_go_of_link();
}

void SendingRequest::begin() {
  if (!failure_.empty()) return;
  // A streamed body cannot be sent again, so it does not try its luck on a pooled connection.
  if (!streamed_) {
    if (auto link = pool_->take()) return send_on(std::move(link));
  }
  connect_anew();
}

std::string SendingRequest::head_of(const OutgoingRequest& request) const {
  std::string head;
  const bool with_body = body_.size() <= small_body_bytes;
  head.reserve(128 + request.method.size() + request.target.size() + pool_->authority.size() +
               (request.headers != nullptr ? written_size(*request.headers) : 0) +
               request.credential_name.size() + request.credential_value.size() +
               (with_body ? body_.size() : 0));
  head += request.method;
  head += ' ';
  append_target(head, request.target.empty() ? "/" : request.target);
  head += " HTTP/1.1\r\n";
  append_field(head, "Host", pool_->authority);
  if (request.headers != nullptr) {
    for (const auto& field : *request.headers)
      if (!is_clients_own(field.name)) append_field(head, field.name, field.value);
  }
  append_field(head, request.credential_name, request.credential_value);
  if (asked_to_upgrade_) {
    append_field(head, "Connection", "Upgrade");
    append_field(head, "Upgrade", request.upgrade);
  }
  append_framing(head, request);
  head += "\r\n";
  if (with_body) head += body_;
  return head;
}

void SendingRequest::append_framing(std::string& head, const OutgoingRequest& request) const {
  if (chunked_) {
    append_field(head, "Transfer-Encoding", "chunked");
    return;
  }
  const auto length = streamed_ ? body_left_ : body_.size();
  if (length == 0 && !usually_has_body(request.method)) return;
  head += "Content-Length: ";
  append_number(head, length);
  head += "\r\n";
}

void SendingRequest::connect_anew() {
  connecting_ = connect(pool_->loop, pool_->origin, tls_, pool_->proxy, pool_->limits.connect, *this);
}

void SendingRequest::on_connected(std::unique_ptr<Stream> stream) {
  pool_->loop.retire(std::shared_ptr<Connecting>(std::move(connecting_)));
  send_on(std::make_unique<ClientLink>(pool_, std::move(stream)));
}

void SendingRequest::on_connect_failed(const NetError& error) {
  pool_->loop.retire(std::shared_ptr<Connecting>(std::move(connecting_)));
  auto kind = TransportError::Kind::connect;
  if (error.kind == NetError::Kind::tls) kind = TransportError::Kind::tls;
  if (error.kind == NetError::Kind::timeout) kind = TransportError::Kind::timeout;
  over_ = true;
  events_.on_response_error({kind, error.message});
}

void SendingRequest::send_on(std::unique_ptr<ClientLink> link) {
  link_ = std::move(link);
  link_->attach(*this);
  if (paused_) link_->pause();
  const bool may_be_stale = link_->used_before();
  const bool body_apart = body_.size() > small_body_bytes;
  link_->send(may_be_stale ? head_ : std::move(head_));
  if (body_apart) link_->send(std::string(body_));
  if (!early_.empty()) link_->send(std::exchange(early_, {}));
  if (body_ended_) link_->on_request_sent();
  // Having looked, the caller is told when it is out: it may have been waiting since before the connection.
  if (streamed_ && !body_ended_) static_cast<void>(link_->queued_bytes());
}

void SendingRequest::send_body(std::string_view bytes) {
  if (over_ || !streamed_ || body_ended_ || bytes.empty()) return;
  if (raw_) return send_piece(std::string(bytes));
  if (chunked_) return send_piece(as_chunk(bytes));
  if (bytes.size() > body_left_) return fail_later("the request's body is longer than was announced");
  body_left_ -= bytes.size();
  send_piece(std::string(bytes));
}

void SendingRequest::end_body() {
  if (over_ || !streamed_ || body_ended_) return;
  if (raw_) {
    body_ended_ = true;
    return link_->shutdown();
  }
  if (body_left_ > 0) return fail_later("the request's body is shorter than was announced");
  if (chunked_) send_piece(std::string(last_chunk));
  body_ended_ = true;
  if (link_) link_->on_request_sent();
}

// What follows is a body of any length, as it were.
void SendingRequest::on_upgraded() {
  raw_ = streamed_ = true;
  body_ended_ = false;
}

void SendingRequest::send_piece(std::string bytes) {
  if (link_) return link_->send(std::move(bytes));
  early_ += bytes;
}

std::size_t SendingRequest::queued_bytes() const {
  return early_.size() + (link_ ? link_->queued_bytes() : 0);
}

void SendingRequest::pause() {
  paused_ = true;
  if (link_) link_->pause();
}

void SendingRequest::resume() {
  paused_ = false;
  if (link_) link_->resume();
}

void SendingRequest::on_answered(bool reusable) {
  over_ = true;
  if (reusable) {
    pool_->put(std::move(link_));
  } else {
    let_go_of_link();
  }
  events_.on_response_end();  // May destroy this.
}

void SendingRequest::on_failed(TransportError::Kind kind, std::string_view what) {
  over_ = true;
  let_go_of_link();
  const TransportError error{kind, pool_->name + ": " + std::string(what)};
  events_.on_response_error(error);  // May destroy this.
}

void SendingRequest::on_stale(TransportError::Kind kind, std::string_view what) {
  if (streamed_) return on_failed(kind, what);
  let_go_of_link();
  connect_anew();
}

// The link may be the one who is calling: it is closed now and destroyed later.
void SendingRequest::let_go_of_link() {
  if (!link_) return;
  link_->close();
  pool_->loop.retire(std::shared_ptr<ClientLink>(std::move(link_)));
}

void SendingRequest::fail_later(std::string_view what) {
  over_ = true;
  let_go_of_link();
  connecting_.reset();
  failure_ = what;
  pool_->loop.flush_later(*this);
}

void SendingRequest::flush() {
  const TransportError error{TransportError::Kind::malformed, pool_->name + ": " + failure_};
  events_.on_response_error(error);
}

}  // namespace pollux
