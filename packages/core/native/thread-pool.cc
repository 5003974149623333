#include "thread-pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace headshare {
namespace {

class FlushDenormals {
 public:
#if defined(__SSE2__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }  // flush to zero, denormals are zero
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" ::"r"(before_ | (uint64_t{1} << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

 private:
  uint64_t before_;
#endif
};

struct Job {
  Job(const std::function<void(int64_t)> &body, int64_t count, int64_t wanted)
      : body(body), count(count), wanted(wanted) {}

  const std::function<void(int64_t)> &body;
  const int64_t count;
  // Helpers that may still join, and those at work. Guarded by the pool's lock.
  int64_t wanted;
  int64_t working = 0;
  std::atomic<int64_t> next{0};
  std::condition_variable left;

  void Work() {
    FlushDenormals flush;
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) body(i);
  }
};

class Pool {
 public:
  explicit Pool(int64_t threads) {
    for (int64_t i = 0; i < threads; i++) {
      try {
        std::thread([this] { Help(); }).detach();
      } catch (const std::system_error &) {
        return;  // No more threads are available: the caller does their work.
      }
      threads_++;
    }
  }

  void Run(Job &job) {
    std::unique_lock<std::mutex> lock(mutex_);
    job.wanted = std::min(job.wanted, threads_);
    if (job.wanted > 0) {
      jobs_.push_back(&job);
      for (int64_t i = 0; i < job.wanted; i++) wake_.notify_one();
    }
    lock.unlock();
    job.Work();
    lock.lock();
    if (job.wanted > 0) jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
    job.left.wait(lock, [&job] { return job.working == 0; });
  }

 private:
  void Help() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      Job &job = *jobs_.front();
      if (--job.wanted == 0) jobs_.pop_front();
      job.working++;
      lock.unlock();
      job.Work();
      lock.lock();
      // The job belongs to its caller, who returns once nobody works on it: do not touch it after that.
      if (--job.working == 0) job.left.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job *> jobs_;
  int64_t threads_ = 0;
};

}  // namespace

int64_t Threads() {
  static const int64_t threads = [] {
    const char *wanted = std::getenv("HEADSHARE_THREADS");
    return std::clamp<int64_t>(wanted ? std::atoll(wanted) : std::thread::hardware_concurrency(), 1, 1024);
  }();
  return threads;
}

void ParallelFor(int64_t count, int64_t helpers, const std::function<void(int64_t)> &body) {
  Job job(body, count, std::min({helpers, Threads() - 1, count - 1}));
  if (job.wanted <= 0) {
    job.Work();
    return;
  }
  // Never destroyed: its threads wait in it while the process exits.
  static Pool *const pool = new Pool(Threads() - 1);
  pool->Run(job);
}

}  // namespace headshare
