// Convolutions with 3x3 filters at stride 1 with one zero on every side, by Winograd's F(2x2, 3x3) or F(4x4, 3x3)
// (winograd-transforms.h) on NHWC tensors. Images are cut into tiles of kOutputs x kOutputs outputs. Blocks of tiles
// are transformed into 16 or 36 matrices [tiles][c], multiplied by as many matrices [c][k] of the transformed filter, and
// transformed back, all in the processor's second-level cache. Where x has a NaN or an infinity, all outputs of the tiles that read it may be NaN, even
// those that the 3x3 window alone would not reach.
#pragma once

#include <cstdint>

#include "epilogue.h"
#include "lanes.h"
#include "scratch.h"
#include "thread-pool.h"

namespace headshare {

struct Convolution3x3 {
  int64_t batch, h, w, c, k;
};

// The matrices of a transform, for tiles of so many outputs in each direction.
constexpr int64_t Matrices(int64_t outputs) { return (outputs + 2) * (outputs + 2); }

// A convolution's tiles.
template <int kOutputs>
struct Tiling {
  // In each picture, and in all; the threads besides the caller's that the work justifies.
  int64_t rows, columns, count, helpers;

  explicit Tiling(const Convolution3x3 &shape)
      : rows(Quotient(shape.h, kOutputs)),
        columns(Quotient(shape.w, kOutputs)),
        count(shape.batch * rows * columns),
        helpers(count * Matrices(kOutputs) * shape.c * shape.k / kPerThread - 1) {}
};

// y [batch, h, w, k] of x [batch, h, w, c] and filter [3, 3, c, k], in tiles of 2 or 4 outputs.
void Convolve(int64_t outputs, const Convolution3x3 &shape, const float *x, const float *filter, float *y);
// The filter's transform, [Matrices(outputs), c, PaddedOutputs(k)], for any number of
// `ConvolveTransformed`.
int64_t PaddedOutputs(int64_t k);
void Transform(int64_t outputs, int64_t c, int64_t k, const float *filter, float *transformed);
void ConvolveTransformed(int64_t outputs, const Convolution3x3 &shape, const float *x, const float *transformed,
                         const Epilogue &epilogue, float *y);
// The gradient for x [batch, h, w, c], given y's.
void InputGradient(int64_t outputs, const Convolution3x3 &shape, const float *dy, const float *filter, float *dx);
// The gradient for the filter [3, 3, c, k], given y's.
void FilterGradient(const Convolution3x3 &shape, const float *dy, const float *x, float *dfilter);

// Matrices are one cache line further apart than their size: otherwise all would compete for the same lines.
constexpr int64_t kGap = 16;

// A tile's position, in tiles.
struct Tile {
  int64_t picture, row, column;

  template <int kOutputs>
  static Tile At(const Tiling<kOutputs> &tiling, int64_t index) {
    return {index / tiling.columns / tiling.rows, index / tiling.columns % tiling.rows, index % tiling.columns};
  }
  template <int kOutputs>
  void Next(const Tiling<kOutputs> &tiling) {
    if (++column < tiling.columns) return;
    column = 0;
    if (++row < tiling.rows) return;
    row = 0;
    picture++;
  }
};

// Pointers to the pixels of a kSize x kSize patch of images with `channels` channels; outside of an image, to `zeros`.
template <int kSize>
inline void PixelsAt(const Convolution3x3 &shape, int64_t channels, const float *pictures, int64_t picture, int64_t top,
                     int64_t left, const float *zeros, const float *(&to)[kSize][kSize]) {
  for (int i = 0; i < kSize; i++) {
    const bool inside = top + i >= 0 && top + i < shape.h;
    const float *row = pictures + ((picture * shape.h + top + i) * shape.w + left) * channels;
    for (int j = 0; j < kSize; j++) {
      to[i][j] = inside && left + j >= 0 && left + j < shape.w ? row + j * channels : zeros;
    }
  }
}

// Their `count` channels from `first` on, then zeros. One branch for all of them, not one for each.
template <int kSize>
HEADSHARE_INLINE void LoadPatch(const float *const (&pixels)[kSize][kSize], int64_t first, int64_t count,
                                Vector (&to)[kSize][kSize]) {
  const auto load = [&](const auto &value) HEADSHARE_INLINED {
    Unrolled<kSize>([&](auto i) HEADSHARE_INLINED {
      Unrolled<kSize>([&](auto j) HEADSHARE_INLINED { to[i][j] = value(pixels[i][j] + first); });
    });
  };
  if (count >= kWidth) {
    load([](const float *from) HEADSHARE_INLINED { return Load(from); });
  } else {
    load([=](const float *from) { return LoadSome(from, count); });
  }
}

// A vector of each of the matrices, which are `matrix` floats apart.
template <int kSize>
HEADSHARE_INLINE void LoadAll(const float *from, int64_t matrix, Vector (&to)[kSize][kSize]) {
  Unrolled<kSize>([&](auto i) HEADSHARE_INLINED {
    Unrolled<kSize>([&](auto j) HEADSHARE_INLINED { to[i][j] = Load(from + (i * kSize + j) * matrix); });
  });
}
template <int kSize>
HEADSHARE_INLINE void StoreAll(const Vector (&from)[kSize][kSize], int64_t matrix, float *to) {
  Unrolled<kSize>([&](auto i) HEADSHARE_INLINED {
    Unrolled<kSize>([&](auto j) HEADSHARE_INLINED { Store(to + (i * kSize + j) * matrix, from[i][j]); });
  });
}

}  // namespace headshare
