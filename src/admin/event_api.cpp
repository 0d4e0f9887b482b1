// GET /admin/events.

#include "admin/admin_call.h"
#include "admin/live_feed.h"
#include "admin/sessions.h"
#include "net/timer.h"

namespace pollux {
namespace {

constexpr std::chrono::milliseconds between_batches{200};
// Then the page connects anew, and is asked anew who it is.
constexpr std::chrono::hours longest_stream{1};
constexpr std::string_view reconnect_after = "retry: 2000\n";  // ms

// One open stream, on the loop of its worker. At most one batch waits in the connection: the next is taken
// from the feed once the client has taken that.
class FeedStream final : public AdminTask {
 public:
  static std::unique_ptr<AdminTask> open(Admin& admin, std::string session, AdminReply& reply) {
    auto stream = std::make_unique<FeedStream>(admin, std::move(session), reply);
    if (!stream->listener_) {
      auto full = admin_error(503, "too many streams of events are open, or Pollux is stopping");
      full.headers.set("Retry-After", "5");
      reply.answer(std::move(full));
      return nullptr;
    }
    stream->begin();
    return stream;
  }

  // `session`: the token of the one that it was opened by, if any: the stream ends with it.
  FeedStream(Admin& admin, std::string session, AdminReply& reply)
      : admin_(admin),
        session_(std::move(session)),
        reply_(reply),
        batch_(admin.loop, [this] { send_batch(); }),
        end_(admin.loop, [this] { finish(); }),
        listener_(admin.feed.listen([alive = alive_, &loop = admin.loop] {
          loop.post([alive] {
            if (*alive) (*alive)->on_news();
          });
        })) {}

  ~FeedStream() override { *alive_ = nullptr; }

 private:
  void begin() {
    Headers headers;
    headers.set("Content-Type", "text/event-stream");
    headers.set("X-Accel-Buffering", "no");  // nginx before Pollux would hold events back.
    reply_.start(200, headers);
    const Json hello = {{"version", admin_.version}, {"time", iso_time(admin_.clock.wall())}};
    reply_.write(std::string(reconnect_after) + "event: hello\ndata: " + hello.dump() + "\n\n");
    end_.start(longest_stream);
  }

  void on_news() {
    if (admin_.feed.closed()) return finish();
    if (!batch_.running()) batch_.start(next_batch_ - admin_.loop.now());
  }

  void send_batch() {
    if (reply_.queued_bytes() > 0) {
      late_ = true;
      return;
    }
    next_batch_ = admin_.loop.now() + between_batches;
    if (!session_.empty() && !admin_.sessions.lasts(session_)) return finish();
    const auto events = listener_->take();
    if (!events.empty()) reply_.write(events);
  }

  void on_drained() override {
    if (std::exchange(late_, false)) on_news();
  }

  void finish() {
    batch_.stop();
    end_.stop();
    reply_.finish();
  }

  Admin& admin_;
  const std::string session_;
  AdminReply& reply_;
  Timer batch_, end_;
  std::chrono::milliseconds next_batch_{0};
  bool late_ = false;  // A batch waits for the client.
  std::shared_ptr<FeedStream*> alive_ =
      std::make_shared<FeedStream*>(this);  // Read on the worker's thread only.
  std::unique_ptr<LiveFeed::Listener> listener_;
};

}  // namespace

AdminAnswer answer_events(const AdminCall& call, std::string_view rest) {
  if (!rest.empty()) return admin_error(404, "there is no " + call.path);
  if (call.method != "GET") return only_offered({"GET"});
  AdminAnswer answer;
  answer.task = [&admin = call.admin, session = call.authority.session](AdminReply& reply) {
    return FeedStream::open(admin, session, reply);
  };
  return answer;
}

}  // namespace pollux
