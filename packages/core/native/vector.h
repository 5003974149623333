// Vectors of floats as wide as the processor's registers, by the vector extensions of GCC and Clang: arithmetic on them
// is element by element, and a float beside one counts as a vector of it.
#pragma once

#include <cstdint>
#include <cstring>

namespace headshare {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

inline Vector Load(const float *from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void Store(float *to, Vector value) { std::memcpy(to, &value, sizeof value); }

// The first `count` lanes, at most kLanes; the others are zeros.
inline Vector LoadSome(const float *from, int64_t count) {
  if (count >= kLanes) return Load(from);
  Vector value = {};
  for (int64_t i = 0; i < count; i++) value[i] = from[i];
  return value;
}
inline void StoreSome(float *to, Vector value, int64_t count) {
  if (count >= kLanes) return Store(to, value);
  for (int64_t i = 0; i < count; i++) to[i] = value[i];
}

constexpr int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace headshare
