#include "net/tcp.h"

#include <sys/socket.h>

#include <array>
#include <utility>

#include "net/watch.h"
#include "net/write_queue.h"

namespace pollux {
namespace {

// What could not be written at once. Owned by libuv until its callback: the connection may be gone by then.
struct WaitingWrite {
  uv_write_t request{};
  WriteQueue bytes;
};

class TcpStream final : public Stream, private Flushable {
 public:
  TcpStream(Loop& loop, Handle<uv_tcp_t> tcp, const Address& peer)
      : loop_(loop), tcp_(std::move(tcp)), peer_(peer) {
    tcp_->data = this;
    uv_tcp_nodelay(tcp_.get(), 1);
  }
  ~TcpStream() override { loop_.forget(*this); }

  void set_events(StreamEvents* events) override {
    events_ = events;
    read_on();
  }
  void write(std::string bytes) override;
  std::size_t queued_bytes() const override;
  void pause() override { paused_ = true; }
  void resume() override {
    paused_ = false;
    read_on();
  }
  void shutdown() override;
  std::string remote_address() const override { return peer_.text(); }

 private:
  // A pause only takes effect when more has come: to stop and resume within a turn costs no system call.
  bool wants_data() const noexcept { return events_ != nullptr && !paused_; }
  void read_on();
  void offer_buffer(uv_buf_t* buffer);
  void on_read(ssize_t count, const uv_buf_t* buffer);

  void flush() override;
  void wait_to_write();
  void on_written(int status);
  void on_queue_out();
  void on_write_failed(int status);
  void fail(int status);

  uv_stream_t* stream() const noexcept { return reinterpret_cast<uv_stream_t*>(tcp_.get()); }

  Loop& loop_;
  Handle<uv_tcp_t> tcp_;
  const Address peer_;  // The system forgets it when the connection breaks.
  StreamEvents* events_ = nullptr;
  WriteQueue queue_;
  int write_error_ = 0;
  bool reading_ = false;
  bool paused_ = false;
  bool ended_ = false;    // Nothing more will be read.
  bool failed_ = false;   // on_error() has been called.
  bool waiting_ = false;  // A WaitingWrite is under way.
  bool shutdown_asked_ = false;
  mutable bool drained_is_due_ = false;
};

void TcpStream::read_on() {
  if (reading_ || ended_ || !wants_data()) return;
  reading_ = uv_read_start(
                 stream(),
                 [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
                   static_cast<TcpStream*>(handle->data)->offer_buffer(buffer);
                 },
                 [](uv_stream_t* handle, ssize_t count, const uv_buf_t* buffer) {
                   static_cast<TcpStream*>(handle->data)->on_read(count, buffer);
                 }) == 0;
}

void TcpStream::offer_buffer(uv_buf_t* buffer) {
  *buffer = uv_buf_init(nullptr, 0);
  if (!wants_data()) return;
  const auto scratch = loop_.read_buffer();
  buffer->base = scratch.data();
  buffer->len = scratch.size();
}

void TcpStream::on_read(ssize_t count, const uv_buf_t* buffer) {
  if (count > 0) {
    events_->on_data({buffer->base, static_cast<std::size_t>(count)});
    return;  // May be destroyed by now.
  }
  if (count == 0) return;  // Nothing there after all.
  uv_read_stop(stream());
  reading_ = false;
  if (!wants_data()) return;  // Reading anew will find the same.
  ended_ = true;
  if (count != UV_EOF) return fail(static_cast<int>(count));
  if (write_error_ != 0) return fail(write_error_);
  events_->on_end();
}

void TcpStream::write(std::string bytes) {
  if (write_error_ != 0 || shutdown_asked_ || bytes.empty()) return;
  queue_.push(std::move(bytes));
  if (!waiting_) loop_.flush_later(*this);
}

std::size_t TcpStream::queued_bytes() const {
  const auto bytes = queue_.bytes() + uv_stream_get_write_queue_size(stream());
  if (bytes > 0) drained_is_due_ = true;
  return bytes;
}

void TcpStream::shutdown() {
  if (shutdown_asked_) return;
  shutdown_asked_ = true;
  if (!waiting_) loop_.flush_later(*this);
}

void TcpStream::flush() {
  if (waiting_ || write_error_ != 0) return;
  while (!queue_.empty()) {
    std::array<uv_buf_t, 64> buffers;
    const auto count = queue_.gather(buffers);
    std::size_t offered = 0;
    for (unsigned at = 0; at < count; ++at) offered += buffers[at].len;
    const int written = uv_try_write(stream(), buffers.data(), count);
    if (written == UV_EAGAIN) return wait_to_write();
    if (written < 0) return on_write_failed(written);
    queue_.consume(static_cast<std::size_t>(written));
    if (static_cast<std::size_t>(written) < offered) return wait_to_write();
  }
  on_queue_out();
}

void TcpStream::wait_to_write() {
  auto write = std::make_unique<WaitingWrite>();
  write->bytes = std::exchange(queue_, {});
  std::vector<uv_buf_t> buffers(write->bytes.pieces());
  const auto count = write->bytes.gather(buffers);
  write->request.data = write.get();
  const int status =
      uv_write(&write->request, stream(), buffers.data(), count, [](uv_write_t* request, int result) {
        const std::unique_ptr<WaitingWrite> done(static_cast<WaitingWrite*>(request->data));
        auto* const self = static_cast<TcpStream*>(request->handle->data);
        if (self != nullptr) self->on_written(result);
      });
  if (status < 0) return on_write_failed(status);
  static_cast<void>(write.release());  // The callback's now.
  waiting_ = true;
  drained_is_due_ = true;
}

void TcpStream::on_written(int status) {
  waiting_ = false;
  if (status < 0) return on_write_failed(status);
  flush();
}

void TcpStream::on_queue_out() {
  if (shutdown_asked_) {
    uv_os_fd_t socket = -1;
    if (uv_fileno(reinterpret_cast<uv_handle_t*>(tcp_.get()), &socket) == 0) ::shutdown(socket, SHUT_WR);
  }
  if (!drained_is_due_ || events_ == nullptr) return;
  drained_is_due_ = false;
  events_->on_drained();
}

void TcpStream::on_write_failed(int status) {
  write_error_ = status;
  queue_.clear();
  // The peer may have answered before it closed: what it sent is read first, and the end of that is the
  // error.
  const bool reading_will_tell = status == UV_EPIPE || status == UV_ECONNRESET;
  if (reading_will_tell && reading_ && wants_data()) return;
  fail(status);
}

void TcpStream::fail(int status) {
  if (reading_) uv_read_stop(stream());
  reading_ = false;
  write_error_ = status;
  queue_.clear();
  if (failed_ || events_ == nullptr) return;  // Without events: reading tells whoever comes next.
  failed_ = ended_ = true;
  std::string message = "connection with " + remote_address();
  if (status == UV_ECONNRESET || status == UV_EPIPE) {
    message += " was reset";
  } else {
    message += std::string(" broke: ") + uv_strerror(status);
  }
  events_->on_error({NetError::Kind::reset, std::move(message)});
}

}  // namespace

std::unique_ptr<Stream> tcp_stream(Loop& loop, Handle<uv_tcp_t> connected, const Address& peer) {
  return std::make_unique<TcpStream>(loop, std::move(connected), peer);
}

}  // namespace pollux
