// The convolution, and the gradient for its input, which is a convolution too.
#include "winograd.h"

#include <algorithm>
#include <vector>

#include "matrix-kernel.h"
#include "thread-pool.h"

namespace headshare {
namespace {

// The floats in the matrices of a block's input, if that makes enough tiles: 256 KB, and the same for its output, fit into
// second-level caches. Half and twice as much are hardly slower.
constexpr int64_t kBlock = 65536;
// The fewest groups of tiles in a block, so that the filter is not fetched for too few of them; one where products share its
// matrices.
constexpr int64_t kGroups = 2;
// Output channels that a block multiplies, and transforms back, at a time.
constexpr int64_t kSlice = 64;
// The fewest blocks for each thread, if there is work for them, so that all threads end together.
constexpr int64_t kBlocks = 4;

// The transformed filter: matrices [c][k], each as panels (matrix-kernel.h), zeros beyond k.
struct Panels {
  int64_t c, k, padded;

  Panels(int64_t c, int64_t k) : c(c), k(k), padded(RoundUp(k, kWidth)) {}
  int64_t Width(int64_t first) const { return std::min<int64_t>(padded - first, kPanel); }
};

// Transforms `filter` [3, 3, c, k] into panels; for the input's gradient, the filter rotated by 180 degrees, with input and
// output channels exchanged, so that panels.c is k.
template <typename Lines, bool kRotated>
void TransformFilters(const Panels &panels, const float *filter, float *to) {
  const int64_t c = panels.c, k = panels.k, plane = c * k, matrix = c * panels.padded;
  ParallelFor(panels.padded / kWidth, plane / 4096 - 1, [=](int64_t index) {
    const int64_t lane = index * kWidth, first = lane / kPanel * kPanel, width = panels.Width(first);
    const int64_t count = std::min<int64_t>(k - lane, kWidth);
    for (int64_t row = 0; row < c; row++) {
      const auto tap = [&](int place) {
        if (!kRotated) return LoadSome(filter + place * plane + row * k + lane, count);
        const float *from = filter + (8 - place) * plane + lane * c + row;
        float lanes[kWidth] = {};
        for (int64_t i = 0; i < count; i++) lanes[i] = from[i * c];
        return Load(lanes);
      };
      float *at = to + first * c + row * width + (lane - first);
      TransformLines(
          Lines::Filter, [&](auto i, auto j) HEADSHARE_INLINED { return tap(3 * i + j); },
          [&](auto i, auto j, Vector value) HEADSHARE_INLINED { Store(at + (i * Lines::kFactors + j) * matrix, value); });
    }
  });
}

// How a convolution is cut into blocks of tiles. Values do not depend on it.
struct Blocks {
  int64_t groups, tiles, count;  // groups of kTileRows tiles in a block; tiles in it; blocks
  int64_t slice;                 // output channels at a time

  template <typename Lines>
  static Blocks Of(const Convolution3x3 &shape, const Tiling<Lines> &tiling) {
    const int64_t all = Quotient(tiling.count, kTileRows), channels = RoundUp(std::max<int64_t>(shape.c, 1), kChannels);
    const int64_t fit = kBlock / (Lines::kProducts * Lines::kProducts * kTileRows * channels);
    const int64_t blocks = kBlocks * std::clamp<int64_t>(tiling.helpers + 1, 1, Threads());
    const int64_t fewest = Lines::kProducts > Lines::kFactors ? 1 : kGroups;
    const int64_t groups = std::max<int64_t>(1, std::min(std::max(fit, fewest), all / blocks));
    return {groups, groups * kTileRows, Quotient(all, groups), kSlice};
  }

  static Blocks One(int64_t tiles) {
    const int64_t groups = Quotient(tiles, kTileRows);
    return {groups, groups * kTileRows, 1, kPanel};
  }
};

template <typename Lines>
class Block {
 public:
  Block(const Convolution3x3 &shape, const Tiling<Lines> &tiling, const Blocks &blocks, int64_t index)
      : shape_(shape),
        tiling_(tiling),
        panels_(shape.c, shape.k),
        first_(index * blocks.tiles),
        tiles_(std::min(blocks.tiles, tiling.count - first_)),
        groups_(Quotient(tiles_, kTileRows)),
        channel_blocks_(Quotient(shape.c, kChannels)),
        slice_(std::min(blocks.slice, panels_.padded)),
        matrix_(blocks.tiles * channel_blocks_ * kChannels + kGap),
        product_(blocks.tiles * slice_ + kGap) {}

  void Run(const float *x, const float *filters, const float *zeros, const Epilogue &epilogue, float *y) const {
    float *v = Scratch(kMatrices * (matrix_ + product_)), *m = v + kMatrices * matrix_;
    TransformInput(0, groups_, x, zeros, v);
    for (int64_t slice = 0; slice < panels_.padded; slice += slice_) {
      Multiply(v, filters, slice, m);
      TransformOutput(m, slice, epilogue, y);
    }
  }

  // The same by several threads, which share the transformed input and each read a part of the filter.
  void RunSlices(int64_t helpers, const float *x, const float *filters, const float *zeros, const Epilogue &epilogue,
                 float *y) const {
    const Floats v(kMatrices * matrix_);
    ParallelFor(groups_, helpers, [&](int64_t group) { TransformInput(group, group + 1, x, zeros, v.data()); });
    ParallelFor(Quotient(panels_.padded, slice_), helpers, [&](int64_t index) {
      float *m = Scratch(kMatrices * product_);
      Multiply(v.data(), filters, index * slice_, m);
      TransformOutput(m, index * slice_, epilogue, y);
    });
  }

 private:
  static constexpr int kInputs = Lines::kInputs, kProducts = Lines::kProducts, kFactors = Lines::kFactors,
                       kOutputs = Lines::kOutputs;
  static constexpr int kMatrices = kProducts * kProducts;

  // Each matrix is [group of kTileRows tiles][block of kChannels channels][tile][channel]; writes the groups from `from`
  // to `end`, which is left out.
  void TransformInput(int64_t from, int64_t end, const float *x, const float *zeros, float *v) const {
    const int64_t c = shape_.c;
    Tile tile = Tile::At(tiling_, first_ + from * kTileRows);
    for (int64_t t = from * kTileRows; t < end * kTileRows; t++, tile.Next(tiling_)) {
      float *to = v + (t / kTileRows * channel_blocks_ * kTileRows + t % kTileRows) * kChannels;
      const float *pixels[kInputs][kInputs];
      if (t < tiles_) {
        PixelsAt(shape_.in, c, x, tile.picture, Lines::kStep * tile.row + Lines::kFirst,
                 Lines::kStep * tile.column + Lines::kFirst, zeros, pixels);
      } else {
        for (int i = 0; i < kInputs * kInputs; i++) pixels[i / kInputs][i % kInputs] = zeros;
      }
      for (int64_t j = 0; j < channel_blocks_ * kChannels; j += kWidth) {
        TransformPatch(Lines::Inputs, pixels, j, c - j, matrix_,
                       to + j / kChannels * kTileRows * kChannels + j % kChannels);
      }
    }
  }

  // The products with a value of the filter, in one direction: product `factor` and those after it.
  static int ProductsWith(int factor) { return factor < kFactors - 1 ? 1 : kProducts - kFactors + 1; }

  // Each product is [panel of the slice][tile][column].
  void Multiply(const float *v, const float *filters, int64_t slice, float *m) const {
    const int64_t c = shape_.c, end = std::min(slice + slice_, panels_.padded), factor = panels_.padded * c;
    for (int i = 0; i < kFactors * kFactors; i++, filters += factor) {
      const int rows = ProductsWith(i / kFactors), columns = ProductsWith(i % kFactors);
      for (int64_t first = slice; first < end; first += kPanel) {
        const float *panel = filters + first * c;
        const int64_t width = panels_.Width(first);
        // The same panel of the next matrix, a part for each group.
        const bool fetches = i + 1 < kFactors * kFactors;
        const int64_t parts = rows * columns * groups_ * channel_blocks_;
        Fetch next = {panel + factor, fetches ? Quotient(c * width, parts * kLine) : 0};
        for (int j = 0; j < rows * columns; j++) {
          const int product = (i / kFactors + j / columns) * kProducts + i % kFactors + j % columns;
          MultiplyMatrix(v + product * matrix_, panel, width, m + product * product_ + (first - slice) * groups_ * kTileRows,
                         next);
        }
      }
    }
  }

  void MultiplyMatrix(const float *rows, const float *panel, int64_t width, float *to, Fetch &next) const {
    for (int64_t group = 0; group < groups_; group++) {
      if (width == kPanel) {
        MultiplyRows<2>(tiles_ - group * kTileRows, rows, panel, shape_.c, to, next);
      } else {
        MultiplyRows<1>(tiles_ - group * kTileRows, rows, panel, shape_.c, to, next);
      }
      rows += channel_blocks_ * kTileRows * kChannels;
      next.from += next.lines * kLine * channel_blocks_;
      to += kTileRows * width;
    }
  }

  void TransformOutput(const float *m, int64_t slice, const Epilogue &epilogue, float *y) const {
    const int64_t k = shape_.k, end = std::min(slice + slice_, panels_.padded);
    Tile tile = Tile::At(tiling_, first_);
    for (int64_t t = 0; t < tiles_; t++, tile.Next(tiling_)) {
      const int64_t top = kOutputs * tile.row, left = kOutputs * tile.column;
      const int64_t rows = shape_.out.h - top, columns = shape_.out.w - left;
      const int64_t pixel = ((tile.picture * shape_.out.h + top) * shape_.out.w + left) * k;
      for (int64_t first = slice; first < end; first += kPanel) {
        const int64_t width = panels_.Width(first);
        const float *from = m + (first - slice) * groups_ * kTileRows + t * width;
        for (int64_t lane = first; lane < first + width; lane += kWidth) {
          const float *products = from + (lane - first);
          Vector out[kOutputs][kOutputs];
          TransformLines(
              Lines::Outputs,
              [&](auto i, auto j) HEADSHARE_INLINED { return Load(products + (i * kProducts + j) * product_); },
              [&](auto i, auto j, Vector value) HEADSHARE_INLINED { out[i][j] = value; });
          const int64_t count = k - lane;
          const Vector bias = epilogue.bias ? LoadSome(epilogue.bias + lane, count) : Vector{};
          const Vector slope = epilogue.slope ? LoadSome(epilogue.slope + lane, count) : Vector{};
#pragma GCC unroll 16
          for (int i = 0; i < kOutputs * kOutputs; i++) {
            if (i / kOutputs >= rows || i % kOutputs >= columns) continue;
            const int64_t at = pixel + (i / kOutputs * shape_.out.w + i % kOutputs) * k + lane;
            Vector value = out[i / kOutputs][i % kOutputs] + bias;
            if (epilogue.residual) value += LoadSome(epilogue.residual + at, count);
            StoreSome(y + at, epilogue.Activated(value, slope), count);
          }
        }
      }
    }
  }

  const Convolution3x3 &shape_;
  const Tiling<Lines> &tiling_;
  const Panels panels_;
  const int64_t first_, tiles_, groups_, channel_blocks_;
  // The output channels at a time.
  const int64_t slice_;
  // The distance between two of the matrices, in floats.
  const int64_t matrix_, product_;
};

template <typename Lines>
void ConvolveTiles(const Convolution3x3 &shape, const float *x, const float *transformed, const Epilogue &epilogue,
                   float *y) {
  const std::vector<float> zeros(shape.c);
  const Tiling<Lines> tiling(shape);
  // Where the filter is larger than the transformed input, as for single images, each of its values is read once.
  if (4 * tiling.count < shape.k) {
    return Block<Lines>(shape, tiling, Blocks::One(tiling.count), 0)
        .RunSlices(tiling.helpers, x, transformed, zeros.data(), epilogue, y);
  }
  const Blocks blocks = Blocks::Of(shape, tiling);
  ParallelFor(blocks.count, tiling.helpers, [&](int64_t index) {
    Block<Lines>(shape, tiling, blocks, index).Run(x, transformed, zeros.data(), epilogue, y);
  });
}

// body(lines) for the algorithm's.
template <typename Body>
void WithLines(Algorithm algorithm, const Body &body) {
  switch (algorithm) {
    case Algorithm::kTiles2:
      return body(Tiles2());
    case Algorithm::kTiles4:
      return body(Tiles4());
    case Algorithm::kStrided:
      return body(Strided());
  }
}

// The algorithm for the gradient of the input.
template <typename Lines>
struct Back {
  typedef Lines Type;
};
template <>
struct Back<Strided> {
  typedef StridedGradient Type;
};

template <typename Lines, bool kRotated>
void ConvolveWith(const Convolution3x3 &shape, const float *x, const float *filter, float *transformed, float *y) {
  TransformFilters<Lines, kRotated>(Panels(shape.c, shape.k), filter, transformed);
  ConvolveTiles<Lines>(shape, x, transformed, {}, y);
}

}  // namespace

int64_t PaddedOutputs(int64_t k) { return Panels(0, k).padded; }

int64_t Matrices(Algorithm algorithm) {
  const int64_t factors = algorithm == Algorithm::kTiles2 ? Tiles2::kFactors : Tiles4::kFactors;
  static_assert(Strided::kFactors == Tiles4::kFactors, "");
  return factors * factors;
}

void Transform(Algorithm algorithm, int64_t c, int64_t k, const float *filter, float *transformed) {
  WithLines(algorithm, [=](auto lines) { TransformFilters<decltype(lines), false>(Panels(c, k), filter, transformed); });
}

void ConvolveTransformed(Algorithm algorithm, const Convolution3x3 &shape, const float *x, const float *transformed,
                         const Epilogue &epilogue, float *y) {
  WithLines(algorithm, [&](auto lines) { ConvolveTiles<decltype(lines)>(shape, x, transformed, epilogue, y); });
}

void Convolve(Algorithm algorithm, const Convolution3x3 &shape, const float *x, const float *filter, float *transformed,
              float *y) {
  WithLines(algorithm, [&](auto lines) { ConvolveWith<decltype(lines), false>(shape, x, filter, transformed, y); });
}

void InputGradient(Algorithm algorithm, const Convolution3x3 &shape, const float *dy, const float *filter,
                   float *transformed, float *dx) {
  WithLines(algorithm, [&](auto lines) {
    ConvolveWith<typename Back<decltype(lines)>::Type, true>(shape.Back(), dy, filter, transformed, dx);
  });
}

}  // namespace headshare
