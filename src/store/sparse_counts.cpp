#include "store/sparse_counts.h"

#include <algorithm>
#include <bit>

namespace pollux {
namespace {

// Seven bits a byte, the lowest first; the highest bit says that more follow.
void append_varint(std::string& bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes += static_cast<char>((number & 0x7f) | 0x80);
  bytes += static_cast<char>(number);
}

bool take_varint(std::string_view& bytes, std::uint64_t& number) {
  number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// The first 16 buckets are a microsecond each; from there on every doubling has 16.
constexpr unsigned bits_within = 4;
constexpr std::uint64_t buckets_within = 1U << bits_within;

std::uint32_t bucket_of(std::uint64_t microseconds) {
  if (microseconds < buckets_within) return static_cast<std::uint32_t>(microseconds);
  const auto shift = static_cast<unsigned>(std::bit_width(microseconds)) - bits_within - 1;
  return static_cast<std::uint32_t>((shift << bits_within) + (microseconds >> shift));
}

std::uint64_t begin_of(std::uint32_t bucket) {
  if (bucket < 2 * buckets_within) return bucket;
  const auto shift = (bucket >> bits_within) - 1;
  return ((bucket & (buckets_within - 1)) | buckets_within) << shift;
}

}  // namespace

void SparseCounts::add(std::uint32_t number, std::uint64_t count) {
  const auto place = std::ranges::lower_bound(entries_, number, {}, &Entry::first);
  if (place != entries_.end() && place->first == number) {
    place->second += count;
  } else {
    entries_.emplace(place, number, count);
  }
}

void SparseCounts::add(const SparseCounts& more) {
  for (const auto& [number, count] : more.entries_) add(number, count);
}

std::string SparseCounts::encode() const {
  std::string bytes;
  std::uint32_t before = 0;
  for (const auto& [number, count] : entries_) {
    append_varint(bytes, number - before);
    append_varint(bytes, count);
    before = number;
  }
  return bytes;
}

SparseCounts SparseCounts::decode(std::string_view bytes) {
  constexpr std::uint64_t most = 1U << 16;  // No number is as large.
  SparseCounts counts;
  std::uint64_t number = 0, step = 0, count = 0;
  while (take_varint(bytes, step) && take_varint(bytes, count)) {
    if (step > most || (number += step) > most) break;
    counts.entries_.emplace_back(static_cast<std::uint32_t>(number), count);
  }
  return counts;
}

void TimeHistogram::add(std::chrono::microseconds time) {
  counts_.add(bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0))));
}

std::optional<std::chrono::microseconds> TimeHistogram::quantile(double share) const {
  std::uint64_t all = 0, before = 0;
  for (const auto& [bucket, count] : counts_.entries()) all += count;
  const double wanted = share * static_cast<double>(all);
  for (const auto& [bucket, count] : counts_.entries()) {
    if (static_cast<double>(before + count) < wanted) {
      before += count;
      continue;
    }
    // In the middle of the bucket but for what is spread over it.
    const auto begin = begin_of(bucket), width = begin_of(bucket + 1) - begin;
    const double within =
        std::clamp((wanted - static_cast<double>(before)) / static_cast<double>(count), 0.0, 1.0);
    return std::chrono::microseconds(begin + static_cast<std::uint64_t>(within * static_cast<double>(width)));
  }
  return std::nullopt;
}

}  // namespace pollux
