// A heap of numbered things that knows where each of them lies, so that one whose order has changed is moved,
// or taken out, in O(log n). Four children a parent, and orders beside each other: half the cache misses of a
// binary one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pollux {

// The least order is at the top; of equals the lowest number.
template <typename Order>
class IndexedHeap {
 public:
  struct Item {
    Order order;
    std::uint32_t number;
    bool before(const Item& other) const {
      return order < other.order || (!(other.order < order) && number < other.number);
    }
  };

  bool empty() const noexcept { return items_.empty(); }
  const Item& top() const { return items_.front(); }
  bool holds(std::uint32_t number) const { return places_[number] != nowhere; }
  const Order& order_of(std::uint32_t number) const { return items_[places_[number]].order; }

  // Begins anew, for things numbered below `size`.
  void reset(std::size_t size) {
    items_.clear();
    places_.assign(size, nowhere);
  }
  // Adds it, or moves it to where it belongs now.
  void put(std::uint32_t number, const Order& order) {
    auto place = places_[number];
    if (place == nowhere) {
      place = static_cast<std::uint32_t>(items_.size());
      items_.push_back({order, number});
      return rise(place, {order, number});
    }
    const Item item{order, number};
    item.before(items_[place]) ? rise(place, item) : sink(place, item);
  }
  void take_out(std::uint32_t number) {
    const auto place = places_[number];
    if (place == nowhere) return;
    places_[number] = nowhere;
    const auto last = items_.back();
    items_.pop_back();
    if (last.number == number) return;
    place > 0 && last.before(items_[parent_of(place)]) ? rise(place, last) : sink(place, last);
  }

 private:
  static constexpr std::uint32_t nowhere = 0xFFFFFFFF, children = 4;
  static std::uint32_t parent_of(std::uint32_t place) { return (place - 1) / children; }

  void set(std::uint32_t place, const Item& item) {
    items_[place] = item;
    places_[item.number] = place;
  }
  void rise(std::uint32_t place, const Item& item) {
    for (; place > 0 && item.before(items_[parent_of(place)]); place = parent_of(place)) {
      set(place, items_[parent_of(place)]);
    }
    set(place, item);
  }
  void sink(std::uint32_t place, const Item& item) {
    for (;;) {
      const auto first = place * children + 1;
      if (first >= items_.size()) break;
      const auto end = std::min<std::size_t>(first + children, items_.size());
      auto least = first;
      for (auto child = first + 1; child < end; ++child) {
        if (items_[child].before(items_[least])) least = child;
      }
      if (!items_[least].before(item)) break;
      set(place, items_[least]);
      place = least;
    }
    set(place, item);
  }

  std::vector<Item> items_;
  std::vector<std::uint32_t> places_;  // By number.
};

}  // namespace pollux
