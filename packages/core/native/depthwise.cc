// Depthwise convolution, one filter a channel, with `padding` zeros on every side.
//   HeadshareDepthwise(x [b, h, w, c], filter [kh, kw, c, 1], size [oh, ow, 0]; stride, padding) -> y [b, oh, ow, c]
//   HeadshareDepthwiseNormalised(x, filter, size, gamma, beta, batch_mean, inverse, slope; activation, stride, padding) -> y,
//     the convolution of batch norm's output for x (HeadshareBatchNormAgain), which it does not store
//   HeadshareDepthwiseFused(x, filter, bias, residual, slope (epilogue.h), size; activation, stride, padding) -> y, for evaluation
// `size` has no elements: its shape gives y's, because TensorFlow's shape functions in C cannot read attributes.
#include <vector>

#include "depthwise-source.h"
#include "epilogue.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace depthwise {
namespace {

void Forward(const Geometry &g, Source source, const float *filter, float *y, int64_t from, int64_t to) {
  Correlation k = ForwardRow(g);
  k.stream = Streams(g, y, g.OfY());
  if (source.Normalises()) k.ahead = 0;
  for (int64_t oy = from; oy < to; oy++) {
    const Rows rows = UnderOutput(g, oy);
    k.rows = rows.count;
    Correlate(k, source.At(rows), filter + rows.first_filter * g.kw * g.c, y + oy * g.ow * g.c);
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
void ForBands(const Geometry &g, const Bands &bands, const Body &body) {
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
  ForBands(g, Bands(g), [&](int64_t map, int64_t from, int64_t to) {
    Forward(g, Source(g, DataOf(x) + map * g.OfX(), nullptr, from, to), DataOf(filter), DataOf(y) + map * g.OfY(), from, to);
  });
}

void RunNormalised(void *state, TF_OpKernelContext *context) {
  const NormalisedAttributes &own = *static_cast<NormalisedAttributes *>(state);
  Run run("HeadshareDepthwiseNormalised", context);
  const Tensor x = run.Input(0), filter = run.Input(1), size = run.Input(2);
  const NormVectors vectors(run, 3, own.activation, x);
  Shape shape;
  Geometry g;
  if (!DescribeForward(run, own, x, filter, size, shape, g)) return;
  const Tensor y = run.Output(0, shape);
  if (!run.ok()) return;
  const Norm norm(vectors, own.activation);
  ForBands(g, Bands(g, kBandsTogether * kChunk), [&](int64_t map, int64_t from, int64_t to) {
    Forward(g, Source(g, DataOf(x) + map * g.OfX(), &norm, from, to), DataOf(filter), DataOf(y) + map * g.OfY(), from, to);
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
  ForBands(g, Bands(g), [&](int64_t map, int64_t from, int64_t to) {
    ForwardFused(g, DataOf(x) + map * g.OfX(), DataOf(filter), epilogue, map * g.OfY(), DataOf(y), from, to);
  });
}

template <int kSize>
void InferForward(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Rank(1, 4);
  infer.Rank(kSize, 3);
  infer.FromDimensions(0, {{0, 0}, {kSize, 0}, {kSize, 1}, {0, 3}});
}

}  // namespace
}  // namespace depthwise

std::vector<std::string> RegisterDepthwise() {
  using namespace depthwise;
  return Register({
      {"HeadshareDepthwise",
       {"x: float", "filter: float", "size: float"},
       {"y: float"},
       {"stride: int", "padding: int"},
       InferForward<2>,
       Create<Attributes>,
       RunForward,
       Destroy<Attributes>},
      {"HeadshareDepthwiseNormalised",
       {"x: float", "filter: float", "size: float", "gamma: float", "beta: float", "batch_mean: float", "inverse: float",
        "slope: float"},
       {"y: float"},
       {"stride: int", "padding: int", kActivationAttribute},
       InferForward<2>,
       Create<NormalisedAttributes>,
       RunNormalised,
       Destroy<NormalisedAttributes>},
      {"HeadshareDepthwiseFused",
       {"x: float", "filter: float", "bias: float", "residual: float", "slope: float", "size: float"},
       {"y: float"},
       {"stride: int", "padding: int", kAnyActivationAttribute},
       InferForward<5>,
       Create<FusedAttributes>,
       RunFused,
       Destroy<FusedAttributes>},
  });
}

}  // namespace headshare
