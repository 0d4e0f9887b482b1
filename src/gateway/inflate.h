// Undoes gzip and deflate piece by piece, to look into answers that pass compressed.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace pollux {

class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Appends what the bytes decode to; false if they are no gzip or zlib stream, or `limit` bytes were passed.
  bool decode(std::string_view bytes, std::string& decoded, std::size_t limit);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// What the beginning of a compressed body decodes to, at most so many bytes; itself if it is not compressed.
struct InflatedBeginning {
  std::string text;
  bool is_cut = false;  // There was more.
};
InflatedBeginning inflate_beginning(std::string_view bytes, std::size_t most_bytes);

// Whether a Content-Encoding is one that Inflater undoes.
bool can_inflate(std::string_view content_encoding) noexcept;

}  // namespace pollux
