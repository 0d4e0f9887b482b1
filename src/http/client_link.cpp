#include "http/client_link.h"

#include <algorithm>
#include <utility>

namespace pollux {
namespace {

constexpr int most_interim_answers = 16;

ParserLimits parser_limits(const ClientLimits& limits) {
  ParserLimits of_parser;
  of_parser.header_bytes = limits.header_bytes;
  return of_parser;
}

}  // namespace

// --- The pool ---

ClientPool::ClientPool(Loop& on_loop, const Origin& pool_origin, const std::optional<Proxy>& pool_proxy,
                       const ClientLimits& pool_limits)
    : loop(on_loop),
      origin(pool_origin),
      proxy(pool_proxy),
      authority(pool_origin.authority()),
      name(pool_origin.text()),
      limits(pool_limits) {}

ClientPool::~ClientPool() = default;

std::unique_ptr<ClientLink> ClientPool::take() {
  if (idle_.empty()) return nullptr;
  auto link = std::move(idle_.back());
  idle_.pop_back();
  return link;
}

void ClientPool::put(std::unique_ptr<ClientLink> link) {
  if (closed_ || limits.idle_connections == 0) {
    link->close();
    return loop.retire(std::shared_ptr<ClientLink>(std::move(link)));
  }
  if (idle_.size() >= limits.idle_connections) drop(*idle_.front());
  link->wait_in_pool();
  idle_.push_back(std::move(link));
}

void ClientPool::drop(const ClientLink& link) {
  const auto found =
      std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one.get() == &link; });
  if (found == idle_.end()) return;
  auto gone = std::move(*found);
  idle_.erase(found);
  gone->close();
  loop.retire(std::shared_ptr<ClientLink>(std::move(gone)));
}

void ClientPool::close_all() {
  closed_ = true;
  while (!idle_.empty()) drop(*idle_.back());
}

// --- A link ---

ClientLink::ClientLink(std::shared_ptr<ClientPool> pool, std::unique_ptr<Stream> stream)
    : pool_(std::move(pool)),
      stream_(std::move(stream)),
      parser_(Parser::Kind::response, parser_limits(pool_->limits)),
      timer_(pool_->loop, [this] { on_due(); }) {
  stream_->set_events(this);
}

ClientLink::~ClientLink() {
  close();
}

void ClientLink::attach(LinkUser& user) {
  user_ = &user;
  parser_.restart(user.is_head());
  first_byte_seen_ = head_seen_ = raw_ = paused_ = false;
  interim_answers_ = 0;
  timer_.stop();
}

void ClientLink::wait_in_pool() {
  used_before_ = true;
  timer_.start(pool_->limits.idle);
  set_reading(true);  // Whatever comes now, an end above all, makes it useless.
}

void ClientLink::close() {
  user_ = nullptr;
  timer_.stop();
  pool_->loop.forget(*this);
  stream_.reset();
}

void ClientLink::send(std::string bytes) {
  sent_ += bytes.size();
  stream_->write(std::move(bytes));
  if (!first_byte_seen_ || raw_) timer_.start(pool_->limits.between_bytes);
}

void ClientLink::on_request_sent() {
  if (!first_byte_seen_) timer_.start(pool_->limits.first_byte);
}

void ClientLink::pause() {
  paused_ = true;
  set_reading(false);
}

void ClientLink::resume() {
  if (!paused_) return;
  paused_ = false;
  timer_.start(pool_->limits.between_bytes);
  if (held_.empty() && end_ == End::none) {
    set_reading(true);
  } else {
    pool_->loop.flush_later(*this);  // Not from within.
  }
}

void ClientLink::set_reading(bool wanted) {
  if (wanted == reading_ || !stream_) return;
  reading_ = wanted;
  if (wanted) {
    stream_->resume();
  } else {
    stream_->pause();
  }
}

void ClientLink::on_data(std::string_view bytes) {
  if (user_ == nullptr) return pool_->drop(*this);  // An answer to nothing.
  first_byte_seen_ = true;
  timer_.start(pool_->limits.between_bytes);
  if (paused_ || !held_.empty()) {
    held_ += bytes;
    return;
  }
  read(bytes);
  if (user_ != nullptr && !bytes.empty()) held_ = bytes;
}

void ClientLink::flush() {
  if (user_ == nullptr || paused_) return;
  const auto taken = std::exchange(held_, {});
  std::string_view rest = taken;
  read(rest);
  if (user_ != nullptr && !rest.empty()) held_ = rest;
  if (user_ == nullptr || paused_) return;
  if (end_ != End::none) return peer_left();
  set_reading(true);
}

void ClientLink::on_end() {
  if (user_ == nullptr) return pool_->drop(*this);
  end_ = End::closed;
  end_reason_ = "the connection was closed";
  if (!paused_ && held_.empty()) peer_left();
}

void ClientLink::on_error(const NetError& error) {
  if (user_ == nullptr) return pool_->drop(*this);
  end_ = End::broken;
  end_reason_ = error.message;
  if (!paused_ && held_.empty()) peer_left();
}

void ClientLink::on_drained() {
  if (user_ == nullptr) return;
  taken_ = sent_;
  if (user_->wholly_sent()) {
    on_request_sent();
  } else {
    user_->events().on_request_drained();
  }
}

void ClientLink::read(std::string_view& input) {
  while (user_ != nullptr && !paused_ && step(input)) {
  }
}

bool ClientLink::step(std::string_view& input) {
  if (raw_) {
    if (input.empty()) return false;
    user_->events().on_response_body(std::exchange(input, {}));
    return true;
  }
  switch (parser_.next(input)) {
    case Parser::Event::need_more:
      return false;
    case Parser::Event::head:
      return take_head();
    case Parser::Event::body:
      user_->events().on_response_body(parser_.body());
      return true;
    case Parser::Event::end:
      end_answer(input);
      input = {};
      return false;
    default:
      fail(head_seen_ ? TransportError::Kind::truncated : TransportError::Kind::malformed,
           parser_.refusal().message);
      return false;
  }
}

bool ClientLink::take_head() {
  auto& head = parser_.response();
  if (head.status == 101 && user_->asked_to_upgrade()) {
    head_seen_ = raw_ = true;
    user_->on_upgraded();
    user_->events().on_response_head(head, BodyLength::unknown());
    return true;
  }
  if (head.status < 200) {
    if (head.status == 101 || ++interim_answers_ > most_interim_answers) {
      fail(TransportError::Kind::malformed,
           head.status == 101 ? "the protocol was switched unasked" : "too many interim answers");
      return false;
    }
    parser_.restart(user_->is_head());
    return true;
  }
  head_seen_ = true;
  user_->events().on_response_head(head, parser_.length());
  return true;
}

void ClientLink::end_answer(std::string_view rest) {
  const bool reusable = rest.empty() && end_ == End::none && parser_.keep_alive() && user_->wholly_sent() &&
                        stream_->queued_bytes() == 0;
  std::exchange(user_, nullptr)->on_answered(reusable);
}

void ClientLink::peer_left() {
  using Kind = TransportError::Kind;
  if (head_seen_ && (raw_ || parser_.until_close()) && end_ == End::closed) return end_answer({});
  if (head_seen_) return fail(Kind::truncated, end_reason_);
  if (used_before_ && !first_byte_seen_)
    return std::exchange(user_, nullptr)->on_stale(Kind::reset, end_reason_);
  fail(Kind::reset, end_reason_);
}

void ClientLink::fail(TransportError::Kind kind, std::string_view what) {
  std::exchange(user_, nullptr)->on_failed(kind, what);
}

void ClientLink::on_due() {
  if (user_ == nullptr) return pool_->drop(*this);
  const auto queued = stream_->queued_bytes();
  if (queued > 0) {
    const auto taken = sent_ > queued ? sent_ - queued : 0;
    if (std::exchange(taken_, taken) == taken)
      return fail(TransportError::Kind::timeout, "the request is not taken");
    return timer_.start(pool_->limits.between_bytes);
  }
  if (paused_) return;                                     // resume() starts it anew.
  if (!first_byte_seen_ && !user_->wholly_sent()) return;  // It is the caller who is slow.
  fail(TransportError::Kind::timeout,
       first_byte_seen_ ? "nothing more came in time" : "no answer came in time");
}

}  // namespace pollux
