#include "http/parser.h"

#include <cstring>

#include "http/write.h"

namespace pollux {
namespace {

// Room in a raw head for what the limits do not count: the version, colons, blanks, line ends.
constexpr std::size_t head_overhead_bytes = std::size_t{8} * 1024;
// Between two pieces of a chunked body: a chunk's size and extensions, or the trailers.
constexpr std::size_t chunk_framing_bytes = std::size_t{16} * 1024;

bool is_host(std::string_view value) noexcept {
  for (const char c : value)
    if (static_cast<unsigned char>(c) <= 0x20 || std::strchr("/?#@,\\\"<>", c) != nullptr) return false;
  return true;
}

// llhttp reads Icecast and RTSP too.
bool is_of_another_protocol(llhttp_method_t method) noexcept {
  return method >= HTTP_SOURCE && method <= HTTP_FLUSH;
}

}  // namespace

// What llhttp calls. A return value of -1 ends the message; the reason is in refusal_.
struct Parser::Callbacks {
  static Parser& self(llhttp_t* llhttp) { return *static_cast<Parser*>(llhttp->data); }
  static int verdict(bool good) { return good ? 0 : -1; }

  static int on_url(llhttp_t* llhttp, const char* at, std::size_t size) {
    auto& parser = self(llhttp);
    if (parser.request_.target.empty() && !parser.one_blank_before(at)) return -1;
    return verdict(parser.take_target({at, size}));
  }
  static int on_status(llhttp_t* llhttp, const char* at, std::size_t size) {
    auto& parser = self(llhttp);
    if (parser.response_.reason.size() + size > 1024)
      return verdict(parser.refuse(400, "reason phrase too long"));
    parser.response_.reason.append(at, size);
    return 0;
  }
  static int on_header_field(llhttp_t* llhttp, const char* at, std::size_t size) {
    return verdict(self(llhttp).take_name({at, size}));
  }
  static int on_header_field_complete(llhttp_t* llhttp) {
    self(llhttp).name_done_ = true;
    return 0;
  }
  static int on_header_value(llhttp_t* llhttp, const char* at, std::size_t size) {
    return verdict(self(llhttp).take_value({at, size}));
  }
  static int on_headers_complete(llhttp_t* llhttp) {
    llhttp->upgrade =
        0;  // An Upgrade or CONNECT is a request like others: no byte may be left to another protocol.
    return HPE_PAUSED;
  }
  static int on_body(llhttp_t* llhttp, const char* at, std::size_t size) {
    if (size == 0) return 0;
    self(llhttp).body_ = {at, size};
    return HPE_PAUSED;
  }
  static int on_message_complete(llhttp_t* llhttp) {
    self(llhttp).message_done_ = true;
    return HPE_PAUSED;
  }

  static const llhttp_settings_t* settings() {
    static const llhttp_settings_t all = [] {
      llhttp_settings_t made;
      llhttp_settings_init(&made);
      made.on_url = on_url;
      made.on_status = on_status;
      made.on_header_field = on_header_field;
      made.on_header_field_complete = on_header_field_complete;
      made.on_header_value = on_header_value;
      made.on_headers_complete = on_headers_complete;
      made.on_body = on_body;
      made.on_message_complete = on_message_complete;
      return made;
    }();
    return &all;
  }
};

Parser::Parser(Kind kind, const ParserLimits& limits) : limits_(limits), kind_(kind) {
  restart();
}

void Parser::restart(bool bodyless) {
  llhttp_init(&llhttp_, kind_ == Kind::request ? HTTP_REQUEST : HTTP_RESPONSE, Callbacks::settings());
  llhttp_.data = this;
  state_ = State::head;
  bodyless_ = bodyless;
  paused_ = message_done_ = in_field_ = name_done_ = false;
  has_length_ = has_coding_ = has_close_ = has_keep_alive_ = keep_alive_ = false;
  last_ = 0;
  expect_ = Expect::nothing;
  hosts_ = 0;
  header_bytes_ = framing_bytes_ = 0;
  announced_ = left_ = 0;
  body_ = {};
  length_ = {};
  if (kind_ == Kind::request) {
    request_.method.clear();
    request_.target.clear();
  } else {
    response_.status = 0;
    response_.reason.clear();
  }
  headers().clear();
}

Parser::Event Parser::next(std::string_view& input) {
  switch (state_) {
    case State::head:
      return input.empty() ? Event::need_more : read_head(input);
    case State::fixed:
      return read_fixed(input);
    case State::chunked:
      return read_chunked(input);
    case State::until_close:
      if (input.empty()) return Event::need_more;
      body_ = input;
      input = {};
      return Event::body;
    case State::done:
      return Event::end;
    case State::failed:
      return Event::error;
  }
  return Event::error;
}

Parser::Event Parser::read_head(std::string_view& input) {
  if (framing_bytes_ == 0) {  // Empty lines before a message are overlooked (RFC 9112 section 2.2).
    while (!input.empty() && (input.front() == '\r' || input.front() == '\n')) input.remove_prefix(1);
    if (input.empty()) return Event::need_more;
  }
  piece_ = input.data();
  const auto error = llhttp_execute(&llhttp_, input.data(), input.size());
  if (error != HPE_OK && error != HPE_PAUSED) return fail_as_llhttp(error);
  paused_ = error == HPE_PAUSED;
  const auto taken =
      paused_ ? static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - input.data()) : input.size();
  if (!lines_are_clean(input.substr(0, taken))) return fail(refusal_.status, refusal_.message);
  framing_bytes_ += taken;
  if (framing_bytes_ > limits_.header_bytes + limits_.target_bytes + head_overhead_bytes)
    return fail(431, "the request's head is too large");
  input.remove_prefix(taken);
  if (!paused_) return Event::need_more;
  if (!end_head()) return fail(refusal_.status, refusal_.message);
  framing_bytes_ = 0;
  return Event::head;
}

Parser::Event Parser::read_fixed(std::string_view& input) {
  if (left_ == 0) return state_ = State::done, Event::end;
  if (input.empty()) return Event::need_more;
  body_ = input.substr(0, left_ < input.size() ? static_cast<std::size_t>(left_) : input.size());
  input.remove_prefix(body_.size());
  left_ -= body_.size();
  return Event::body;
}

Parser::Event Parser::read_chunked(std::string_view& input) {
  if (input.empty()) return Event::need_more;
  body_ = {};
  if (paused_) llhttp_resume(&llhttp_);
  const char* begin = input.data();
  const auto error = llhttp_execute(&llhttp_, begin, input.size());
  if (error != HPE_OK && error != HPE_PAUSED) return fail_as_llhttp(error);
  paused_ = error == HPE_PAUSED;
  const auto taken =
      paused_ ? static_cast<std::size_t>(llhttp_get_error_pos(&llhttp_) - begin) : input.size();

  // What is no body frames it: lines of sizes, extensions and trailers.
  const auto before = body_.data() != nullptr ? static_cast<std::size_t>(body_.data() - begin) : taken;
  if (!lines_are_clean(input.substr(0, before))) return fail(refusal_.status, refusal_.message);
  framing_bytes_ += before;
  if (framing_bytes_ > chunk_framing_bytes) return fail(400, "too many bytes between two chunks");
  if (body_.data() != nullptr) {
    framing_bytes_ = 0;
    last_ = 0;
    if (!lines_are_clean(input.substr(before + body_.size(), taken - before - body_.size())))
      return fail(refusal_.status, refusal_.message);
  }
  input.remove_prefix(taken);
  if (body_.data() != nullptr) return Event::body;
  if (!message_done_) return Event::need_more;
  state_ = State::done;
  return Event::end;
}

Parser::Event Parser::fail(int status, std::string_view message) {
  refusal_ = {status, message};
  state_ = State::failed;
  return Event::error;
}

Parser::Event Parser::fail_as_llhttp(llhttp_errno_t error) {
  switch (error) {
    case HPE_USER:  // A span's callback said no: it has left the reason.
      return fail(refusal_.status, refusal_.message);
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
      return fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return fail(400, "Content-Length twice or with Transfer-Encoding");
    default: {
      const char* reason = llhttp_get_error_reason(&llhttp_);
      return fail(400, reason != nullptr && *reason != 0 ? reason : "not HTTP");
    }
  }
}

bool Parser::refuse(int status, std::string_view message) {
  refusal_ = {status, message};
  return false;
}

// llhttp skips any number of blanks between method and target; the grammar has one.
bool Parser::one_blank_before(const char* target) {
  const std::string_view method = llhttp_method_name(static_cast<llhttp_method_t>(llhttp_.method));
  const auto offset = framing_bytes_ + static_cast<std::size_t>(target - piece_);
  return offset == method.size() + 1 || refuse(400, "more than one blank before the address");
}

bool Parser::take_target(std::string_view bytes) {
  if (request_.target.size() + bytes.size() > limits_.target_bytes)
    return refuse(414, "the address is too long");
  for (const char c : bytes)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '#')
      return refuse(400, "the address holds a character that must be percent-encoded");
  request_.target += bytes;
  return true;
}

bool Parser::take_name(std::string_view bytes) {
  if (state_ != State::head) return true;  // Trailers are dropped.
  if (name_done_ && !end_field()) return false;
  if (!in_field_) {
    if (headers().size() >= limits_.header_count) return refuse(431, "too many header fields");
    if (headers().empty()) headers().reserve(16, 512);
    headers().begin_field();
    in_field_ = true;
  }
  if (!is_token(bytes)) return refuse(400, "a header's name holds a character that it may not");
  header_bytes_ += bytes.size();
  if (header_bytes_ > limits_.header_bytes) return refuse(431, "the header fields are too large");
  headers().append_to_name(bytes);
  return true;
}

bool Parser::take_value(std::string_view bytes) {
  if (state_ != State::head)
    return !has_control_character(bytes) || refuse(400, "a trailer holds a control character");
  if (has_control_character(bytes)) return refuse(400, "a header holds a control character");
  header_bytes_ += bytes.size();
  if (header_bytes_ > limits_.header_bytes) return refuse(431, "the header fields are too large");
  headers().append_to_value(bytes);
  return true;
}

bool Parser::end_field() {
  in_field_ = name_done_ = false;
  const auto field = headers().end_field();
  if (field.name.empty()) return refuse(400, "a header has no name");
  return note_field(field);
}

bool Parser::note_field(const Headers::Field& field) {
  switch (field.name.size()) {
    case 4:
      if (!equals_ignoring_case(field.name, "Host")) return true;
      ++hosts_;
      return is_host(field.value) || refuse(400, "the Host header is no host");
    case 6:
      if (equals_ignoring_case(field.name, "Expect"))
        expect_ = equals_ignoring_case(field.value, "100-continue") ? Expect::to_continue : Expect::unknown;
      return true;
    case 10:
      if (equals_ignoring_case(field.name, "Connection")) {
        has_close_ = has_close_ || comma_list_has(field.value, "close");
        has_keep_alive_ = has_keep_alive_ || comma_list_has(field.value, "keep-alive");
      }
      return true;
    case 14:
      return !equals_ignoring_case(field.name, "Content-Length") || take_length(field.value);
    case 17:
      if (!equals_ignoring_case(field.name, "Transfer-Encoding")) return true;
      if (has_coding_) return refuse(400, "Transfer-Encoding twice");
      has_coding_ = true;
      return equals_ignoring_case(field.value, "chunked") ||
             refuse(501, "a Transfer-Encoding other than chunked");
    default:
      return true;
  }
}

bool Parser::take_length(std::string_view value) {
  if (has_length_) return refuse(400, "Content-Length twice");
  has_length_ = true;
  if (value.empty() || value.size() > 18) return refuse(400, "Content-Length is no number");
  for (const char c : value) {
    if (c < '0' || c > '9') return refuse(400, "Content-Length is no number");
    announced_ = announced_ * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

// Every line ends in CRLF, no CR or LF stands alone, and no line of a head goes on in the next (obs-fold):
// where two readers differ on a line's end, requests are smuggled (RFC 9112 sections 2.2 and 5.2).
bool Parser::lines_are_clean(std::string_view bytes) {
  while (!bytes.empty()) {
    if (last_ == '\r' && bytes.front() != '\n') return refuse(400, "a CR without LF");
    if (last_ == '\n' && (bytes.front() == ' ' || bytes.front() == '\t')) return refuse(400, "a folded line");
    const auto line_feed = bytes.find('\n');
    const auto line = bytes.substr(0, line_feed);
    const auto carriage_return = line.find('\r');
    if (line_feed == std::string_view::npos) {
      if (carriage_return != std::string_view::npos && carriage_return + 1 != line.size())
        return refuse(400, "a CR without LF");
      last_ = line.back();
      return true;
    }
    const bool ended_before = line.empty() && last_ == '\r';
    if (!ended_before && (line.empty() || carriage_return != line.size() - 1))
      return refuse(400, carriage_return == std::string_view::npos ? "an LF without CR" : "a CR without LF");
    last_ = '\n';
    bytes.remove_prefix(line_feed + 1);
  }
  return true;
}

bool Parser::end_head() {
  if (in_field_ && !end_field()) return false;
  minor_ = llhttp_.http_minor;
  if (llhttp_.http_major != 1 || minor_ > 1) return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  if (has_coding_ && (has_length_ || minor_ == 0))
    return refuse(400, "Transfer-Encoding with Content-Length, or in HTTP/1.0");
  keep_alive_ = !has_close_ && (minor_ == 1 || has_keep_alive_);
  if (kind_ == Kind::request) {
    if (!check_request()) return false;
  } else {
    response_.status = llhttp_.status_code;
    if (response_.status < 100 || response_.status > 999) return refuse(400, "the status is no status");
    if (has_control_character(response_.reason))
      return refuse(400, "the reason phrase holds a control character");
    bodyless_ = bodyless_ || response_.status < 200 || response_.status == 204 || response_.status == 304;
  }
  choose_framing();
  return true;
}

void Parser::choose_framing() {
  if (has_length_) length_ = BodyLength::of(announced_);
  if (has_coding_) length_ = BodyLength::unknown();
  if (bodyless_) {
    state_ = State::done;
  } else if (has_coding_) {
    state_ = State::chunked;
  } else if (has_length_ || kind_ == Kind::request) {
    state_ = State::fixed;
    left_ = announced_;
  } else {
    state_ = State::until_close;
    length_ = BodyLength::unknown();
    keep_alive_ = false;
  }
}

bool Parser::check_request() {
  const auto method = static_cast<llhttp_method_t>(llhttp_.method);
  request_.method = llhttp_method_name(method);
  request_.minor_version = static_cast<std::uint8_t>(minor_);
  if (method == HTTP_CONNECT) return refuse(501, "CONNECT: this is no proxy for tunnels");
  // Its answer repeats the request's headers, and with them the credential that went upstream.
  if (method == HTTP_TRACE) return refuse(501, "TRACE is not passed on");
  if (is_of_another_protocol(method)) return refuse(400, "not HTTP");
  if (hosts_ > 1) return refuse(400, "Host twice");
  if (hosts_ == 0 && minor_ == 1) return refuse(400, "the Host header is missing");
  return check_target();
}

bool Parser::check_target() {
  auto& target = request_.target;
  if (!target.empty() && target.front() == '/') return true;
  if (target == "*") return request_.method == "OPTIONS" || refuse(400, "\"*\" is for OPTIONS");

  // The absolute form, which every server must understand: its host stands in for the Host header (RFC 9112
  // section 3.2.2).
  const std::string_view whole = target;
  const auto colon = whole.find("://");
  const auto scheme = whole.substr(0, colon == std::string_view::npos ? 0 : colon);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https"))
    return refuse(400, "the address is neither a path nor a URL");
  const auto rest = whole.substr(colon + 3);
  const auto authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.empty() || !is_host(authority)) return refuse(400, "the address has no valid host");
  request_.headers.set("Host", authority);
  const auto path = rest.substr(authority.size());
  target = path.empty() || path.front() == '?' ? "/" + std::string(path) : std::string(path);
  return true;
}

}  // namespace pollux
