#include "script/pattern.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace pollux {

namespace {

using Kind = PatternItem::Kind;
using Repeat = PatternItem::Repeat;

struct ByteSet {
  std::uint64_t words[4] = {};

  constexpr void add(unsigned char byte) { words[byte / 64] |= std::uint64_t{1} << (byte % 64); }
  constexpr void add(const ByteSet& other) {
    for (int i = 0; i < 4; ++i) words[i] |= other.words[i];
  }
  constexpr ByteSet complement() const {
    ByteSet result;
    for (int i = 0; i < 4; ++i) result.words[i] = ~words[i];
    return result;
  }
};

constexpr bool in_class(char name, int c) {
  const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
  const bool graphic = c > ' ' && c < 127;
  switch (name) {
    case 'a':
      return lower || upper;
    case 'c':
      return c < ' ' || c == 127;
    case 'd':
      return digit;
    case 'g':
      return graphic;
    case 'l':
      return lower;
    case 'p':
      return graphic && !lower && !upper && !digit;
    case 's':
      return c == ' ' || (c >= '\t' && c <= '\r');
    case 'u':
      return upper;
    case 'w':
      return lower || upper || digit;
    case 'x':
      return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    case 'z':
      return c == 0;
    default:
      return false;
  }
}

constexpr std::string_view class_names = "acdglpsuwxz";

constexpr auto classes = [] {
  std::array<ByteSet, class_names.size()> sets{};
  for (std::size_t i = 0; i < class_names.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      if (in_class(class_names[i], c)) sets[i].add(static_cast<unsigned char>(c));
    }
  }
  return sets;
}();

// Adds what "%name" stands for; false where it is just the character itself.
bool add_class(char name, ByteSet& set) {
  const bool inverted = name >= 'A' && name <= 'Z';
  const std::size_t index = class_names.find(inverted ? static_cast<char>(name - 'A' + 'a') : name);
  if (index == std::string_view::npos) return false;
  set.add(inverted ? classes[index].complement() : classes[index]);
  return true;
}

class Compiler {
 public:
  Compiler(std::string_view pattern, PatternItem* items)
      : at_(pattern.data()), end_(pattern.data() + pattern.size()), items_(items) {}

  const char* compile(bool may_be_anchored, CompiledPattern& compiled) {
    compiled.anchored = may_be_anchored && at_ < end_ && *at_ == '^';
    if (compiled.anchored) ++at_;
    while (at_ < end_) {
      if (const char* problem = add_item()) return problem;
    }
    if (open_count_ > 0) return "malformed pattern (a '(' is not closed)";
    items_[count_] = PatternItem{};
    compiled.items = items_;
    compiled.captures = captures_;
    return nullptr;
  }

 private:
  const char* add_item() {
    if (*at_ == '(') return open_capture();
    if (*at_ == ')') return close_capture();
    if (*at_ == '$' && at_ + 1 == end_) {
      ++at_;
      add(Kind::end_of_text);
      return nullptr;
    }
    if (*at_ == '%') {
      if (at_ + 1 == end_) return "malformed pattern (ends with '%')";
      const char what = at_[1];
      if (what == 'b') return add_balanced();
      if (what == 'f') return add_frontier();
      if (what >= '0' && what <= '9') return add_repeated_capture(what);
    }
    return add_single();
  }

  const char* open_capture() {
    if (captures_ == max_pattern_captures) return "too many captures";
    const bool is_position = at_ + 1 < end_ && at_[1] == ')';
    at_ += is_position ? 2 : 1;
    closed_[captures_] = is_position;
    if (!is_position) open_[open_count_++] = captures_;
    add(is_position ? Kind::position : Kind::open).capture = static_cast<std::uint8_t>(captures_);
    ++captures_;
    return nullptr;
  }

  const char* close_capture() {
    if (open_count_ == 0) return "invalid pattern (a ')' closes nothing)";
    ++at_;
    const int capture = open_[--open_count_];
    closed_[capture] = true;
    add(Kind::close).capture = static_cast<std::uint8_t>(capture);
    return nullptr;
  }

  const char* add_balanced() {
    if (end_ - at_ < 4) return "malformed pattern (missing arguments to '%b')";
    PatternItem& item = add(Kind::balanced);
    item.first = at_[2];
    item.second = at_[3];
    at_ += 4;
    return nullptr;
  }

  const char* add_frontier() {
    at_ += 2;
    if (at_ == end_ || *at_ != '[') return "missing '[' after '%f' in pattern";
    return read_set(add(Kind::frontier));
  }

  const char* add_repeated_capture(char digit) {
    const int capture = digit - '1';
    if (capture < 0 || capture >= captures_ || !closed_[capture]) return "invalid capture index";
    at_ += 2;
    add(Kind::repeat_capture).capture = static_cast<std::uint8_t>(capture);
    return nullptr;
  }

  // One character, class or set, and how often it may stand there.
  const char* add_single() {
    PatternItem item;
    if (*at_ == '.') {
      item.kind = Kind::any;
      ++at_;
    } else if (*at_ == '[') {
      item.kind = Kind::set;
      if (const char* problem = read_set(item)) return problem;
    } else if (ByteSet set; *at_ == '%' && add_class(at_[1], set)) {
      item.kind = Kind::set;
      std::copy(std::begin(set.words), std::end(set.words), item.set);
      at_ += 2;
    } else {
      if (*at_ == '%') ++at_;
      item.kind = Kind::text;
      item.text = at_++;
      item.size = 1;
    }
    item.repeat = read_repeat();
    if (!joins_previous(item)) items_[count_++] = item;
    return nullptr;
  }

  Repeat read_repeat() {
    if (at_ == end_) return Repeat::once;
    switch (*at_) {
      case '?':
        return ++at_, Repeat::maybe;
      case '*':
        return ++at_, Repeat::many;
      case '+':
        return ++at_, Repeat::some;
      case '-':
        return ++at_, Repeat::few;
      default:
        return Repeat::once;
    }
  }

  // Plain characters in a row are one item.
  bool joins_previous(const PatternItem& item) {
    if (item.kind != Kind::text || item.repeat != Repeat::once || count_ == 0) return false;
    PatternItem& previous = items_[count_ - 1];
    if (previous.kind != Kind::text || previous.repeat != Repeat::once ||
        previous.text + previous.size != item.text) {
      return false;
    }
    ++previous.size;
    return true;
  }

  // "[...]", at its '['.
  const char* read_set(PatternItem& item) {
    constexpr const char* unfinished = "malformed pattern (missing ']')";
    ByteSet set;
    ++at_;
    const bool inverted = at_ < end_ && *at_ == '^';
    if (inverted) ++at_;
    bool may_end = false;  // A ']' in the first place is a member.
    while (true) {
      if (at_ == end_) return unfinished;
      if (may_end && *at_ == ']') break;
      may_end = true;
      if (*at_ == '%') {
        if (++at_ == end_) return unfinished;
        if (!add_class(*at_, set)) set.add(static_cast<unsigned char>(*at_));
        ++at_;
      } else if (end_ - at_ > 2 && at_[1] == '-' && at_[2] != ']') {
        for (int c = static_cast<unsigned char>(at_[0]); c <= static_cast<unsigned char>(at_[2]); ++c) {
          set.add(static_cast<unsigned char>(c));
        }
        // "[+-%]]": a '%' that ends a range still takes the special meaning from what follows it.
        const bool escapes = at_[2] == '%';
        at_ += 3;
        if (escapes && at_ < end_) set.add(static_cast<unsigned char>(*at_++));
      } else {
        set.add(static_cast<unsigned char>(*at_++));
      }
    }
    ++at_;
    const ByteSet meant = inverted ? set.complement() : set;
    std::copy(std::begin(meant.words), std::end(meant.words), item.set);
    return nullptr;
  }

  PatternItem& add(Kind kind) {
    PatternItem& item = items_[count_++];
    item = PatternItem{};
    item.kind = kind;
    return item;
  }

  const char* at_;
  const char* end_;
  PatternItem* items_;
  int count_ = 0;
  int captures_ = 0;
  int open_count_ = 0;
  int open_[max_pattern_captures] = {};
  bool closed_[max_pattern_captures] = {};
};

bool contains(const std::uint64_t (&set)[4], char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (set[byte / 64] >> (byte % 64)) & 1;
}

}  // namespace

const char* compile_pattern(std::string_view pattern, bool may_be_anchored, PatternItem* items,
                            CompiledPattern& compiled) {
  return Compiler(pattern, items).compile(may_be_anchored, compiled);
}

PatternMatcher::PatternMatcher(const CompiledPattern& pattern, std::string_view subject,
                               PatternChoice* choices, std::size_t steps, bool (*interrupted)() noexcept)
    : pattern_(pattern),
      subject_(subject.data()),
      subject_end_(subject.data() + subject.size()),
      choices_(choices),
      steps_left_(steps + 4 * subject.size()),
      interrupted_(interrupted) {}

bool PatternMatcher::spend(std::size_t steps) {
  constexpr std::size_t poll_every = 65'536;
  if (steps > steps_left_) {
    cut_off_ = Outcome::too_expensive;
    return false;
  }
  steps_left_ -= steps;
  until_poll_ += steps;
  if (until_poll_ >= poll_every) {
    until_poll_ = 0;
    if (interrupted_()) {
      cut_off_ = Outcome::interrupted;
      return false;
    }
  }
  return true;
}

PatternMatcher::Outcome PatternMatcher::search(const char* from) {
  if (pattern_.anchored) return match_at(from);
  const PatternItem& first = pattern_.items[0];
  const bool begins_with_text = first.kind == Kind::text && first.repeat == Repeat::once;
  for (const char* start = from; start <= subject_end_; ++start) {
    if (begins_with_text) {
      const auto rest = static_cast<std::size_t>(subject_end_ - start);
      start = rest ? static_cast<const char*>(std::memchr(start, *first.text, rest)) : nullptr;
      if (!start) return Outcome::no;
    }
    const Outcome outcome = match_at(start);
    if (outcome != Outcome::no) return outcome;
  }
  return Outcome::no;
}

PatternMatcher::Outcome PatternMatcher::match_at(const char* start) {
  choice_count_ = 0;
  cut_off_ = Outcome::no;
  begin_ = start;
  const PatternItem* item = pattern_.items;
  const char* at = start;
  while (true) {
    if (!spend(1)) return cut_off_;
    if (item->kind == Kind::done) {
      end_ = at;
      return Outcome::yes;
    }
    const char* after = item->repeat == Repeat::once ? after_item(*item, at) : begin_repeat(*item, at);
    ++item;
    if (!after) after = try_again(item);
    if (cut_off_ != Outcome::no) return cut_off_;
    if (!after) return Outcome::no;
    at = after;
  }
}

// The end of an item that stands once, or null.
const char* PatternMatcher::after_item(const PatternItem& item, const char* at) {
  const auto left = static_cast<std::size_t>(subject_end_ - at);
  PatternCapture& capture = captures_[item.capture];
  switch (item.kind) {
    case Kind::text:
      return left >= item.size && std::memcmp(at, item.text, item.size) == 0 ? at + item.size : nullptr;
    case Kind::any:
    case Kind::set:
      return matches_one(item, at) ? at + 1 : nullptr;
    case Kind::balanced:
      return after_balanced(item, at);
    case Kind::frontier: {
      const char before = at == subject_ ? '\0' : at[-1];
      const char here = at == subject_end_ ? '\0' : *at;
      return !contains(item.set, before) && contains(item.set, here) ? at : nullptr;
    }
    case Kind::open:
      capture = {at, 0};
      return at;
    case Kind::close:
      capture.size = at - capture.begin;
      return at;
    case Kind::position:
      capture = {at, PatternCapture::is_position};
      return at;
    case Kind::repeat_capture: {
      const auto size = static_cast<std::size_t>(std::max<std::ptrdiff_t>(capture.size, 0));
      if (!spend(size / 16)) return nullptr;
      return capture.size >= 0 && left >= size && std::memcmp(at, capture.begin, size) == 0 ? at + size
                                                                                            : nullptr;
    }
    case Kind::end_of_text:
      return at == subject_end_ ? at : nullptr;
    case Kind::done:
      break;
  }
  return nullptr;
}

const char* PatternMatcher::after_balanced(const PatternItem& item, const char* at) {
  if (at == subject_end_ || *at != item.first) return nullptr;
  int depth = 1;
  for (const char* next = at + 1; next < subject_end_; ++next) {
    if (!spend(1)) return nullptr;
    if (*next == item.second) {
      if (--depth == 0) return next + 1;
    } else if (*next == item.first) {
      ++depth;
    }
  }
  return nullptr;
}

bool PatternMatcher::matches_one(const PatternItem& item, const char* at) const {
  if (at == subject_end_) return false;
  switch (item.kind) {
    case Kind::any:
      return true;
    case Kind::set:
      return contains(item.set, *at);
    default:
      return *at == *item.text;
  }
}

const char* PatternMatcher::longest_run(const PatternItem& item, const char* at) const {
  if (item.kind == Kind::any) return subject_end_;
  while (matches_one(item, at)) ++at;
  return at;
}

const char* PatternMatcher::begin_repeat(const PatternItem& item, const char* at) {
  const char* least = at;
  const char* most = at;
  switch (item.repeat) {
    case Repeat::few:
      choices_[choice_count_++] = {&item, at, at};
      return at;
    case Repeat::maybe:
      most = matches_one(item, at) ? at + 1 : at;
      break;
    case Repeat::some:
      least = at + 1;
      [[fallthrough]];
    default:
      most = longest_run(item, at);
      if (item.kind != Kind::any && !spend(static_cast<std::size_t>(most - at))) return nullptr;
      break;
  }
  if (most < least) return nullptr;
  if (most > least) choices_[choice_count_++] = {&item, least, most};
  return most;
}

// Goes back to the last choice that is left; sets the item to go on with, and returns where, or null.
const char* PatternMatcher::try_again(const PatternItem*& next) {
  while (choice_count_ > 0 && cut_off_ == Outcome::no) {
    PatternChoice& choice = choices_[choice_count_ - 1];
    next = choice.item + 1;
    if (choice.item->repeat == Repeat::few) {
      if (matches_one(*choice.item, choice.at)) return ++choice.at;
      --choice_count_;
      continue;
    }
    const char* at = --choice.at;
    if (choice.at == choice.least) --choice_count_;
    return at;
  }
  return nullptr;
}

}  // namespace pollux
