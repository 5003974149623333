// Vectors of floats by the compiler's own extension (GCC, Clang), which makes one, two or four registers of each,
// whatever the processor has.
#pragma once

#include <cstdint>

namespace headshare {

constexpr int64_t kLanes = 16;
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

inline Vector Load(const float *from) {
  typedef float Loose __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
  return *reinterpret_cast<const Loose *>(from);
}

inline void Store(float *to, Vector value) {
  typedef float Loose __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
  *reinterpret_cast<Loose *>(to) = value;
}

}  // namespace headshare
