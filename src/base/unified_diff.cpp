#include "base/unified_diff.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace pollux {
namespace {

constexpr int most_edits = 1000;         // The trace takes this squared, in integers: 4 MB.
constexpr std::size_t lines_around = 3;  // Of a change.

using Lines = std::vector<std::string_view>;  // Each with its line end, which the last may lack.

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto size = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

// Which lines of either text have no partner in the other.
struct Marks {
  std::vector<bool> removed, added;
};

// The path of fewest edits from the beginning of both texts to their end, on which a step right removes a
// line, a step down adds one, and a diagonal step keeps one. Diagonal k holds the points with x - y = k.
class ShortestPath {
 public:
  ShortestPath(const Lines& before, const Lines& after, std::size_t begin, std::size_t before_end,
               std::size_t after_end)
      : before_(before),
        after_(after),
        begin_(begin),
        width_(static_cast<int>(before_end - begin)),
        height_(static_cast<int>(after_end - begin)) {}

  // False: there are more than most_edits.
  bool mark(Marks& marks) {
    const int most = std::min(width_ + height_, most_edits);
    for (int edits = 0; edits <= most; ++edits) {
      extend(edits);
      if (furthest(edits, width_ - height_) >= width_) return walk_back(edits, marks), true;
    }
    return false;
  }

 private:
  // Of diagonal k in the row of so many edits, which begins with -edits.
  static std::size_t place(int edits, int k) {
    const int at = k + edits;
    return static_cast<std::size_t>(at);
  }

  // How far along the old text so many edits lead on diagonal k; -1: not there.
  int furthest(int edits, int k) const {
    if (k < -edits || k > edits) return -1;
    return trace_[static_cast<std::size_t>(edits)][place(edits, k)];
  }

  // Whether the best way there with one more edit comes down from diagonal k + 1, not right from k - 1.
  bool comes_down(int edits, int k) const { return furthest(edits - 1, k - 1) < furthest(edits - 1, k + 1); }

  void extend(int edits) {
    std::vector<int> row(static_cast<std::size_t>(2 * edits + 1), -1);
    for (int k = -edits; k <= edits; k += 2) {
      int x = 0;
      if (edits > 0) x = comes_down(edits, k) ? furthest(edits - 1, k + 1) : furthest(edits - 1, k - 1) + 1;
      row[place(edits, k)] = slide(x, k);
    }
    trace_.push_back(std::move(row));
  }

  // As far as the lines agree.
  int slide(int x, int k) const {
    while (x < width_ && x - k < height_ && old_line(x) == new_line(x - k)) ++x;
    return x;
  }

  void walk_back(int edits, Marks& marks) const {
    for (int k = width_ - height_; edits > 0; --edits) {
      if (comes_down(edits, k)) {
        ++k;
        marks.added[place(furthest(edits - 1, k) - k)] = true;
      } else {
        --k;
        marks.removed[place(furthest(edits - 1, k))] = true;
      }
    }
  }

  std::size_t place(int line) const { return begin_ + static_cast<std::size_t>(line); }
  std::string_view old_line(int line) const { return before_[place(line)]; }
  std::string_view new_line(int line) const { return after_[place(line)]; }

  const Lines& before_;
  const Lines& after_;
  const std::size_t begin_;
  const int width_, height_;
  std::vector<std::vector<int>> trace_;  // By edits, then by diagonal from -edits on.
};

Marks compare(const Lines& before, const Lines& after) {
  Marks marks{std::vector<bool>(before.size()), std::vector<bool>(after.size())};
  std::size_t begin = 0, before_end = before.size(), after_end = after.size();
  while (begin < before_end && begin < after_end && before[begin] == after[begin]) ++begin;
  while (before_end > begin && after_end > begin && before[before_end - 1] == after[after_end - 1])
    --before_end, --after_end;
  if (ShortestPath(before, after, begin, before_end, after_end).mark(marks)) return marks;
  std::fill(marks.removed.begin() + static_cast<std::ptrdiff_t>(begin),
            marks.removed.begin() + static_cast<std::ptrdiff_t>(before_end), true);
  std::fill(marks.added.begin() + static_cast<std::ptrdiff_t>(begin),
            marks.added.begin() + static_cast<std::ptrdiff_t>(after_end), true);
  return marks;
}

// One line of the diff: ' ', '-' or '+', and where it stands in both texts.
struct Step {
  char sign;
  std::string_view line;
};

std::vector<Step> steps_of(const Lines& before, const Lines& after, const Marks& marks) {
  std::vector<Step> steps;
  std::size_t x = 0, y = 0;
  while (x < before.size() || y < after.size()) {
    if (x < before.size() && marks.removed[x]) {
      steps.push_back({'-', before[x++]});
    } else if (y < after.size() && marks.added[y]) {
      steps.push_back({'+', after[y++]});
    } else {
      steps.push_back({' ', before[x++]});
      ++y;
    }
  }
  return steps;
}

// "12,3": as `diff` counts, a range of one line without its size, and an empty one behind the line before it.
std::string range(std::size_t first, std::size_t count) {
  if (count == 1) return std::to_string(first + 1);
  return std::to_string(count == 0 ? first : first + 1) + "," + std::to_string(count);
}

class Writer {
 public:
  explicit Writer(const std::vector<Step>& steps) : steps_(steps) {}

  // Changes with at most six lines between them share a hunk.
  std::string write() {
    std::size_t at = 0;
    while (at < steps_.size()) {
      const auto change = next_change(at);
      if (change == steps_.size()) break;
      const auto begin = std::max(at, change - std::min(change, lines_around));
      auto last = change;
      for (auto next = next_change(last + 1); next < steps_.size() && next - last - 1 <= 2 * lines_around;
           next = next_change(last + 1)) {
        last = next;
      }
      skip(at, begin);
      at = std::min(last + 1 + lines_around, steps_.size());
      write_hunk(begin, at);
    }
    return std::move(text_);
  }

 private:
  std::size_t next_change(std::size_t from) const {
    while (from < steps_.size() && steps_[from].sign == ' ') ++from;
    return std::min(from, steps_.size());
  }

  // Between hunks every line is in both texts.
  void skip(std::size_t from, std::size_t to) { old_line_ += to - from, new_line_ += to - from; }

  void write_hunk(std::size_t begin, std::size_t end) {
    const auto count_but = [&](char sign) {
      return static_cast<std::size_t>(std::count_if(steps_.begin() + static_cast<std::ptrdiff_t>(begin),
                                                    steps_.begin() + static_cast<std::ptrdiff_t>(end),
                                                    [sign](const Step& step) { return step.sign != sign; }));
    };
    const auto of_old = count_but('+'), of_new = count_but('-');
    text_ += "@@ -" + range(old_line_, of_old) + " +" + range(new_line_, of_new) + " @@\n";
    for (auto at = begin; at < end; ++at) {
      text_ += steps_[at].sign;
      text_ += steps_[at].line;
      if (!steps_[at].line.ends_with('\n')) text_ += "\n\\ No newline at end of file\n";
    }
    old_line_ += of_old, new_line_ += of_new;
  }

  const std::vector<Step>& steps_;
  std::string text_;
  std::size_t old_line_ = 0, new_line_ = 0;  // Counted from 0: where the next hunk may begin.
};

}  // namespace

std::string unified_diff(std::string_view old_text, std::string_view new_text, std::string_view old_name,
                         std::string_view new_name) {
  if (old_text == new_text) return {};
  const auto before = lines_of(old_text), after = lines_of(new_text);
  const auto steps = steps_of(before, after, compare(before, after));
  std::string text = "--- ";
  text.append(old_name).append("\n+++ ").append(new_name).append("\n");
  return text + Writer(steps).write();
}

}  // namespace pollux
