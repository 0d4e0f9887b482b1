#include "net/resolver.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include "net/loop.h"
#include "net/timer.h"

namespace pollux {
namespace {

constexpr std::chrono::milliseconds kept_for(30'000);
constexpr std::size_t most_answers = 256;
constexpr std::size_t most_addresses = 16;

std::vector<Address> addresses_of(const addrinfo* list) {
  std::vector<Address> addresses;
  for (const auto* entry = list; entry != nullptr && addresses.size() < most_addresses;
       entry = entry->ai_next) {
    const auto address = Address::from(entry->ai_addr);
    if (address && std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

std::string reason_of(int status) {
  if (status == UV_EAI_NONAME || status == UV_EAI_NODATA) return "no such host";
  if (status == UV_EAI_AGAIN) return "the name server does not answer";
  return uv_strerror(status);
}

}  // namespace

// A name that is being looked up, and all who wait for it.
class Question {
 public:
  class Waiter final : public Resolving {
   public:
    Waiter(Question* question, ResolveEvents& events) : question_(question), events_(events) {}
    ~Waiter() override {
      if (question_ != nullptr) std::erase(question_->waiters_, this);
    }

   private:
    friend class Question;
    Question* question_;  // Null once it is answered.
    ResolveEvents& events_;
  };

  Question(Resolver& resolver, std::string host) : resolver_(&resolver), host_(std::move(host)) {
    request_.data = this;
  }

  int start(uv_loop_t* loop);
  std::unique_ptr<Resolving> join(ResolveEvents& events) {
    auto waiter = std::make_unique<Waiter>(this, events);
    waiters_.push_back(waiter.get());
    return waiter;
  }
  // The resolver is gone.
  void abandon() {
    resolver_ = nullptr;
    for (auto* waiter : waiters_) waiter->question_ = nullptr;
    waiters_.clear();
    uv_cancel(reinterpret_cast<uv_req_t*>(&request_));  // If it has begun, it ends by itself.
  }

 private:
  void on_answer(int status, const addrinfo* list);

  uv_getaddrinfo_t request_{};
  Resolver* resolver_;
  std::string host_;
  std::vector<Waiter*> waiters_;
};

int Question::start(uv_loop_t* loop) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  return uv_getaddrinfo(
      loop, &request_,
      [](uv_getaddrinfo_t* request, int status, addrinfo* list) {
        const std::unique_ptr<Question> question(static_cast<Question*>(request->data));
        if (question->resolver_ != nullptr) question->on_answer(status, list);
        uv_freeaddrinfo(list);
      },
      host_.c_str(), nullptr, &hints);
}

void Question::on_answer(int status, const addrinfo* list) {
  const auto addresses = status == 0 ? addresses_of(list) : std::vector<Address>{};
  resolver_->questions_.erase(host_);
  if (!addresses.empty()) resolver_->keep(host_, addresses);
  const auto reason = status == 0 ? std::string("the name has no address") : reason_of(status);
  // Whoever is told may destroy any of the others.
  while (!waiters_.empty()) {
    auto* waiter = waiters_.front();
    waiters_.erase(waiters_.begin());
    waiter->question_ = nullptr;
    if (addresses.empty()) {
      waiter->events_.on_resolve_failed(reason);
    } else {
      waiter->events_.on_resolved(addresses);
    }
  }
}

namespace {

// The question could not even be put; said on the loop's next turn.
class NotAsked final : public Resolving {
 public:
  NotAsked(Loop& loop, std::string reason, ResolveEvents& events)
      : timer_(loop, [&events, reason = std::move(reason)] { events.on_resolve_failed(reason); }) {
    timer_.start(std::chrono::milliseconds(0));
  }

 private:
  Timer timer_;
};

}  // namespace

Resolver::Resolver(Loop& loop) : loop_(loop) {}

Resolver::~Resolver() {
  for (auto& [host, question] : questions_) question->abandon();
}

std::vector<Address> Resolver::known(const std::string& host) {
  if (const auto literal = Address::parse(host)) return {*literal};
  const auto found = answers_.find(host);
  if (found == answers_.end()) return {};
  if (found->second.expires_at <= loop_.now()) {
    answers_.erase(found);
    return {};
  }
  return found->second.addresses;
}

std::unique_ptr<Resolving> Resolver::ask(const std::string& host, ResolveEvents& events) {
  const auto running = questions_.find(host);
  if (running != questions_.end()) return running->second->join(events);
  auto question = std::make_unique<Question>(*this, host);
  const int status = question->start(loop_.uv());
  if (status < 0) return std::make_unique<NotAsked>(loop_, reason_of(status), events);
  auto* const asked = question.release();  // The callback's now.
  questions_.emplace(host, asked);
  return asked->join(events);
}

void Resolver::forget(const std::string& host) {
  answers_.erase(host);
}

void Resolver::prefer(const std::string& host, const Address& address) {
  const auto found = answers_.find(host);
  if (found == answers_.end()) return;
  auto portless = address;
  portless.set_port(0);
  auto& addresses = found->second.addresses;
  const auto place = std::find(addresses.begin(), addresses.end(), portless);
  if (place != addresses.end()) std::rotate(addresses.begin(), place, place + 1);
}

void Resolver::keep(const std::string& host, const std::vector<Address>& addresses) {
  if (answers_.size() >= most_answers) {
    std::erase_if(answers_,
                  [now = loop_.now()](const auto& entry) { return entry.second.expires_at <= now; });
    if (answers_.size() >= most_answers) answers_.clear();
  }
  answers_.insert_or_assign(host, Answer{addresses, loop_.now() + kept_for});
}

}  // namespace pollux
