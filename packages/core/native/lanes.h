// Short names for the widest vectors (vector.h), and vectors with only some valid lanes.
#pragma once

#include "vector.h"

namespace headshare {

typedef Wide::Value Vector;
constexpr int kWidth = kLanes<Wide>;

inline Vector Load(const float *from) { return Wide::Load(from); }
inline void Store(float *to, Vector value) { Wide::Store(to, value); }

// The first `count` lanes, at most kWidth; the others are zero.
inline Vector LoadSome(const float *from, int64_t count) {
  if (count >= kWidth) return Load(from);
  Vector value = {};
  for (int64_t i = 0; i < count; i++) value[i] = from[i];
  return value;
}
inline void StoreSome(float *to, Vector value, int64_t count) {
  if (count >= kWidth) return Store(to, value);
  for (int64_t i = 0; i < count; i++) to[i] = value[i];
}

// value / by, rounded up.
constexpr int64_t Quotient(int64_t value, int64_t by) { return (value + by - 1) / by; }
constexpr int64_t RoundUp(int64_t value, int64_t multiple) { return Quotient(value, multiple) * multiple; }

}  // namespace headshare
