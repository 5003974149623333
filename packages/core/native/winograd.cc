// The convolution, and the gradient for its input, which is a convolution too.
#include "winograd.h"

#include <algorithm>
#include <vector>

#include "matrix-kernel.h"
#include "thread-pool.h"
#include "winograd-transforms.h"

namespace headshare {
namespace {

// The floats in the 16 matrices of a block's input, if that makes enough tiles: 256 KB, and the same for its output, fit into
// second-level caches. Half and twice as much are hardly slower.
constexpr int64_t kBlock = 65536;
// The fewest groups of tiles in a block, so that the filter is not fetched for too few of them.
constexpr int64_t kGroups = 2;
// Output channels that are multiplied, and transformed back, at a time.
constexpr int64_t kSlice = 64;
// The fewest blocks, if there is work for them, so that every thread gets some.
constexpr int64_t kBlocks = 32;

// The transformed filter: 16 matrices [c][k], each as panels (matrix-kernel.h), zeros beyond k.
struct Panels {
  int64_t c, k, padded;

  Panels(int64_t c, int64_t k) : c(c), k(k), padded(RoundUp(k, kWidth)) {}
  int64_t Size() const { return 16 * c * padded; }
  int64_t Width(int64_t first) const { return std::min<int64_t>(padded - first, kPanel); }
};

// Transforms `filter` [3, 3, c, k] into panels; for the input's gradient, the filter rotated by 180 degrees, with input and
// output channels exchanged, so that panels.c is k.
template <bool kRotated>
void TransformFilters(const Panels &panels, const float *filter, float *to, int64_t helpers) {
  const int64_t c = panels.c, k = panels.k, plane = c * k;
  ParallelFor(panels.padded / kWidth, helpers, [=](int64_t index) {
    const int64_t lane = index * kWidth, first = lane / kPanel * kPanel, width = panels.Width(first);
    const int64_t count = std::min<int64_t>(k - lane, kWidth);
    for (int64_t row = 0; row < c; row++) {
      Vector taps[3][3], u[4][4];
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

// The blocks of a convolution, which depend only on its shape.
struct Blocks {
  int64_t groups, tiles, count;  // groups of kTileRows tiles in a block; tiles in it; blocks

  static Blocks Of(const Convolution3x3 &shape) {
    const int64_t all = RoundUp(shape.Tiles(), kTileRows) / kTileRows;
    const int64_t fit = kBlock / (16 * kTileRows * RoundUp(std::max<int64_t>(shape.c, 1), kChannels));
    const int64_t groups = std::max<int64_t>(1, std::min(std::max(fit, kGroups), all / kBlocks));
    return {groups, groups * kTileRows, (all + groups - 1) / groups};
  }
};

class Block {
 public:
  Block(const Convolution3x3 &shape, const Blocks &blocks, int64_t index)
      : shape_(shape),
        panels_(shape.c, shape.k),
        first_(index * blocks.tiles),
        tiles_(std::min(blocks.tiles, shape.Tiles() - first_)),
        groups_((tiles_ + kTileRows - 1) / kTileRows),
        channel_blocks_(RoundUp(shape.c, kChannels) / kChannels),
        matrix_(blocks.tiles * channel_blocks_ * kChannels + kGap),
        product_(blocks.tiles * std::min(kSlice, panels_.padded) + kGap) {}

  void Run(const float *x, const float *filters, const float *zeros, const Epilogue &epilogue, float *y) const {
    float *v = Scratch(16 * (matrix_ + product_)), *m = v + 16 * matrix_;
    TransformInput(x, zeros, v);
    for (int64_t slice = 0; slice < panels_.padded; slice += kSlice) {
      Multiply(v, filters, slice, m);
      TransformOutput(m, slice, epilogue, y);
    }
  }

 private:
  // Each matrix is [group of kTileRows tiles][block of kChannels channels][tile][channel].
  void TransformInput(const float *x, const float *zeros, float *v) const {
    const int64_t c = shape_.c;
    Tile tile = Tile::At(shape_, first_);
    for (int64_t t = 0; t < groups_ * kTileRows; t++, tile.Next(shape_)) {
      float *to = v + (t / kTileRows * channel_blocks_ * kTileRows + t % kTileRows) * kChannels;
      const float *pixels[4][4];
      if (t < tiles_) {
        PixelsAt(shape_, c, x, tile.picture, 2 * tile.row - 1, 2 * tile.column - 1, zeros, pixels);
      } else {
        for (int i = 0; i < 16; i++) pixels[i / 4][i % 4] = zeros;
      }
      for (int64_t j = 0; j < channel_blocks_ * kChannels; j += kWidth) {
        Vector d[4][4], u[4][4];
        LoadPatch(pixels, j, c - j, d);
        TransformPatch(d, u);
        StoreAll(u, matrix_, to + j / kChannels * kTileRows * kChannels + j % kChannels);
      }
    }
  }

  // Each product is [panel of the slice][tile][column].
  void Multiply(const float *v, const float *filters, int64_t slice, float *m) const {
    const int64_t c = shape_.c, end = std::min(slice + kSlice, panels_.padded);
    for (int64_t i = 0; i < 16; i++) {
      for (int64_t first = slice; first < end; first += kPanel) {
        const int64_t width = panels_.Width(first);
        const float *rows = v + i * matrix_, *panel = filters + (i * panels_.padded + first) * c;
        float *to = m + i * product_ + (first - slice) * groups_ * kTileRows;
        for (int64_t group = 0; group < groups_; group++) {
          if (width == kPanel) {
            MultiplyTile<2>(rows, panel, c, to);
          } else {
            MultiplyTile<1>(rows, panel, c, to);
          }
          rows += channel_blocks_ * kTileRows * kChannels;
          to += kTileRows * width;
        }
      }
    }
  }

  void TransformOutput(const float *m, int64_t slice, const Epilogue &epilogue, float *y) const {
    const int64_t k = shape_.k, end = std::min(slice + kSlice, panels_.padded);
    Tile tile = Tile::At(shape_, first_);
    for (int64_t t = 0; t < tiles_; t++, tile.Next(shape_)) {
      const int64_t top = 2 * tile.row, left = 2 * tile.column;
      const int64_t rows = std::min<int64_t>(2, shape_.h - top), columns = std::min<int64_t>(2, shape_.w - left);
      const int64_t pixel = ((tile.picture * shape_.h + top) * shape_.w + left) * k;
      for (int64_t first = slice; first < end; first += kPanel) {
        const int64_t width = panels_.Width(first);
        const float *from = m + (first - slice) * groups_ * kTileRows + t * width;
        for (int64_t lane = first; lane < first + width; lane += kWidth) {
          Vector d[4][4], out[2][2];
          for (int i = 0; i < 16; i++) d[i / 4][i % 4] = Load(from + i * product_ + (lane - first));
          TransformProduct(d, out);
          const int64_t count = k - lane;
          const Vector bias = epilogue.bias ? LoadSome(epilogue.bias + lane, count) : Vector{};
          const Vector slope = epilogue.slope ? LoadSome(epilogue.slope + lane, count) : Vector{};
#pragma GCC unroll 4
          for (int i = 0; i < 4; i++) {
            if (i / 2 >= rows || i % 2 >= columns) continue;
            const int64_t at = pixel + (i / 2 * shape_.w + i % 2) * k + lane;
            Vector value = out[i / 2][i % 2] + bias;
            if (epilogue.residual) value += LoadSome(epilogue.residual + at, count);
            StoreSome(y + at, epilogue.Activated(value, slope), count);
          }
        }
      }
    }
  }

  const Convolution3x3 &shape_;
  const Panels panels_;
  const int64_t first_, tiles_, groups_, channel_blocks_;
  // The distance between two of the 16 matrices, in floats.
  const int64_t matrix_, product_;
};

template <bool kRotated>
void TransformInto(const Panels &panels, const float *filter, float *to) {
  TransformFilters<kRotated>(panels, filter, to, panels.c * panels.k / 4096 - 1);
}

template <bool kRotated>
void ConvolveWith(const Convolution3x3 &shape, const float *x, const float *filter, float *y) {
  const Panels panels(shape.c, shape.k);
  const Floats filters(panels.Size());
  TransformInto<kRotated>(panels, filter, filters.data());
  ConvolveTransformed(shape, x, filters.data(), {}, y);
}

}  // namespace

int64_t PaddedOutputs(int64_t k) { return Panels(0, k).padded; }

void Transform(int64_t c, int64_t k, const float *filter, float *transformed) {
  TransformInto<false>(Panels(c, k), filter, transformed);
}

void ConvolveTransformed(const Convolution3x3 &shape, const float *x, const float *transformed, const Epilogue &epilogue,
                         float *y) {
  const std::vector<float> zeros(shape.c);
  const Blocks blocks = Blocks::Of(shape);
  ParallelFor(blocks.count, shape.Helpers(), [&](int64_t index) {
    Block(shape, blocks, index).Run(x, transformed, zeros.data(), epilogue, y);
  });
}

void Convolve(const Convolution3x3 &shape, const float *x, const float *filter, float *y) {
  ConvolveWith<false>(shape, x, filter, y);
}

void InputGradient(const Convolution3x3 &shape, const float *dy, const float *filter, float *dx) {
  const Convolution3x3 back = {shape.batch, shape.h, shape.w, shape.k, shape.c};
  ConvolveWith<true>(back, dy, filter, dx);
}

}  // namespace headshare
