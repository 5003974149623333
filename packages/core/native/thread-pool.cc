#include "thread-pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
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

using Clock = std::chrono::steady_clock;

// Waking a sleeping thread takes longer than a small operation of a single image. So a thread that worked for less than
// kShort looks for the next job, or for the end of this one, for kSpin before it sleeps. Longer jobs hide the time of waking,
// and looking would keep a processor from others.
constexpr std::chrono::microseconds kShort(500), kSpin(50);

inline void Pause() {
#if defined(__SSE2__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits for `done`, at most until `end`.
template <typename Done>
void Spin(Clock::time_point end, const Done &done) {
  while (!done() && Clock::now() < end) {
    for (int i = 0; i < 8 && !done(); i++) Pause();
  }
}

struct Job {
  Job(const std::function<void(int64_t)> &body, int64_t count, int64_t wanted)
      : body(body), count(count), wanted(wanted) {}

  const std::function<void(int64_t)> &body;
  const int64_t count;
  // Helpers that may still join, and those at work. Guarded by the pool's lock.
  int64_t wanted;
  std::atomic<int64_t> working{0};
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
      open_.store(true, std::memory_order_release);
      for (int64_t i = 0; i < job.wanted; i++) wake_.notify_one();
    }
    lock.unlock();
    const Clock::time_point start = Clock::now();
    job.Work();
    const Clock::time_point end = Clock::now();
    lock.lock();
    if (job.wanted > 0) jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
    open_.store(!jobs_.empty(), std::memory_order_release);
    if (job.working > 0 && end - start < kShort) {
      lock.unlock();
      Spin(end + kSpin, [&job] { return job.working.load(std::memory_order_acquire) == 0; });
      lock.lock();
    }
    job.left.wait(lock, [&job] { return job.working == 0; });
  }

 private:
  void Help() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      Job &job = *jobs_.front();
      if (--job.wanted == 0) jobs_.pop_front();
      open_.store(!jobs_.empty(), std::memory_order_release);
      job.working++;
      lock.unlock();
      const Clock::time_point start = Clock::now();
      job.Work();
      const Clock::time_point end = Clock::now();
      lock.lock();
      // The job belongs to its caller, who returns once nobody works on it: do not touch it after that.
      if (--job.working == 0) job.left.notify_one();
      if (end - start < kShort && jobs_.empty()) {
        lock.unlock();
        Spin(end + kSpin, [this] { return open_.load(std::memory_order_acquire); });
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job *> jobs_;
  // Whether there are jobs: for threads that look without the lock.
  std::atomic<bool> open_{false};
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
