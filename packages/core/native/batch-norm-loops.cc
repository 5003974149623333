#include "batch-norm-loops.h"

#include "vector.h"

namespace headshare {
namespace {

// Sums go down all rows for some channels at a time, so that they stay in registers: two vectors of each of three sums
// are what processors with 16 registers of 32 bytes can just hold.
constexpr int64_t kVectors = 2;
constexpr int64_t kBlock = kVectors * kLanes;

void MomentsBlock(const float *x, int64_t rows, int64_t c, float *means, float *squares) {
  Vector sum[kVectors] = {}, square[kVectors] = {};
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t v = 0; v < kVectors; v++) sum[v] += Load(x + r * c + v * kLanes);
  }
  for (int64_t v = 0; v < kVectors; v++) sum[v] /= static_cast<float>(rows);
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t v = 0; v < kVectors; v++) {
      const Vector d = Load(x + r * c + v * kLanes) - sum[v];
      square[v] += d * d;
    }
  }
  for (int64_t v = 0; v < kVectors; v++) {
    Store(means + v * kLanes, sum[v]);
    Store(squares + v * kLanes, square[v]);
  }
}

void MomentsOfOne(const float *x, int64_t rows, int64_t c, float *mean, float *squares) {
  float sum = 0, square = 0;
  for (int64_t r = 0; r < rows; r++) sum += x[r * c];
  sum /= static_cast<float>(rows);
  for (int64_t r = 0; r < rows; r++) square += (x[r * c] - sum) * (x[r * c] - sum);
  *mean = sum;
  *squares = square;
}

// The loops over rows are functions over __restrict pointers, without branches, because GCC vectorises them only so.

template <Activation kActivation>
inline float Activate(float pre, float slope) {
  if (kActivation == Activation::kRelu) return pre > 0 ? pre : (pre != pre ? pre : 0.0f);
  if (kActivation == Activation::kPRelu) return pre > 0 ? pre : slope * pre;
  return pre;
}

template <Activation kActivation, bool kResidual>
void NormaliseRows(const float *__restrict x, const float *__restrict residual, const Affine &affine,
                   float *__restrict y, int64_t rows, int64_t c) {
  const float *__restrict mean = affine.mean, *__restrict scale = affine.scale, *__restrict offset = affine.offset,
              *__restrict slope = affine.slope;
  for (int64_t r = 0; r < rows; r++, x += c, y += c, residual += kResidual ? c : 0) {
    for (int64_t j = 0; j < c; j++) {
      float pre = (x[j] - mean[j]) * scale[j] + offset[j];
      if (kResidual) pre += residual[j];
      y[j] = Activate<kActivation>(pre, kActivation == Activation::kPRelu ? slope[j] : 0.0f);
    }
  }
}

// dy behind the activation, whose input was `pre`. T is float, or Vector for as many channels.
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
  // Multiplied also where pre > 0: a NaN in dy stays one.
  if (kActivation == Activation::kPRelu) sums.below += (pre > zero ? zero : pre) * dy;
  return g;
}

template <Activation kActivation, bool kFromY>
void ReduceBlock(const float *dy, const float *x, const float *y, const Affine &affine, int64_t from, float *kept,
                 float *sums, int64_t rows, int64_t c) {
  Vector mean[kVectors], scale[kVectors], offset[kVectors], slope[kVectors] = {};
  for (int64_t v = 0; v < kVectors; v++) {
    mean[v] = Load(affine.mean + from + v * kLanes);
    scale[v] = Load(affine.scale + from + v * kLanes);
    offset[v] = Load(affine.offset + from + v * kLanes);
    if (kActivation == Activation::kPRelu) slope[v] = Load(affine.slope + from + v * kLanes);
  }
  Sums<Vector> all[kVectors];
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t v = 0; v < kVectors; v++) {
      const int64_t at = r * c + from + v * kLanes;
      const Vector d = Load(x + at) - mean[v];
      const Vector pre = kFromY ? Load(y + at) : d * scale[v] + offset[v];
      const Vector g = Accumulate<kActivation, Vector>(Load(dy + at), d, pre, slope[v], all[v]);
      if (kFromY) Store(kept + at, g);
    }
  }
  for (int64_t v = 0; v < kVectors; v++) {
    Store(sums + from + v * kLanes, all[v].g);
    Store(sums + c + from + v * kLanes, all[v].product);
    Store(sums + 2 * c + from + v * kLanes, all[v].below);
  }
}

template <Activation kActivation, bool kFromY>
void ReduceOne(const float *dy, const float *x, const float *y, const Affine &affine, int64_t channel, float *kept,
               float *sums, int64_t rows, int64_t c) {
  Sums<float> all;
  for (int64_t at = channel; at < rows * c; at += c) {
    const float d = x[at] - affine.mean[channel];
    const float pre = kFromY ? y[at] : d * affine.scale[channel] + affine.offset[channel];
    const float slope = kActivation == Activation::kPRelu ? affine.slope[channel] : 0.0f;
    const float g = Accumulate<kActivation, float>(dy[at], d, pre, slope, all);
    if (kFromY) kept[at] = g;
  }
  sums[channel] = all.g;
  sums[c + channel] = all.product;
  sums[2 * c + channel] = all.below;
}

template <Activation kActivation, bool kFromY>
void ReduceRows(const float *dy, const float *x, const float *y, const Affine &affine, float *kept, float *sums,
                int64_t rows, int64_t c) {
  int64_t j = 0;
  for (; j + kBlock <= c; j += kBlock) ReduceBlock<kActivation, kFromY>(dy, x, y, affine, j, kept, sums, rows, c);
  for (; j < c; j++) ReduceOne<kActivation, kFromY>(dy, x, y, affine, j, kept, sums, rows, c);
}

// In place the argument dy is not read: __restrict forbids two names for one memory.
template <Activation kActivation, bool kInPlace>
void SpreadRows(const float *__restrict dy, const float *__restrict x, const Affine &affine, const Tilt &tilt,
                float *__restrict dx, int64_t rows, int64_t c) {
  const float *__restrict mean = affine.mean, *__restrict scale = affine.scale, *__restrict offset = affine.offset,
              *__restrict slope = affine.slope, *__restrict constant = tilt.constant, *__restrict linear = tilt.linear;
  for (int64_t r = 0; r < rows; r++, dy += c, x += c, dx += c) {
    for (int64_t j = 0; j < c; j++) {
      const float d = x[j] - mean[j], u = kInPlace ? dx[j] : dy[j];
      const float g = BehindOf<kActivation, float>(u, d * scale[j] + offset[j],
                                          kActivation == Activation::kPRelu ? slope[j] : 0.0f);
      dx[j] = g * scale[j] + (linear[j] * d + constant[j]);
    }
  }
}

// The template of an activation, chosen at run time.
#define BY_ACTIVATION(activation, Function, ...)                                   \
  (activation == Activation::kRelu    ? Function<Activation::kRelu, __VA_ARGS__>   \
   : activation == Activation::kPRelu ? Function<Activation::kPRelu, __VA_ARGS__>  \
                                      : Function<Activation::kNone, __VA_ARGS__>)

}  // namespace

void ChunkMoments(const float *x, int64_t rows, int64_t c, float *means, float *squares) {
  int64_t j = 0;
  for (; j + kBlock <= c; j += kBlock) MomentsBlock(x + j, rows, c, means + j, squares + j);
  for (; j < c; j++) MomentsOfOne(x + j, rows, c, means + j, squares + j);
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
