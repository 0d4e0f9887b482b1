// The TLS stream of either side.
#include "net/tls.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/tls_context.h"
#include "net/watch.h"
#include "net/write_queue.h"

namespace pollux {
namespace {

constexpr std::size_t record_bytes = std::size_t{16} * 1024;  // RFC 8446 section 5.1.
constexpr std::size_t most_encrypted_ahead =
    std::size_t{256} * 1024;  // The rest waits as plain text, uncopied.

// A TLS 1.3 server sends its tickets after the handshake (RFC 8446 section 4.6.1).
bool gives_tickets_later(const mbedtls_ssl_context* ssl) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_ssl_get_version_number(ssl) >= MBEDTLS_SSL_VERSION_TLS1_3;
#else
  return static_cast<void>(ssl), false;
#endif
}

// Whichever call meets the ticket, reading or writing, has done nothing else.
bool is_new_ticket(int status) {
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
  return status == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
#else
  return static_cast<void>(status), false;
#endif
}

using OwnedSsl = Owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free>;

class TlsStream final : public Stream, private StreamEvents, private Flushable, private Watched {
 public:
  TlsStream(Loop& loop, std::shared_ptr<ClientContext> context, std::unique_ptr<Stream> transport,
            const std::string& server_name, std::uint16_t port, TlsHandshakeEvents& events);
  TlsStream(Loop& loop, std::shared_ptr<ServerContext> context, std::unique_ptr<Stream> transport);
  ~TlsStream() override { loop_.forget(*this); }

  void set_events(StreamEvents* events) override {
    events_ = events;
    read_on();
  }
  void write(std::string bytes) override;
  std::size_t queued_bytes() const override;
  void pause() override { paused_ = true; }
  void resume() override {
    paused_ = false;
    read_on();
  }
  void shutdown() override;
  std::string remote_address() const override { return transport_ ? transport_->remote_address() : ""; }

 private:
  enum class Stage { handshaking, open, broken };

  void begin(const mbedtls_ssl_config* config);
  bool wants_data() const noexcept { return events_ != nullptr && !paused_; }
  void read_on();

  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_error(const NetError& error) override;
  void on_drained() override;

  void advance();
  void shake_hands();
  void keep_session();
  void deliver();
  bool read_record();
  void flush() override;
  bool encrypt();
  void send_encrypted();
  void break_off(const NetError& error);
  void tell(const NetError& error);

  std::string peer() const;
  std::string handshake_problem(int code) const;

  int take_input(unsigned char* buffer, std::size_t size);

  Loop& loop_;
  const std::shared_ptr<ClientContext> client_;  // One of the two.
  const std::shared_ptr<ServerContext> server_;
  std::unique_ptr<PeerCheck> check_;  // The client's. Outlives ssl_, which points at it.
  std::string session_key_;
  TlsHandshakeEvents* handshake_events_ = nullptr;  // Until the client's handshake has ended.
  OwnedSsl ssl_;
  std::unique_ptr<Stream> transport_;  // Null once it was given up.
  StreamEvents* events_ = nullptr;
  std::optional<NetError> untold_;  // Happened while nobody listened.

  Stage stage_ = Stage::handshaking;
  bool paused_ = false;
  bool input_due_ = false;  // The end of the turn goes on reading what was held back.
  bool peer_ended_ = false;
  bool shutdown_asked_ = false;
  bool shutdown_sent_ = false;
  mutable bool drained_is_due_ = false;

  std::string_view input_;  // What mbedTLS reads from, inside on_data() only.
  std::string unread_;      // Held back while nobody wants data.
  WriteQueue queue_;        // Plain.
  std::string encrypted_;   // On its way to the transport.
};

TlsStream::TlsStream(Loop& loop, std::shared_ptr<ClientContext> context, std::unique_ptr<Stream> transport,
                     const std::string& server_name, std::uint16_t port, TlsHandshakeEvents& events)
    : loop_(loop),
      client_(std::move(context)),
      check_(std::make_unique<PeerCheck>(server_name)),
      session_key_(server_name + ":" + std::to_string(port)),
      handshake_events_(&events),
      transport_(std::move(transport)) {
  begin(client_->config());
  if (stage_ == Stage::broken) return;
  if (check_->attach(ssl_.get()) != 0) {
    untold_ = NetError{NetError::Kind::tls, "TLS with " + server_name + ": the name is too long"};
    stage_ = Stage::broken;
    return;
  }
  client_->sessions().restore(session_key_, ssl_.get());
}

TlsStream::TlsStream(Loop& loop, std::shared_ptr<ServerContext> context, std::unique_ptr<Stream> transport)
    : loop_(loop), server_(std::move(context)), transport_(std::move(transport)) {
  begin(server_->config());
}

void TlsStream::begin(const mbedtls_ssl_config* config) {
  // The first flush sends the client's hello, or tells why there is none.
  input_due_ = true;
  loop_.flush_later(*this);
  const int status = mbedtls_ssl_setup(ssl_.get(), config);
  if (status != 0) {
    untold_ = NetError{NetError::Kind::tls, "TLS: " + mbedtls_text(status)};
    stage_ = Stage::broken;
    return;
  }
  mbedtls_ssl_set_bio(
      ssl_.get(), this,
      [](void* self, const unsigned char* bytes, std::size_t size) {
        static_cast<TlsStream*>(self)->encrypted_.append(reinterpret_cast<const char*>(bytes), size);
        return static_cast<int>(size);
      },
      [](void* self, unsigned char* buffer, std::size_t size) {
        return static_cast<TlsStream*>(self)->take_input(buffer, size);
      },
      nullptr);
  transport_->set_events(this);
}

int TlsStream::take_input(unsigned char* buffer, std::size_t size) {
  if (input_.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
  const auto count = std::min(size, input_.size());
  std::memcpy(buffer, input_.data(), count);
  input_.remove_prefix(count);
  return static_cast<int>(count);
}

void TlsStream::read_on() {
  if (!wants_data()) return;
  if (untold_ || !unread_.empty()) {
    input_due_ = true;
    loop_.flush_later(*this);
  } else if (stage_ == Stage::open) {
    transport_->resume();
  }
}

void TlsStream::on_data(std::string_view bytes) {
  if (stage_ == Stage::broken || peer_ended_) return;
  std::string held = std::exchange(unread_, {});
  if (!held.empty()) {
    held += bytes;
    bytes = held;
  }
  input_ = bytes;
  const Watch watch(*this);
  advance();
  if (watch.gone()) return;
  unread_.assign(input_);
  input_ = {};
  if (!encrypted_.empty()) loop_.flush_later(*this);
}

void TlsStream::advance() {
  if (stage_ == Stage::handshaking) {
    const Watch watch(*this);
    shake_hands();
    if (watch.gone() || stage_ != Stage::open) return;
  }
  deliver();
}

void TlsStream::shake_hands() {
  const int status = client_ ? client_->shake_hands(ssl_.get()) : mbedtls_ssl_handshake(ssl_.get());
  if (status == MBEDTLS_ERR_SSL_WANT_READ || status == MBEDTLS_ERR_SSL_WANT_WRITE) return;
  if (status != 0) {
    if (client_) client_->sessions().forget(session_key_);
    return break_off({NetError::Kind::tls, handshake_problem(status)});
  }
  stage_ = Stage::open;
  if (!queue_.empty() || shutdown_asked_) loop_.flush_later(*this);
  if (!gives_tickets_later(ssl_.get())) keep_session();
  if (handshake_events_ != nullptr) std::exchange(handshake_events_, nullptr)->on_secure();
}

void TlsStream::keep_session() {
  if (client_) client_->sessions().keep(session_key_, ssl_.get());
}

void TlsStream::deliver() {
  const Watch watch(*this);
  while (wants_data() && !peer_ended_) {
    const bool more = read_record();
    if (watch.gone() || stage_ != Stage::open) return;
    if (!more) break;
  }
  if (wants_data()) {
    transport_->resume();
  } else {
    transport_->pause();
  }
}

// Whether to try for another. May end in the destruction of this object.
bool TlsStream::read_record() {
  unsigned char plain[record_bytes];
  int count = mbedtls_ssl_read(ssl_.get(), plain, sizeof plain);
  // What mbedTLS 3 meets after a TLS 1.3 handshake, one call notices and the next one takes.
  if (count == MBEDTLS_ERR_SSL_WANT_READ && mbedtls_ssl_check_pending(ssl_.get()) != 0)
    count = mbedtls_ssl_read(ssl_.get(), plain, sizeof plain);
  if (is_new_ticket(count)) {
    keep_session();
    return true;
  }
  if (count > 0) {
    events_->on_data({reinterpret_cast<const char*>(plain), static_cast<std::size_t>(count)});
    return true;
  }
  switch (count) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
      return false;
    case 0:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
      peer_ended_ = true;
      input_ = {};
      events_->on_end();
      return false;
    default:
      break_off({NetError::Kind::reset, "TLS with " + peer() + " broke: " + mbedtls_text(count)});
      return false;
  }
}

void TlsStream::on_end() {
  if (stage_ == Stage::handshaking) {
    return break_off({NetError::Kind::tls, peer() + " closed the connection during the TLS handshake"});
  }
  if (stage_ != Stage::open || peer_ended_) return;
  break_off({NetError::Kind::reset, "connection with " + peer() + " ended without TLS close_notify"});
}

void TlsStream::on_error(const NetError& error) {
  if (stage_ == Stage::broken) return;
  const bool in_handshake = stage_ == Stage::handshaking;
  stage_ = Stage::broken;
  queue_.clear();
  tell({error.kind, in_handshake ? "TLS handshake with " + peer() + ": " + error.message : error.message});
}

void TlsStream::on_drained() {
  if (!queue_.empty() || !encrypted_.empty()) return loop_.flush_later(*this);
  if (events_ == nullptr) return;
  drained_is_due_ = false;
  events_->on_drained();
}

void TlsStream::write(std::string bytes) {
  if (stage_ == Stage::broken || shutdown_asked_) return;
  queue_.push(std::move(bytes));
  if (stage_ == Stage::open) loop_.flush_later(*this);
}

std::size_t TlsStream::queued_bytes() const {
  if (!transport_ || stage_ == Stage::broken) return 0;
  const auto bytes = queue_.bytes() + encrypted_.size() + transport_->queued_bytes();
  if (bytes > 0) drained_is_due_ = true;
  return bytes;
}

void TlsStream::shutdown() {
  if (stage_ == Stage::broken || shutdown_asked_) return;
  shutdown_asked_ = true;
  loop_.flush_later(*this);
}

void TlsStream::flush() {
  if (untold_) return tell(*std::exchange(untold_, std::nullopt));
  if (stage_ == Stage::broken) return;
  if (std::exchange(input_due_, false)) {
    const Watch watch(*this);
    on_data({});
    if (watch.gone() || stage_ == Stage::broken || !transport_) return;
  }
  if (stage_ == Stage::open && !encrypt()) return;
  send_encrypted();
  if (!shutdown_asked_ || shutdown_sent_ || !queue_.empty()) return;
  shutdown_sent_ = true;
  if (stage_ == Stage::open) mbedtls_ssl_close_notify(ssl_.get());
  send_encrypted();
  transport_->shutdown();
}

// False if the connection broke, and this object may be gone.
bool TlsStream::encrypt() {
  if (queue_.empty() || transport_->queued_bytes() > 0) return true;
  while (!queue_.empty() && encrypted_.size() < most_encrypted_ahead) {
    const auto plain = queue_.front().substr(0, record_bytes);
    const int count =
        mbedtls_ssl_write(ssl_.get(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size());
    if (count == MBEDTLS_ERR_SSL_WANT_READ || count == MBEDTLS_ERR_SSL_WANT_WRITE) return true;
    if (is_new_ticket(count)) {
      keep_session();
      continue;
    }
    if (count < 0) {
      break_off({NetError::Kind::reset, "TLS with " + peer() + " broke: " + mbedtls_text(count)});
      return false;
    }
    queue_.consume(static_cast<std::size_t>(count));
  }
  return true;
}

void TlsStream::send_encrypted() {
  if (encrypted_.empty()) return;
  transport_->write(std::exchange(encrypted_, {}));
  // Who asks is told when all is out: either to go on encrypting, or to pass it on.
  if (drained_is_due_ || !queue_.empty()) static_cast<void>(transport_->queued_bytes());
}

// Sends the alert that mbedTLS may have left, and lets the peer read it.
void TlsStream::break_off(const NetError& error) {
  stage_ = Stage::broken;
  queue_.clear();
  input_ = {};
  transport_->set_events(nullptr);
  if (!encrypted_.empty()) {
    transport_->write(std::exchange(encrypted_, {}));
    close_gently(loop_, std::move(transport_));
  }
  tell(error);
}

void TlsStream::tell(const NetError& error) {
  if (handshake_events_ != nullptr)
    return std::exchange(handshake_events_, nullptr)->on_handshake_error(error);
  if (events_ != nullptr) return events_->on_error(error);
  untold_ = error;
}

std::string TlsStream::peer() const {
  return check_ ? check_->name() : remote_address();
}

std::string TlsStream::handshake_problem(int code) const {
  switch (code) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
      if (check_) return check_->complaint();
      break;
#if MBEDTLS_VERSION_MAJOR < 3
    case MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO:
#endif
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
      return peer() + " does not speak TLS";
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
      return peer() + " refused the TLS handshake";
#if MBEDTLS_VERSION_MAJOR >= 3
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
#else
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION:
#endif
      return peer() + " speaks no TLS as new as 1.2";
    default:
      break;
  }
  return "TLS handshake with " + peer() + " failed: " + mbedtls_text(code);
}

}  // namespace

std::unique_ptr<Stream> tls_connect(Loop& loop, std::shared_ptr<TlsClientContext> context,
                                    std::unique_ptr<Stream> transport, const std::string& server_name,
                                    TlsHandshakeEvents& events, std::uint16_t port) {
  return std::make_unique<TlsStream>(loop, std::static_pointer_cast<ClientContext>(std::move(context)),
                                     std::move(transport), server_name, port, events);
}

std::unique_ptr<Stream> tls_accept(Loop& loop, std::shared_ptr<TlsServerContext> context,
                                   std::unique_ptr<Stream> transport) {
  return std::make_unique<TlsStream>(loop, std::static_pointer_cast<ServerContext>(std::move(context)),
                                     std::move(transport));
}

}  // namespace pollux
