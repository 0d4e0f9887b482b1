// GET DELETE /admin/requests, GET DELETE /admin/requests/{id}.

#include <array>
#include <charconv>
#include <limits>

#include "admin/admin_call.h"
#include "admin/exchange_json.h"
#include "admin/request_export.h"
#include "admin/request_filter.h"

namespace pollux {
namespace {

// Holds a question to the log until it is answered.
class Asking : public AdminTask {
 public:
  Asking(Admin& admin, AdminReply& reply) : admin_(admin), reply_(reply) {}

 protected:
  void refuse(const Error& error) { reply_.answer(admin_error(503, error.message)); }

  Admin& admin_;
  AdminReply& reply_;
  RequestLog::Question question_;
};

class Listing final : public Asking {
 public:
  Listing(Admin& admin, AdminReply& reply, RequestQuery query) : Asking(admin, reply) {
    question_ = admin.requests.find(admin.loop, std::move(query), [this](Result<RequestPage> page) {
      if (!page) return refuse(page.error());
      Json requests = Json::array();
      for (const auto& record : page->requests) requests.push_back(summary_json(record));
      const auto next = page->next;
      reply_.answer({200,
                     {{"requests", std::move(requests)},
                      {"next_cursor", next ? Json(std::to_string(*next)) : Json(nullptr)},
                      {"searched_until", next ? Json(iso_time(time_of_id(*next))) : Json(nullptr)}}});
    });
  }
};

Json body_json(const std::string& text, bool is_cut) {
  return is_cut ? text + "… (cut here)" : text;
}

class Reading final : public Asking {
 public:
  Reading(Admin& admin, AdminReply& reply, std::int64_t id) : Asking(admin, reply) {
    question_ = admin.requests.get(admin.loop, id, [this](Result<std::optional<ExchangeRecord>> found) {
      if (!found) return refuse(found.error());
      if (!*found) return reply_.answer(admin_error(404, "there is no such request in the log", "id"));
      const auto& record = **found;
      auto json = summary_json(record);
      json["attempts"] = attempts_json(record);
      const auto& bodies = record.bodies;
      json["request_body"] = bodies ? body_json(bodies->request, bodies->request_is_cut) : Json(nullptr);
      json["answer_body"] = bodies ? body_json(bodies->answer, bodies->answer_is_cut) : Json(nullptr);
      reply_.answer({200, std::move(json)});
    });
  }
};

// Piece by piece, so that nobody else waits for it. Whoever leaves ends it.
class Removal final : public Asking {
 public:
  Removal(Admin& admin, AdminReply& reply, RequestQuery query, bool must_find)
      : Asking(admin, reply), query_(std::move(query)), must_find_(must_find) {
    constexpr std::size_t rows_in_a_piece = 200;
    query_.limit = rows_in_a_piece;
    ask();
  }

 private:
  void ask() {
    question_ = admin_.requests.remove(admin_.loop, query_, [this](Result<RemovedRequests> removed) {
      if (!removed) return refuse(removed.error());
      count_ += removed->count;
      if (removed->next) {
        query_.before = *removed->next;
        return ask();
      }
      if (must_find_ && count_ == 0)
        return reply_.answer(admin_error(404, "there is no such request in the log", "id"));
      reply_.answer({200, {{"deleted", count_}}});
    });
  }

  RequestQuery query_;
  bool must_find_;
  std::size_t count_ = 0;
};

AdminAnswer later(std::function<std::unique_ptr<AdminTask>(AdminReply&)> task) {
  AdminAnswer answer;
  answer.task = std::move(task);
  return answer;
}

AdminAnswer answer_one(const AdminCall& call, std::string_view text) {
  auto& admin = call.admin;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_id = error == std::errc() && end == text.data() + text.size();
  if (!is_id || id == std::numeric_limits<std::int64_t>::max())
    return admin_error(404, "there is no such request in the log", "id");
  if (auto refused = refused_parameters(call, {})) return *std::move(refused);
  if (call.method == "GET") {
    return later([&admin, id](AdminReply& reply) { return std::make_unique<Reading>(admin, reply, id); });
  }
  if (call.method != "DELETE") return only_offered({"GET", "DELETE"});
  RequestQuery query;
  query.from = id, query.before = id + 1;
  return later(
      [&admin, query](AdminReply& reply) { return std::make_unique<Removal>(admin, reply, query, true); });
}

AdminAnswer answer_list(const AdminCall& call) {
  constexpr std::array<std::string_view, 3> for_pages{"limit", "format", "cursor"};
  const auto for_exports = std::span(for_pages).first<2>();
  constexpr std::int64_t most_on_a_page = 1000, most_in_a_file = 1'000'000'000;
  const auto format = call.parameter("format").value_or("");
  if (!format.empty() && format != "csv" && format != "jsonl")
    return admin_error(400, "expected csv or jsonl", "format");
  auto& admin = call.admin;
  RequestQuery query;
  if (format.empty()) {
    if (auto problem = read_request_query(call, for_pages, most_on_a_page, query)) return *problem;
    return later(
        [&admin, query](AdminReply& reply) { return std::make_unique<Listing>(admin, reply, query); });
  }
  query.limit = most_in_a_file;
  if (auto problem = read_request_query(call, for_exports, most_in_a_file, query)) return *problem;
  const auto form = format == "csv" ? ExportForm::csv : ExportForm::json_lines;
  return later(
      [&admin, query, form](AdminReply& reply) { return export_requests(admin, reply, query, form); });
}

AdminAnswer remove_list(const AdminCall& call) {
  constexpr std::array<std::string_view, 1> for_removal{"all"};
  RequestQuery query;
  if (auto problem = read_request_query(call, for_removal, 0, query)) return *problem;
  const auto all = call.parameter("all").value_or("");
  if (!all.empty() && all != "true" && all != "false")
    return admin_error(400, "expected true or false", "all");
  if (query.filter.empty() && all != "true")
    return admin_error(400, "without a filter this deletes every request; say all=true if that is meant",
                       "all");
  if (!query.filter.empty() && all == "true") return admin_error(400, "all=true goes without filters", "all");
  auto& admin = call.admin;
  return later(
      [&admin, query](AdminReply& reply) { return std::make_unique<Removal>(admin, reply, query, false); });
}

}  // namespace

AdminAnswer answer_requests(const AdminCall& call, std::string_view id) {
  if (!id.empty()) return answer_one(call, id);
  if (call.method == "GET") return answer_list(call);
  if (call.method == "DELETE") return remove_list(call);
  return only_offered({"GET", "DELETE"});
}

}  // namespace pollux
