// An HTTP client without a network.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/client.h"
#include "net/loop.h"

namespace pollux {

// An HTTP client that answers as the test tells it, on the loop's next turn.
class FakeClient final : public HttpClient {
 public:
  struct Seen {
    std::string origin, method, target, body;
    Headers headers;
    bool public_only;
    std::string credential;
  };
  struct Script {
    std::vector<std::string> chunks;
    int status = 200;
    Headers headers;
    BodyLength length = BodyLength::unknown();
    std::optional<TransportError> error;
    bool hangs = false;
  };

  explicit FakeClient(Loop& loop) : loop_(loop) {}

  std::unique_ptr<ClientRequest> start(const Origin& origin, const std::optional<Proxy>&,
                                       const OutgoingRequest& request, ResponseEvents& events) override {
    seen.push_back({origin.text(), std::string(request.method), std::string(request.target),
                    std::string(request.body), *request.headers, origin.public_only,
                    std::string(request.credential_value)});
    ++open;
    auto alive = std::make_shared<bool>(true);
    if (!script.hangs) {
      loop_.post([this, alive, &events] { play(alive, events); });
    }
    return std::make_unique<Request>(*this, alive);
  }
  std::size_t idle_connections() const override { return 0; }
  void set_limits(const ClientLimits&) override {}

  std::vector<Seen> seen;
  Script script;
  int open = 0;

 private:
  class Request final : public ClientRequest {
   public:
    Request(FakeClient& client, std::shared_ptr<bool> alive) : client_(client), alive_(std::move(alive)) {}
    ~Request() override { *alive_ = false, --client_.open; }
    void send_body(std::string_view) override {}
    void end_body() override {}
    std::size_t queued_bytes() const override { return 0; }
    void pause() override {}
    void resume() override {}

   private:
    FakeClient& client_;
    std::shared_ptr<bool> alive_;
  };

  void play(const std::shared_ptr<bool>& alive, ResponseEvents& events) {
    if (!*alive) return;
    if (script.error) return events.on_response_error(*script.error);
    ResponseHead head;
    head.status = script.status;
    head.headers = script.headers;
    events.on_response_head(head, script.length);
    for (const std::string& chunk : script.chunks) {
      if (*alive) events.on_response_body(chunk);
    }
    if (*alive) events.on_response_end();
  }

  Loop& loop_;
};

}  // namespace pollux
