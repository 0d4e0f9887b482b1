// One request of a client, from its head to the last byte of its answer.
//
// The exchange is an explicit state machine. C++ moves the bytes and keeps the state; every decision is asked
// of a policy: who the client is, which model it means, which key pays, what a failure means. Read
// exchange.cpp from top to bottom and you have walked with a request through Pollux; what a dialect adds to
// the way stands in exchange_dialect.cpp, how it may end in exchange_ends.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/attempt.h"
#include "gateway/gateway.h"
#include "gateway/key_wait.h"
#include "gateway/model_list.h"
#include "gateway/own_answer.h"
#include "gateway/relay.h"
#include "gateway/route.h"
#include "gateway/stream_translation.h"
#include "http/server.h"
#include "net/timer.h"
#include "script/policy_exchange.h"

namespace pollux {

class Exchange final : public RequestHandler, public AttemptEvents {
 public:
  // In the order an exchange visits them. A happy one neither waits nor is judged; what lies between choosing
  // and judging repeats with every retry.
  enum class Stage {
    identifying,
    reading,
    resolving,
    choosing,
    waiting,
    attempting,
    judging,
    relaying,
    settled
  };

  Exchange(Gateway& gateway, Route route, RequestHead head, BodyLength body, const ClientInfo& client,
           Reply& reply);
  ~Exchange() override;

  Stage stage() const noexcept { return stage_; }
  bool over() const noexcept { return stage_ == Stage::settled; }

 private:
  // -- The client's side
  void on_begin() override;
  void on_body(std::string_view bytes) override;
  void on_body_end() override;
  void on_drained() override;
  void on_client_gone() override;

  // -- The journey, in order
  void enter(Stage next);
  void identify();
  void on_identified(Identified outcome);
  void pay_with_own_key(KeyRef key);
  KeyRef own_key_with(std::string_view id) const;
  void read_body();
  bool hold(std::string_view bytes);
  void stream_upload();
  void send_on(std::string_view bytes);
  void resolve();
  void on_resolved(Resolved outcome);
  void permit();
  void translate_request();
  void transform_request();
  void look_at_body();
  void choose();
  void on_chosen(Selected outcome);
  void reserve(const KeyRef& key);
  void wait_for_key();
  std::string_view counted_model() const;
  KeyQuery whole_pool() const;
  void attempt(const KeyRef& key);
  AttemptPlan plan(const KeyRef& key);
  std::string upstream_target() const;
  Hold hold_for_answer() const;

  // -- The upstream's side
  void on_answer_begun() override;
  void on_answer_ready() override;
  void on_attempt_failed() override;
  void on_answer_bytes(std::string_view bytes) override;
  void on_answer_end() override;
  void on_answer_broken(const TransportError& error) override;
  void on_upload_drained() override;

  bool is_relaying() const noexcept { return stage_ == Stage::relaying && attempt_; }
  void judge();
  void on_judged(Judged outcome);
  bool may_retry(const Verdict& verdict) const;
  void try_again();
  void filter_models();
  void transform_answer();
  void deliver();
  void relay();
  void tunnel();
  std::string redacted(std::string_view text) const;
  void redact_held_answer();

  // -- Dialects, and streams made of answers in one piece: in exchange_dialect.cpp
  void name_model();
  void on_translated_request(TranslatedRequest outcome);
  void call_upstream(UpstreamCall call);
  void ask_in_one_piece();
  bool fakes_stream() const noexcept { return client_streams_ && !route_.streams; }
  bool needs_whole() const noexcept { return fakes_stream() || (route_.translated && !route_.streams); }
  void beat();
  void begin_stream();
  void deliver_as_stream();
  void translate_answer();
  void on_translated_answer(TranslatedAnswer outcome);
  void begin_translation();
  void relay_translated();
  void pass_translated();
  void ask_again();
  void answer(DialectAnswer answer);
  void tell_problem(Problem problem);
  void tell_google_error();
  void end_answer(std::string_view last_words, std::string_view outcome);

  // -- Ends: in exchange_ends.cpp
  void give_up(const Verdict& verdict);
  void no_key_can_pay(KeyWait::Outcome why);
  double seconds_until_a_key() const;
  std::optional<Milliseconds> until_a_key_asked_for() const;
  void policy_failed(const PolicyFailure& failure);
  void deny(const Denial& denial);
  void refuse(OwnError error);
  void settle(std::string_view outcome);
  void leave_attempt();
  void give_back_admission();
  void record(std::string_view outcome);
  void hide_secrets();
  void hide_secrets_in(std::string& text) const;
  void log_exchange(std::string_view outcome, std::chrono::microseconds duration) const;
  ExchangeRecord recorded(std::string_view outcome, std::chrono::microseconds duration);
  std::shared_ptr<const ExchangeBodies> remembered_bodies() const;

  void begin_attempt_record();
  void end_attempt_record(int status, std::string_view reason, std::string message);
  std::chrono::microseconds elapsed() const;

  Gateway& gateway_;
  Reply& reply_;
  Relay relay_;
  Route route_;
  BodyLength announced_body_;
  std::string asked_method_, asked_path_;  // Of the client, for the log: a dialect asks something else.
  std::string_view asked_endpoint_;
  bool client_uses_tls_ = false;
  std::string host_;  // As the client called Pollux: for addresses handed out.
  Headers cors_;      // Answer fields for a browser; empty for others.
  PolicyRequest request_;
  std::unique_ptr<PolicyExchange> policies_;

  Stage stage_ = Stage::identifying;
  const WallTime began_at_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  bool uploading_ = false;       // The body streams through and cannot be sent twice.
  bool tunnels_ = false;         // A WebSocket is open: bytes pass both ways until either side ends.
  bool pinned_ = false;          // Goes on with what an earlier request began, with the same key.
  bool own_key_ = false;         // The client pays with a key of its own.
  bool client_streams_ = false;  // The client wants a stream; Google need not be asked for one.
  bool body_ended_ = false;
  std::string upload_head_;       // What was read of it before that was known.
  std::uint64_t held_bytes_ = 0;  // Reserved of the gateway's memory for bodies.
  std::uint64_t request_bytes_ = 0;
  std::size_t remembered_bytes_ = 0;  // Of each body, for the request log; 0: none.
  std::string remembered_request_;
  bool request_is_encoded_ = false;  // The client's body is compressed.

  std::string conversation_;  // What tells it from others; empty: unknown.
  std::string sent_target_;
  std::string credential_;
  std::vector<std::string> tried_;  // Ids of keys.
  int attempts_ = 0;
  int rounds_ = 1;            // Answers of Google's that one of a dialect's is made of.
  int earlier_attempts_ = 0;  // Of rounds before this one.
  int lost_races_ = 0;        // For keys that another worker took first.
  Selection in_vain_;         // What the policy last asked the pool for, and did not get.
  KeyWait wait_;
  Timer pause_;      // Before another try.
  Timer heartbeat_;  // Of a stream that is made of an answer in one piece.
  bool heartbeat_due_ = false;
  bool stream_is_array_ = false;  // Google's form of a stream without alt=sse.
  bool same_key_ = false;
  KeyPool::Reservation reservation_;
  KeyRef key_;  // Of the latest attempt.
  std::unique_ptr<Attempt> attempt_;
  PolicyAttempt attempt_facts_;
  PolicyResponse response_;
  std::unique_ptr<ModelList> model_list_;
  std::unique_ptr<StreamTranslation> translation_;
  int answered_status_ = 0;
  std::string last_failure_;  // For the log and for messages.
  std::string last_error_;    // The same as a sentence.
  std::vector<AttemptRecord> attempt_records_;
  bool attempt_is_open_ = false;  // The last record's attempt goes on.
  std::optional<TokenCounts> tokens_;
};

std::string_view name_of(Exchange::Stage stage) noexcept;

}  // namespace pollux
