// Uninitialised memory that starts at a cache line.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace headshare {

class Floats {
 public:
  explicit Floats(int64_t count)
      : data_(static_cast<float *>(::operator new(count * sizeof(float), std::align_val_t(64)))) {}
  ~Floats() { ::operator delete(data_, std::align_val_t(64)); }
  Floats(const Floats &) = delete;
  Floats &operator=(const Floats &) = delete;
  float *data() const { return data_; }

 private:
  float *data_;
};

// At least `count` floats of the calling thread, valid until its next call.
inline float *Scratch(int64_t count) {
  thread_local std::unique_ptr<Floats> memory;
  thread_local int64_t size = 0;
  if (size < count) {
    memory.reset();
    memory = std::make_unique<Floats>(count);
    size = count;
  }
  return memory->data();
}

}  // namespace headshare
