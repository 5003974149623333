// The gradient of the filter: the sum over all tiles of the outer products of x, transformed, and of dy, transformed by
// the adjoint of the output's transform; then the adjoint of the filter's transform.
#include <algorithm>
#include <vector>

#include "matrix-kernel.h"
#include "thread-pool.h"
#include "winograd.h"

namespace headshare {
namespace {

// The most channels, of x and of dy, of a part: its sums and matrices fit into the second-level cache.
constexpr int64_t kSlice = 64;
// The number of parts, if there are enough tiles, so that every thread gets some ...
constexpr int64_t kParts = 16;
// ... and the fewest tiles of a part, so that adding the parts' sums takes little of the time.
constexpr int64_t kFewestTiles = 96;

// The work is cut, by the shape alone, into parts: a chunk of the tiles, a slice of x's channels and one of dy's. Each
// chunk has its own sums, a matrix [c][k] for each product.
template <typename Lines>
struct Parts {
  // Tiles that are transformed and summed at a time. Sums are loaded and stored once for all of them.
  static constexpr int64_t kTiles = Lines::kProducts == 4 ? 48 : 24;
  static constexpr int64_t kMatrices = Lines::kProducts * Lines::kProducts;

  const Tiling<Lines> tiling;
  int64_t rows, columns;              // c and k, padded
  int64_t row_slices, column_slices;  // of kSlice
  int64_t chunks, tiles;              // chunks, and tiles of a chunk

  explicit Parts(const Convolution3x3 &shape)
      : tiling(shape),
        rows(RoundUp(shape.c, kOuterRows)),
        columns(RoundUp(shape.k, kWidth)),
        row_slices(Quotient(rows, kSlice)),
        column_slices(Quotient(columns, kSlice)) {
    const int64_t slices = std::max<int64_t>(1, row_slices * column_slices);
    const int64_t wanted = std::clamp<int64_t>(tiling.count / kFewestTiles, 1, std::max<int64_t>(1, kParts / slices));
    tiles = RoundUp(Quotient(tiling.count, wanted), kTiles);
    chunks = tiles == 0 ? 0 : Quotient(tiling.count, tiles);
  }
  int64_t Count() const { return chunks * row_slices * column_slices; }
  // The start of the sums of a chunk's matrix, in which every panel is [row][column].
  int64_t At(int64_t chunk, int64_t matrix) const { return (chunk * kMatrices + matrix) * rows * columns; }
  int64_t Width(int64_t first) const { return std::min<int64_t>(columns - first, kPanel); }
};

template <typename Lines>
class Part {
 public:
  Part(const Convolution3x3 &shape, const Parts<Lines> &parts, int64_t index)
      : shape_(shape),
        parts_(parts),
        chunk_(index / parts.column_slices / parts.row_slices),
        top_(index / parts.column_slices % parts.row_slices * kSlice),
        bottom_(std::min(top_ + kSlice, parts.rows)),
        begin_(index % parts.column_slices * kSlice),
        end_(std::min(begin_ + kSlice, parts.columns)),
        left_(RoundUp(bottom_ - top_, kChannels) * kTiles + kGap),
        right_((end_ - begin_) * kTiles + kGap) {}

  void Run(const float *dy, const float *x, const float *zeros, float *sums) const {
    float *v = Scratch(kMatrices * (left_ + right_)), *d = v + kMatrices * left_;
    const int64_t last = std::min((chunk_ + 1) * parts_.tiles, parts_.tiling.count);
    const int64_t start = chunk_ * parts_.tiles;
    for (int64_t first = start; first < last; first += kTiles) {
      const int64_t tiles = std::min(kTiles, last - first);
      Transform(dy, x, zeros, first, tiles, v, d);
      for (int64_t i = 0; i < kMatrices; i++) {
        Accumulate(v + i * left_, d + i * right_, tiles, first > start, sums + parts_.At(chunk_, i));
      }
    }
  }

 private:
  static constexpr int64_t kTiles = Parts<Lines>::kTiles, kMatrices = Parts<Lines>::kMatrices;

  // x to matrices [block of kChannels channels][tile][channel], dy to [panel of the slice][tile][column].
  void Transform(const float *dy, const float *x, const float *zeros, int64_t first, int64_t tiles, float *v,
                 float *d) const {
    const int64_t c = shape_.c, k = shape_.k;
    Tile tile = Tile::At(parts_.tiling, first);
    for (int64_t t = 0; t < tiles; t++, tile.Next(parts_.tiling)) {
      const float *in[Lines::kInputs][Lines::kInputs], *out[Lines::kOutputs][Lines::kOutputs];
      PixelsAt(shape_.in, c, x, tile.picture, Lines::kStep * tile.row + Lines::kFirst,
               Lines::kStep * tile.column + Lines::kFirst, zeros, in);
      PixelsAt(shape_.out, k, dy, tile.picture, Lines::kOutputs * tile.row, Lines::kOutputs * tile.column, zeros, out);
      for (int64_t j = top_; j < RoundUp(bottom_, kChannels); j += kWidth) {
        const int64_t block = (j - top_) / kChannels;
        TransformPatch(Lines::Inputs, in, j, c - j, left_, v + (block * kTiles + t) * kChannels + j % kChannels);
      }
      for (int64_t lane = begin_; lane < end_; lane += kWidth) {
        const int64_t panel = lane / kPanel * kPanel, width = parts_.Width(panel);
        TransformPatch(Lines::OutputsGradient, out, lane, k - lane, right_,
                       d + (panel - begin_) * kTiles + t * width + (lane - panel));
      }
    }
  }

  void Accumulate(const float *v, const float *d, int64_t tiles, bool adds, float *sums) const {
    for (int64_t panel = begin_; panel < end_; panel += kPanel) {
      const int64_t width = parts_.Width(panel);
      const float *right = d + (panel - begin_) * kTiles;
      for (int64_t row = top_; row < bottom_; row += kOuterRows) {
        const float *left = v + (row - top_) / kChannels * kTiles * kChannels + row % kChannels;
        float *to = sums + panel * parts_.rows + row * width;
        if (width == kPanel) {
          AccumulateTile<2>(left, kChannels, right, kPanel, tiles, to, adds);
        } else {
          AccumulateTile<1>(left, kChannels, right, kWidth, tiles, to, adds);
        }
      }
    }
  }

  const Convolution3x3 &shape_;
  const Parts<Lines> &parts_;
  const int64_t chunk_, top_, bottom_, begin_, end_;
  // The distance between two of the matrices, in floats.
  const int64_t left_, right_;
};

// Adds the chunks' sums of a matrix, in their order, to the first chunk's.
template <typename Lines>
void Add(const Parts<Lines> &parts, int64_t matrix, float *sums) {
  float *to = sums + parts.At(0, matrix);
  for (int64_t i = 0; i < parts.rows * parts.columns; i += kWidth) {
    Vector sum = Load(to + i);
    for (int64_t chunk = 1; chunk < parts.chunks; chunk++) sum += Load(sums + parts.At(chunk, matrix) + i);
    Store(to + i, sum);
  }
}

// Transforms the sums to a row of the gradient [3, 3, c, k].
template <typename Lines>
void Finish(const Convolution3x3 &shape, const Parts<Lines> &parts, const float *sums, int64_t row, float *dfilter) {
  const int64_t c = shape.c, k = shape.k;
  for (int64_t lane = 0; lane < k; lane += kWidth) {
    const int64_t panel = lane / kPanel * kPanel;
    const float *from = sums + panel * parts.rows + row * parts.Width(panel) + (lane - panel);
    TransformLines(
        Lines::FilterGradient,
        [&](auto i, auto j) HEADSHARE_INLINED { return Load(from + parts.At(0, i * Lines::kProducts + j)); },
        [&](auto i, auto j, Vector value) HEADSHARE_INLINED {
          StoreSome(dfilter + ((3 * i + j) * c + row) * k + lane, value, k - lane);
        });
  }
}

template <typename Lines>
void Gradient(const Convolution3x3 &shape, const float *dy, const float *x, float *sums, float *dfilter) {
  const std::vector<float> zeros(std::max(shape.c, shape.k));
  const Parts<Lines> parts(shape);
  ParallelFor(parts.Count(), parts.tiling.helpers, [&](int64_t index) {
    Part<Lines>(shape, parts, index).Run(dy, x, zeros.data(), sums);
  });
  if (parts.chunks == 0) return std::fill(dfilter, dfilter + 9 * shape.c * shape.k, 0.0f);
  if (parts.chunks > 1) {
    ParallelFor(Parts<Lines>::kMatrices, parts.chunks * parts.rows * parts.columns / 4096 - 1,
                [&](int64_t matrix) { Add(parts, matrix, sums); });
  }
  ParallelFor(shape.c, shape.c * shape.k / 16384 - 1,
              [&](int64_t row) { Finish(shape, parts, sums, row, dfilter); });
}

template <typename Lines>
int64_t Sums(const Convolution3x3 &shape) {
  const Parts<Lines> parts(shape);
  return parts.At(parts.chunks, 0);
}

}  // namespace

int64_t FilterGradientSums(Algorithm algorithm, const Convolution3x3 &shape) {
  return algorithm == Algorithm::kTiles2 ? Sums<Tiles2>(shape) : Sums<Tiles4>(shape);
}

void FilterGradient(Algorithm algorithm, const Convolution3x3 &shape, const float *dy, const float *x, float *sums,
                    float *dfilter) {
  algorithm == Algorithm::kTiles2 ? Gradient<Tiles2>(shape, dy, x, sums, dfilter)
                                  : Gradient<Tiles4>(shape, dy, x, sums, dfilter);
}

}  // namespace headshare
