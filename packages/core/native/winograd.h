// Convolutions with 3x3 filters at stride 1 or 2 with one zero on every side, by Winograd's minimal filtering
// (winograd-transforms.h) on NHWC tensors. Images are cut into tiles. Blocks of tiles are transformed into a matrix
// [tiles][c] for each product of the algorithm, multiplied by matrices [c][k] of the transformed filter, and transformed
// back, all in the processor's second-level cache. Where x has a NaN or an infinity, all outputs of the tiles that read it
// may be NaN, even those that the 3x3 window alone would not reach.
#pragma once

#include <cstdint>

#include "epilogue.h"
#include "scratch.h"
#include "thread-pool.h"
#include "winograd-transforms.h"

namespace headshare {

struct Size {
  int64_t h, w;
};

// y of x, or the gradient for x, which is a convolution too.
struct Convolution3x3 {
  int64_t batch;
  Size in, out;
  int64_t c, k;

  // Of images [batch, h, w, c].
  static Convolution3x3 Of(int64_t batch, Size in, int64_t c, int64_t k, int64_t stride) {
    return {batch, in, {Quotient(in.h, stride), Quotient(in.w, stride)}, c, k};
  }
  Convolution3x3 Back() const { return {batch, out, in, k, c}; }
};

// Tiles of 2x2 or 4x4 outputs at stride 1, or of 4x4 outputs at stride 2.
enum class Algorithm { kTiles2, kTiles4, kStrided };

// A convolution's tiles.
template <typename Lines>
struct Tiling {
  // In each picture, and in all; the threads besides the caller's that the work justifies.
  int64_t rows, columns, count, helpers;

  explicit Tiling(const Convolution3x3 &shape)
      : rows(Quotient(shape.out.h, Lines::kOutputs)),
        columns(Quotient(shape.out.w, Lines::kOutputs)),
        count(shape.batch * rows * columns),
        helpers(count * Lines::kProducts * Lines::kProducts * shape.c * shape.k / kPerThread - 1) {}
};

// The filter's transform, [Matrices(algorithm), c, PaddedOutputs(k)]; that for the input's gradient has c and k exchanged.
int64_t Matrices(Algorithm algorithm);
int64_t PaddedOutputs(int64_t k);
void Transform(Algorithm algorithm, int64_t c, int64_t k, const float *filter, float *transformed);
// y [batch, out.h, out.w, k] of x [batch, in.h, in.w, c].
void ConvolveTransformed(Algorithm algorithm, const Convolution3x3 &shape, const float *x, const float *transformed,
                         const Epilogue &epilogue, float *y);
// The same with a filter [3, 3, c, k], for whose transform there is memory.
void Convolve(Algorithm algorithm, const Convolution3x3 &shape, const float *x, const float *filter, float *transformed,
              float *y);
// The gradient for x, given y's.
void InputGradient(Algorithm algorithm, const Convolution3x3 &shape, const float *dy, const float *filter,
                   float *transformed, float *dx);
// The gradient for the filter at stride 1, given y's. There is memory for its sums, of so many floats.
int64_t FilterGradientSums(Algorithm algorithm, const Convolution3x3 &shape);
void FilterGradient(Algorithm algorithm, const Convolution3x3 &shape, const float *dy, const float *x, float *sums,
                    float *dfilter);

// Matrices are one cache line further apart than their size: otherwise all would compete for the same lines.
constexpr int64_t kGap = 16;

// A tile's position, in tiles.
struct Tile {
  int64_t picture, row, column;

  template <typename Lines>
  static Tile At(const Tiling<Lines> &tiling, int64_t index) {
    return {index / tiling.columns / tiling.rows, index / tiling.columns % tiling.rows, index % tiling.columns};
  }
  template <typename Lines>
  void Next(const Tiling<Lines> &tiling) {
    if (++column < tiling.columns) return;
    column = 0;
    if (++row < tiling.rows) return;
    row = 0;
    picture++;
  }
};

// Pointers to the pixels of a kSize x kSize patch of images with `channels` channels; outside of an image, to `zeros`.
template <int kSize>
inline void PixelsAt(Size size, int64_t channels, const float *pictures, int64_t picture, int64_t top, int64_t left,
                     const float *zeros, const float *(&to)[kSize][kSize]) {
  for (int i = 0; i < kSize; i++) {
    const bool inside = top + i >= 0 && top + i < size.h;
    const float *row = pictures + ((picture * size.h + top + i) * size.w + left) * channels;
    for (int j = 0; j < kSize; j++) {
      to[i][j] = inside && left + j >= 0 && left + j < size.w ? row + j * channels : zeros;
    }
  }
}

// Transforms their `count` channels from `first` on, then zeros, and stores a vector of each of the products' matrices,
// which are `matrix` floats apart. One branch for all pixels, not one for each.
template <int kSize, int kProducts>
HEADSHARE_INLINE void TransformPatch(void (*line)(const Vector (&)[kSize], Vector (&)[kProducts]),
                                     const float *const (&pixels)[kSize][kSize], int64_t first, int64_t count,
                                     int64_t matrix, float *to) {
  const auto transform = [&](const auto &load) HEADSHARE_INLINED {
    TransformLines(
        line, [&](auto i, auto j) HEADSHARE_INLINED { return load(pixels[i][j] + first); },
        [&](auto i, auto j, Vector value) HEADSHARE_INLINED { Store(to + (i * kProducts + j) * matrix, value); });
  };
  if (count >= kWidth) {
    transform([](const float *from) HEADSHARE_INLINED { return Load(from); });
  } else {
    transform([=](const float *from) { return LoadSome(from, count); });
  }
}

}  // namespace headshare
