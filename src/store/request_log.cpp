#include "store/request_log.h"

namespace pollux {

void RequestLog::add(ExchangeRecord record) {
  const bool well = record.outcome == "answered" && record.status < 400;
  if (wanted_body_bytes() == 0 || (well && only_errors_.load(std::memory_order_relaxed)))
    record.bodies.reset();
  thread_->add(std::move(record));
}

template <typename T>
RequestLog::Question RequestLog::ask(Loop& loop, std::function<T(RequestFile&)> read, Answer<T> answer) {
  const auto question = std::make_shared<const Answer<T>>(std::move(answer));
  const std::weak_ptr<const Answer<T>> asked = question;
  const auto tell = [&loop, asked](Result<T> result) {
    loop.post([asked, result = std::make_shared<Result<T>>(std::move(result))] {
      if (const auto still_asked = asked.lock()) (*still_asked)(std::move(*result));
    });
  };
  thread_->ask({[asked] { return !asked.expired(); },
                [read = std::move(read), tell](RequestFile& file) { tell(read(file)); },
                [tell](Error error) { tell(std::move(error)); }});
  return question;
}

RequestLog::Question RequestLog::find(Loop& loop, RequestQuery query, Answer<RequestPage> answer) {
  return ask<RequestPage>(
      loop, [query = std::move(query)](RequestFile& file) { return file.find(query); }, std::move(answer));
}

RequestLog::Question RequestLog::get(Loop& loop, std::int64_t id,
                                     Answer<std::optional<ExchangeRecord>> answer) {
  return ask<std::optional<ExchangeRecord>>(
      loop, [id](RequestFile& file) { return file.get(id); }, std::move(answer));
}

RequestLog::Question RequestLog::remove(Loop& loop, RequestQuery query, Answer<RemovedRequests> answer) {
  return ask<RemovedRequests>(
      loop, [query = std::move(query)](RequestFile& file) { return file.remove(query); }, std::move(answer));
}

RequestLog::Question RequestLog::stats(Loop& loop, std::chrono::minutes window, WallTime now,
                                       Answer<TrafficStats> answer) {
  return ask<TrafficStats>(
      loop, [window, now](RequestFile& file) { return file.stats(window, now); }, std::move(answer));
}

}  // namespace pollux
