// The innermost loops of matrix products: a tile of the product stays in registers during the reduction. Operands are packed
// in reading order, so that every address is a pointer and a constant.
#pragma once

#include "lanes.h"

namespace headshare {

// The columns of a panel. A panel of a matrix is so many of its columns (the last one: the rest, in whole vectors), row
// after row.
constexpr int kPanel = 2 * kWidth;
// The adjacent channels of rows.
constexpr int kChannels = 16;

// Rows of a tile. The tile, a row of the panel and a factor fill the registers: 32, or 16 with AVX2.
#if defined(__AVX512F__) || !defined(__AVX__)
constexpr int kTileRows = 12;
constexpr int kOuterRows = 8;
#else
constexpr int kTileRows = 6;
constexpr int kOuterRows = 4;
#endif

// The floats of a cache line.
constexpr int kLine = 16;

// Memory that will be read soon: so many lines are fetched for each kChannels channels of a product.
struct Fetch {
  const float *from = nullptr;
  int64_t lines = 0;
};

// to [kTileRows][columns] = rows x panel. rows is [c / kChannels][kTileRows][kChannels], panel [c][columns], columns
// kVectors vectors. Meanwhile it fetches `next` into the second-level cache. Only the first kRows rows are computed.
template <int kVectors, int kRows = kTileRows>
inline void MultiplyTile(const float *__restrict rows, const float *__restrict panel, int64_t c,
                         float *__restrict to, Fetch next = {}) {
  Vector sums[kRows][kVectors] = {};
  for (; c > 0; c -= kChannels, rows += kTileRows * kChannels) {
    for (int64_t line = 0; line < next.lines; line++, next.from += kLine) __builtin_prefetch(next.from, 0, 2);
    const int64_t channels = c < kChannels ? c : kChannels;
    for (int64_t j = 0; j < channels; j++, panel += kVectors * kWidth) {
      Vector right[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; v++) right[v] = Load(panel + v * kWidth);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; r++) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; v++) sums[r][v] += rows[r * kChannels + j] * right[v];
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) Store(to + (r * kVectors + v) * kWidth, sums[r][v]);
  }
}

// Rows of a tile that is not full: maps of 14x14 and 28x28 pixels leave so many, and so do 16 and 64 tiles of Winograd's.
constexpr int kFewRows = 4;

// MultiplyTile where only `count` rows are needed: of the last tile, or of a linear layer's single pixel.
template <int kVectors>
inline void MultiplyRows(int64_t count, const float *rows, const float *panel, int64_t c, float *to, Fetch next = {}) {
  if (count > kFewRows) return MultiplyTile<kVectors>(rows, panel, c, to, next);
  if (count > 1) return MultiplyTile<kVectors, kFewRows>(rows, panel, c, to, next);
  MultiplyTile<kVectors, 1>(rows, panel, c, to, next);
}

// to [kOuterRows][columns] = the transpose of left [count][kOuterRows] x panel [count][columns], columns kVectors vectors;
// with `adds`, that is added to it. The rows of left and panel are so many floats apart.
template <int kVectors>
HEADSHARE_INLINE void AccumulateTile(const float *__restrict left, int64_t left_step, const float *__restrict panel,
                                     int64_t panel_step, int64_t count, float *__restrict to, bool adds = true) {
  // Added to memory at the end, so that the next tile need not wait for this one.
  Vector sums[kOuterRows][kVectors] = {};
  for (; count > 0; count--, left += left_step, panel += panel_step) {
    Vector right[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) right[v] = Load(panel + v * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kOuterRows; r++) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; v++) sums[r][v] += left[r] * right[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kOuterRows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; v++) {
      float *at = to + (r * kVectors + v) * kWidth;
      Store(at, adds ? Load(at) + sums[r][v] : sums[r][v]);
    }
  }
}

}  // namespace headshare
