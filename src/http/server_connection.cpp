#include "http/server_connection.h"

#include <cstdio>
#include <ctime>
#include <utility>

#include "http/write.h"

namespace pollux {
namespace {

// The rest of a request's body that is read and dropped rather than lose the connection.
constexpr std::uint64_t discarded_bytes = std::uint64_t{64} * 1024;
// A client that asks and asks but does not read: no further request is looked at while so much waits for it.
constexpr std::size_t unread_answer_bytes = std::size_t{256} * 1024;
// A buffer that grew beyond it is given back when it is empty: most connections are idle.
constexpr std::size_t kept_buffer_bytes = std::size_t{4} * 1024;

bool is_connections_own(std::string_view name) noexcept {
  switch (name.size()) {
    case 4:
      return equals_ignoring_case(name, "Date");
    case 10:
      return equals_ignoring_case(name, "Connection") || equals_ignoring_case(name, "Keep-Alive");
    case 14:
      return equals_ignoring_case(name, "Content-Length");
    case 17:
      return equals_ignoring_case(name, "Transfer-Encoding");
    default:
      return false;
  }
}

ParserLimits parser_limits(const ServerLimits& limits) {
  return {limits.header_bytes, limits.header_count, limits.target_bytes};
}

}  // namespace

std::string_view ServerShared::date_line() {
  if (loop.now() < date_until_) return date_line_;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  date_until_ = loop.now() + std::chrono::milliseconds(1000 - now.tv_nsec / 1'000'000);
  std::tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  // Not strftime: its names follow the locale.
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  char line[64];
  const int size = std::snprintf(line, sizeof line, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                 days[parts.tm_wday % 7], parts.tm_mday, months[parts.tm_mon % 12],
                                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
  date_line_.assign(line, static_cast<std::size_t>(size));
  return date_line_;
}

ServerConnection::ServerConnection(ServerShared& shared, std::unique_ptr<Stream> stream, bool tls)
    : shared_(shared),
      stream_(std::move(stream)),
      client_{stream_->remote_address(), tls},
      parser_(Parser::Kind::request, parser_limits(shared.limits)),
      deadlines_(shared.loop, [this] { on_deadline(); }) {}

ServerConnection::~ServerConnection() = default;  // close() has been before.

void ServerConnection::begin() {
  deadlines_.set(Deadline::idle, shared_.limits.idle_time);
  stream_->set_events(this);
}

void ServerConnection::turn_away(int status, std::string_view message) {
  stream_->set_events(this);
  refuse(status, message);
}

void ServerConnection::drain() {
  if (stage_ == Stage::leaving) return watch_writing();
  if (stage_ != Stage::waiting || parser_.begun() || !pending_.empty()) {
    keep_alive_ = false;
    return;
  }
  if (stream_->queued_bytes() > 0) return leave(true);
  close();
}

void ServerConnection::close() {
  if (stage_ == Stage::closed) return;
  stage_ = Stage::closed;
  deadlines_.stop();
  shared_.loop.forget(*this);
  stream_.reset();
  lose_client();
  shared_.on_closed(*this);
}

// --- What the client sends ---

void ServerConnection::on_data(std::string_view bytes) {
  if (stage_ == Stage::leaving) return;
  if (pending_.empty()) {
    read(bytes);
    if (stage_ == Stage::closed) return;
    if (!bytes.empty()) pending_.append(bytes);
  } else {
    pending_.append(bytes);
    read_pending();
  }
  if (stage_ != Stage::closed) regulate_reading();
}

void ServerConnection::on_end() {
  if (stage_ == Stage::leaving) return;
  if (stage_ == Stage::running && upgraded_) {  // Our side may go on.
    client_ended_ = true;
    return read_pending();
  }
  const bool answered = stage_ == Stage::waiting || stage_ == Stage::discarding;
  if (answered && stream_->queued_bytes() > 0) return leave(true);
  close();
}

void ServerConnection::on_error(const NetError&) {
  close();
}

void ServerConnection::on_drained() {
  taken_ = sent_;
  deadlines_.clear(Deadline::write);
  switch (stage_) {
    case Stage::running:
      if (started_) handler_->on_drained();
      return;
    case Stage::waiting:
      if (!pending_.empty()) shared_.loop.flush_later(*this);
      return;
    case Stage::leaving:
      return depart();
    case Stage::discarding:
    case Stage::closed:
      return;
  }
}

void ServerConnection::flush() {
  read_pending();
  if (stage_ != Stage::closed) regulate_reading();
}

void ServerConnection::read_pending() {
  std::string_view rest = pending_;
  read(rest);
  pending_.erase(0, pending_.size() - rest.size());
  if (pending_.empty() && pending_.capacity() > kept_buffer_bytes) std::string().swap(pending_);
}

void ServerConnection::read(std::string_view& input) {
  in_read_ = true;
  while (step(input)) {
  }
  in_read_ = false;
  if (stage_ == Stage::leaving || stage_ == Stage::closed) input = {};
}

// Takes one event from the parser; false if there is nothing to do for now.
bool ServerConnection::step(std::string_view& input) {
  switch (stage_) {
    case Stage::waiting:
      return read_head(input);
    case Stage::running:
      return read_body(input);
    case Stage::discarding:
      return discard_body(input);
    case Stage::leaving:
    case Stage::closed:
      return false;
  }
  return false;
}

bool ServerConnection::read_head(std::string_view& input) {
  if (input.empty()) return false;
  if (stream_->queued_bytes() > unread_answer_bytes) return false;  // on_drained() goes on.
  switch (parser_.next(input)) {
    case Parser::Event::need_more:
      if (parser_.begun() && !deadlines_.is_set(Deadline::head)) {
        deadlines_.set(Deadline::head, shared_.limits.header_time);
        deadlines_.clear(Deadline::idle);
      }
      return false;
    case Parser::Event::head:
      begin_exchange();
      return true;
    default:
      refuse(parser_.refusal().status, parser_.refusal().message);
      return false;
  }
}

bool ServerConnection::read_body(std::string_view& input) {
  if (!body_wanted_ || body_ended_) return false;
  if (upgraded_) return read_raw(input);
  switch (parser_.next(input)) {
    case Parser::Event::need_more:
      if (!deadlines_.is_set(Deadline::body)) deadlines_.set(Deadline::body, shared_.limits.body_idle_time);
      return false;
    case Parser::Event::body:
      continue_due_ = false;
      deadlines_.set(Deadline::body, shared_.limits.body_idle_time);
      handler_->on_body(parser_.body());
      return true;
    case Parser::Event::end:
      body_ended_ = true;
      continue_due_ = false;
      deadlines_.clear(Deadline::body);
      handler_->on_body_end();
      return true;
    default: {
      const bool unanswered = !started_;
      lose_client();
      if (unanswered) {
        refuse(parser_.refusal().status, parser_.refusal().message);
      } else {
        leave(false);
      }
      return false;
    }
  }
}

bool ServerConnection::read_raw(std::string_view& input) {
  if (!input.empty()) {
    handler_->on_body(std::exchange(input, {}));
    return true;
  }
  if (client_ended_) {
    body_ended_ = true;
    handler_->on_body_end();
  }
  return false;
}

bool ServerConnection::discard_body(std::string_view& input) {
  switch (parser_.next(input)) {
    case Parser::Event::need_more:
      return false;
    case Parser::Event::body:
      deadlines_.set(Deadline::body, shared_.limits.body_idle_time);
      return true;
    case Parser::Event::end:
      wait_for_next();
      return true;
    default:
      leave(true);
      return false;
  }
}

void ServerConnection::regulate_reading() {
  const bool wanted = stage_ == Stage::leaving || pending_.size() < read_ahead_bytes();
  if (wanted == reading_) return;
  reading_ = wanted;
  if (wanted) {
    stream_->resume();
  } else {
    stream_->pause();
  }
}

// Reading goes on while a request runs, so that a client who leaves is noticed at once. A long body that
// nobody wants just now is an exception: one piece of it, then it waits in the client's kernel.
std::size_t ServerConnection::read_ahead_bytes() const {
  const bool more_than_fits =
      stage_ == Stage::running && parser_.body_left() > shared_.limits.pipelined_bytes;
  return more_than_fits ? 1 : shared_.limits.pipelined_bytes;
}

// --- One exchange ---

void ServerConnection::begin_exchange() {
  deadlines_.clear(Deadline::head);
  deadlines_.clear(Deadline::idle);
  auto& head = parser_.request();
  const auto length = parser_.length();
  const bool has_body = length.kind == BodyLength::Kind::chunked || length.bytes > 0;
  if (parser_.expects_unknown() && parser_.minor_version() > 0)
    return refuse(417, "an expectation other than 100-continue");

  stage_ = Stage::running;
  keep_alive_ = parser_.keep_alive() && !shared_.draining;
  continue_due_ = has_body && parser_.expects_continue() && parser_.minor_version() > 0;
  swallowed_ = head.method == "HEAD";
  body_wanted_ = body_ended_ = started_ = chunked_ = length_known_ = upgraded_ = false;
  announced_ = written_ = 0;

  target_.clear();
  if (has_body) target_ = head.target;  // For the words of a refusal, should its body break a rule.
  handler_ = shared_.gate.accept(std::move(head), length, client_, *this);
  handler_->on_begin();
}

void ServerConnection::send_continue() {
  if (stage_ != Stage::running || !continue_due_ || started_) return;
  continue_due_ = false;
  send("HTTP/1.1 100 Continue\r\n\r\n");
}

void ServerConnection::resume_body() {
  if (stage_ != Stage::running || body_wanted_) return;
  body_wanted_ = true;
  if (body_ended_) return;
  if (pending_.empty()) {
    send_continue();
    if (!parser_.at_end()) deadlines_.set(Deadline::body, shared_.limits.body_idle_time);
  }
  // Never from within. A body that is at its end needs no bytes to say so.
  if (!in_read_) shared_.loop.flush_later(*this);
}

void ServerConnection::pause_body() {
  if (stage_ != Stage::running) return;
  body_wanted_ = false;
  deadlines_.clear(Deadline::body);
}

void ServerConnection::start(int status, const Headers& headers, BodyLength length) {
  if (stage_ != Stage::running || started_) return;
  started_ = true;
  // A long body that nobody asks for would have to be read to its end; a client that waits for "100 Continue"
  // may or may not send its body now (RFC 9110 section 10.1.1). Better to end here.
  if (continue_due_ || (!body_wanted_ && !rest_is_worth_reading())) keep_alive_ = false;

  std::string head;
  head.reserve(192 + written_size(headers));
  append_status_line(head, status);
  for (const auto& field : headers)
    if (!is_connections_own(field.name)) append_field(head, field.name, field.value);
  append_framing(head, status, length);
  send(std::move(head));
}

void ServerConnection::upgrade(const Headers& headers) {
  if (stage_ != Stage::running || started_) return;
  started_ = upgraded_ = true;
  keep_alive_ = swallowed_ = body_wanted_ = body_ended_ = false;

  std::string head;
  head.reserve(192 + written_size(headers));
  append_status_line(head, 101);
  for (const auto& field : headers)
    if (!is_connections_own(field.name)) append_field(head, field.name, field.value);
  head += shared_.date_line();
  head += "Connection: Upgrade\r\n\r\n";
  send(std::move(head));
}

void ServerConnection::append_framing(std::string& head, int status, BodyLength length) {
  const bool old = parser_.minor_version() == 0;
  const bool never_a_body = status < 200 || status == 204;
  if (never_a_body || status == 304) swallowed_ = true;
  head += shared_.date_line();
  switch (length.kind) {
    case BodyLength::Kind::none:
      length_known_ = true;
      if (!swallowed_) head += "Content-Length: 0\r\n";
      break;
    case BodyLength::Kind::known:
      length_known_ = true;
      announced_ = length.bytes;
      if (never_a_body) break;
      head += "Content-Length: ";
      append_number(head, length.bytes);
      head += "\r\n";
      break;
    case BodyLength::Kind::chunked:
      if (never_a_body) break;
      chunked_ = !old;
      if (chunked_) head += "Transfer-Encoding: chunked\r\n";
      if (!chunked_ && !swallowed_) keep_alive_ = false;  // The connection's end is the body's.
      break;
  }
  if (!keep_alive_) {
    head += "Connection: close\r\n";
  } else if (old) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
}

bool ServerConnection::may_write_body(std::size_t size) {
  if (stage_ != Stage::running || !started_ || swallowed_ || size == 0) return false;
  written_ += size;
  if (!length_known_ || written_ <= announced_) return true;
  abort();  // The client could not tell where the next begins.
  return false;
}

void ServerConnection::body(std::string_view bytes) {
  if (may_write_body(bytes.size())) send(chunked_ ? as_chunk(bytes) : std::string(bytes));
}

void ServerConnection::give_body(std::string bytes) {
  if (!may_write_body(bytes.size())) return;
  if (chunked_) send(chunk_head(bytes.size()));
  send(std::move(bytes));
  if (chunked_) send(std::string(chunk_end));
}

void ServerConnection::finish() {
  if (stage_ != Stage::running) return;
  if (!started_ || (length_known_ && !swallowed_ && written_ < announced_)) return abort();
  if (chunked_ && !swallowed_) send(std::string(last_chunk));
  end_exchange();
}

void ServerConnection::end_exchange() {
  dismiss_handler();
  deadlines_.clear(Deadline::body);
  if (!keep_alive_ || continue_due_ || !rest_is_worth_reading()) return leave(true);
  if (body_ended_ || parser_.at_end()) return wait_for_next();
  stage_ = Stage::discarding;
  deadlines_.set(Deadline::body, shared_.limits.body_idle_time);
  if (!in_read_ && !pending_.empty()) shared_.loop.flush_later(*this);
}

void ServerConnection::abort() {
  if (stage_ != Stage::running) return;
  dismiss_handler();
  leave(false);
}

// The handler is not destroyed within its own calls.
void ServerConnection::dismiss_handler() {
  if (handler_) shared_.loop.retire(std::shared_ptr<RequestHandler>(std::move(handler_)));
}

void ServerConnection::lose_client() {
  if (!handler_) return;
  auto* const handler = handler_.get();
  dismiss_handler();
  handler->on_client_gone();
}

bool ServerConnection::rest_is_worth_reading() const {
  if (body_ended_ || parser_.at_end()) return true;
  return parser_.length().kind == BodyLength::Kind::known && parser_.body_left() <= discarded_bytes;
}

void ServerConnection::wait_for_next() {
  if (shared_.draining && pending_.empty()) return leave(true);
  stage_ = Stage::waiting;
  parser_.restart();
  deadlines_.clear(Deadline::body);
  deadlines_.set(Deadline::idle, shared_.limits.idle_time);
  if (!in_read_ && !pending_.empty()) shared_.loop.flush_later(*this);
}

// --- The end of the connection ---

void ServerConnection::refuse(int status, std::string_view message) {
  stage_ = Stage::running;  // Of an exchange without a handler.
  keep_alive_ = started_ = chunked_ = length_known_ = false;
  announced_ = written_ = 0;
  body_ended_ = true;
  const auto& head = parser_.request();
  swallowed_ = head.method == "HEAD";
  Headers headers;
  const auto words =
      shared_.gate.refuse(status, message, head.target.empty() ? target_ : head.target, headers);
  start(status, headers, BodyLength::of(words.size()));
  body(words);
  finish();
}

void ServerConnection::leave(bool whole) {
  stage_ = Stage::leaving;
  leaves_whole_ = whole;
  deadlines_.stop();
  if (stream_->queued_bytes() == 0) return depart();
  watch_writing();
  if (!reading_) regulate_reading();
}

void ServerConnection::depart() {
  if (leaves_whole_) close_gently(shared_.loop, std::move(stream_));
  close();
}

void ServerConnection::send(std::string bytes) {
  sent_ += bytes.size();
  stream_->write(std::move(bytes));
  if (!deadlines_.is_set(Deadline::write)) watch_writing();
}

// --- Limits ---

void ServerConnection::watch_writing() {
  const bool last_words = shared_.draining && stage_ == Stage::leaving;
  deadlines_.set(Deadline::write,
                 last_words ? shared_.limits.last_words_time : shared_.limits.write_idle_time);
}

void ServerConnection::on_deadline() {
  if (deadlines_.expired(Deadline::write)) on_write_deadline();
  if (stage_ != Stage::closed && deadlines_.expired(Deadline::idle)) {
    // Not idle as long as the last answer is being taken: that has a limit of its own.
    if (stream_->queued_bytes() == 0) return close();
    deadlines_.set(Deadline::idle, shared_.limits.idle_time);
  }
  if (stage_ != Stage::closed && deadlines_.expired(Deadline::head))
    refuse(408, "the request's head took too long");
  if (stage_ != Stage::closed && deadlines_.expired(Deadline::body)) {
    const bool unanswered = stage_ == Stage::running && !started_;
    lose_client();
    if (unanswered) {
      refuse(408, "the request's body took too long");
    } else {
      leave(stage_ == Stage::discarding);
    }
  }
  if (stage_ != Stage::closed) deadlines_.go_on();
}

void ServerConnection::on_write_deadline() {
  const auto queued = stream_->queued_bytes();
  if (queued == 0) return;
  const auto taken = sent_ > queued ? sent_ - queued : 0;
  if (taken == taken_) return close();
  taken_ = taken;
  watch_writing();
}

}  // namespace pollux
