#include "admin/live_feed.h"

#include <atomic>
#include <thread>

#include "catch.h"

using namespace pollux;

namespace {

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size()))
    ++found;
  return found;
}

ExchangeRecord exchange() {
  ExchangeRecord record;
  record.dialect = "gemini", record.endpoint = "generate", record.outcome = "answered";
  record.path = "/\xff";  // Not even UTF-8.
  return record;
}

}  // namespace

TEST_CASE("what is published reaches every listener once") {
  LiveFeed feed;
  CHECK(!feed.is_heard());
  feed.publish("settings", "{}");  // To nobody.
  int told = 0;
  const auto one = feed.listen([&] { ++told; });
  auto two = feed.listen([] {});
  CHECK(feed.is_heard());
  CHECK(feed.listeners() == 2);

  feed.publish("settings", "{}");
  feed.publish("clients", R"({"a":1})");
  CHECK(told == 1);  // Once, until it takes what there is.
  CHECK(one->take() == "event: settings\ndata: {}\n\nevent: clients\ndata: {\"a\":1}\n\n");
  CHECK(one->take().empty());
  feed.publish("settings", "{}");
  CHECK(told == 2);
  CHECK(count(two->take(), "event:") == 3);

  two.reset();
  CHECK(feed.listeners() == 1);
}

TEST_CASE("a listener who does not read loses events within its bound, and is told how many") {
  LiveFeed feed;
  const auto slow = feed.listen([] {});
  const auto quick = feed.listen([] {});
  const std::string data = "{\"text\":\"" + std::string(1000, 'x') + "\"}";
  for (int i = 0; i < 1000; ++i) {
    feed.publish("key", data);
    CHECK(count(quick->take(), "event: key") == 1);
  }
  feed.publish_traffic(R"({"in_flight":0})");
  CHECK(quick->take() == "event: traffic\ndata: {\"in_flight\":0}\n\n");

  const auto kept = slow->take();
  CHECK(kept.size() <= LiveFeed::queue_bytes);
  const auto lost = 1000 - count(kept, "event: key");
  CHECK(lost > 800);

  const bool traffic_fitted = count(kept, "event: traffic") == 1;
  const auto dropped = "\"dropped\":" + std::to_string(lost + (traffic_fitted ? 0 : 1)) + "}";
  feed.publish_traffic(R"({"in_flight":0})");
  CHECK(count(kept + slow->take(), dropped) == 1);
  feed.publish_traffic(R"({"in_flight":0})");
  CHECK(count(slow->take(), "dropped") == 0);
}

TEST_CASE("a lost word of lost events is made up for") {
  LiveFeed feed;
  const auto slow = feed.listen([] {});
  const std::string filling =
      "\"" + std::string(LiveFeed::queue_bytes - 27, 'x') + "\"";  // To the last byte.
  feed.publish("big", filling);
  for (int i = 0; i < 10; ++i) feed.publish_traffic("{\"a\":0}");
  CHECK(slow->take().size() > LiveFeed::queue_bytes - 30);
  feed.publish_traffic("{\"a\":0}");
  CHECK(slow->take() == "event: traffic\ndata: {\"a\":0,\"dropped\":10}\n\n");
}

TEST_CASE("of many requests in a second the first are told, the others are counted") {
  LiveFeed feed;
  const auto listener = feed.listen([] {});
  for (std::uint32_t i = 0; i < LiveFeed::requests_a_second + 7; ++i) feed.publish_request(exchange());
  CHECK(count(listener->take(), "event: request\ndata: {") == LiveFeed::requests_a_second);
  feed.publish_traffic("{\"a\":0}");
  CHECK(count(listener->take(), "\"dropped\":7}") == 1);

  feed.publish_request(exchange());
  CHECK(count(listener->take(), "event: request\ndata: {") == 1);
  feed.publish_traffic("{\"a\":0}");
  CHECK(count(listener->take(), "dropped") == 0);
}

TEST_CASE("an event is one block of lines, whatever a client sent") {
  LiveFeed feed;
  const auto listener = feed.listen([] {});
  auto record = exchange();
  record.path = "/a\n\nevent: key\ndata: {}";
  feed.publish_request(record);
  const auto text = listener->take();
  CHECK(count(text, "\n\n") == 1);
  CHECK(count(text, "\nevent:") == 0);
}

TEST_CASE("there is a most of listeners, and none once the feed is closed") {
  LiveFeed feed;
  std::vector<std::unique_ptr<LiveFeed::Listener>> listeners;
  int told = 0, new_ones = 0;
  feed.set_on_listen([&] { ++new_ones; });
  for (std::size_t i = 0; i < LiveFeed::most_listeners; ++i)
    listeners.push_back(feed.listen([&] { ++told; }));
  CHECK(feed.listen([] {}) == nullptr);
  CHECK(feed.listeners() == LiveFeed::most_listeners);
  CHECK(new_ones == static_cast<int>(LiveFeed::most_listeners));
  listeners.pop_back();

  feed.close();
  CHECK(told == static_cast<int>(LiveFeed::most_listeners) - 1);
  CHECK(feed.listen([] {}) == nullptr);
}

TEST_CASE("any thread may publish while listeners come and go") {
  LiveFeed feed;
  std::atomic<bool> over{false};
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&] {
      while (!over) {
        feed.publish("key", "{}");
        feed.publish_request(exchange());
      }
    });
  }
  std::size_t heard = 0;
  for (int i = 0; i < 200; ++i) {
    std::atomic<int> news{0};
    const auto listener = feed.listen([&] { ++news; });
    while (news == 0) std::this_thread::yield();
    heard += count(listener->take(), "event:");
    feed.publish_traffic("{\"a\":0}");
  }
  over = true;
  for (auto& worker : workers) worker.join();
  CHECK(heard >= 200);
  CHECK(!feed.is_heard());
}
