// A plain TCP connection as a Stream.
#pragma once

#include <uv.h>

#include <memory>

#include "net/address.h"
#include "net/handle.h"
#include "net/loop.h"
#include "net/stream.h"

namespace pollux {

// Takes over a connected socket.
std::unique_ptr<Stream> tcp_stream(Loop& loop, Handle<uv_tcp_t> connected, const Address& peer);

}  // namespace pollux
