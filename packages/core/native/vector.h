// Vectors of floats by GCC's and Clang's vector extensions, for loops whose sums must stay in registers.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#if defined(__SSE__)
#include <immintrin.h>
#endif

#define HEADSHARE_INLINE inline __attribute__((always_inline))
// Between a lambda's parameters and its body.
#define HEADSHARE_INLINED __attribute__((always_inline))

// As wide as the machine's registers: GCC splits wider ones badly.
#if defined(__AVX512F__)
#define HEADSHARE_VECTOR 64
#elif defined(__AVX__)
#define HEADSHARE_VECTOR 32
#else
#define HEADSHARE_VECTOR 16
#endif

namespace headshare {

// Types for template arguments, where vector types lose their attributes. Memory is an unaligned Value.
struct Wide {
  typedef float Value __attribute__((vector_size(HEADSHARE_VECTOR)));
  typedef float Memory __attribute__((vector_size(HEADSHARE_VECTOR), aligned(4), may_alias));
  static HEADSHARE_INLINE Value Load(const float *from) { return *reinterpret_cast<const Memory *>(from); }
  static HEADSHARE_INLINE void Store(float *to, Value value) { *reinterpret_cast<Memory *>(to) = value; }
};
struct Narrow {
  typedef float Value __attribute__((vector_size(16)));
  typedef float Memory __attribute__((vector_size(16), aligned(4), may_alias));
  static HEADSHARE_INLINE Value Load(const float *from) { return *reinterpret_cast<const Memory *>(from); }
  static HEADSHARE_INLINE void Store(float *to, Value value) { *reinterpret_cast<Memory *>(to) = value; }
};
struct Single {
  typedef float Value;
  static HEADSHARE_INLINE Value Load(const float *from) { return *from; }
  static HEADSHARE_INLINE void Store(float *to, Value value) { *to = value; }
};

template <typename V>
constexpr int64_t kLanes = sizeof(typename V::Value) / sizeof(float);

// A store that bypasses the caches where the machine supports it (x86), to memory aligned to the vector, for data that would
// not stay in them. An ordinary store reads the cache line first. Other threads see the data after StreamsEnd.
template <typename V>
HEADSHARE_INLINE void Stream(float *to, typename V::Value value) {
#if defined(__AVX512F__)
  if constexpr (sizeof(value) == 64) return _mm512_stream_ps(to, value);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(value) == 32) return _mm256_stream_ps(to, value);
#endif
#if defined(__SSE__)
  if constexpr (sizeof(value) == 16) return _mm_stream_ps(to, value);
#endif
  V::Store(to, value);
}
inline void StreamsEnd() {
#if defined(__SSE__)
  _mm_sfence();
#endif
}

// Hides a pointer's origin from the compiler, so that it computes addresses from it by additions. Otherwise it computes all
// nearby distances once, runs out of registers, and reloads them for every load.
template <typename T>
HEADSHARE_INLINE void Forget(T *&pointer) {
  asm("" : "+r"(pointer));
}

template <typename Body, int... kIndices>
HEADSHARE_INLINE void UnrolledOver(std::integer_sequence<int, kIndices...>, const Body &body) {
  (body(std::integral_constant<int, kIndices>()), ...);
}
// body(0) ... body(kCount - 1), each with its index as a constant, so that arrays indexed by it become registers, which the
// compiler's unrolling does not guarantee. The body must be HEADSHARE_INLINED.
template <int kCount, typename Body>
HEADSHARE_INLINE void Unrolled(const Body &body) {
  UnrolledOver(std::make_integer_sequence<int, kCount>(), body);
}

// body(V(), first) for c elements, in the widest vectors that fit.
template <typename Body>
HEADSHARE_INLINE void ForVectors(int64_t c, const Body &body) {
  int64_t i = 0;
  for (; i + kLanes<Wide> <= c; i += kLanes<Wide>) body(Wide(), i);
  for (; i + kLanes<Narrow> <= c; i += kLanes<Narrow>) body(Narrow(), i);
  for (; i < c; i++) body(Single(), i);
}

}  // namespace headshare
