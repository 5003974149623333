// The threads of the kernels. TensorFlow's C API gives kernels no access to its own pool.
#pragma once

#include <cstdint>
#include <functional>

namespace headshare {

// The most threads that work together, including the caller's: HEADSHARE_THREADS, or all processors.
int64_t Threads();

// Multiplications that justify waking one more thread: some 40 us of one thread.
constexpr int64_t kPerThread = 2097152;

// Calls body(0) ... body(count - 1), each once, on the calling thread and on at most `helpers` others, and returns when
// all are done. The thread for an index depends on timing, so the result of body(i) must not depend on the thread. Denormals
// count as zero on every thread while it runs: TensorFlow's threads flush them, JavaScript's does not, and values must not
// depend on the caller.
void ParallelFor(int64_t count, int64_t helpers, const std::function<void(int64_t)> &body);

}  // namespace headshare
