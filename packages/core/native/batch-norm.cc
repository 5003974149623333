// Batch norm in training with the addition of a residual and the activation, in as few passes over memory as possible:
// y = activation((x - mean) inverse gamma + beta + residual).
//   HeadshareBatchNorm(x [..., c], gamma [c], beta [c], mean [c], variance [c], slope [c], residual)
//     -> y like x; batch_mean, inverse, new_mean, new_variance [c]
//   HeadshareBatchNormGrad(dy, x, gamma, beta, batch_mean, inverse, slope, y)
//     -> dx like x; dgamma, dbeta [c]; dslope like slope; dresidual like y
//   HeadshareBatchNormAgain(x, gamma, beta, batch_mean, inverse, slope) -> y like x
// The last one computes y again with the same bits, without a residual, for gradients that did not keep it.
// slope is empty unless the activation is 'prelu', and residual where there is none. Only 'relu' with a residual needs y;
// otherwise it is empty, because the activation is computed again from x, and the residual's gradient is dy itself.
// inverse is 1 / sqrt(batch variance + epsilon); new_mean and new_variance are mean and variance moved by `momentum`
// towards the batch's, the variance's unbiased one (PyTorch's running statistics).
#include <algorithm>
#include <cmath>

#include "activation.h"
#include "batch-norm-loops.h"
#include "kernel.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace {

struct Settings {
  explicit Settings(Construction &from)
      : activation(ActivationNamed(from.Text("activation"))),
        epsilon(from.Float("epsilon")),
        momentum(from.Float("momentum")) {}
  Activation activation;
  float epsilon, momentum;
};

struct GradientSettings {
  explicit GradientSettings(Construction &from) : activation(ActivationNamed(from.Text("activation"))) {}
  Activation activation;
};

void CheckVectors(Run &run, const Tensor &x, std::initializer_list<std::pair<const char *, const Tensor *>> vectors) {
  if (!run.ok()) return;
  const Shape shape = ShapeOf(x);
  if (shape.empty()) return run.Refuse("x must have at least one axis, the channels.");
  for (const auto &[name, vector] : vectors) {
    if (ShapeOf(*vector) != Shape{shape.back()}) {
      return run.Refuse(std::string(name) + " must be a vector with one element for each channel of x; got " +
                        Text(ShapeOf(*vector)) + " for x " + Text(shape) + ".");
    }
  }
}

void CheckLike(Run &run, const Tensor &x, const char *name, const Tensor &other) {
  if (!run.ok() || ShapeOf(other) == ShapeOf(x)) return;
  run.Refuse(std::string(name) + " must have the shape of x; got " + Text(ShapeOf(other)) + " for x " +
             Text(ShapeOf(x)) + ".");
}

// Mean and sum of squared deviations of all rows, from those of chunks (Chan, Golub and LeVeque, 1983), in float64.
struct Moments {
  std::vector<double> mean, squares;
};

Moments MomentsOf(const float *x, const Chunks &chunks) {
  const int64_t c = chunks.c;
  std::vector<float> partial(chunks.count * 2 * c);
  float *sums = partial.data();
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    ChunkMoments(x + chunks.First(chunk) * c, chunks.Rows(chunk), c, sums + chunk * 2 * c, sums + (chunk * 2 + 1) * c);
  });
  Moments all{std::vector<double>(c), std::vector<double>(c)};
  double count = 0;
  for (int64_t chunk = 0; chunk < chunks.count; chunk++) {
    const double rows = static_cast<double>(chunks.Rows(chunk)), total = count + rows;
    const float *means = sums + chunk * 2 * c, *squares = means + c;
    for (int64_t j = 0; j < c; j++) {
      const double delta = means[j] - all.mean[j];
      all.mean[j] += delta * rows / total;
      all.squares[j] += squares[j] + delta * delta * count * rows / total;
    }
    count = total;
  }
  return all;
}

void NormaliseAll(const Chunks &chunks, Activation activation, const float *x, const float *residual,
                  const Affine &affine, float *y) {
  const auto normalise = NormaliseFor(activation, residual != nullptr);
  ParallelFor(chunks.count, chunks.helpers, [=, &chunks](int64_t chunk) {
    const int64_t offset = chunks.First(chunk) * chunks.c;
    normalise(x + offset, residual ? residual + offset : nullptr, affine, y + offset, chunks.Rows(chunk), chunks.c);
  });
}

void Forward(void *state, TF_OpKernelContext *context) {
  const Settings &settings = *static_cast<Settings *>(state);
  Run run("HeadshareBatchNorm", context);
  const Tensor x = run.Input(0), gamma = run.Input(1), beta = run.Input(2), mean = run.Input(3),
               variance = run.Input(4), slope = run.Input(5), residual = run.Input(6);
  CheckVectors(run, x, {{"gamma", &gamma}, {"beta", &beta}, {"mean", &mean}, {"variance", &variance}});
  if (settings.activation == Activation::kPRelu) CheckVectors(run, x, {{"slope", &slope}});
  if (!run.ok()) return;
  const bool adds = ShapeOf(residual) != Shape{0};
  if (adds) CheckLike(run, x, "residual", residual);
  const Shape shape = ShapeOf(x), channels = {shape.back()};
  const Tensor y = run.Output(0, shape), batch_mean = run.Output(1, channels), inverse = run.Output(2, channels),
               new_mean = run.Output(3, channels), new_variance = run.Output(4, channels);
  if (!run.ok()) return;

  const Chunks chunks = Chunks::Of(SizeOf(x), shape.back());
  const int64_t c = chunks.c;
  const Moments moments = MomentsOf(DataOf(x), chunks);
  const double rows = static_cast<double>(chunks.rows);
  std::vector<float> scales(c);
  for (int64_t j = 0; j < c; j++) {
    const double spread = rows > 0 ? moments.squares[j] / rows : 0;
    DataOf(batch_mean)[j] = static_cast<float>(moments.mean[j]);
    DataOf(inverse)[j] = static_cast<float>(1 / std::sqrt(spread + settings.epsilon));
    scales[j] = DataOf(inverse)[j] * DataOf(gamma)[j];
    const float share = rows > 0 ? settings.momentum : 0, kept = 1 - share;
    const float unbiased = static_cast<float>(rows > 1 ? moments.squares[j] / (rows - 1) : spread);
    DataOf(new_mean)[j] = DataOf(mean)[j] * kept + DataOf(batch_mean)[j] * share;
    DataOf(new_variance)[j] = DataOf(variance)[j] * kept + unbiased * share;
  }
  NormaliseAll(chunks, settings.activation, DataOf(x), adds ? DataOf(residual) : nullptr,
               {DataOf(batch_mean), scales.data(), DataOf(beta), DataOf(slope)}, DataOf(y));
}

void Again(void *state, TF_OpKernelContext *context) {
  const Activation activation = static_cast<GradientSettings *>(state)->activation;
  Run run("HeadshareBatchNormAgain", context);
  const Tensor x = run.Input(0), gamma = run.Input(1), beta = run.Input(2), mean = run.Input(3), inverse = run.Input(4),
               slope = run.Input(5);
  CheckVectors(run, x, {{"gamma", &gamma}, {"beta", &beta}, {"batch_mean", &mean}, {"inverse", &inverse}});
  if (activation == Activation::kPRelu) CheckVectors(run, x, {{"slope", &slope}});
  if (!run.ok()) return;
  const Tensor y = run.Output(0, ShapeOf(x));
  if (!run.ok()) return;
  const Chunks chunks = Chunks::Of(SizeOf(x), ShapeOf(x).back());
  std::vector<float> scales(chunks.c);
  for (int64_t j = 0; j < chunks.c; j++) scales[j] = DataOf(inverse)[j] * DataOf(gamma)[j];
  NormaliseAll(chunks, activation, DataOf(x), nullptr, {DataOf(mean), scales.data(), DataOf(beta), DataOf(slope)},
               DataOf(y));
}

void Gradient(void *state, TF_OpKernelContext *context) {
  const Activation activation = static_cast<GradientSettings *>(state)->activation;
  Run run("HeadshareBatchNormGrad", context);
  Tensor dy = run.Input(0);
  const Tensor x = run.Input(1), gamma = run.Input(2), beta = run.Input(3), mean = run.Input(4),
               inverse = run.Input(5), slope = run.Input(6), y = run.Input(7);
  CheckVectors(run, x, {{"gamma", &gamma}, {"beta", &beta}, {"batch_mean", &mean}, {"inverse", &inverse}});
  if (activation == Activation::kPRelu) CheckVectors(run, x, {{"slope", &slope}});
  CheckLike(run, x, "dy", dy);
  if (!run.ok()) return;
  const bool masks = ShapeOf(y) != Shape{0};
  if (masks) CheckLike(run, x, "y", y);
  const Shape shape = ShapeOf(x), channels = {shape.back()};
  const Tensor dx = run.OutputFromInput(0, shape, 0, dy), dgamma = run.Output(1, channels),
               dbeta = run.Output(2, channels), dslope = run.Output(3, ShapeOf(slope)),
               dresidual = run.Output(4, ShapeOf(y));
  if (!run.ok()) return;

  const Chunks chunks = Chunks::Of(SizeOf(x), shape.back());
  const int64_t c = chunks.c;
  std::vector<float> scales(c), partial(chunks.count * 3 * c);
  for (int64_t j = 0; j < c; j++) scales[j] = DataOf(inverse)[j] * DataOf(gamma)[j];
  const Affine affine{DataOf(mean), scales.data(), DataOf(beta), DataOf(slope)};
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
    const double r = DataOf(inverse)[j];
    DataOf(dbeta)[j] = static_cast<float>(totals[j]);
    DataOf(dgamma)[j] = static_cast<float>(totals[c + j] * r);
    if (activation == Activation::kPRelu) DataOf(dslope)[j] = static_cast<float>(totals[2 * c + j]);
    constant[j] = static_cast<float>(-scales[j] * totals[j] / rows);
    linear[j] = static_cast<float>(-scales[j] * r * r * totals[c + j] / rows);
  }
  const Tilt tilt{constant.data(), linear.data()};
  float *to = DataOf(dx);
  const auto spread = SpreadFor(activation, masks, dy == nullptr);
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    const int64_t offset = chunks.First(chunk) * c;
    spread(kept ? kept + offset : in + offset, at + offset, affine, tilt, to + offset, chunks.Rows(chunk), c);
  });
}

void InferForward(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.AtLeastRank(0, 1);
  infer.Like(0, 0);
  for (int output = 1; output <= 4; output++) infer.Like(output, 1);
}

void InferAgain(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.AtLeastRank(0, 1);
  infer.Like(0, 0);
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

std::vector<std::string> RegisterBatchNorm() {
  return Register({
      {"HeadshareBatchNorm",
       {"x: float", "gamma: float", "beta: float", "mean: float", "variance: float", "slope: float", "residual: float"},
       {"y: float", "batch_mean: float", "inverse: float", "new_mean: float", "new_variance: float"},
       {kActivationAttribute, "epsilon: float", "momentum: float"},
       InferForward,
       Create<Settings>,
       Forward,
       Destroy<Settings>},
      {"HeadshareBatchNormAgain",
       {"x: float", "gamma: float", "beta: float", "batch_mean: float", "inverse: float", "slope: float"},
       {"y: float"},
       {kActivationAttribute},
       InferAgain,
       Create<GradientSettings>,
       Again,
       Destroy<GradientSettings>},
      {"HeadshareBatchNormGrad",
       {"dy: float", "x: float", "gamma: float", "beta: float", "batch_mean: float", "inverse: float", "slope: float",
        "y: float"},
       {"dx: float", "dgamma: float", "dbeta: float", "dslope: float", "dresidual: float"},
       {kActivationAttribute},
       InferGradient,
       Create<GradientSettings>,
       Gradient,
       Destroy<GradientSettings>},
  });
}

}  // namespace headshare
