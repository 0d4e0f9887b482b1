#include "gateway/exchange.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/log.h"
#include "gateway/conversation.h"
#include "gateway/credentials.h"
#include "gateway/inflate.h"
#include "gateway/key_meaning.h"
#include "gateway/token_estimate.h"
#include "gateway/upload_address.h"

namespace pollux {
namespace {

constexpr std::size_t upload_backlog_bytes =
    std::size_t{256} * 1024;                      // For a slow upstream, before the client is paused.
constexpr int most_attempts = 100;                // However MAX_RETRIES is set.
constexpr std::size_t most_held_bytes = 8 << 20;  // A longer answer flows without being held to its end.
constexpr std::size_t most_translated_bytes = 64 << 20;  // What must be held whole.
constexpr Milliseconds longest_pause{60'000};
constexpr int most_lost_races = 10;  // For keys, in a row.

Milliseconds milliseconds(double seconds) {
  return Milliseconds(std::llround(seconds * 1000));
}

}  // namespace

Exchange::Exchange(Gateway& gateway, Route route, RequestHead head, BodyLength body, const ClientInfo& client,
                   Reply& reply)
    : gateway_(gateway),
      reply_(reply),
      relay_(reply),
      route_(std::move(route)),
      announced_body_(body),
      client_uses_tls_(client.tls),
      began_at_(gateway.clock.wall()),
      wait_(gateway.loop, gateway.pool, milliseconds(gateway.settings.max_wait_seconds),
            [this] {
              if (stage_ == Stage::waiting) enter(Stage::choosing);
            }),
      pause_(gateway.loop, [this] { try_again(); }),
      heartbeat_(gateway.loop, [this] { beat(); }) {
  add_cors(head.headers, cors_);
  if (const auto host = head.headers.get("host")) host_ = *host;
  if (const auto scheme = head.headers.get("x-forwarded-proto")) client_uses_tls_ = *scheme == "https";
  // What may be answered by another protocol has no body, and is of a version that knows upgrades.
  route_.opens_websocket &= body.kind == BodyLength::Kind::none && head.minor_version > 0;
  request_.method = asked_method_ = std::move(head.method);
  request_.path = asked_path_ = route_.path;
  request_.query = without_credentials(route_.query);
  request_.headers = forwardable(head.headers);
  request_.remote_address = client.remote_address;
  request_.dialect = name_of(route_.dialect);
  request_.endpoint = asked_endpoint_ = route_.endpoint;
  request_.model = route_.model;
  request_.streaming = client_streams_ = route_.streams;
  request_.counts_quota = route_.counts_quota;
  request_.token = presented_token(head.headers, route_.query);
  gateway_.sink.on_exchange_begun();
  remembered_bytes_ = gateway_.sink.wanted_body_bytes();
  relay_.remember(remembered_bytes_);
  if (remembered_bytes_ == 0) return;
  const auto encoding = head.headers.get("content-encoding");
  request_is_encoded_ = encoding && can_inflate(*encoding);
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
    case Stage::waiting:
      return wait_for_key();
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
    if (key_id && !key_) key_ = own_key_with(*key_id);
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
  if (const auto* own = std::get_if<OwnKey>(&outcome)) {
    auto guest = gateway_.pool.guest(own->secret);
    if (!guest) return deny({401, "this cannot be a Google API key: " + guest.error().message, {}});
    pay_with_own_key(*std::move(guest));
  } else {
    request_.client = std::get<ClientRef>(std::move(outcome));
  }
  enter(Stage::reading);
}

void Exchange::pay_with_own_key(KeyRef key) {
  own_key_ = true;
  Client client;
  client.id = "own-key-" + key->id();
  client.name = "own key";
  request_.client = std::make_shared<const Client>(std::move(client));
  key_ = std::move(key);
}

// What a client began with its own key, it goes on with: nothing else knows that key.
KeyRef Exchange::own_key_with(std::string_view id) const {
  auto guest = gateway_.pool.guest(request_.token);
  return guest && (*guest)->id() == id ? *std::move(guest) : nullptr;
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
  if (remembered_request_.size() < remembered_bytes_)
    remembered_request_ += bytes.substr(0, remembered_bytes_ - remembered_request_.size());
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
  if (route_.translated) {
    return refuse({413,
                   "body_too_large",
                   "a request in this dialect is translated as a whole, and this one is larger than Pollux "
                   "holds now (RETRY_BODY_BYTES, " +
                       std::to_string(gateway_.settings.retry_body_bytes) + " bytes)",
                   {}});
  }
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

// Which model does the client mean?
void Exchange::resolve() {
  if (pinned_) return transform_request();
  if (request_.model.empty() && route_.translated) return name_model();
  if (request_.model.empty()) return permit();
  policies_->resolve([this](Resolved outcome) { on_resolved(std::move(outcome)); });
}

void Exchange::on_resolved(Resolved outcome) {
  if (over()) return;
  if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  request_.upstream_model = std::get<std::string>(std::move(outcome));
  if (client_streams_ && !route_.translated && policies_->has_feature("fake_stream")) ask_in_one_piece();
  permit();
}

// May it? Who has no limits is not asked about.
void Exchange::permit() {
  if (!request_.client || !request_.client->is_limited()) return translate_request();
  policies_->permit([this](Permitted outcome) {
    if (over()) return;
    if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
    translate_request();
  });
}

// In Google's words.
void Exchange::translate_request() {
  if (!route_.translated) return transform_request();
  policies_->translate_request(
      [this](TranslatedRequest outcome) { on_translated_request(std::move(outcome)); });
}

void Exchange::transform_request() {
  if (pinned_) return enter(Stage::attempting);
  policies_->transform_request([this](Transformed outcome) {
    if (over()) return;
    if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
    if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
    look_at_body();
    if (fakes_stream()) beat();
    enter(own_key_ ? Stage::attempting : Stage::choosing);
  });
}

// What choosing a key wants to know of it.
void Exchange::look_at_body() {
  if (uploading_ || !route_.counts_quota) return;
  request_.estimated_tokens = estimate_input_tokens(request_.body_text);
  if (!route_.generates) return;
  conversation_ = conversation_of(request_.body_text, request_.client ? request_.client->id : std::string());
  if (continues_conversation(request_.body_text)) request_.conversation = conversation_;
}

// Which key pays?
void Exchange::choose() {
  policies_->select({tried_, wait_.place()}, [this](Selected outcome) { on_chosen(std::move(outcome)); });
}

void Exchange::on_chosen(Selected outcome) {
  if (over()) return;
  if (const auto* denial = std::get_if<Denial>(&outcome)) return deny(*denial);
  if (const auto* failure = std::get_if<PolicyFailure>(&outcome)) return policy_failed(*failure);
  auto& selection = std::get<Selection>(outcome);
  if (selection.key) return reserve(selection.key);
  in_vain_ = std::move(selection);
  enter(Stage::waiting);
}

// Between choosing and reserving another worker may have been faster: then the choice is made again.
void Exchange::reserve(const KeyRef& key) {
  reservation_ = gateway_.pool.reserve(key, counted_model(), request_.estimated_tokens, false);
  if (reservation_) {
    wait_.leave();
    lost_races_ = 0;
    key_ = key;
    return enter(Stage::attempting);
  }
  if (++lost_races_ <= most_lost_races) return enter(Stage::choosing);
  in_vain_ = {.key = {}, .asked = {whole_pool()}, .free_in = gateway_.pool.next_free_in(whole_pool())};
  enter(Stage::waiting);
}

// None can pay now: in line until one can, or not at all.
void Exchange::wait_for_key() {
  const auto outcome = wait_.wait_for(in_vain_);
  if (outcome != KeyWait::Outcome::waits) no_key_can_pay(outcome);
}

std::string_view Exchange::counted_model() const {
  return request_.counts_quota ? std::string_view(request_.upstream_model) : std::string_view();
}

KeyQuery Exchange::whole_pool() const {
  KeyQuery query;
  query.model = counted_model();
  query.tokens = request_.estimated_tokens;
  query.place = wait_.place();
  return query;
}

void Exchange::attempt(const KeyRef& key) {
  ++attempts_;
  const auto plan = this->plan(key);
  if (over()) return;
  // What has no choice of keys pays with the one there is.
  if (!reservation_)
    reservation_ = gateway_.pool.reserve(key, counted_model(), request_.estimated_tokens, true);
  begin_attempt_record();
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
      reservation_.give_back();  // It will not be sent.
      policy_failed({std::move(body).error().message});
      return plan;
    }
    plan.request.body = *body;
  }
  credential_ = route_.bearer_upstream ? "Bearer " + key->secret() : key->secret();
  plan.request.credential_name = route_.bearer_upstream ? "Authorization" : "x-goog-api-key";
  plan.request.credential_value = credential_;
  plan.hold = hold_for_answer();
  plan.held_whole_bytes = needs_whole() ? most_translated_bytes : most_held_bytes;
  plan.generates = route_.generates;
  plan.errors_are_told = route_.translated;
  plan.counts_tokens =
      route_.generates || route_.endpoint == "embed" ||
      ((route_.endpoint == "openai" || route_.endpoint == "interactions") && request_.method == "POST");
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
  const bool one_piece = route_.translated || route_.generates || route_.endpoint == "count_tokens" ||
                         route_.endpoint == "embed" || route_.lists_models || route_.endpoint == "get_model";
  return one_piece || policies_->wants_response() ? Hold::whole : Hold::head;
}

// -- The upstream's side

void Exchange::on_attempt_failed() {
  if (over()) return;
  enter(Stage::judging);
}

void Exchange::on_answer_begun() {
  reservation_.answered();
}

// It failed: and now?
void Exchange::judge() {
  attempt_facts_ = PolicyAttempt{};
  attempt_facts_.number = attempts_ - earlier_attempts_;
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
  last_error_ = redacted(attempt_facts_.text.empty() ? std::string(attempt_facts_.message)
                                                     : message_of_error(attempt_facts_.text));
  end_attempt_record(attempt_facts_.status, attempt_facts_.kind, last_error_);
  gateway_.pool.failed(*key_, counted_model(), attempt_facts_.status, last_error_);
  if (attempt_facts_.kind == "connect" || attempt_facts_.kind == "tls") reservation_.give_back();
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
  // Of a client's own key nothing is remembered.
  for (const auto& meaning : own_key_ ? std::span<const KeyMeaning>() : std::span(verdict.meanings)) {
    apply_meaning(gateway_.pool, meaning, gateway_.settings.max_failures);
  }
  if (verdict.not_counted) reservation_.give_back();
  if (const auto used = attempt_->usage()) reservation_.used(*used);
  reservation_.release();
  if (verdict.action == Verdict::Action::answer || !may_retry(verdict)) return give_up(verdict);
  attempt_.reset();
  same_key_ = verdict.same_key || own_key_;
  if (verdict.pause > Milliseconds(0)) return pause_.start(std::min(verdict.pause, longest_pause));
  try_again();
}

void Exchange::try_again() {
  if (over()) return;
  if (same_key_) {
    reservation_ = gateway_.pool.reserve(key_, counted_model(), request_.estimated_tokens, own_key_);
    if (reservation_) return enter(Stage::attempting);
  }
  if (std::find(tried_.begin(), tried_.end(), key_->id()) == tried_.end()) tried_.push_back(key_->id());
  enter(Stage::choosing);
}

// A client's own key has no other to stand in for it: only what is not the key's fault is tried again.
bool Exchange::may_retry(const Verdict& verdict) const {
  if (own_key_ && !verdict.meanings.empty()) return false;
  const int tries = attempts_ - earlier_attempts_;
  return !uploading_ && !pinned_ && tries <= gateway_.settings.max_retries && tries < most_attempts;
}

void Exchange::on_answer_ready() {
  if (over()) return;
  gateway_.pool.succeeded(*key_, counted_model());
  const auto& conversation = request_.conversation.empty() ? conversation_ : request_.conversation;
  if (!conversation.empty() && !own_key_) gateway_.pool.keep(conversation, *key_);
  if (!attempt_->whole() && needs_whole()) {
    return refuse({502, "answer_too_large", "the answer is larger than Pollux can translate", {}, {}, {}});
  }
  if (!attempt_->whole() || route_.streams) return enter(Stage::relaying);
  if (route_.lists_models && !route_.translated && policies_->wants_visible()) return filter_models();
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
  if (!policies_->wants_response()) return deliver();
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
    deliver();
  });
}

// What is held whole: as it is, in the client's words, or as the stream that the client asked for.
void Exchange::deliver() {
  if (fakes_stream()) return deliver_as_stream();
  if (route_.translated) return translate_answer();
  enter(Stage::relaying);
}

void Exchange::relay() {
  if (route_.translated) return relay_translated();
  const auto origin = (client_uses_tls_ ? "https://" : "http://") + host_;
  relay_.start(*attempt_, {route_, cors_, origin, key_->id(), key_->secret(), gateway_.upload_secret});
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
  if (!is_relaying()) return;
  if (translation_) {
    translation_->feed(bytes);
    return pass_translated();
  }
  relay_.bytes(bytes);
  if (relay_.client_is_slow()) attempt_->pause();
}

void Exchange::on_drained() {
  if (!is_relaying()) return;
  if (translation_) return pass_translated();
  attempt_->resume();
}

void Exchange::on_upload_drained() {
  if (!over() && (uploading_ || tunnels_)) reply_.resume_body();
}

void Exchange::on_answer_end() {
  if (!is_relaying()) return;
  if (translation_) {
    translation_->finish();
    return pass_translated();
  }
  relay_.end();
  settle(answered_status_ < 400 ? "answered" : "failed");
}

// Part of the answer is with the client: no retry can help. It must not look like a normal end.
void Exchange::on_answer_broken(const TransportError& error) {
  if (!is_relaying()) return;
  last_failure_ = error.kind == TransportError::Kind::timeout ? "timeout" : "truncated";
  last_error_ = redacted(error.message);
  if (attempt_is_open_) end_attempt_record(answered_status_, last_failure_, last_error_);
  if (!tunnels_) gateway_.pool.failed(*key_, counted_model(), answered_status_, error.message);
  if (translation_) return tell_problem({502, "Pollux: the answer broke off: " + error.message, {}, false});
  relay_.broken(route_.dialect, error.message);
  settle("failed");
}

}  // namespace pollux
