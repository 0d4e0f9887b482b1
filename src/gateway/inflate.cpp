#include "gateway/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "http/message.h"

namespace pollux {

struct Inflater::Stream {
  z_stream z{};
  bool ready = false;
  bool ended = false;
};

Inflater::Inflater() : stream_(std::make_unique<Stream>()) {
  // 15 window bits, and 32 to take gzip and zlib headers alike.
  stream_->ready = inflateInit2(&stream_->z, 15 + 32) == Z_OK;
}

Inflater::~Inflater() {
  if (stream_->ready) inflateEnd(&stream_->z);
}

bool Inflater::decode(std::string_view bytes, std::string& decoded, std::size_t limit) {
  if (!stream_->ready) return false;
  auto& z = stream_->z;
  z.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // zlib only reads it.
  z.avail_in = static_cast<uInt>(bytes.size());
  std::array<char, 16'384> piece;
  while (z.avail_in > 0 && !stream_->ended) {
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = static_cast<uInt>(piece.size());
    const int state = inflate(&z, Z_SYNC_FLUSH);
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) return false;
    const auto size = piece.size() - z.avail_out;
    if (decoded.size() + size > limit) return false;
    decoded.append(piece.data(), size);
    stream_->ended = state == Z_STREAM_END;
    if (size == 0 && state == Z_BUF_ERROR) break;
  }
  return true;
}

InflatedBeginning inflate_beginning(std::string_view bytes, std::size_t most_bytes) {
  constexpr std::size_t piece = 512, longest_text = std::size_t{4} << 20;  // Decoded, it may be far longer.
  InflatedBeginning found;
  Inflater inflater;
  bool good = true;
  for (auto rest = bytes; good && !rest.empty() && found.text.size() <= most_bytes;) {
    good = inflater.decode(rest.substr(0, piece), found.text, longest_text);
    rest.remove_prefix(std::min(piece, rest.size()));
  }
  if (!good && found.text.empty()) found.text = bytes;
  if (found.text.size() <= most_bytes) return found;
  found.text.resize(most_bytes);
  found.is_cut = true;
  return found;
}

bool can_inflate(std::string_view content_encoding) noexcept {
  return equals_ignoring_case(content_encoding, "gzip") || equals_ignoring_case(content_encoding, "x-gzip") ||
         equals_ignoring_case(content_encoding, "deflate");
}

}  // namespace pollux
