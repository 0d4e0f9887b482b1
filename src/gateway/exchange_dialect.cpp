// An exchange whose client speaks another dialect than Google's, or wants a stream made of an answer in one
// piece.

#include <algorithm>
#include <array>

#include "gateway/exchange.h"

namespace pollux {
namespace {

constexpr Milliseconds heartbeat_pause{2'000};
constexpr int most_rounds = 128;

// What tells of the client, and what only a dialect's own service would understand.
bool stays_with_the_client(std::string_view name) {
  constexpr std::array prefixes{
      "x-stainless-",    "openai-",     "anthropic-", "sec-", "user-agent",      "http-referer",  "x-title",
      "idempotency-key", "traceparent", "tracestate", "dnt",  "accept-language", "cache-control", "pragma"};
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view prefix) {
    return equals_ignoring_case(name.substr(0, prefix.size()), prefix);
  });
}

Headers headers_for_google(const Headers& from_client, bool has_body) {
  Headers headers;
  for (const auto field : from_client) {
    const bool describes_the_body = equals_ignoring_case(field.name, "content-type") ||
                                    equals_ignoring_case(field.name, "accept") ||
                                    equals_ignoring_case(field.name, "accept-encoding");
    if (!describes_the_body && !stays_with_the_client(field.name)) headers.add(field.name, field.value);
  }
  if (has_body) headers.set("Content-Type", "application/json");
  return headers;
}

// The pairs of a query but for `alt`.
std::string without_alt(std::string_view query) {
  std::string kept;
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.substr(0, pair.find('=')) == "alt") continue;
    if (!kept.empty()) kept += '&';
    kept += pair;
  }
  return kept;
}

// Without the white space between its words: Google writes an answer over many lines, an event has one.
std::string compact(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  bool quoted = false, escaped = false;
  for (const char c : json) {
    const bool is_space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (quoted || !is_space) text += c;
    if (c == '"' && !escaped) quoted = !quoted;
    escaped = quoted && c == '\\' && !escaped;
  }
  return text;
}

}  // namespace

// -- The request

void Exchange::name_model() {
  policies_->name_model([this](NamedModel outcome) {
    if (over()) return;
    if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
    client_streams_ = request_.streaming;
    if (request_.model.empty()) return permit();
    resolve();
  });
}

void Exchange::on_translated_request(TranslatedRequest outcome) {
  if (over()) return;
  if (auto* answered = std::get_if<DialectAnswer>(&outcome)) return answer(std::move(*answered));
  if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  call_upstream(std::move(std::get<UpstreamCall>(outcome)));
  if (!over()) transform_request();
}

// From here on the request is one of Google's own, but for who is answered how.
void Exchange::call_upstream(UpstreamCall call) {
  const auto dialect = route_.dialect;
  route_ = find_route(call.method, call.path, {});
  route_.dialect = dialect;
  route_.translated = true;
  if (route_.service == Service::none)
    return policy_failed({"the dialect asks for a path that Google has not: " + call.path});
  client_streams_ = request_.streaming = call.streaming.value_or(client_streams_);
  request_.method = std::move(call.method);
  request_.path = route_.path;
  request_.query = std::move(call.query);
  request_.endpoint = route_.endpoint;
  request_.counts_quota = route_.counts_quota;
  request_.headers = headers_for_google(request_.headers, request_.has_body_text);
}

// A Gemini client wants a stream, and Google is asked for the whole answer.
void Exchange::ask_in_one_piece() {
  constexpr std::string_view streaming = ":streamGenerateContent";
  auto path = route_.path;
  if (!path.ends_with(streaming)) return;
  path.replace(path.size() - streaming.size(), streaming.size(), ":generateContent");
  const bool as_events = request_.query.find("alt=sse") != std::string::npos;
  route_ = find_route(request_.method, path, {});
  stream_is_array_ = !as_events;
  request_.path = route_.path;
  request_.query = without_alt(request_.query);
  request_.endpoint = route_.endpoint;
}

// -- A stream made of an answer in one piece

// While the answer is awaited, the client is told that somebody is there. Nothing is said at once: an error
// that comes soon shall still have its own status.
void Exchange::beat() {
  if (over() || stage_ == Stage::relaying) return;
  if (heartbeat_due_) {
    if (!reply_.started()) begin_stream();
    relay_.bytes(stream_is_array_ ? "\n" : ": waiting\n\n");
  }
  heartbeat_due_ = true;
  heartbeat_.start(heartbeat_pause);
}

void Exchange::begin_stream() {
  Headers headers;
  headers.set("Content-Type",
              stream_is_array_ ? "application/json; charset=UTF-8" : "text/event-stream; charset=utf-8");
  headers.set("Cache-Control", "no-cache");
  for (const auto field : cors_) headers.set(field.name, field.value);
  answered_status_ = 200;
  relay_.begin(200, headers, BodyLength::unknown());
}

void Exchange::deliver_as_stream() {
  heartbeat_.stop();
  if (route_.translated) {
    stage_ = Stage::relaying;
    begin_translation();
    translation_->feed_event(attempt_->held_text());
    translation_->finish();
    return pass_translated();
  }
  if (!reply_.started()) begin_stream();
  relay_.bytes(stream_is_array_ ? "[" : "data: ");
  relay_.bytes(compact(attempt_->held_text()));
  end_answer(stream_is_array_ ? "]" : "\r\n\r\n", "answered");
}

// -- The answer

void Exchange::translate_answer() {
  response_.status = attempt_->head().status;
  response_.headers = attempt_->head().headers;
  response_.text = attempt_->take_text();
  policies_->translate_answer(response_,
                              [this](TranslatedAnswer outcome) { on_translated_answer(std::move(outcome)); });
}

void Exchange::on_translated_answer(TranslatedAnswer outcome) {
  if (over()) return;
  if (auto* answered = std::get_if<DialectAnswer>(&outcome)) return answer(std::move(*answered));
  if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  ask_again();
}

void Exchange::answer(DialectAnswer answer) {
  for (const auto field : cors_) answer.headers.set(field.name, field.value);
  answered_status_ = answer.status;
  relay_.begin(answer.status, answer.headers, BodyLength::of(answer.text.size()));
  relay_.give(std::move(answer.text));
  end_answer({}, answer.status < 400 ? "answered" : "failed");
}

void Exchange::begin_translation() {
  if (!translation_)
    translation_ = std::make_unique<StreamTranslation>(*policies_, [this] { pass_translated(); });
  translation_->begin();
}

void Exchange::relay_translated() {
  begin_translation();
  attempt_->release();
}

// What the dialect has made of the stream so far.
void Exchange::pass_translated() {
  if (!is_relaying()) return;
  using State = StreamTranslation::State;
  const auto state = translation_->state();
  auto text = translation_->take();
  const bool says_something = !text.empty() || state == State::ended;
  if (says_something && !reply_.started()) begin_stream();
  if (!text.empty()) relay_.give(std::move(text));
  switch (state) {
    case State::open:
      return relay_.client_is_slow() ? attempt_->pause() : attempt_->resume();
    case State::waiting:
      return attempt_->pause();
    case State::ended:
      return end_answer({}, "answered");
    case State::failed:
      last_failure_ = "error_in_stream";
      return tell_problem(translation_->problem());
    case State::again:
      return ask_again();
    case State::oversized:
      return tell_problem({502, "Pollux: an event of the answer is too large", {}, false});
    case State::broken:
      return policy_failed(translation_->failure());
  }
}

// One more answer of Google's, with whichever key can pay.
void Exchange::ask_again() {
  if (++rounds_ > most_rounds)
    return refuse({500, "policy_failed", "the dialect asks for answers without end", {}, {}, {}});
  leave_attempt();
  earlier_attempts_ = attempts_;
  tried_.clear();
  look_at_body();
  if (fakes_stream()) heartbeat_.start(heartbeat_pause);
  enter(own_key_ ? Stage::attempting : Stage::choosing);
}

// -- Errors

void Exchange::tell_google_error() {
  const auto text = std::string(attempt_->error_text());
  const int status = attempt_->head().status >= 400 ? attempt_->head().status : status_of_error(text);
  tell_problem({status, message_of_error(text), text, false});
}

// Whatever else may come of the attempt is no part of the answer: the hook may wait.
void Exchange::tell_problem(Problem problem) {
  leave_attempt();
  problem.in_stream = reply_.started();
  problem.message = redacted(problem.message);
  problem.google_text = redacted(problem.google_text);
  if (!route_.translated) {
    const auto text = holds_google_error(problem.google_text) ? compact(problem.google_text)
                                                              : google_error(problem.status, problem.message);
    return end_answer(stream_is_array_ ? "[" + text + "]" : "data: " + text + "\r\n\r\n", "failed");
  }
  policies_->tell_problem(problem, [this](ToldProblem outcome) {
    if (over()) return;
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
    auto& told = std::get<DialectAnswer>(outcome);
    if (reply_.started()) return end_answer(told.text, "failed");
    answer(std::move(told));
  });
}

// The end of what Pollux itself has written.
void Exchange::end_answer(std::string_view last_words, std::string_view outcome) {
  if (!last_words.empty()) relay_.bytes(last_words);
  reply_.finish();
  settle(outcome);
}

}  // namespace pollux
