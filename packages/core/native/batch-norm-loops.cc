#include "batch-norm-loops.h"

#include "lanes.h"

namespace headshare {
namespace {

// Sums run over all rows for kVectors vectors V of channels at a time, so that they stay in registers.
template <typename V, int kVectors>
void MomentsBlock(const float *x, int64_t rows, int64_t c, float *means, float *squares) {
  constexpr int64_t lanes = kLanes<V>;
  typename V::Value mean[kVectors] = {}, square[kVectors] = {};
  for (int64_t r = 0; r < rows; r++) {
    for (int v = 0; v < kVectors; v++) mean[v] += V::Load(x + r * c + v * lanes);
  }
  for (int v = 0; v < kVectors; v++) mean[v] /= static_cast<float>(rows);
  for (int64_t r = 0; r < rows; r++) {
    for (int v = 0; v < kVectors; v++) {
      const typename V::Value d = V::Load(x + r * c + v * lanes) - mean[v];
      square[v] += d * d;
    }
  }
  for (int v = 0; v < kVectors; v++) {
    V::Store(means + v * lanes, mean[v]);
    V::Store(squares + v * lanes, square[v]);
  }
}

// Calls body(V(), kVectors, first) for all channels, in blocks of two of the widest vectors (three sums of that are what
// processors with 16 registers can just hold), then of fewer.
template <typename Body>
HEADSHARE_INLINE void ForBlocks(int64_t c, const Body &body) {
  int64_t j = 0;
  for (; j + 2 * kWidth <= c; j += 2 * kWidth) body(Wide(), std::integral_constant<int, 2>(), j);
  for (; j + kWidth <= c; j += kWidth) body(Wide(), std::integral_constant<int, 1>(), j);
  for (; j + kLanes<Narrow> <= c; j += kLanes<Narrow>) body(Narrow(), std::integral_constant<int, 1>(), j);
  for (; j < c; j++) body(Single(), std::integral_constant<int, 1>(), j);
}

// The loops over rows are functions of __restrict pointers without branches, because GCC vectorises only those.

template <Activation kActivation>
inline float Activate(float pre, float slope) {
  if (kActivation == Activation::kRelu) return pre > 0 ? pre : (pre != pre ? pre : 0.0f);
  if (kActivation == Activation::kPRelu) return pre > 0 ? pre : slope * pre;
  return pre;
}

// kChannels is c where it is a compile-time constant: for few channels the overhead per row would exceed the work.
// 0: any number.
template <Activation kActivation, bool kResidual, int64_t kChannels>
void NormaliseSome(const float *__restrict x, const float *__restrict residual, const Affine &affine,
                   float *__restrict y, int64_t rows, int64_t c) {
  const float *__restrict mean = affine.mean, *__restrict scale = affine.scale, *__restrict offset = affine.offset,
              *__restrict slope = affine.slope;
  for (int64_t r = 0; r < rows; r++, x += c, y += c, residual += kResidual ? c : 0) {
    for (int64_t j = 0; j < (kChannels ? kChannels : c); j++) {
      float pre = (x[j] - mean[j]) * scale[j] + offset[j];
      if (kResidual) pre += residual[j];
      y[j] = Activate<kActivation>(pre, kActivation == Activation::kPRelu ? slope[j] : 0.0f);
    }
  }
}

template <Activation kActivation, bool kResidual>
void NormaliseRows(const float *x, const float *residual, const Affine &affine, float *y, int64_t rows, int64_t c) {
  const auto some = c == 16   ? NormaliseSome<kActivation, kResidual, 16>
                    : c == 32 ? NormaliseSome<kActivation, kResidual, 32>
                    : c == 64 ? NormaliseSome<kActivation, kResidual, 64>
                              : NormaliseSome<kActivation, kResidual, 0>;
  some(x, residual, affine, y, rows, c);
}

// The gradient for the activation's input `pre`. T is float, or a vector of floats.
template <Activation kActivation, typename T>
inline T BehindOf(T dy, T pre, T slope) {
  const T zero{};
  if (kActivation == Activation::kRelu) return pre > zero ? dy : zero;
  if (kActivation == Activation::kPRelu) return pre > zero ? dy : slope * dy;
  return dy;
}

template <typename T>
struct Sums {
  T g{}, product{}, below{};
};

template <Activation kActivation, typename T>
inline T Accumulate(T dy, T d, T pre, T slope, Sums<T> &sums) {
  const T zero{};
  const T g = BehindOf<kActivation, T>(dy, pre, slope);
  sums.g += g;
  sums.product += g * d;
  // Multiplies where pre > 0 too, so that a NaN in dy stays a NaN.
  if (kActivation == Activation::kPRelu) sums.below += (pre > zero ? zero : pre) * dy;
  return g;
}

template <Activation kActivation, bool kFromY, typename V, int kVectors>
void ReduceBlock(const float *dy, const float *x, const float *y, const Affine &affine, int64_t from, float *kept,
                 float *sums, int64_t rows, int64_t c) {
  typedef typename V::Value Value;
  constexpr int64_t lanes = kLanes<V>;
  Value mean[kVectors], scale[kVectors], offset[kVectors], slope[kVectors] = {};
  for (int v = 0; v < kVectors; v++) {
    mean[v] = V::Load(affine.mean + from + v * lanes);
    scale[v] = V::Load(affine.scale + from + v * lanes);
    offset[v] = V::Load(affine.offset + from + v * lanes);
    if (kActivation == Activation::kPRelu) slope[v] = V::Load(affine.slope + from + v * lanes);
  }
  Sums<Value> all[kVectors];
  for (int64_t r = 0; r < rows; r++) {
    for (int v = 0; v < kVectors; v++) {
      const int64_t at = r * c + from + v * lanes;
      const Value d = V::Load(x + at) - mean[v];
      const Value pre = kFromY ? V::Load(y + at) : d * scale[v] + offset[v];
      const Value g = Accumulate<kActivation, Value>(V::Load(dy + at), d, pre, slope[v], all[v]);
      if (kFromY) V::Store(kept + at, g);
    }
  }
  for (int v = 0; v < kVectors; v++) {
    V::Store(sums + from + v * lanes, all[v].g);
    V::Store(sums + c + from + v * lanes, all[v].product);
    V::Store(sums + 2 * c + from + v * lanes, all[v].below);
  }
}

template <Activation kActivation, bool kFromY>
void ReduceRows(const float *dy, const float *x, const float *y, const Affine &affine, float *kept, float *sums,
                int64_t rows, int64_t c) {
  ForBlocks(c, [&](auto vector, auto count, int64_t from) HEADSHARE_INLINED {
    ReduceBlock<kActivation, kFromY, decltype(vector), count()>(dy, x, y, affine, from, kept, sums, rows, c);
  });
}

// In place, the argument dy is not read: __restrict forbids two names for the same memory.
template <Activation kActivation, bool kInPlace, int64_t kChannels>
void SpreadSome(const float *__restrict dy, const float *__restrict x, const Affine &affine, const Tilt &tilt,
                float *__restrict dx, int64_t rows, int64_t c) {
  const float *__restrict mean = affine.mean, *__restrict scale = affine.scale, *__restrict offset = affine.offset,
              *__restrict slope = affine.slope, *__restrict constant = tilt.constant, *__restrict linear = tilt.linear;
  for (int64_t r = 0; r < rows; r++, dy += c, x += c, dx += c) {
    for (int64_t j = 0; j < (kChannels ? kChannels : c); j++) {
      const float d = x[j] - mean[j], u = kInPlace ? dx[j] : dy[j];
      const float g = BehindOf<kActivation, float>(u, d * scale[j] + offset[j],
                                          kActivation == Activation::kPRelu ? slope[j] : 0.0f);
      dx[j] = g * scale[j] + (linear[j] * d + constant[j]);
    }
  }
}

template <Activation kActivation, bool kInPlace>
void SpreadRows(const float *dy, const float *x, const Affine &affine, const Tilt &tilt, float *dx, int64_t rows,
                int64_t c) {
  const auto some = c == 16   ? SpreadSome<kActivation, kInPlace, 16>
                    : c == 32 ? SpreadSome<kActivation, kInPlace, 32>
                    : c == 64 ? SpreadSome<kActivation, kInPlace, 64>
                              : SpreadSome<kActivation, kInPlace, 0>;
  some(dy, x, affine, tilt, dx, rows, c);
}

// Selects an activation's template at run time.
#define BY_ACTIVATION(activation, Function, ...)                                   \
  (activation == Activation::kRelu    ? Function<Activation::kRelu, __VA_ARGS__>   \
   : activation == Activation::kPRelu ? Function<Activation::kPRelu, __VA_ARGS__>  \
                                      : Function<Activation::kNone, __VA_ARGS__>)

}  // namespace

void ChunkMoments(const float *x, int64_t rows, int64_t c, float *means, float *squares) {
  ForBlocks(c, [&](auto vector, auto count, int64_t from) HEADSHARE_INLINED {
    MomentsBlock<decltype(vector), count()>(x + from, rows, c, means + from, squares + from);
  });
}

Normalise NormaliseFor(Activation activation, bool residual) {
  return residual ? BY_ACTIVATION(activation, NormaliseRows, true) : BY_ACTIVATION(activation, NormaliseRows, false);
}

Reduce ReduceFor(Activation activation, bool from_y) {
  return from_y ? BY_ACTIVATION(activation, ReduceRows, true) : BY_ACTIVATION(activation, ReduceRows, false);
}

Spread SpreadFor(Activation activation, bool behind, bool in_place) {
  // What is behind the activation already needs none, and is never in place: it is an output of its own.
  if (behind) return SpreadRows<Activation::kNone, false>;
  return in_place ? BY_ACTIVATION(activation, SpreadRows, true) : BY_ACTIVATION(activation, SpreadRows, false);
}

}  // namespace headshare
