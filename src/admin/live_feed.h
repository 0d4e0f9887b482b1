// The live feed: what happens is told to whoever listens, as server-sent events.
//
// Any thread may publish; while nobody listens that costs one atomic load. Each listener has a bounded queue:
// one that does not read loses events, and is told how many.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "store/exchange_record.h"

namespace pollux {

class LiveFeed {
 public:
  static constexpr std::size_t most_listeners = 50;
  static constexpr std::size_t queue_bytes = std::size_t{128} * 1024;  // Of a listener.
  static constexpr std::uint32_t requests_a_second = 50;  // That are told; the others are counted.

  // One who listens, until it is destroyed. Must not outlive the feed.
  class Listener {
   public:
    // `on_news` is called from any thread, within the feed's lock: it must not block, nor use the feed. It
    // says that there is something to take(), or that the feed is over; then it is silent until take().
    Listener(LiveFeed& feed, std::function<void()> on_news) : feed_(feed), on_news_(std::move(on_news)) {}
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    std::string take();  // All that waits, ready to be sent.

   private:
    friend LiveFeed;
    void add(std::string_view event);  // REQUIRES: the feed's lock is held.
    void wake();                       // Likewise.

    LiveFeed& feed_;
    const std::function<void()> on_news_;
    std::string queue_;
    std::uint64_t dropped_ = 0;  // Not told yet.
    bool told_ = false;          // That there is something.
  };

  // Null: there are too many, or the feed is over.
  std::unique_ptr<Listener> listen(std::function<void()> on_news);
  bool is_heard() const noexcept { return heard_.load(std::memory_order_relaxed); }
  std::size_t listeners() const;

  // `data`: JSON in one line.
  void publish(std::string_view event, std::string_view data);
  void publish_request(const ExchangeRecord& record);
  // Once a second: `traffic`, an object, to which each listener's number of lost events is added; and the
  // requests of another second may be told.
  void publish_traffic(std::string_view traffic);
  // What keeps a connection open where nothing happens.
  void publish_comment();

  // Called for each new listener, within the feed's lock, under the same conditions as `on_news`; null:
  // nobody cares.
  void set_on_listen(std::function<void()> on_listen);

  // Ends every stream, for ever.
  void close();
  bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

 private:
  void tell_all(std::string_view event);

  std::atomic<bool> heard_{false}, closed_{false};
  std::atomic<std::uint32_t> requests_{0};  // Of this second.
  mutable std::mutex mutex_;                // Guards all below, and the listeners' queues.
  std::vector<Listener*> listeners_;
  std::function<void()> on_listen_;
};

}  // namespace pollux
