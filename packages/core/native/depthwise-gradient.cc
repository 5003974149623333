// The gradients of the depthwise convolution (depthwise.cc).
//   HeadshareDepthwiseGrad(dy, x, filter; stride, padding) -> dx, like x; dfilter, like filter
//   HeadshareDepthwiseNormalisedGrad(dy, x, filter, gamma, beta, batch_mean, inverse, slope; activation, stride, padding)
//     -> the same two for batch norm's output instead of x, which it computes from x
#include <vector>

#include "depthwise-source.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace depthwise {
namespace {

// Adds to `sums`, which has the filter's shape.
void ToFilter(const Geometry &g, Source &source, const float *dy, float *sums, int64_t from, int64_t to) {
  Correlation k = ForwardRow(g);
  if (source.Normalises()) k.ahead = 0;
  for (int64_t oy = from; oy < to; oy++) {
    const Rows rows = UnderOutput(g, oy);
    k.rows = rows.count;
    AddToTaps(k, source.At(rows), dy + oy * g.ow * g.c, sums + rows.first_filter * g.kw * g.c);
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

// The outputs of `run`, whose shapes fit; `norm` is null where x is the convolution's input.
void Gradients(Run &run, const Geometry &g, const Tensor &dy, const Tensor &x, const Tensor &filter, const Norm *norm) {
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
  const int64_t per_task = norm ? kBandsTogether : 1, tasks = (bands.per_map + per_task - 1) / per_task;
  ParallelFor(groups * tasks, g.Helpers(), [=](int64_t task) {
    const int64_t group = task / tasks, first = task % tasks * per_task, end = std::min(bands.per_map, first + per_task);
    for (int64_t map = group * together; map < std::min(g.b, (group + 1) * together); map++) {
      const float *above = in + map * g.OfY();
      Source source(g, at + map * g.OfX(), norm, bands.First(g.oh, first), bands.First(g.oh, end));
      for (int64_t band = first; band < end; band++) {
        ToInput(g, above, taps, out + map * g.OfX(), bands.First(g.h, band), bands.First(g.h, band + 1));
        ToFilter(g, source, above, partial + (group * bands.per_map + band) * g.OfFilter(), bands.First(g.oh, band),
                 bands.First(g.oh, band + 1));
      }
    }
  });
  std::fill(total, total + g.OfFilter(), 0.0f);
  for (int64_t chunk = 0; chunk < groups * bands.per_map; chunk++) {
    for (int64_t i = 0; i < g.OfFilter(); i++) total[i] += partial[chunk * g.OfFilter() + i];
  }
}

void RunGradient(void *state, TF_OpKernelContext *context) {
  Run run("HeadshareDepthwiseGrad", context);
  const Tensor dy = run.Input(0), x = run.Input(1), filter = run.Input(2);
  Geometry g;
  if (!run.ok() || !Describe(run, *static_cast<Attributes *>(state), x, filter, ShapeOf(dy), g)) return;
  Gradients(run, g, dy, x, filter, nullptr);
}

void RunNormalised(void *state, TF_OpKernelContext *context) {
  const NormalisedAttributes &own = *static_cast<NormalisedAttributes *>(state);
  Run run("HeadshareDepthwiseNormalisedGrad", context);
  const Tensor dy = run.Input(0), x = run.Input(1), filter = run.Input(2);
  const NormVectors vectors(run, 3, own.activation, x);
  Geometry g;
  if (!run.ok() || !Describe(run, own, x, filter, ShapeOf(dy), g)) return;
  const Norm norm(vectors, own.activation);
  Gradients(run, g, dy, x, filter, &norm);
}

void InferGradient(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Like(0, 1);
  infer.Like(1, 2);
}

}  // namespace
}  // namespace depthwise

std::vector<std::string> RegisterDepthwiseGradient() {
  using namespace depthwise;
  return Register({
      {"HeadshareDepthwiseGrad",
       {"dy: float", "x: float", "filter: float"},
       {"dx: float", "dfilter: float"},
       {"stride: int", "padding: int"},
       InferGradient,
       Create<Attributes>,
       RunGradient,
       Destroy<Attributes>},
      {"HeadshareDepthwiseNormalisedGrad",
       {"dy: float", "x: float", "filter: float", "gamma: float", "beta: float", "batch_mean: float", "inverse: float",
        "slope: float"},
       {"dx: float", "dfilter: float"},
       {"stride: int", "padding: int", kActivationAttribute},
       InferGradient,
       Create<NormalisedAttributes>,
       RunNormalised,
       Destroy<NormalisedAttributes>},
  });
}

}  // namespace headshare
