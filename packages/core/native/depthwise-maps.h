// What the depthwise convolution and its gradients share: the shapes, and how maps are cut.
#pragma once

#include <algorithm>

#include "depthwise-rows.h"
#include "kernel.h"

namespace headshare {
namespace depthwise {

// The fewest elements of x and y together in a chunk, where a map has so many.
constexpr int64_t kChunk = 32768;
// The fewest elements of a tensor that bypasses the caches: measured with a reader after it, 12 MB are a tenth faster and
// 25 MB a third, 6 MB make no difference, and less is slower.
constexpr int64_t kStreamed = 2097152;
// The multiplications that justify waking one more thread.
constexpr int64_t kMultiplicationsPerThread = 1000000;

struct Attributes {
  explicit Attributes(Construction &from) : stride(from.Int("stride")), padding(from.Int("padding")) {}
  int64_t stride, padding;
};

struct Geometry {
  int64_t b, h, w, c, kh, kw, oh, ow, stride, padding;

  int64_t OfX() const { return h * w * c; }
  int64_t OfY() const { return oh * ow * c; }
  int64_t OfFilter() const { return kh * kw * c; }
  int64_t Helpers() const { return b * OfY() * kh * kw / kMultiplicationsPerThread - 1; }
};

// Maps cut into bands of rows. The bands, and so the order of sums, depend only on the shape.
struct Bands {
  explicit Bands(const Geometry &g, int64_t chunk = kChunk)
      : per_map(std::clamp<int64_t>((g.OfX() + g.OfY()) / chunk, 1, std::max<int64_t>(g.oh, 1))) {}
  int64_t First(int64_t rows, int64_t band) const { return rows * band / per_map; }

  int64_t per_map;
};

// Which rows of a map and of the filter meet: source row first_source + i and filter row first_filter + i * step.
struct Rows {
  int64_t first_source, first_filter, count;
};

// Under row `oy` of y: rows of x.
inline Rows UnderOutput(const Geometry &g, int64_t oy) {
  const int64_t top = oy * g.stride - g.padding, from = std::max<int64_t>(0, -top);
  return {top + from, from, std::max<int64_t>(0, std::min(g.kh, g.h - top) - from)};
}

// True where a tensor of maps of `size` elements bypasses the caches: see kStreamed.
inline bool Streams(const Geometry &g, const float *map, int64_t size) {
  return g.b * size >= kStreamed && g.c % kStreamLanes == 0 &&
         reinterpret_cast<uintptr_t>(map) % (kStreamLanes * sizeof(float)) == 0;
}

// All but the number of rows.
inline Correlation ForwardRow(const Geometry &g) {
  Correlation k;
  k.c = g.c;
  k.taps = g.kw;
  k.base = -g.padding;
  k.stride = g.stride;
  k.width = g.w;
  k.count = g.ow;
  k.source_row = g.w * g.c;
  k.tap_row = g.kw * g.c;
  k.tap_step = g.c;
  k.output_step = g.c;
  k.ahead = std::min(g.stride, g.kh);
  k.stream = false;
  return k;
}

// Reads the shapes of x and filter, and y's, which `run` got elsewhere. False where they do not fit.
inline bool Describe(Run &run, const Attributes &own, const Tensor &x, const Tensor &filter, const Shape &y, Geometry &g) {
  if (!run.ok()) return false;
  const Shape in = ShapeOf(x), taps = ShapeOf(filter);
  if (own.stride < 1 || own.padding < 0) {
    run.Refuse("stride must be at least 1 and padding at least 0; got " + std::to_string(own.stride) + " and " +
               std::to_string(own.padding) + ".");
  } else if (in.size() != 4) {
    run.Refuse("x must be [batch, height, width, channels]; got " + Text(in) + ".");
  } else if (taps.size() != 4 || taps[2] != in[3] || taps[3] != 1 || taps[0] < 1 || taps[1] < 1) {
    run.Refuse("filter must be [height, width, channels, 1] with x's channels; got filter " + Text(taps) + " for x " +
               Text(in) + ".");
  } else {
    g = {in[0], in[1], in[2], in[3], taps[0], taps[1], 0, 0, own.stride, own.padding};
    const int64_t down = g.h + 2 * g.padding - g.kh, across = g.w + 2 * g.padding - g.kw;
    if (down < 0 || across < 0) {
      run.Refuse("filter must not be larger than the padded map; got filter " + Text(taps) + " and padding " +
                 std::to_string(g.padding) + " for x " + Text(in) + ".");
      return false;
    }
    g.oh = down / g.stride + 1;
    g.ow = across / g.stride + 1;
    const Shape wanted = {g.b, g.oh, g.ow, g.c};
    if (y != wanted) run.Refuse("y must be " + Text(wanted) + "; asked for was " + Text(y) + ".");
  }
  return run.ok();
}

}  // namespace depthwise
}  // namespace headshare
