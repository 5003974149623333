// The gradient of the filter: the sum over all tiles of the outer products of x, transformed, and of dy, transformed by
// the adjoint of the output's transform; then the adjoint of the filter's transform.
#include <algorithm>
#include <vector>

#include "matrix-kernel.h"
#include "thread-pool.h"
#include "winograd.h"

namespace headshare {
namespace {

// Tiles that are transformed and summed at a time. Sums are loaded and stored once for all of them; with twice as many, the
// matrices of 64 channels no longer fit into the second-level cache.
constexpr int64_t kTiles = 48;
// The most output channels of a part.
constexpr int64_t kSlice = 64;
// The number of parts, if there are enough tiles, so that every thread gets some ...
constexpr int64_t kParts = 16;
// ... and if their sums together have at most so many floats.
constexpr int64_t kSums = 2097152;

// The work is cut, by the shape alone, into parts: a chunk of the tiles and a slice of the output channels. Each part
// has its own sums, 16 matrices [c][slice].
struct Parts {
  int64_t rows, columns;          // c and k, padded
  int64_t slices, chunks, tiles;  // slices, chunks, and tiles of a chunk

  static Parts Of(const Convolution3x3 &shape, const Tiling<Tiles2> &tiling) {
    const int64_t rows = RoundUp(shape.c, kOuterRows), columns = RoundUp(shape.k, kWidth);
    const int64_t slices = Quotient(columns, kSlice), blocks = Quotient(tiling.count, kTiles);
    const int64_t wanted = std::max<int64_t>(1, std::min(kParts / slices, kSums / (16 * rows * columns)));
    const int64_t tiles = Quotient(blocks, wanted) * kTiles;
    return {rows, columns, slices, blocks == 0 ? 0 : Quotient(tiling.count, tiles), tiles};
  }
  int64_t Count() const { return chunks * slices; }
  int64_t Matrix() const { return rows * columns; }
  // The start of the sums of a chunk's matrix, in which every panel is [row][column].
  int64_t At(int64_t chunk, int64_t matrix) const { return (chunk * 16 + matrix) * Matrix(); }
  int64_t Width(int64_t first) const { return std::min<int64_t>(columns - first, kPanel); }
};

class Part {
 public:
  Part(const Convolution3x3 &shape, const Tiling<Tiles2> &tiling, const Parts &parts, int64_t index)
      : shape_(shape),
        tiling_(tiling),
        parts_(parts),
        chunk_(index / parts.slices),
        begin_(index % parts.slices * kSlice),
        end_(std::min(begin_ + kSlice, parts.columns)),
        left_(RoundUp(shape.c, kChannels) * kTiles + kGap),
        right_((end_ - begin_) * kTiles + kGap) {}

  void Run(const float *dy, const float *x, const float *zeros, float *sums) const {
    float *v = Scratch(16 * (left_ + right_)), *d = v + 16 * left_;
    for (int64_t i = 0; i < 16; i++) {
      float *matrix = sums + parts_.At(chunk_, i);
      std::fill(matrix + begin_ * parts_.rows, matrix + end_ * parts_.rows, 0.0f);
    }
    const int64_t last = std::min((chunk_ + 1) * parts_.tiles, tiling_.count);
    for (int64_t first = chunk_ * parts_.tiles; first < last; first += kTiles) {
      const int64_t tiles = std::min(kTiles, last - first);
      Transform(dy, x, zeros, first, tiles, v, d);
      for (int64_t i = 0; i < 16; i++) Accumulate(v + i * left_, d + i * right_, tiles, sums + parts_.At(chunk_, i));
    }
  }

 private:
  // x to matrices [block of kChannels channels][tile][channel], dy to [panel of the slice][tile][column].
  void Transform(const float *dy, const float *x, const float *zeros, int64_t first, int64_t tiles, float *v,
                 float *d) const {
    const int64_t c = shape_.c, k = shape_.k;
    Tile tile = Tile::At(tiling_, first);
    for (int64_t t = 0; t < tiles; t++, tile.Next(tiling_)) {
      const float *in[4][4], *out[2][2];
      PixelsAt(shape_.in, c, x, tile.picture, 2 * tile.row - 1, 2 * tile.column - 1, zeros, in);
      PixelsAt(shape_.out, k, dy, tile.picture, 2 * tile.row, 2 * tile.column, zeros, out);
      for (int64_t j = 0; j < RoundUp(c, kChannels); j += kWidth) {
        TransformPatch(Tiles2::Inputs, in, j, c - j, left_, v + (j / kChannels * kTiles + t) * kChannels + j % kChannels);
      }
      for (int64_t lane = begin_; lane < end_; lane += kWidth) {
        const int64_t panel = lane / kPanel * kPanel, width = parts_.Width(panel);
        TransformPatch(Tiles2::OutputsGradient, out, lane, k - lane, right_,
                       d + (panel - begin_) * kTiles + t * width + (lane - panel));
      }
    }
  }

  void Accumulate(const float *v, const float *d, int64_t tiles, float *sums) const {
    for (int64_t panel = begin_; panel < end_; panel += kPanel) {
      const int64_t width = parts_.Width(panel);
      const float *right = d + (panel - begin_) * kTiles;
      for (int64_t row = 0; row < parts_.rows; row += kOuterRows) {
        const float *left = v + row / kChannels * kTiles * kChannels + row % kChannels;
        float *to = sums + panel * parts_.rows + row * width;
        if (width == kPanel) {
          AccumulateTile<2>(left, kChannels, right, kPanel, tiles, to);
        } else {
          AccumulateTile<1>(left, kChannels, right, kWidth, tiles, to);
        }
      }
    }
  }

  const Convolution3x3 &shape_;
  const Tiling<Tiles2> &tiling_;
  const Parts &parts_;
  const int64_t chunk_, begin_, end_;
  // The distance between two of the 16 matrices, in floats.
  const int64_t left_, right_;
};

// Adds the chunks' sums, in their order, and transforms them to rows of the gradient [3, 3, c, k].
void Finish(const Convolution3x3 &shape, const Parts &parts, const float *sums, int64_t row, float *dfilter) {
  const int64_t c = shape.c, k = shape.k;
  for (int64_t lane = 0; lane < k; lane += kWidth) {
    const int64_t panel = lane / kPanel * kPanel;
    const int64_t offset = panel * parts.rows + row * parts.Width(panel) + (lane - panel);
    Vector u[4][4] = {};
    for (int64_t chunk = 0; chunk < parts.chunks; chunk++) {
      for (int i = 0; i < 16; i++) u[i / 4][i % 4] += Load(sums + parts.At(chunk, i) + offset);
    }
    TransformLines(
        Tiles2::FilterGradient, [&](auto i, auto j) HEADSHARE_INLINED { return u[i][j]; },
        [&](auto i, auto j, Vector value) HEADSHARE_INLINED {
          StoreSome(dfilter + ((3 * i + j) * c + row) * k + lane, value, k - lane);
        });
  }
}

}  // namespace

void FilterGradient(const Convolution3x3 &shape, const float *dy, const float *x, float *dfilter) {
  const Tiling<Tiles2> tiling(shape);
  const Parts parts = Parts::Of(shape, tiling);
  const Floats sums(parts.At(parts.chunks, 0));
  const std::vector<float> zeros(std::max(shape.c, shape.k));
  ParallelFor(parts.Count(), tiling.helpers, [&](int64_t index) {
    Part(shape, tiling, parts, index).Run(dy, x, zeros.data(), sums.data());
  });
  ParallelFor(shape.c, parts.chunks * shape.c * shape.k / 16384 - 1,
              [&](int64_t row) { Finish(shape, parts, sums.data(), row, dfilter); });
}

}  // namespace headshare
