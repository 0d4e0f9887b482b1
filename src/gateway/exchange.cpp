#include "gateway/exchange.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "gateway/credentials.h"
#include "gateway/upload_address.h"

namespace pollux {
namespace {

constexpr std::size_t upload_backlog_bytes =
    std::size_t{256} * 1024;        // For a slow upstream, before the client is paused.
constexpr int most_attempts = 100;  // However MAX_RETRIES is set.

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

Exchange::Exchange(Gateway& gateway, Route route, RequestHead head, BodyLength body, const ClientInfo& client,
                   Reply& reply)
    : gateway_(gateway),
      reply_(reply),
      relay_(reply),
      route_(std::move(route)),
      announced_body_(body),
      client_uses_tls_(client.tls) {
  add_cors(head.headers, cors_);
  if (const auto host = head.headers.get("host")) host_ = *host;
  if (const auto scheme = head.headers.get("x-forwarded-proto")) client_uses_tls_ = *scheme == "https";
  // What may be answered by another protocol has no body, and is of a version that knows upgrades.
  route_.opens_websocket &= body.kind == BodyLength::Kind::none && head.minor_version > 0;
  request_.method = std::move(head.method);
  request_.path = route_.path;
  request_.query = without_credentials(route_.query);
  request_.headers = forwardable(head.headers);
  request_.remote_address = client.remote_address;
  request_.dialect = name_of(route_.dialect);
  request_.endpoint = route_.endpoint;
  request_.model = route_.model;
  request_.streaming = route_.streams;
  request_.token = presented_token(head.headers, route_.query);
}

Exchange::~Exchange() {
  if (!over()) settle("client_gone");
}

// -- The journey, in order

// The one place where a stage changes: its work starts here, or not at all.
void Exchange::enter(Stage next) {
  if (over()) return;  // The end is final: late events fall away here.
  stage_ = next;
  switch (next) {  // No default: -Wswitch names a forgotten stage.
    case Stage::identifying:
      return identify();
    case Stage::reading:
      return read_body();
    case Stage::resolving:
      return resolve();
    case Stage::choosing:
      return choose();
    case Stage::attempting:
      return attempt(key_);
    case Stage::judging:
      return judge();
    case Stage::relaying:
      return relay();
    case Stage::settled:
      return;
  }
}

void Exchange::on_begin() {
  if (route_.service == Service::none) {
    return refuse({404, "not_found", "there is nothing at " + request_.method + " " + route_.path, {}});
  }
  if (announced_body_.kind == BodyLength::Kind::known &&
      announced_body_.bytes > gateway_.settings.max_body_bytes) {
    return refuse({413,
                   "body_too_large",
                   "the body of " + std::to_string(announced_body_.bytes) +
                       " bytes is larger than MAX_BODY_BYTES (" +
                       std::to_string(gateway_.settings.max_body_bytes) + ")",
                   {}});
  }
  policies_ = PolicyExchange::create(gateway_.policies.current(gateway_.worker, gateway_.host), request_);
  enter(Stage::identifying);
}

// Who is asking?
void Exchange::identify() {
  if (route_.endpoint == "upload" && continues_upload(route_.query)) {
    const auto key_id = key_of_upload(route_.query, gateway_.upload_secret);
    key_ = key_id ? gateway_.pool.find(*key_id) : nullptr;
    if (!key_) {
      return refuse({403,
                     "unknown_upload",
                     "this upload address was not handed out by this Pollux, or its key is gone; "
                     "start the upload again",
                     {}});
    }
    pinned_ = true;
    request_.query = google_upload_query(request_.query);
    return enter(Stage::reading);
  }
  policies_->identify([this](Identified outcome) { on_identified(std::move(outcome)); });
}

void Exchange::on_identified(Identified outcome) {
  if (over()) return;
  if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  request_.client = std::get<ClientRef>(std::move(outcome));
  enter(Stage::reading);
}

// The body is held for retries if it is small enough; a larger one streams through.
void Exchange::read_body() {
  if (announced_body_.kind == BodyLength::Kind::none) {
    body_ended_ = true;
    return enter(Stage::resolving);
  }
  const bool known = announced_body_.kind == BodyLength::Kind::known;
  if (known && announced_body_.bytes > gateway_.settings.retry_body_bytes) return stream_upload();
  if (known)
    request_.body_text.reserve(
        static_cast<std::size_t>(std::min<std::uint64_t>(announced_body_.bytes, std::uint64_t{64} * 1024)));
  reply_.resume_body();
}

void Exchange::on_body(std::string_view bytes) {
  if (over()) return;
  request_bytes_ += bytes.size();
  if (tunnels_) return send_on(bytes);
  if (request_bytes_ > gateway_.settings.max_body_bytes) {
    return refuse(
        {413,
         "body_too_large",
         "the body is larger than MAX_BODY_BYTES (" + std::to_string(gateway_.settings.max_body_bytes) + ")",
         {}});
  }
  if (uploading_) return send_on(bytes);
  if (!hold(bytes)) stream_upload();
}

void Exchange::send_on(std::string_view bytes) {
  auto* upstream = attempt_ ? attempt_->request() : nullptr;
  if (!upstream) {
    upload_head_.append(bytes);  // On its way before the pause took hold.
    return;
  }
  upstream->send_body(bytes);
  if (upstream->queued_bytes() > upload_backlog_bytes) reply_.pause_body();
}

// False: it does not fit, and what was held so far is the head of an upload now.
bool Exchange::hold(std::string_view bytes) {
  const bool fits = request_.body_text.size() + bytes.size() <= gateway_.settings.retry_body_bytes &&
                    gateway_.held_bodies.reserve(bytes.size());
  if (fits) held_bytes_ += bytes.size();
  request_.body_text.append(bytes);
  return fits;
}

void Exchange::stream_upload() {
  uploading_ = true;
  reply_.pause_body();
  upload_head_ = std::move(request_.body_text);
  request_.body_text.clear();
  enter(Stage::resolving);
}

void Exchange::on_body_end() {
  if (over() || body_ended_) return;
  body_ended_ = true;
  if (uploading_ || tunnels_) {
    if (attempt_ && attempt_->request()) attempt_->request()->end_body();
    return;
  }
  request_.has_body_text = !request_.body_text.empty();
  enter(Stage::resolving);
}

// Which model does the client mean, and may it?
void Exchange::resolve() {
  if (pinned_ || request_.model.empty()) return transform_request();
  policies_->resolve([this](Resolved outcome) { on_resolved(std::move(outcome)); });
}

void Exchange::on_resolved(Resolved outcome) {
  if (over()) return;
  if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  request_.upstream_model = std::get<std::string>(std::move(outcome));
  transform_request();
}

void Exchange::transform_request() {
  if (pinned_) return enter(Stage::attempting);
  policies_->transform_request([this](Transformed outcome) {
    if (over()) return;
    if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
    enter(Stage::choosing);
  });
}

// Which key pays?
void Exchange::choose() {
  policies_->select(tried_, [this](Selected outcome) { on_chosen(std::move(outcome)); });
}

void Exchange::on_chosen(Selected outcome) {
  if (over()) return;
  if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  auto key = std::get<KeyRef>(std::move(outcome));
  if (!key) return no_key_can_pay();
  key_ = std::move(key);
  enter(Stage::attempting);
}

void Exchange::attempt(const KeyRef& key) {
  ++attempts_;
  const auto plan = this->plan(key);
  if (over()) return;
  in_flight_ = gateway_.pool.begin(key, request_.upstream_model);
  attempt_ = std::make_unique<Attempt>(*this);
  attempt_->start(gateway_.client, plan);
  if (!uploading_) return;
  attempt_->request()->send_body(upload_head_);
  upload_head_ = {};
  if (body_ended_) attempt_->request()->end_body();
  reply_.resume_body();
}

AttemptPlan Exchange::plan(const KeyRef& key) {
  AttemptPlan plan;
  const bool vertex = route_.service == Service::vertex;
  plan.origin = vertex ? gateway_.upstream.vertex : gateway_.upstream.gemini;
  plan.proxy = gateway_.take_proxy();
  sent_target_ = upstream_target();
  plan.request.method = request_.method;
  plan.request.target = sent_target_;
  plan.request.headers = &request_.headers;
  if (route_.opens_websocket) plan.request.upgrade = "websocket";
  if (uploading_) {
    plan.request.streamed_length = announced_body_;
  } else {
    auto body = policies_->body_to_send();
    if (!body) {
      policy_failed({std::move(body).error().message});
      return plan;
    }
    plan.request.body = *body;
  }
  credential_ = route_.bearer_upstream ? "Bearer " + key->secret() : key->secret();
  plan.request.credential_name = route_.bearer_upstream ? "Authorization" : "x-goog-api-key";
  plan.request.credential_value = credential_;
  plan.hold = hold_for_answer();
  plan.generates = route_.generates;
  return plan;
}

// The path as Google knows it: behind the upstream's prefix, with the model that the policies chose.
std::string Exchange::upstream_target() const {
  const bool vertex = route_.service == Service::vertex;
  std::string target = vertex ? gateway_.upstream.vertex_prefix : gateway_.upstream.gemini_prefix;
  const auto path_at = target.size();
  target += request_.path;
  // A name that no policy changed stays as the client wrote it.
  const bool renamed = !request_.upstream_model.empty() && request_.upstream_model != route_.model;
  if (renamed && request_.path == route_.path && route_.model_size > 0) {
    target.replace(path_at + route_.model_at, route_.model_size,
                   percent_encode_path(request_.upstream_model));
  }
  if (!request_.query.empty()) target.append("?").append(request_.query);
  return target;
}

Hold Exchange::hold_for_answer() const {
  if (route_.streams) return Hold::first_event;
  const bool one_piece = route_.generates || route_.endpoint == "count_tokens" ||
                         route_.endpoint == "embed" || route_.endpoint == "list_models" ||
                         route_.endpoint == "get_model";
  return one_piece || policies_->wants_response() ? Hold::whole : Hold::head;
}

// -- The upstream's side

void Exchange::on_attempt_failed() {
  if (over()) return;
  enter(Stage::judging);
}

// It failed: and now?
void Exchange::judge() {
  attempt_facts_ = PolicyAttempt{};
  attempt_facts_.number = attempts_;
  attempt_facts_.key = key_;
  attempt_facts_.kind = attempt_->failure().kind;
  attempt_facts_.message = attempt_->failure().message;
  if (attempt_->has_answer()) {
    attempt_facts_.status = attempt_->head().status;
    attempt_facts_.headers = &attempt_->head().headers;
    attempt_facts_.text = attempt_->error_text();
  }
  last_failure_ = attempt_facts_.kind == "http" ? "status " + std::to_string(attempt_facts_.status)
                                                : std::string(attempt_facts_.kind);
  const auto told = attempt_facts_.text.empty() ? std::string(attempt_facts_.message)
                                                : message_of_error(attempt_facts_.text);
  gateway_.pool.failed(*key_, request_.upstream_model, attempt_facts_.status, redact_keys(told));
  in_flight_.release();
  log_debug("attempt failed", {{"key", key_->name()},
                               {"number", attempts_},
                               {"reason", last_failure_},
                               {"message", attempt_facts_.message}});
  policies_->judge(attempt_facts_, [this](Judged outcome) { on_judged(std::move(outcome)); });
}

void Exchange::on_judged(Judged outcome) {
  if (over()) return;
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  const auto& verdict = std::get<Verdict>(outcome);
  for (const auto& meaning : verdict.meanings) apply(meaning);
  if (verdict.action == Verdict::Action::answer || !may_retry()) return give_up(verdict);
  attempt_.reset();
  if (verdict.same_key) return enter(Stage::attempting);
  if (std::find(tried_.begin(), tried_.end(), key_->id()) == tried_.end()) tried_.push_back(key_->id());
  enter(Stage::choosing);
}

void Exchange::apply(const KeyMeaning& meaning) {
  if (!meaning.key) return;
  switch (meaning.kind) {
    case KeyMeaning::Kind::cool_down:
      return gateway_.pool.cool_down(*meaning.key, meaning.model, meaning.duration);
    case KeyMeaning::Kind::disable:
      return gateway_.pool.disable(*meaning.key, meaning.reason);
    case KeyMeaning::Kind::strike:
      return gateway_.pool.strike(*meaning.key, gateway_.settings.max_failures, meaning.reason);
  }
}

bool Exchange::may_retry() const {
  return !uploading_ && !pinned_ && attempts_ <= gateway_.settings.max_retries && attempts_ < most_attempts;
}

void Exchange::on_answer_ready() {
  if (over()) return;
  gateway_.pool.succeeded(*key_, request_.upstream_model);
  if (!attempt_->whole() || route_.streams) return enter(Stage::relaying);
  if (route_.endpoint == "list_models" && policies_->wants_visible()) return filter_models();
  transform_answer();
}

// Which models may this client see?
void Exchange::filter_models() {
  model_list_ = ModelList::read(attempt_->held_text());
  if (!model_list_) return transform_answer();
  model_list_->filter(*policies_, [this](std::variant<std::string, PolicyFailure> outcome) {
    if (over()) return;
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
    if (model_list_->changed()) attempt_->replace_body(std::get<std::string>(std::move(outcome)));
    transform_answer();
  });
}

// First word after an answer that is no stream.
void Exchange::transform_answer() {
  if (!policies_->wants_response()) return enter(Stage::relaying);
  response_.status = attempt_->head().status;
  response_.headers = attempt_->head().headers;
  response_.text = attempt_->held_text();
  policies_->transform_response(response_, [this](Transformed outcome) {
    if (over()) return;
    if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
    attempt_->head().status = response_.status;
    attempt_->head().headers = std::move(response_.headers);
    if (response_.text != attempt_->held_text()) attempt_->replace_body(std::move(response_.text));
    enter(Stage::relaying);
  });
}

void Exchange::relay() {
  const auto origin = (client_uses_tls_ ? "https://" : "http://") + host_;
  relay_.start(*attempt_, {route_, cors_, origin, key_->id(), gateway_.upload_secret});
  answered_status_ = relay_.status();
  if (answered_status_ == 101) tunnel();
  attempt_->release();
}

// The frames are between client and Google. An end of the client's side is passed on, and Google's last words
// still reach it; an end of Google's side ends the session.
void Exchange::tunnel() {
  tunnels_ = true;
  body_ended_ = false;
  reply_.resume_body();
}

void Exchange::on_answer_bytes(std::string_view bytes) {
  if (stage_ != Stage::relaying) return;
  relay_.bytes(bytes);
  if (relay_.client_is_slow()) attempt_->pause();
}

void Exchange::on_drained() {
  if (stage_ == Stage::relaying && attempt_) attempt_->resume();
}

void Exchange::on_upload_drained() {
  if (!over() && (uploading_ || tunnels_)) reply_.resume_body();
}

void Exchange::on_answer_end() {
  if (stage_ != Stage::relaying) return;
  relay_.end();
  settle(answered_status_ < 400 ? "answered" : "failed");
}

// Part of the answer is with the client: no retry can help. It must not look like a normal end.
void Exchange::on_answer_broken(const TransportError& error) {
  if (stage_ != Stage::relaying) return;
  last_failure_ = error.message;
  if (!tunnels_) gateway_.pool.failed(*key_, request_.upstream_model, answered_status_, error.message);
  relay_.broken(route_.dialect, error.message);
  settle("failed");
}

// -- Ends

// No other key shall or can cure it: the client gets the upstream's answer, or ours where there is none.
void Exchange::give_up(const Verdict& verdict) {
  if (verdict.action == Verdict::Action::retry && verdict.otherwise) {
    auto denial = *verdict.otherwise;
    if (denial.status == 503 && !denial.retry_after) denial.retry_after = seconds_until_a_key();
    return deny(denial);
  }
  const auto& failure = attempt_->failure();
  const bool tells_an_error = failure.kind == "http" || failure.kind == "error_in_stream";
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
void Exchange::redact_held_answer() {
  const auto& text = attempt_->held_text();
  auto redacted = redact_keys(text);
  const auto& secret = key_->secret();
  const auto mask = mask_secret(secret);
  for (auto at = redacted.find(secret); at != std::string::npos;
       at = redacted.find(secret, at + mask.size())) {
    redacted.replace(at, secret.size(), mask);
  }
  if (redacted != text) attempt_->replace_body(std::move(redacted));
}

// Until the first key that can pay; a minute where none comes back by itself.
double Exchange::seconds_until_a_key() const {
  KeyQuery query;
  query.model = request_.upstream_model;
  const auto wait = gateway_.pool.next_free_in(query);
  return wait ? std::max(1.0, static_cast<double>(wait->count()) / 1000.0) : 60;
}

void Exchange::no_key_can_pay() {
  const auto& model = request_.upstream_model;
  if (gateway_.pool.size() == 0) {
    return refuse({503, "no_key", "there is no key in the pool; add one with POST /admin/keys", 60});
  }
  const auto seconds = seconds_until_a_key();
  std::string message = "no key can pay for " + (model.empty() ? "this request" : model) + " now";
  if (!last_failure_.empty()) message += " (last attempt: " + last_failure_ + ")";
  message += "; try again in " + std::to_string(std::llround(std::ceil(seconds))) + " s";
  refuse({503, "no_key", std::move(message), seconds});
}

void Exchange::policy_failed(const PolicyFailure& failure) {
  log_error("policy failed", {{"message", failure.message}, {"path", request_.path}});
  refuse({500, "policy_failed", "a policy failed: " + failure.message, {}});
}

void Exchange::deny(const Denial& denial) {
  std::string_view reason = "denied";
  if (denial.status == 401) reason = "unauthorized";
  if (denial.status == 503) reason = "no_key";
  refuse({denial.status, reason, denial.message, denial.retry_after});
}

void Exchange::refuse(OwnError error) {
  if (over()) return;
  Headers headers;
  for (const auto field : cors_) headers.set(field.name, field.value);
  const auto body = own_error(route_.dialect, error, headers);
  if (last_failure_.empty()) last_failure_ = error.reason;
  answered_status_ = error.status;
  reply_.send(error.status, headers, body);
  settle("failed");
}

void Exchange::on_client_gone() {
  if (!over()) settle("client_gone");
}

void Exchange::settle(std::string_view outcome) {
  stage_ = Stage::settled;
  in_flight_.release();
  if (attempt_) gateway_.loop.retire(std::shared_ptr<Attempt>(std::move(attempt_)));  // May be calling us.
  gateway_.held_bodies.release(std::exchange(held_bytes_, 0));
  record(outcome);
}

void Exchange::record(std::string_view outcome) {
  const auto duration =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_);
  if (policies_) {
    policies_->done(
        {answered_status_, attempts_, key_, duration, request_bytes_, relay_.sent_bytes(), outcome});
  }
  if (!log_enabled(LogLevel::info)) return;
  log_info("exchange", {{"client", request_.client ? request_.client->name : std::string("-")},
                        {"method", request_.method},
                        {"path", request_.path},
                        {"model", request_.model.empty() ? std::string("-") : request_.model},
                        {"key", key_ ? key_->name() : std::string("-")},
                        {"attempts", attempts_},
                        {"status", answered_status_},
                        {"outcome", outcome},
                        {"reason", last_failure_.empty() ? std::string("-") : last_failure_},
                        {"bytes", static_cast<std::int64_t>(relay_.sent_bytes())},
                        {"duration_ms", static_cast<double>(duration.count()) / 1000.0}});
}

}  // namespace pollux
