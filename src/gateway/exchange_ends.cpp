// How an exchange ends: with the upstream's answer, with a refusal of Pollux's own, or because the client
// left.

#include <cmath>

#include "base/log.h"
#include "gateway/exchange.h"
#include "gateway/inflate.h"
#include "store/body_text.h"

namespace pollux {
namespace {

void shorten(std::string& text, std::size_t most) {
  if (text.size() > most) text = std::string(cut_text(text, most));
}

double seconds(std::optional<Milliseconds> wait) {
  return wait ? std::max(1.0, static_cast<double>(wait->count()) / 1000.0) : 60;
}

}  // namespace

std::string_view name_of(Exchange::Stage stage) noexcept {
  switch (stage) {
    case Exchange::Stage::identifying:
      return "identifying";
    case Exchange::Stage::reading:
      return "reading";
    case Exchange::Stage::resolving:
      return "resolving";
    case Exchange::Stage::choosing:
      return "choosing";
    case Exchange::Stage::waiting:
      return "waiting";
    case Exchange::Stage::attempting:
      return "attempting";
    case Exchange::Stage::judging:
      return "judging";
    case Exchange::Stage::relaying:
      return "relaying";
    case Exchange::Stage::settled:
      return "settled";
  }
  return "settled";
}

// No other key shall or can cure it: the client gets the upstream's answer, or ours where there is none.
void Exchange::give_up(const Verdict& verdict) {
  if (verdict.action == Verdict::Action::retry && verdict.otherwise && !own_key_) {
    auto denial = *verdict.otherwise;
    if (denial.status == 503 && !denial.retry_after) denial.retry_after = seconds_until_a_key();
    return deny(denial);
  }
  const auto& failure = attempt_->failure();
  const bool tells_an_error = failure.kind == "http" || failure.kind == "error_in_stream";
  if (tells_an_error && (route_.translated || reply_.started())) return tell_google_error();
  if (tells_an_error && attempt_->may_replace_body()) {
    redact_held_answer();
    return enter(Stage::relaying);
  }
  const bool timed_out = failure.kind == "timeout";
  const auto reason = timed_out                ? "upstream_timeout"
                      : attempt_->has_answer() ? "upstream_broken"
                                               : "upstream_unreachable";
  refuse({timed_out ? 504 : 502,
          reason,
          tells_an_error ? "the upstream's error is too long" : failure.message,
          {}});
}

// Some of Google's errors repeat the key that was sent: "Consumer 'api_key:...' has been suspended".
std::string Exchange::redacted(std::string_view text) const {
  return key_ ? redact_keys(text, key_->secret()) : redact_keys(text);
}

void Exchange::redact_held_answer() {
  const auto& text = attempt_->held_text();
  auto redacted = this->redacted(text);
  if (redacted != text) attempt_->replace_body(std::move(redacted));
}

// Until the first key that can pay; a minute where none comes back by itself.
double Exchange::seconds_until_a_key() const {
  return seconds(gateway_.pool.next_free_in(whole_pool()));
}

// Until the first key of those that were asked for: whoever was refused because others wait was not told.
std::optional<Milliseconds> Exchange::until_a_key_asked_for() const {
  if (in_vain_.free_in != Milliseconds(0)) return in_vain_.free_in;
  std::optional<Milliseconds> first;
  for (const auto& query : in_vain_.asked) {
    const auto wait = gateway_.pool.next_free_in(query);
    if (wait) first = std::min(first.value_or(*wait), *wait);
  }
  return first ? first : in_vain_.free_in;
}

void Exchange::no_key_can_pay(KeyWait::Outcome why) {
  const auto model = counted_model();
  const auto what = model.empty() ? std::string("this request") : std::string(model);
  if (gateway_.pool.size() == 0) {
    return refuse({503, "no_key", "there is no key in the pool; add one with POST /admin/keys", 60});
  }
  if (!in_vain_.free_in && gateway_.pool.none_may_use(whole_pool())) {
    return refuse({503,
                   "model_not_granted",
                   "Google grants the projects of all keys here no use of " + what +
                       " (a limit of 0); a key of another tier could",
                   {}});
  }
  if (why == KeyWait::Outcome::crowded) {
    return refuse({503, "no_key", "too many requests wait for a key that can pay for " + what,
                   seconds(until_a_key_asked_for())});
  }
  const auto free_in = until_a_key_asked_for();
  const auto retry_after = seconds(free_in);
  std::string message = "no key can pay for " + what + " now";
  if (!last_failure_.empty()) message += " (last attempt: " + last_failure_ + ")";
  message += free_in ? "; the first one can again in " : "; none comes back by itself, try again in ";
  message += std::to_string(std::llround(std::ceil(retry_after))) + " s";
  refuse({503, "no_key", std::move(message), retry_after});
}

void Exchange::policy_failed(const PolicyFailure& failure) {
  log_error("policy failed", {{"message", failure.message}, {"path", request_.path}});
  refuse({500, "policy_failed", "a policy failed: " + failure.message, {}});
}

void Exchange::deny(const Denial& denial) {
  if (denial.client && !request_.client) request_.client = denial.client;
  std::string_view reason = "denied";
  if (denial.status == 401) reason = "unauthorized";
  if (denial.status == 503) reason = "no_key";
  if (!denial.reason.empty()) reason = denial.reason;
  refuse({denial.status, reason, denial.message, denial.retry_after, denial.code, denial.param});
}

void Exchange::refuse(OwnError error) {
  if (over()) return;
  last_error_ = redacted(error.message);
  if (reply_.started()) {
    if (last_failure_.empty()) last_failure_ = error.reason;
    const auto message = "Pollux: " + error.message;
    return end_answer(stream_is_array_ ? "[" + google_error(error.status, message) + "]"
                                       : error_event(route_.dialect, error.status, message),
                      "failed");
  }
  Headers headers;
  for (const auto field : cors_) headers.set(field.name, field.value);
  const auto body = own_error(route_.dialect, error, headers);
  if (last_failure_.empty()) last_failure_ = error.reason;
  answered_status_ = error.status;
  relay_.note(body);
  reply_.send(error.status, headers, body);
  settle("failed");
}

void Exchange::on_client_gone() {
  if (!over()) settle("client_gone");
}

void Exchange::settle(std::string_view outcome) {
  stage_ = Stage::settled;
  wait_.leave();
  pause_.stop();
  heartbeat_.stop();
  leave_attempt();
  give_back_admission();
  gateway_.held_bodies.release(std::exchange(held_bytes_, 0));
  record(outcome);
}

// What never left for Google eats nothing of the client's limits.
void Exchange::give_back_admission() {
  if (!request_.admission || attempts_ > 0) return;
  request_.admission->usage->give_back(request_.admission->at,
                                       {gateway_.clock.wall(), gateway_.clock.monotonic()});
  request_.admission.reset();
}

// It may be calling us, and go on to: what it says falls away.
void Exchange::leave_attempt() {
  if (attempt_) {
    if (const auto used = attempt_->usage()) {
      reservation_.used(*used);
      tokens_ = tokens_.value_or(TokenCounts{}) += *used;
    }
    if (attempt_is_open_) end_attempt_record(attempt_->head().status, {}, {});
    gateway_.loop.retire(std::shared_ptr<Attempt>(std::move(attempt_)));
  }
  reservation_.release();
}

void Exchange::record(std::string_view outcome) {
  const auto duration = elapsed();
  if (policies_) {
    policies_->done(
        {answered_status_, attempts_, key_, duration, request_bytes_, relay_.sent_bytes(), outcome});
  }
  hide_secrets();
  log_exchange(outcome, duration);
  gateway_.sink.on_exchange_over(recorded(outcome, duration));
}

// Of whatever the client chose the words: it may have put a secret in the wrong place, or a book.
void Exchange::hide_secrets() {
  shorten(request_.model, longest_recorded_name);
  shorten(request_.upstream_model, longest_recorded_name);
  hide_secrets_in(asked_path_);
  hide_secrets_in(request_.model);
  hide_secrets_in(request_.upstream_model);
  hide_secrets_in(last_error_);
  for (auto& attempt : attempt_records_) hide_secrets_in(attempt.message);
}

// Keys, the token that the client came with, and the administrator's. Costs a look at each byte of a longer
// text.
void Exchange::hide_secrets_in(std::string& text) const {
  constexpr std::size_t shortest = 8;  // A shorter token may be any word.
  if (text.size() < shortest) return;
  redact_keys_in(text);
  const auto hide = [&text](std::string_view secret) {
    if (secret.size() >= shortest) redact_secret_in(text, secret);
  };
  if (key_) hide(key_->secret());
  hide(request_.token);
  if (const auto& token = gateway_.settings.auth_token) hide(*token);
}

void Exchange::log_exchange(std::string_view outcome, std::chrono::microseconds duration) const {
  if (!log_enabled(LogLevel::info)) return;
  log_info("exchange", {{"client", request_.client ? request_.client->name : std::string("-")},
                        {"method", asked_method_},
                        {"path", asked_path_},
                        {"model", request_.model.empty() ? std::string("-") : request_.model},
                        {"key", key_ ? key_->name() : std::string("-")},
                        {"attempts", attempts_},
                        {"status", answered_status_},
                        {"outcome", outcome},
                        {"reason", last_failure_.empty() ? std::string("-") : last_failure_},
                        {"bytes", static_cast<std::int64_t>(relay_.sent_bytes())},
                        {"duration_ms", static_cast<double>(duration.count()) / 1000.0}});
}

// -- What is told of it

std::chrono::microseconds Exchange::elapsed() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
}

void Exchange::begin_attempt_record() {
  auto& record = attempt_records_.emplace_back();
  if (!own_key_) record.key_id = key_->id();
  record.key_name = own_key_ ? "own key" : key_->name();
  if (!own_key_) record.masked_key = mask_secret(key_->secret());
  record.began = elapsed();
  attempt_is_open_ = true;
}

void Exchange::end_attempt_record(int status, std::string_view reason, std::string message) {
  constexpr std::size_t longest_message = 500;
  auto& record = attempt_records_.back();
  attempt_is_open_ = false;
  record.status = status;
  record.reason = reason;
  record.message = std::move(message);
  shorten(record.message, longest_message);
  record.duration = elapsed() - record.began;
}

// The exchange is over: what it knows moves into the record.
ExchangeRecord Exchange::recorded(std::string_view outcome, std::chrono::microseconds duration) {
  ExchangeRecord record;
  record.began = began_at_;
  if (request_.client) {
    record.client_id = request_.client->id;
    record.client_name = request_.client->name;
  }
  record.remote_address = std::move(request_.remote_address);
  record.dialect = name_of(route_.dialect);
  record.endpoint = asked_endpoint_;
  record.method = std::move(asked_method_);
  record.path = std::move(asked_path_);
  record.model = std::move(request_.model);
  record.upstream_model = std::move(request_.upstream_model);
  if (!attempt_records_.empty()) {
    record.key_id = attempt_records_.back().key_id;
    record.key_name = attempt_records_.back().key_name;
    record.masked_key = attempt_records_.back().masked_key;
  }
  record.streamed = client_streams_;
  record.status = answered_status_;
  record.outcome = outcome;
  record.reason = std::move(last_failure_);
  if (outcome == "failed") record.error = std::move(last_error_);
  record.attempts = std::move(attempt_records_);
  record.duration = duration;
  if (const auto began = relay_.began()) {
    record.first_byte = std::chrono::duration_cast<std::chrono::microseconds>(*began - began_);
  } else if (answered_status_ != 0) {
    record.first_byte = duration;
  }
  record.tokens = tokens_;
  record.request_bytes = request_bytes_;
  record.answer_bytes = relay_.sent_bytes();
  if (remembered_bytes_ > 0) record.bodies = remembered_bodies();
  return record;
}

std::shared_ptr<const ExchangeBodies> Exchange::remembered_bodies() const {
  ExchangeBodies bodies;
  bodies.request_is_cut = !tunnels_ && request_bytes_ > remembered_request_.size();
  if (request_is_encoded_) {
    auto decoded = inflate_beginning(remembered_request_, remembered_bytes_);
    bodies.request = std::move(decoded.text);
    bodies.request_is_cut |= decoded.is_cut;
  } else {
    bodies.request = remembered_request_;
  }
  auto answer = relay_.remembered();
  bodies.answer = std::move(answer.text);
  bodies.answer_is_cut = answer.is_cut;
  hide_secrets_in(bodies.request);
  hide_secrets_in(bodies.answer);
  return std::make_shared<const ExchangeBodies>(std::move(bodies));
}

}  // namespace pollux
