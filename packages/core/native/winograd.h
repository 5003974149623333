// Convolutions with 3x3 filters at stride 1 with one zero on every side, by Winograd's F(2x2, 3x3)
// (winograd-transforms.h) on NHWC tensors. Images are cut into tiles of 2x2 outputs. Blocks of tiles are transformed into 16
// matrices [tiles][c], multiplied by the 16 matrices [c][k] of the transformed filter, and transformed back, all in the
// processor's second-level cache. Where x has a NaN or an infinity, all outputs of the tiles that read it may be NaN, even
// those that the 3x3 window alone would not reach.
#pragma once

#include <cstdint>

#include "epilogue.h"
#include "lanes.h"
#include "scratch.h"

namespace headshare {

struct Convolution3x3 {
  int64_t batch, h, w, c, k;

  int64_t TileRows() const { return (h + 1) / 2; }
  int64_t TileColumns() const { return (w + 1) / 2; }
  int64_t Tiles() const { return batch * TileRows() * TileColumns(); }
  // The threads besides the caller's that the work justifies: some 40 us each.
  int64_t Helpers() const { return Tiles() * c * k / 131072 - 1; }
};

// y [batch, h, w, k] of x [batch, h, w, c] and filter [3, 3, c, k].
void Convolve(const Convolution3x3 &shape, const float *x, const float *filter, float *y);
// The filter's transform, [16, c, PaddedOutputs(k)], for any number of `ConvolveTransformed`.
int64_t PaddedOutputs(int64_t k);
void Transform(int64_t c, int64_t k, const float *filter, float *transformed);
void ConvolveTransformed(const Convolution3x3 &shape, const float *x, const float *transformed, const Epilogue &epilogue,
                         float *y);
// The gradient for x [batch, h, w, c], given y's.
void InputGradient(const Convolution3x3 &shape, const float *dy, const float *filter, float *dx);
// The gradient for the filter [3, 3, c, k], given y's.
void FilterGradient(const Convolution3x3 &shape, const float *dy, const float *x, float *dfilter);

// Matrices are one cache line further apart than their size: otherwise all 16 would compete for the same lines.
constexpr int64_t kGap = 16;

// A tile's position: its first output is (2 row, 2 column).
struct Tile {
  int64_t picture, row, column;

  static Tile At(const Convolution3x3 &shape, int64_t index) {
    const int64_t columns = shape.TileColumns(), rows = shape.TileRows();
    return {index / columns / rows, index / columns % rows, index % columns};
  }
  void Next(const Convolution3x3 &shape) {
    if (++column < shape.TileColumns()) return;
    column = 0;
    if (++row < shape.TileRows()) return;
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
inline void LoadPatch(const float *const (&pixels)[kSize][kSize], int64_t first, int64_t count,
                      Vector (&to)[kSize][kSize]) {
  if (count >= kWidth) {
    for (int i = 0; i < kSize * kSize; i++) to[i / kSize][i % kSize] = Load(pixels[i / kSize][i % kSize] + first);
  } else {
    for (int i = 0; i < kSize * kSize; i++) {
      to[i / kSize][i % kSize] = LoadSome(pixels[i / kSize][i % kSize] + first, count);
    }
  }
}

// Stores one vector in each of 16 matrices that are `matrix` floats apart.
inline void StoreAll(const Vector (&from)[4][4], int64_t matrix, float *to) {
  for (int i = 0; i < 16; i++) Store(to + i * matrix, from[i / 4][i % 4]);
}

}  // namespace headshare
