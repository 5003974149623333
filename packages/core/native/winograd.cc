// The convolution, and the gradient for its input, which is a convolution too.
#include "winograd.h"

#include <algorithm>
#include <vector>

#include "matrix-kernel.h"
#include "thread-pool.h"
#include "winograd-transforms.h"

namespace headshare {
namespace {

// The floats in the matrices of a block's input, if that makes enough tiles: 256 KB, and the same for its output, fit into
// second-level caches. Half and twice as much are hardly slower.
constexpr int64_t kBlock = 65536;
// The fewest groups of tiles in a block, so that the filter is not fetched for too few of them.
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
template <int kOutputs, bool kRotated>
void TransformFilters(const Panels &panels, const float *filter, float *to) {
  const int64_t c = panels.c, k = panels.k, plane = c * k;
  ParallelFor(panels.padded / kWidth, plane / 4096 - 1, [=](int64_t index) {
    const int64_t lane = index * kWidth, first = lane / kPanel * kPanel, width = panels.Width(first);
    const int64_t count = std::min<int64_t>(k - lane, kWidth);
    for (int64_t row = 0; row < c; row++) {
      Vector taps[3][3], u[kOutputs + 2][kOutputs + 2];
      for (int tap = 0; tap < 9; tap++) {
        Vector &value = taps[tap / 3][tap % 3];
        if (!kRotated) {
          value = LoadSome(filter + tap * plane + row * k + lane, count);
        } else {
          const float *from = filter + (8 - tap) * plane + lane * c + row;
          float lanes[kWidth] = {};
          for (int64_t i = 0; i < count; i++) lanes[i] = from[i * c];
          value = Load(lanes);
        }
      }
      TransformFilter(taps, u);
      StoreAll(u, c * panels.padded, to + first * c + row * width + (lane - first));
    }
  });
}

// How a convolution is cut into blocks of tiles. Values do not depend on it.
struct Blocks {
  int64_t groups, tiles, count;  // groups of kTileRows tiles in a block; tiles in it; blocks
  int64_t slice;                 // output channels at a time
  bool fetches;                  // whether the filter comes from memory, and is fetched ahead

  template <int kOutputs>
  static Blocks Of(const Convolution3x3 &shape, const Tiling<kOutputs> &tiling) {
    const int64_t all = Quotient(tiling.count, kTileRows), channels = RoundUp(std::max<int64_t>(shape.c, 1), kChannels);
    const int64_t fit = kBlock / (Matrices(kOutputs) * kTileRows * channels);
    const int64_t blocks = kBlocks * std::clamp<int64_t>(tiling.helpers + 1, 1, Threads());
    const int64_t groups = std::max<int64_t>(1, std::min(std::max(fit, kGroups), all / blocks));
    return {groups, groups * kTileRows, Quotient(all, groups), kSlice, false};
  }

  static Blocks One(int64_t tiles) {
    const int64_t groups = Quotient(tiles, kTileRows);
    return {groups, groups * kTileRows, 1, kPanel, true};
  }
};

template <int kOutputs>
class Block {
 public:
  Block(const Convolution3x3 &shape, const Tiling<kOutputs> &tiling, const Blocks &blocks, int64_t index)
      : shape_(shape),
        tiling_(tiling),
        panels_(shape.c, shape.k),
        first_(index * blocks.tiles),
        tiles_(std::min(blocks.tiles, tiling.count - first_)),
        groups_(Quotient(tiles_, kTileRows)),
        channel_blocks_(Quotient(shape.c, kChannels)),
        slice_(std::min(blocks.slice, panels_.padded)),
        fetches_(blocks.fetches),
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
  // Inputs of a patch in each direction.
  static constexpr int kPatch = kOutputs + 2;
  static constexpr int kMatrices = Matrices(kOutputs);

  // Each matrix is [group of kTileRows tiles][block of kChannels channels][tile][channel]; writes the groups from `from`
  // to `end`, which is left out.
  void TransformInput(int64_t from, int64_t end, const float *x, const float *zeros, float *v) const {
    const int64_t c = shape_.c;
    Tile tile = Tile::At(tiling_, first_ + from * kTileRows);
    for (int64_t t = from * kTileRows; t < end * kTileRows; t++, tile.Next(tiling_)) {
      float *to = v + (t / kTileRows * channel_blocks_ * kTileRows + t % kTileRows) * kChannels;
      const float *pixels[kPatch][kPatch];
      if (t < tiles_) {
        PixelsAt(shape_, c, x, tile.picture, kOutputs * tile.row - 1, kOutputs * tile.column - 1, zeros, pixels);
      } else {
        for (int i = 0; i < kMatrices; i++) pixels[i / kPatch][i % kPatch] = zeros;
      }
      for (int64_t j = 0; j < channel_blocks_ * kChannels; j += kWidth) {
        Vector d[kPatch][kPatch], u[kPatch][kPatch];
        LoadPatch(pixels, j, c - j, d);
        TransformPatch(d, u);
        StoreAll(u, matrix_, to + j / kChannels * kTileRows * kChannels + j % kChannels);
      }
    }
  }

  // Each product is [panel of the slice][tile][column].
  void Multiply(const float *v, const float *filters, int64_t slice, float *m) const {
    const int64_t c = shape_.c, end = std::min(slice + slice_, panels_.padded);
    for (int64_t i = 0; i < kMatrices; i++) {
      for (int64_t first = slice; first < end; first += kPanel) {
        const int64_t width = panels_.Width(first);
        const float *rows = v + i * matrix_, *panel = filters + (i * panels_.padded + first) * c;
        float *to = m + i * product_ + (first - slice) * groups_ * kTileRows;
        // The same panel of the next matrix, a part for each group.
        const bool fetches = fetches_ && i + 1 < kMatrices;
        Fetch next = {panel + panels_.padded * c, fetches ? Quotient(c * width, groups_ * channel_blocks_ * kLine) : 0};
        for (int64_t group = 0; group < groups_; group++) {
          if (width == kPanel) {
            MultiplyRows<2>(tiles_ - group * kTileRows, rows, panel, c, to, next);
          } else {
            MultiplyRows<1>(tiles_ - group * kTileRows, rows, panel, c, to, next);
          }
          rows += channel_blocks_ * kTileRows * kChannels;
          next.from += next.lines * kLine * channel_blocks_;
          to += kTileRows * width;
        }
      }
    }
  }

  void TransformOutput(const float *m, int64_t slice, const Epilogue &epilogue, float *y) const {
    const int64_t k = shape_.k, end = std::min(slice + slice_, panels_.padded);
    Tile tile = Tile::At(tiling_, first_);
    for (int64_t t = 0; t < tiles_; t++, tile.Next(tiling_)) {
      const int64_t top = kOutputs * tile.row, left = kOutputs * tile.column;
      const int64_t rows = shape_.h - top, columns = shape_.w - left;
      const int64_t pixel = ((tile.picture * shape_.h + top) * shape_.w + left) * k;
      for (int64_t first = slice; first < end; first += kPanel) {
        const int64_t width = panels_.Width(first);
        const float *from = m + (first - slice) * groups_ * kTileRows + t * width;
        for (int64_t lane = first; lane < first + width; lane += kWidth) {
          Vector d[kPatch][kPatch], out[kOutputs][kOutputs];
          LoadAll(from + (lane - first), product_, d);
          TransformProduct(d, out);
          const int64_t count = k - lane;
          const Vector bias = epilogue.bias ? LoadSome(epilogue.bias + lane, count) : Vector{};
          const Vector slope = epilogue.slope ? LoadSome(epilogue.slope + lane, count) : Vector{};
#pragma GCC unroll 16
          for (int i = 0; i < kOutputs * kOutputs; i++) {
            if (i / kOutputs >= rows || i % kOutputs >= columns) continue;
            const int64_t at = pixel + (i / kOutputs * shape_.w + i % kOutputs) * k + lane;
            Vector value = out[i / kOutputs][i % kOutputs] + bias;
            if (epilogue.residual) value += LoadSome(epilogue.residual + at, count);
            StoreSome(y + at, epilogue.Activated(value, slope), count);
          }
        }
      }
    }
  }

  const Convolution3x3 &shape_;
  const Tiling<kOutputs> &tiling_;
  const Panels panels_;
  const int64_t first_, tiles_, groups_, channel_blocks_;
  // The output channels at a time.
  const int64_t slice_;
  const bool fetches_;
  // The distance between two of the matrices, in floats.
  const int64_t matrix_, product_;
};

template <int kOutputs>
void ConvolveTiles(const Convolution3x3 &shape, const float *x, const float *transformed, const Epilogue &epilogue, float *y) {
  const std::vector<float> zeros(shape.c);
  const Tiling<kOutputs> tiling(shape);
  // Where the filter is larger than the transformed input, as for single images, each of its values is read once.
  if (4 * tiling.count < shape.k) {
    return Block<kOutputs>(shape, tiling, Blocks::One(tiling.count), 0)
        .RunSlices(tiling.helpers, x, transformed, zeros.data(), epilogue, y);
  }
  const Blocks blocks = Blocks::Of(shape, tiling);
  ParallelFor(blocks.count, tiling.helpers, [&](int64_t index) {
    Block<kOutputs>(shape, tiling, blocks, index).Run(x, transformed, zeros.data(), epilogue, y);
  });
}

template <bool kRotated>
void TransformInto(int64_t outputs, const Panels &panels, const float *filter, float *to) {
  outputs == 2 ? TransformFilters<2, kRotated>(panels, filter, to) : TransformFilters<4, kRotated>(panels, filter, to);
}

template <bool kRotated>
void ConvolveWith(int64_t outputs, const Convolution3x3 &shape, const float *x, const float *filter, float *y) {
  const Panels panels(shape.c, shape.k);
  const Floats filters(Matrices(outputs) * panels.c * panels.padded);
  TransformInto<kRotated>(outputs, panels, filter, filters.data());
  ConvolveTransformed(outputs, shape, x, filters.data(), {}, y);
}

}  // namespace

int64_t PaddedOutputs(int64_t k) { return Panels(0, k).padded; }

void Transform(int64_t outputs, int64_t c, int64_t k, const float *filter, float *transformed) {
  TransformInto<false>(outputs, Panels(c, k), filter, transformed);
}

void ConvolveTransformed(int64_t outputs, const Convolution3x3 &shape, const float *x, const float *transformed,
                         const Epilogue &epilogue, float *y) {
  outputs == 2 ? ConvolveTiles<2>(shape, x, transformed, epilogue, y)
               : ConvolveTiles<4>(shape, x, transformed, epilogue, y);
}

void Convolve(int64_t outputs, const Convolution3x3 &shape, const float *x, const float *filter, float *y) {
  ConvolveWith<false>(outputs, shape, x, filter, y);
}

void InputGradient(int64_t outputs, const Convolution3x3 &shape, const float *dy, const float *filter, float *dx) {
  const Convolution3x3 back = {shape.batch, shape.h, shape.w, shape.k, shape.c};
  ConvolveWith<true>(outputs, back, dy, filter, dx);
}

}  // namespace headshare
