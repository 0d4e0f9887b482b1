#include "admin/live_feed.h"

#include <algorithm>

#include "admin/exchange_json.h"

namespace pollux {
namespace {

std::string event_text(std::string_view event, std::string_view data) {
  std::string text;
  text.reserve(event.size() + data.size() + 16);
  text.append("event: ").append(event).append("\ndata: ").append(data).append("\n\n");
  return text;
}

}  // namespace

// -- A listener

LiveFeed::Listener::~Listener() {
  const std::lock_guard lock(feed_.mutex_);
  std::erase(feed_.listeners_, this);
  feed_.heard_.store(!feed_.listeners_.empty(), std::memory_order_relaxed);
}

std::string LiveFeed::Listener::take() {
  const std::lock_guard lock(feed_.mutex_);
  told_ = false;
  return std::exchange(queue_, {});
}

void LiveFeed::Listener::add(std::string_view event) {
  if (queue_.size() + event.size() > queue_bytes) {
    ++dropped_;
    return;
  }
  queue_ += event;
  wake();
}

void LiveFeed::Listener::wake() {
  if (!std::exchange(told_, true)) on_news_();
}

// -- The feed

std::unique_ptr<LiveFeed::Listener> LiveFeed::listen(std::function<void()> on_news) {
  auto listener = std::make_unique<Listener>(*this, std::move(on_news));
  const std::lock_guard lock(mutex_);
  if (closed() || listeners_.size() >= most_listeners) return nullptr;
  listeners_.push_back(listener.get());
  heard_.store(true, std::memory_order_relaxed);
  if (on_listen_) on_listen_();
  return listener;
}

std::size_t LiveFeed::listeners() const {
  const std::lock_guard lock(mutex_);
  return listeners_.size();
}

void LiveFeed::publish(std::string_view event, std::string_view data) {
  if (is_heard()) tell_all(event_text(event, data));
}

void LiveFeed::publish_request(const ExchangeRecord& record) {
  if (!is_heard()) return;
  if (requests_.fetch_add(1, std::memory_order_relaxed) >= requests_a_second) return;
  publish("request", summary_json(record).dump(-1, ' ', false, Json::error_handler_t::replace));
}

void LiveFeed::publish_traffic(std::string_view traffic) {
  const auto requests = requests_.exchange(0, std::memory_order_relaxed);
  const auto untold = requests > requests_a_second ? requests - requests_a_second : 0;
  const auto open = traffic.substr(0, traffic.size() - 1);  // Without its brace.
  const std::lock_guard lock(mutex_);
  for (auto* listener : listeners_) {
    listener->dropped_ += untold;
    const auto dropped = listener->dropped_;
    listener->dropped_ = 0;
    const auto tail = dropped > 0 ? ",\"dropped\":" + std::to_string(dropped) + "}" : std::string("}");
    listener->add(event_text("traffic", std::string(open) + tail));
    if (listener->dropped_ > 0) listener->dropped_ += dropped;  // It was lost, and what it told with it.
  }
}

void LiveFeed::publish_comment() {
  tell_all(":\n\n");
}

void LiveFeed::tell_all(std::string_view event) {
  const std::lock_guard lock(mutex_);
  for (auto* listener : listeners_) listener->add(event);
}

void LiveFeed::set_on_listen(std::function<void()> on_listen) {
  const std::lock_guard lock(mutex_);
  on_listen_ = std::move(on_listen);
}

void LiveFeed::close() {
  const std::lock_guard lock(mutex_);
  closed_.store(true, std::memory_order_relaxed);
  for (auto* listener : listeners_) listener->wake();
}

}  // namespace pollux
