// A gate whose handlers do what the test says and note what they see.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/server.h"

namespace pollux {

// What one request's handler saw; lives as long as the gate.
struct Seen {
  RequestHead head;
  BodyLength announced;
  std::string body;
  bool body_ended = false;
  bool client_gone = false;
  bool handler_destroyed = false;
  int drained = 0;
  Reply* reply = nullptr;
};

class ScriptedGate final : public Gate {
 public:
  using Deed = std::function<void(Seen&, Reply&)>;

  // By default: asks for the body and answers with it when it has ended.
  Deed on_begin = [](Seen&, Reply& reply) { reply.resume_body(); };
  Deed on_body;
  Deed on_body_end = [](Seen& seen, Reply& reply) { reply.send(200, {}, seen.head.target + seen.body); };
  Deed on_drained;

  std::vector<std::unique_ptr<Seen>> requests;
  std::vector<int> refused;
  std::string last_refused_target;

  std::unique_ptr<RequestHandler> accept(RequestHead head, BodyLength body, const ClientInfo&,
                                         Reply& reply) override {
    auto& seen = *requests.emplace_back(std::make_unique<Seen>());
    seen.head = std::move(head);
    seen.announced = body;
    seen.reply = &reply;
    return std::make_unique<Handler>(*this, seen, reply);
  }

  std::string refuse(int status, std::string_view message, std::string_view target,
                     Headers& headers) override {
    refused.push_back(status);
    last_refused_target = target;
    headers.add("Content-Type", "text/plain");
    return std::string(message);
  }

 private:
  class Handler final : public RequestHandler {
   public:
    Handler(ScriptedGate& gate, Seen& seen, Reply& reply) : gate_(gate), seen_(seen), reply_(reply) {}
    ~Handler() override { seen_.handler_destroyed = true; }
    void on_begin() override { act(gate_.on_begin); }
    void on_body(std::string_view bytes) override {
      seen_.body += bytes;
      act(gate_.on_body);
    }
    void on_body_end() override {
      seen_.body_ended = true;
      act(gate_.on_body_end);
    }
    void on_drained() override {
      ++seen_.drained;
      act(gate_.on_drained);
    }
    void on_client_gone() override { seen_.client_gone = true; }

   private:
    void act(const Deed& deed) {
      if (deed) deed(seen_, reply_);
    }
    ScriptedGate& gate_;
    Seen& seen_;
    Reply& reply_;
  };
};

}  // namespace pollux
