// The gradient of the filter: the sum over all tiles of the outer products of x, transformed, and of dy, transformed by
// the adjoint of the output's transform; then the adjoint of the filter's transform.
#include <algorithm>
#include <vector>

#include "matrix-kernel.h"
#include "thread-pool.h"
#include "winograd-transforms.h"
#include "winograd.h"

namespace headshare {
namespace {

// Tiles that are transformed and summed at a time: sums are loaded and stored once for so many.
constexpr int64_t kTiles = 96;
// Output channels that a part has at most: with 256 input channels its sums take 256 KB.
constexpr int64_t kSlice = 64;
// Chunks times slices; times 4, as many parts can be worked at at once.
constexpr int64_t kParts = 8;
constexpr int64_t kGap = 16;

// The work is cut, by the shape alone, into parts: a chunk of the tiles, a slice of the output channels, and one of the
// four rows of the 4x4 matrices, whose transforms need no others. Each part has its own sums, 4 matrices [c][slice].
struct Parts {
  int64_t rows, columns;  // c and k, padded
  int64_t slices, chunks, tiles;

  static Parts Of(const Convolution3x3 &shape) {
    const int64_t columns = RoundUp(shape.k, kLanes), slices = (columns + kSlice - 1) / kSlice;
    const int64_t wanted = std::max<int64_t>(1, kParts / slices), blocks = (shape.Tiles() + kTiles - 1) / kTiles;
    const int64_t tiles = (blocks + wanted - 1) / wanted * kTiles;
    return {RoundUp(shape.c, kOuterRows), columns, slices, tiles == 0 ? 0 : (shape.Tiles() + tiles - 1) / tiles, tiles};
  }
  int64_t Count() const { return chunks * slices * 4; }
  int64_t Matrix() const { return rows * columns; }
  // Where the sums of a matrix of a chunk begin; there, every panel is [row][column].
  int64_t At(int64_t chunk, int64_t matrix) const { return (chunk * 16 + matrix) * Matrix(); }
  int64_t Width(int64_t first) const { return std::min<int64_t>(columns - first, kPanel); }
};

class Part {
 public:
  Part(const Convolution3x3 &shape, const Parts &parts, int64_t index)
      : shape_(shape),
        parts_(parts),
        row_(index % 4),
        begin_(index / 4 % parts.slices * kSlice),
        end_(std::min(begin_ + kSlice, parts.columns)),
        chunk_(index / 4 / parts.slices),
        left_(RoundUp(shape.c, kChannels) * kTiles + kGap),
        right_((end_ - begin_) * kTiles + kGap) {}

  void Run(const float *dy, const float *x, const float *zeros, float *sums) const {
    switch (row_) {
      case 0: return RunRow<0>(dy, x, zeros, sums);
      case 1: return RunRow<1>(dy, x, zeros, sums);
      case 2: return RunRow<2>(dy, x, zeros, sums);
      default: return RunRow<3>(dy, x, zeros, sums);
    }
  }

 private:
  template <int kRow>
  void RunRow(const float *dy, const float *x, const float *zeros, float *sums) const {
    float *v = Scratch(4 * (left_ + right_)), *d = v + 4 * left_;
    float *to = sums + parts_.At(chunk_, kRow * 4);
    for (int64_t j = 0; j < 4; j++) {
      float *matrix = to + j * parts_.Matrix();
      std::fill(matrix + begin_ * parts_.rows, matrix + end_ * parts_.rows, 0.0f);
    }
    const int64_t last = std::min((chunk_ + 1) * parts_.tiles, shape_.Tiles());
    for (int64_t first = chunk_ * parts_.tiles; first < last; first += kTiles) {
      const int64_t tiles = std::min(kTiles, last - first);
      Transform<kRow>(dy, x, zeros, first, tiles, v, d);
      for (int64_t j = 0; j < 4; j++) Accumulate(v + j * left_, d + j * right_, tiles, to + j * parts_.Matrix());
    }
  }

  // x to 4 matrices [block of kChannels channels][tile][channel], dy to 4 matrices [panel][tile][column].
  template <int kRow>
  void Transform(const float *dy, const float *x, const float *zeros, int64_t first, int64_t tiles, float *v,
                 float *d) const {
    const int64_t c = shape_.c, k = shape_.k;
    Tile tile = Tile::At(shape_, first);
    for (int64_t t = 0; t < tiles; t++, tile.Next(shape_)) {
      const float *in[4][4], *out[2][2];
      PixelsAt(shape_, c, x, tile.picture, 2 * tile.row - 1, 2 * tile.column - 1, zeros, in);
      PixelsAt(shape_, k, dy, tile.picture, 2 * tile.row, 2 * tile.column, zeros, out);
      for (int64_t j = 0; j < RoundUp(c, kChannels); j += kLanes) {
        Vector patch[4][4], row[4];
        for (int i = 0; i < 16; i++) patch[i / 4][i % 4] = LoadSome(in[i / 4][i % 4] + j, c - j);
        TransformPatchRow<kRow>(patch, row);
        float *to = v + (j / kChannels * kTiles + t) * kChannels + j % kChannels;
        for (int i = 0; i < 4; i++) Store(to + i * left_, row[i]);
      }
      for (int64_t lane = begin_; lane < end_; lane += kLanes) {
        Vector patch[2][2], row[4];
        for (int i = 0; i < 4; i++) patch[i / 2][i % 2] = LoadSome(out[i / 2][i % 2] + lane, k - lane);
        TransformProductGradientRow<kRow>(patch, row);
        const int64_t panel = lane / kPanel * kPanel;
        float *to = d + (panel - begin_) * kTiles + t * parts_.Width(panel) + (lane - panel);
        for (int i = 0; i < 4; i++) Store(to + i * right_, row[i]);
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
          AccumulateTile<2>(left, right, tiles, to);
        } else {
          AccumulateTile<1>(left, right, tiles, to);
        }
      }
    }
  }

  const Convolution3x3 &shape_;
  const Parts &parts_;
  const int64_t row_, begin_, end_, chunk_;
  // Floats from one of 4 matrices to the next.
  const int64_t left_, right_;
};

// Adds the chunks' sums, in their order, and transforms them to rows of the gradient [3, 3, c, k].
void Finish(const Convolution3x3 &shape, const Parts &parts, const float *sums, int64_t row, float *dfilter) {
  const int64_t c = shape.c, k = shape.k;
  for (int64_t lane = 0; lane < k; lane += kLanes) {
    const int64_t panel = lane / kPanel * kPanel;
    const int64_t offset = panel * parts.rows + row * parts.Width(panel) + (lane - panel);
    Vector u[4][4] = {}, w[3][3];
    for (int64_t chunk = 0; chunk < parts.chunks; chunk++) {
      for (int i = 0; i < 16; i++) u[i / 4][i % 4] += Load(sums + parts.At(chunk, i) + offset);
    }
    TransformFilterGradient(u, w);
    for (int tap = 0; tap < 9; tap++) StoreSome(dfilter + (tap * c + row) * k + lane, w[tap / 3][tap % 3], k - lane);
  }
}

}  // namespace

void FilterGradient(const Convolution3x3 &shape, const float *dy, const float *x, float *dfilter) {
  const Parts parts = Parts::Of(shape);
  const Floats sums(parts.At(parts.chunks, 0));
  const std::vector<float> zeros(std::max(shape.c, shape.k));
  ParallelFor(parts.Count(), shape.Helpers(), [&](int64_t index) {
    Part(shape, parts, index).Run(dy, x, zeros.data(), sums.data());
  });
  ParallelFor(shape.c, parts.chunks * shape.c * shape.k / 16384 - 1,
              [&](int64_t row) { Finish(shape, parts, sums.data(), row, dfilter); });
}

}  // namespace headshare
