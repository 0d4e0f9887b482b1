// A libuv handle that closes itself.
//
// libuv may touch a handle until its close callback has run, so the owner never frees it: it clears the
// back-pointer and leaves the memory to the loop. Callbacks look at `data` before they touch anyone.
// Give a handle to Handle only after its uv_*_init succeeded.
#pragma once

#include <uv.h>

#include <memory>

namespace pollux {

template <typename T>
struct CloseThenFree {
  void operator()(T* handle) const noexcept {
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<T*>(closed); });
  }
};

template <typename T>
using Handle = std::unique_ptr<T, CloseThenFree<T>>;

}  // namespace pollux
