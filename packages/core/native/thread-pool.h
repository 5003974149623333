// The threads of our own kernels. TensorFlow's C API gives kernels no way to its own pool.
#pragma once

#include <cstdint>
#include <functional>

namespace headshare {

// Calls body(0) ... body(count - 1), each once, on the calling thread and on at most `helpers` others, and returns when
// all are done. Which thread takes which index depends on timing, so what body(i) computes must not. Denormals count as
// zero while it runs, on every thread alike: TensorFlow's threads flush them, JavaScript's does not, and values must not
// depend on which of them calls.
// HEADSHARE_THREADS (default: all processors) bounds the threads, the caller's among them.
void ParallelFor(int64_t count, int64_t helpers, const std::function<void(int64_t)> &body);

}  // namespace headshare
