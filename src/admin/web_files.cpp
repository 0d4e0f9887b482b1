#include "admin/web_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/digest.h"

namespace pollux {
namespace {

constexpr std::size_t longest_path = 200;
constexpr off_t largest_file = 4 << 20;         // Bytes.
constexpr std::size_t worth_compressing = 512;  // Bytes; less fits into one packet anyway.
constexpr int compression = 5;                  // Nearly as small as 9 gets it, in half the time.

struct FileType {
  std::string_view ending, type;
  bool compresses;
};
constexpr std::array file_types{
    FileType{".html", "text/html; charset=UTF-8", true},
    FileType{".js", "text/javascript; charset=UTF-8", true},
    FileType{".mjs", "text/javascript; charset=UTF-8", true},
    FileType{".css", "text/css; charset=UTF-8", true},
    FileType{".json", "application/json", true},
    FileType{".webmanifest", "application/manifest+json", true},
    FileType{".svg", "image/svg+xml", true},
    FileType{".txt", "text/plain; charset=UTF-8", true},
    FileType{".ico", "image/x-icon", true},
    FileType{".png", "image/png", false},
    FileType{".jpg", "image/jpeg", false},
    FileType{".webp", "image/webp", false},
    FileType{".woff2", "font/woff2", false},
};

const FileType* type_of(std::string_view path) {
  const auto* const found =
      std::ranges::find_if(file_types, [path](const auto& type) { return path.ends_with(type.ending); });
  return found == file_types.end() ? nullptr : found;
}

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' ||
         c == '.';
}

// An open file of the system's.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int number() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

// Folder by folder, so that no symbolic link leads out. A pipe must not hold the thread.
File open_below(const std::string& folder, std::string_view path) {
  File at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (at.is_open()) {
    const auto slash = path.find('/');
    const bool last = slash == std::string_view::npos;
    const std::string name(path.substr(0, slash));
    const int how = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY);
    at = File(::openat(at.number(), name.c_str(), how));
    if (last) break;
    path.remove_prefix(slash + 1);
  }
  return at;
}

// A page that names libraries in package.json has them once scripts/vendor has run.
bool lacks_libraries(const std::string& folder) {
  return open_below(folder, "package.json").is_open() && !open_below(folder, "vendor/preact.js").is_open();
}

std::optional<std::string> read_whole(const File& file, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const auto count = ::read(file.number(), bytes.data() + filled, size - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;  // Cut short while it was read: the next request sees it whole.
    filled += static_cast<std::size_t>(count);
  }
  return bytes;
}

// In gzip's format; nothing: there is no memory.
std::optional<std::string> gzip(const std::string& bytes) {
  constexpr int gzip_window = 15 + 16, memory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, compression, Z_DEFLATED, gzip_window, memory, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (!whole) return std::nullopt;
  return packed;
}

// If-None-Match: "*", or tags of which each may be weak.
bool is_listed(std::string_view list, std::string_view etag) {
  return list == "*" || (!etag.empty() && list.find(etag) != std::string_view::npos);
}

}  // namespace

bool is_web_path(std::string_view path) noexcept {
  if (path.empty() || path.size() > longest_path || type_of(path) == nullptr) return false;
  if (!std::ranges::all_of(path, [](char c) { return is_plain(c) || c == '/'; })) return false;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    if (begin == end || path[begin] == '.') return false;
    begin = end + 1;
  }
  return true;
}

WebFile read_web_file(const std::string& folder, const WebFileRequest& request) {
  if (!is_web_path(request.path)) return {};
  const File file = open_below(folder, request.path);
  struct stat facts {};
  if (!file.is_open() || ::fstat(file.number(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  if (request.needs_libraries && lacks_libraries(folder)) return {.kind = WebFile::Kind::without_libraries};
  if (facts.st_size > largest_file) return {.kind = WebFile::Kind::unreadable};
  auto bytes = read_whole(file, static_cast<std::size_t>(facts.st_size));
  if (!bytes) return {.kind = WebFile::Kind::unreadable};

  const auto& type = *type_of(request.path);
  WebFile found{.kind = WebFile::Kind::found, .type = type.type};
  found.gzipped = request.takes_gzip && type.compresses && bytes->size() >= worth_compressing;
  // By what is in it: an upgrade may leave size and time as they were.
  found.etag = "\"" + hex(sha256(*bytes)).substr(0, 24) + (found.gzipped ? "-gzip\"" : "\"");
  if (is_listed(request.if_none_match, found.etag)) {
    found.kind = WebFile::Kind::unchanged;
    return found;
  }
  if (found.gzipped) bytes = gzip(*bytes);
  if (!bytes) return {.kind = WebFile::Kind::unreadable};
  found.bytes = *std::move(bytes);
  return found;
}

struct WebFiles::Reading::Job {
  uv_work_t work{};
  std::string folder;
  WebFileRequest request;
  WebFile file;
  Done done;  // Empty: nobody waits for it.
  std::shared_ptr<std::size_t> under_way;
  std::shared_ptr<Job> itself;  // While the thread pool has it.

  // On a thread of the pool's.
  static void read(uv_work_t* work) {
    auto* job = static_cast<Job*>(work->data);
    job->file = read_web_file(job->folder, job->request);
  }
  // On the loop.
  static void tell(uv_work_t* work, int) {
    const auto job = std::move(static_cast<Job*>(work->data)->itself);
    --*job->under_way;
    if (const auto done = std::move(job->done)) done(std::move(job->file));
  }
};

WebFiles::Reading::~Reading() {
  job_->done = nullptr;
}

std::unique_ptr<WebFiles::Reading> WebFiles::read(std::string folder, WebFileRequest request, Done done) {
  if (*under_way_ >= most_at_once) return nullptr;
  auto job = std::make_shared<Reading::Job>();
  job->folder = std::move(folder);
  job->request = std::move(request);
  job->done = std::move(done);
  job->under_way = under_way_;
  job->work.data = job.get();
  const int queued = uv_queue_work(loop_.uv(), &job->work, &Reading::Job::read, &Reading::Job::tell);
  if (queued != 0) return nullptr;
  ++*under_way_;
  job->itself = job;
  return std::make_unique<Reading>(std::move(job));
}

}  // namespace pollux
