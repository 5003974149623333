// Depthwise convolution, one filter a channel, with `padding` zeros on every side, and its gradients.
//   HeadshareDepthwise(x [b, h, w, c], filter [kh, kw, c, 1], size [oh, ow, 0]) -> y [b, oh, ow, c]
//   HeadshareDepthwiseFused(x, filter, bias, residual, slope (epilogue.h), size; activation) -> y, for evaluation
//   HeadshareDepthwiseGrad(dy, x, filter) -> dx, like x; dfilter, like filter
// `size` has no elements: its shape gives y's, because TensorFlow's shape functions in C cannot read attributes.
#include <algorithm>
#include <vector>

#include "depthwise-rows.h"
#include "epilogue.h"
#include "kernel.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace {

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
  explicit Bands(const Geometry &g)
      : per_map(std::clamp<int64_t>((g.OfX() + g.OfY()) / kChunk, 1, std::max<int64_t>(g.oh, 1))) {}
  int64_t First(int64_t rows, int64_t band) const { return rows * band / per_map; }

  int64_t per_map;
};

// Which rows of a map and of the filter meet: source row first_source + i and filter row first_filter + i * step.
struct Rows {
  int64_t first_source, first_filter, count;
};

// Under row `oy` of y: rows of x.
Rows UnderOutput(const Geometry &g, int64_t oy) {
  const int64_t top = oy * g.stride - g.padding, from = std::max<int64_t>(0, -top);
  return {top + from, from, std::max<int64_t>(0, std::min(g.kh, g.h - top) - from)};
}

// True where a tensor of maps of `size` elements bypasses the caches: see kStreamed.
bool Streams(const Geometry &g, const float *map, int64_t size) {
  return g.b * size >= kStreamed && g.c % kStreamLanes == 0 &&
         reinterpret_cast<uintptr_t>(map) % (kStreamLanes * sizeof(float)) == 0;
}

// All but the number of rows.
Correlation ForwardRow(const Geometry &g) {
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

void Forward(const Geometry &g, const float *x, const float *filter, float *y, int64_t from, int64_t to) {
  Correlation k = ForwardRow(g);
  k.stream = Streams(g, y, g.OfY());
  for (int64_t oy = from; oy < to; oy++) {
    const Rows rows = UnderOutput(g, oy);
    k.rows = rows.count;
    Correlate(k, x + rows.first_source * g.w * g.c, filter + rows.first_filter * g.kw * g.c, y + oy * g.ow * g.c);
  }
  CorrelateEnd(k);
}

// Row by row, while it is in the cache. `y` is the whole result, `first` the place of the map in it.
void ForwardFused(const Geometry &g, const float *x, const float *filter, const Epilogue &epilogue, int64_t first, float *y,
                  int64_t from, int64_t to) {
  Correlation k = ForwardRow(g);
  std::vector<float> row;
  for (int64_t oy = from; oy < to; oy++) {
    const Rows rows = UnderOutput(g, oy);
    k.rows = rows.count;
    const int64_t at = first + oy * g.ow * g.c;
    float *out = y + at;
    if (epilogue.residual) {
      // The residual may share y's memory.
      row.resize(g.ow * g.c);
      out = row.data();
    }
    Correlate(k, x + rows.first_source * g.w * g.c, filter + rows.first_filter * g.kw * g.c, out);
    for (int64_t i = 0; i < g.ow * g.c; i += g.c) {
      ForVectors(g.c, [&](auto v, int64_t channel) HEADSHARE_INLINED {
        using V = decltype(v);
        V::Store(y + at + i + channel, epilogue.Of(v, V::Load(out + i + channel), channel, at + i + channel));
      });
    }
  }
}

// Adds to `sums`, which has the filter's shape.
void ToFilter(const Geometry &g, const float *x, const float *dy, float *sums, int64_t from, int64_t to) {
  Correlation k = ForwardRow(g);
  for (int64_t oy = from; oy < to; oy++) {
    const Rows rows = UnderOutput(g, oy);
    k.rows = rows.count;
    AddToTaps(k, x + rows.first_source * g.w * g.c, dy + oy * g.ow * g.c,
              sums + rows.first_filter * g.kw * g.c);
  }
}

// Along one axis, position i of x is seen by output (i + padding - k) / stride through tap k wherever that is whole: so
// by outputs first ... first + count - 1 through taps last, last - stride, ...
struct Seen {
  Seen(int64_t i, int64_t taps, int64_t stride, int64_t padding) {
    const int64_t smallest = (i + padding) % stride;
    count = smallest < taps ? (taps - 1 - smallest) / stride + 1 : 0;
    last = smallest + (count - 1) * stride;
    first = (i + padding - last) / stride;
  }
  int64_t first, last, count;
};

void ToInput(const Geometry &g, const float *dy, const float *filter, float *dx, int64_t from, int64_t to) {
  Correlation k;
  k.c = g.c;
  k.stride = 1;
  k.width = g.ow;
  k.source_row = g.ow * g.c;
  k.tap_row = -g.stride * g.kw * g.c;
  k.tap_step = -g.stride * g.c;
  k.output_step = g.stride * g.c;
  k.stream = Streams(g, dx, g.OfX());
  for (int64_t iy = from; iy < to; iy++) {
    const Seen down(iy, g.kh, g.stride, g.padding);
    const int64_t skipped = std::max<int64_t>(0, -down.first);
    k.rows = std::max<int64_t>(0, std::min(down.count, g.oh - down.first) - skipped);
    // Columns that are `stride` apart meet the same taps.
    for (int64_t ix = 0; ix < std::min(g.stride, g.w); ix++) {
      const Seen across(ix, g.kw, g.stride, g.padding);
      k.taps = across.count;
      k.base = across.first;
      k.count = (g.w - ix + g.stride - 1) / g.stride;
      k.ahead = ix == 0 && iy % g.stride == 0;
      Correlate(k, dy + (down.first + skipped) * g.ow * g.c,
                filter + ((down.last - skipped * g.stride) * g.kw + across.last) * g.c, dx + (iy * g.w + ix) * g.c);
    }
  }
  CorrelateEnd(k);
}

// Reads the shapes of x and filter, and y's, which `run` got elsewhere. False where they do not fit.
bool Describe(Run &run, const Attributes &own, const Tensor &x, const Tensor &filter, const Shape &y, Geometry &g) {
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

// As Describe, with y's shape, which is `size` between the batch and the channels.
bool DescribeForward(Run &run, const Attributes &own, const Tensor &x, const Tensor &filter, const Tensor &size, Shape &y,
                     Geometry &g) {
  if (!run.ok()) return false;
  y = ShapeOf(size);
  if (y.size() != 3 || y[2] != 0) {
    run.Refuse("size must be [height, width, 0]; got " + Text(y) + ".");
    return false;
  }
  const Shape in = ShapeOf(x);
  if (in.size() == 4) y = {in[0], y[0], y[1], in[3]};
  return Describe(run, own, x, filter, y, g);
}

// body(map, first row of y, its end) for bands of all maps, by several threads.
template <typename Body>
void ForBands(const Geometry &g, const Body &body) {
  const Bands bands(g);
  ParallelFor(g.b * bands.per_map, g.Helpers(), [&](int64_t chunk) {
    const int64_t band = chunk % bands.per_map;
    body(chunk / bands.per_map, bands.First(g.oh, band), bands.First(g.oh, band + 1));
  });
}

void RunForward(void *state, TF_OpKernelContext *context) {
  Run run("HeadshareDepthwise", context);
  const Tensor x = run.Input(0), filter = run.Input(1), size = run.Input(2);
  Shape shape;
  Geometry g;
  if (!DescribeForward(run, *static_cast<Attributes *>(state), x, filter, size, shape, g)) return;
  const Tensor y = run.Output(0, shape);
  if (!run.ok()) return;
  ForBands(g, [&](int64_t map, int64_t from, int64_t to) {
    Forward(g, DataOf(x) + map * g.OfX(), DataOf(filter), DataOf(y) + map * g.OfY(), from, to);
  });
}

struct FusedAttributes : Attributes, FusedState {
  explicit FusedAttributes(Construction &from) : Attributes(from), FusedState(from) {}
};

void RunFused(void *state, TF_OpKernelContext *context) {
  const FusedAttributes &own = *static_cast<FusedAttributes *>(state);
  Run run("HeadshareDepthwiseFused", context);
  const Tensor x = run.Input(0), filter = run.Input(1);
  FusedTensors fused(run, 2);
  const Tensor size = run.Input(5);
  Shape shape;
  Geometry g;
  if (!DescribeForward(run, own, x, filter, size, shape, g)) return;
  if (fused.Outputs() != Shape{g.c}) {
    return run.Refuse("bias must be " + Text({g.c}) + "; got " + Text(fused.Outputs()) + ".");
  }
  Epilogue epilogue;
  const Tensor y = fused.Output(shape, own.activation, epilogue);
  if (!run.ok()) return;
  ForBands(g, [&](int64_t map, int64_t from, int64_t to) {
    ForwardFused(g, DataOf(x) + map * g.OfX(), DataOf(filter), epilogue, map * g.OfY(), DataOf(y), from, to);
  });
}

void RunGradient(void *state, TF_OpKernelContext *context) {
  Run run("HeadshareDepthwiseGrad", context);
  const Tensor dy = run.Input(0), x = run.Input(1), filter = run.Input(2);
  Geometry g;
  if (!run.ok() || !Describe(run, *static_cast<Attributes *>(state), x, filter, ShapeOf(dy), g)) return;
  const Tensor dx = run.Output(0, ShapeOf(x)), dfilter = run.Output(1, ShapeOf(filter));
  if (!run.ok()) return;
  const float *in = DataOf(dy), *at = DataOf(x), *taps = DataOf(filter);
  float *out = DataOf(dx), *total = DataOf(dfilter);
  const Bands bands(g);
  // Maps that are small, or smaller than the filter, share sums.
  const int64_t size = std::max<int64_t>(1, g.OfX() + g.OfY());
  const int64_t wanted = bands.per_map > 1 ? 1 : std::max(kChunk, 4 * g.OfFilter()) / size;
  const int64_t together = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(g.b, 1));
  const int64_t groups = (g.b + together - 1) / together;
  std::vector<float> sums(groups * bands.per_map * g.OfFilter());
  float *partial = sums.data();
  ParallelFor(groups * bands.per_map, g.Helpers(), [=](int64_t chunk) {
    const int64_t group = chunk / bands.per_map, band = chunk % bands.per_map;
    for (int64_t map = group * together; map < std::min(g.b, (group + 1) * together); map++) {
      ToInput(g, in + map * g.OfY(), taps, out + map * g.OfX(), bands.First(g.h, band), bands.First(g.h, band + 1));
      ToFilter(g, at + map * g.OfX(), in + map * g.OfY(), partial + chunk * g.OfFilter(), bands.First(g.oh, band),
               bands.First(g.oh, band + 1));
    }
  });
  std::fill(total, total + g.OfFilter(), 0.0f);
  for (int64_t chunk = 0; chunk < groups * bands.per_map; chunk++) {
    for (int64_t i = 0; i < g.OfFilter(); i++) total[i] += partial[chunk * g.OfFilter() + i];
  }
}

template <int kSize>
void InferForward(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Rank(1, 4);
  infer.Rank(kSize, 3);
  infer.FromDimensions(0, {{0, 0}, {kSize, 0}, {kSize, 1}, {0, 3}});
}

void InferGradient(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Like(0, 1);
  infer.Like(1, 2);
}

}  // namespace

std::vector<std::string> RegisterDepthwise() {
  return Register({
      {"HeadshareDepthwise",
       {"x: float", "filter: float", "size: float"},
       {"y: float"},
       {"stride: int", "padding: int"},
       InferForward<2>,
       Create<Attributes>,
       RunForward,
       Destroy<Attributes>},
      {"HeadshareDepthwiseFused",
       {"x: float", "filter: float", "bias: float", "residual: float", "slope: float", "size: float"},
       {"y: float"},
       {"stride: int", "padding: int", kAnyActivationAttribute},
       InferForward<5>,
       Create<FusedAttributes>,
       RunFused,
       Destroy<FusedAttributes>},
      {"HeadshareDepthwiseGrad",
       {"dy: float", "x: float", "filter: float"},
       {"dx: float", "dfilter: float"},
       {"stride: int", "padding: int"},
       InferGradient,
       Create<Attributes>,
       RunGradient,
       Destroy<Attributes>},
  });
}

}  // namespace headshare
