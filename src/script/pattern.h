// Lua's patterns (section 5.4.1 of the Lua 5.1 manual), matched in a bounded number of steps.
//
// A pattern is translated into a list of items first, without alternatives: so which capture an item opens or
// closes is known then, wrong patterns are refused before anything is matched, and matching needs no
// recursion: what may have to be tried again is one short list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pollux {

constexpr int max_pattern_captures = 32;

struct PatternItem {
  enum class Kind : std::uint8_t {
    text,
    any,
    set,
    balanced,
    frontier,
    open,
    close,
    position,
    repeat_capture,
    end_of_text,
    done
  };
  enum class Repeat : std::uint8_t { once, maybe, many, some, few };  // "", "?", "*", "+", "-"
  Kind kind = Kind::done;
  Repeat repeat = Repeat::once;
  char first = 0, second = 0;  // Of balanced.
  std::uint8_t capture = 0;
  std::uint32_t size = 0;  // Of text.
  union {
    const char* text;  // In the pattern, which outlives the items.
    std::uint64_t set[4];
  };
};

// What one item may have to try again: from `at` down to `least`, or (few) further from `at`.
struct PatternChoice {
  const PatternItem* item;
  const char* least;
  const char* at;
};

struct CompiledPattern {
  const PatternItem* items = nullptr;
  int captures = 0;
  bool anchored = false;
};

// `items` holds at least pattern.size() + 1. Null, or what is wrong with the pattern.
const char* compile_pattern(std::string_view pattern, bool may_be_anchored, PatternItem* items,
                            CompiledPattern& compiled);

struct PatternCapture {
  static constexpr std::ptrdiff_t is_position = -1;
  const char* begin;
  std::ptrdiff_t size;
};

class PatternMatcher {
 public:
  enum class Outcome { no, yes, too_expensive, interrupted };

  // `choices` holds as many as the pattern has items. `steps`: for all matches together; a text that is long
  // gets more. `interrupted()` is asked now and then.
  PatternMatcher(const CompiledPattern& pattern, std::string_view subject, PatternChoice* choices,
                 std::size_t steps, bool (*interrupted)() noexcept);

  // The first match that begins at `from` or later; an anchored pattern matches only there.
  Outcome search(const char* from);
  Outcome match_at(const char* start);

  const char* begin() const { return begin_; }
  const char* end() const { return end_; }
  int captures() const { return pattern_.captures; }
  const PatternCapture& capture(int index) const { return captures_[index]; }

 private:
  bool spend(std::size_t steps);
  bool matches_one(const PatternItem& item, const char* at) const;
  const char* longest_run(const PatternItem& item, const char* at) const;
  const char* after_item(const PatternItem& item, const char* at);
  const char* after_balanced(const PatternItem& item, const char* at);
  const char* begin_repeat(const PatternItem& item, const char* at);
  const char* try_again(const PatternItem*& next);

  CompiledPattern pattern_;
  const char* subject_;
  const char* subject_end_;
  PatternChoice* choices_;
  std::size_t choice_count_ = 0;
  std::size_t steps_left_;
  std::size_t until_poll_ = 0;
  bool (*interrupted_)() noexcept;
  Outcome cut_off_ = Outcome::no;  // Why matching was given up, if it was.
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  PatternCapture captures_[max_pattern_captures];
};

}  // namespace pollux
