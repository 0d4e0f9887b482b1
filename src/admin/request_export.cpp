#include "admin/request_export.h"

#include <algorithm>

#include "admin/exchange_csv.h"
#include "admin/exchange_json.h"

namespace pollux {
namespace {

constexpr std::size_t rows_in_a_piece = 200;

class RequestExport final : public AdminTask {
 public:
  RequestExport(Admin& admin, AdminReply& reply, RequestQuery query, ExportForm form)
      : admin_(admin), reply_(reply), form_(form), query_(std::move(query)), rows_left_(query_.limit) {
    ask();
  }

  void on_drained() override {
    if (waits_for_client_) ask();
  }

 private:
  void ask() {
    waits_for_client_ = false;
    query_.limit = std::min(rows_in_a_piece, rows_left_);
    question_ = admin_.requests.find(admin_.loop, query_,
                                     [this](Result<RequestPage> page) { on_page(std::move(page)); });
  }

  void on_page(Result<RequestPage> page) {
    if (!page) {
      if (started_) return reply_.abort();
      return reply_.answer(admin_error(503, page.error().message));
    }
    if (!started_) start();
    std::string text;
    for (const auto& record : page->requests) text += line(record);
    if (!text.empty()) reply_.write(text);
    rows_left_ -= page->requests.size();
    if (!page->next || rows_left_ == 0) return reply_.finish();
    query_.before = *page->next;
    waits_for_client_ = reply_.queued_bytes() > 0;
    if (!waits_for_client_) ask();
  }

  void start() {
    started_ = true;
    const bool csv = form_ == ExportForm::csv;
    std::string time;
    for (const char c : iso_time(admin_.clock.wall()).substr(0, 19)) {
      if (c != '-' && c != ':') time += c;
    }
    Headers headers;
    headers.set("Content-Type",
                csv ? "text/csv; charset=UTF-8; header=present" : "application/jsonl; charset=UTF-8");
    headers.set("Content-Disposition",
                "attachment; filename=\"pollux-requests-" + time + "Z" + (csv ? ".csv\"" : ".jsonl\""));
    reply_.start(200, headers);
    if (csv) reply_.write(csv_head());
  }

  std::string line(const ExchangeRecord& record) const {
    if (form_ == ExportForm::csv) return csv_line(record);
    auto json = summary_json(record);
    json["attempts"] = attempts_json(record);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }

  Admin& admin_;
  AdminReply& reply_;
  const ExportForm form_;
  RequestQuery query_;
  std::size_t rows_left_;
  RequestLog::Question question_;
  bool started_ = false;
  bool waits_for_client_ = false;
};

}  // namespace

std::unique_ptr<AdminTask> export_requests(Admin& admin, AdminReply& reply, RequestQuery query,
                                           ExportForm form) {
  return std::make_unique<RequestExport>(admin, reply, std::move(query), form);
}

}  // namespace pollux
