// GET /metrics.

#include "admin/admin_call.h"
#include "admin/metrics_reporter.h"

namespace pollux {
namespace {

// Waits for the report, which is made on another loop.
class MetricsTask final : public AdminTask {
 public:
  MetricsTask(Admin& admin, AdminReply& reply) : reply_(reply) {
    admin.metrics.report([alive = alive_, &loop = admin.loop](const std::string& text) {
      loop.post([alive, text] {
        if (*alive) (*alive)->answer(text);
      });
    });
  }
  ~MetricsTask() override { *alive_ = nullptr; }

 private:
  void answer(const std::string& text) {
    AdminAnswer answer;
    answer.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    answer.text = text;
    reply_.answer(std::move(answer));
  }

  AdminReply& reply_;
  std::shared_ptr<MetricsTask*> alive_ =
      std::make_shared<MetricsTask*>(this);  // Read on the worker's thread only.
};

}  // namespace

AdminAnswer answer_metrics(const AdminCall& call, std::string_view) {
  if (call.method != "GET") return only_offered({"GET"});
  AdminAnswer answer;
  answer.task = [&admin = call.admin](AdminReply& reply) {
    return std::make_unique<MetricsTask>(admin, reply);
  };
  return answer;
}

}  // namespace pollux
