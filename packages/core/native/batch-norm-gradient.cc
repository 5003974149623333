// The gradients of batch norm in training (batch-norm.cc).
//   HeadshareBatchNormGrad(dy, x, gamma, beta, batch_mean, inverse, slope, y)
//     -> dx like x; dgamma, dbeta [c]; dslope like slope; dresidual like y
// Only 'relu' with a residual needs y; otherwise it is empty, because the activation is computed again from x, and the
// residual's gradient is dy itself.
#include <algorithm>

#include "batch-norm-inputs.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace {

void Gradient(void *state, TF_OpKernelContext *context) {
  const Activation activation = static_cast<ActivationAttribute *>(state)->activation;
  Run run("HeadshareBatchNormGrad", context);
  Tensor dy = run.Input(0);
  const Tensor x = run.Input(1), y = run.Input(7);
  const NormVectors norm(run, 2, activation, x);
  CheckLike(run, x, "dy", dy);
  if (!run.ok()) return;
  const bool masks = ShapeOf(y) != Shape{0};
  if (masks) CheckLike(run, x, "y", y);
  const Shape shape = ShapeOf(x), channels = {shape.back()};
  const Tensor dx = run.OutputFromInput(0, shape, 0, dy), dgamma = run.Output(1, channels),
               dbeta = run.Output(2, channels), dslope = run.Output(3, ShapeOf(norm.slope)),
               dresidual = run.Output(4, ShapeOf(y));
  if (!run.ok()) return;

  const Chunks chunks = Chunks::Of(SizeOf(x), shape.back());
  const int64_t c = chunks.c;
  std::vector<float> partial(chunks.count * 3 * c);
  const Affine affine = norm.affine();
  // In place dx still holds dy.
  const float *at = DataOf(x), *in = dy ? DataOf(dy) : DataOf(dx), *out = masks ? DataOf(y) : nullptr;
  float *kept = masks ? DataOf(dresidual) : nullptr, *sums = partial.data();
  const auto reduce = ReduceFor(activation, masks);
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    const int64_t offset = chunks.First(chunk) * c;
    reduce(in + offset, at + offset, out ? out + offset : nullptr, affine, kept ? kept + offset : nullptr,
           sums + chunk * 3 * c, chunks.Rows(chunk), c);
  });

  std::vector<double> totals(3 * c);
  for (int64_t chunk = 0; chunk < chunks.count; chunk++) {
    for (int64_t j = 0; j < 3 * c; j++) totals[j] += sums[chunk * 3 * c + j];
  }
  std::vector<float> constant(c), linear(c);
  const double rows = static_cast<double>(std::max<int64_t>(chunks.rows, 1));
  for (int64_t j = 0; j < c; j++) {
    const double r = DataOf(norm.inverse)[j];
    DataOf(dbeta)[j] = static_cast<float>(totals[j]);
    DataOf(dgamma)[j] = static_cast<float>(totals[c + j] * r);
    if (activation == Activation::kPRelu) DataOf(dslope)[j] = static_cast<float>(totals[2 * c + j]);
    constant[j] = static_cast<float>(-affine.scale[j] * totals[j] / rows);
    linear[j] = static_cast<float>(-affine.scale[j] * r * r * totals[c + j] / rows);
  }
  const Tilt tilt{constant.data(), linear.data()};
  float *to = DataOf(dx);
  const auto spread = SpreadFor(activation, masks, dy == nullptr);
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    const int64_t offset = chunks.First(chunk) * c;
    spread(kept ? kept + offset : in + offset, at + offset, affine, tilt, to + offset, chunks.Rows(chunk), c);
  });
}

void InferGradient(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.AtLeastRank(1, 1);
  infer.Like(0, 1);
  infer.Like(1, 2);
  infer.Like(2, 2);
  infer.Like(3, 6);
  infer.Like(4, 7);
}

}  // namespace

std::vector<std::string> RegisterBatchNormGradient() {
  return Register({
      {"HeadshareBatchNormGrad",
       {"dy: float", "x: float", "gamma: float", "beta: float", "batch_mean: float", "inverse: float", "slope: float",
        "y: float"},
       {"dx: float", "dgamma: float", "dbeta: float", "dslope: float", "dresidual: float"},
       {kActivationAttribute},
       InferGradient,
       Create<ActivationAttribute>,
       Gradient,
       Destroy<ActivationAttribute>},
  });
}

}  // namespace headshare
