// Batch norm in training with the addition of a residual and the activation, in as few passes over memory as possible:
// y = activation((x - mean) inverse gamma + beta + residual).
//   HeadshareBatchNorm(x [..., c], gamma [c], beta [c], mean [c], variance [c], slope [c], residual)
//     -> y like x; batch_mean, inverse, new_mean, new_variance [c]
//   HeadshareBatchNormStatistics(x, mean, variance) -> nothing [0]; batch_mean, inverse, new_mean, new_variance [c]
//   HeadshareBatchNormAgain(x, gamma, beta, batch_mean, inverse, slope) -> y like x
// The second one is the first without y, for convolutions that compute y themselves. The last one computes y again with the
// same bits, without a residual, for gradients that did not keep it.
// slope is empty unless the activation is 'prelu', and residual where there is none.
// inverse is 1 / sqrt(batch variance + epsilon); new_mean and new_variance are mean and variance moved by `momentum`
// towards the batch's, the variance's unbiased one (PyTorch's running statistics).
#include <cmath>

#include "batch-norm-inputs.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace {

struct Moving {
  explicit Moving(Construction &from) : epsilon(from.Float("epsilon")), momentum(from.Float("momentum")) {}
  float epsilon, momentum;
};

struct Settings : ActivationAttribute, Moving {
  explicit Settings(Construction &from) : ActivationAttribute(from), Moving(from) {}
};

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

// Outputs 1 to 4, alike in both forms.
struct Statistics {
  Statistics(Run &run, int64_t channels)
      : batch_mean(run.Output(1, {channels})),
        inverse(run.Output(2, {channels})),
        new_mean(run.Output(3, {channels})),
        new_variance(run.Output(4, {channels})) {}

  void Set(const Tensor &x, const Chunks &chunks, const Tensor &mean, const Tensor &variance, const Moving &moving) const {
    const Moments moments = MomentsOf(DataOf(x), chunks);
    const double rows = static_cast<double>(chunks.rows);
    for (int64_t j = 0; j < chunks.c; j++) {
      const double spread = rows > 0 ? moments.squares[j] / rows : 0;
      DataOf(batch_mean)[j] = static_cast<float>(moments.mean[j]);
      DataOf(inverse)[j] = static_cast<float>(1 / std::sqrt(spread + moving.epsilon));
      const float share = rows > 0 ? moving.momentum : 0, kept = 1 - share;
      const float unbiased = static_cast<float>(rows > 1 ? moments.squares[j] / (rows - 1) : spread);
      DataOf(new_mean)[j] = DataOf(mean)[j] * kept + DataOf(batch_mean)[j] * share;
      DataOf(new_variance)[j] = DataOf(variance)[j] * kept + unbiased * share;
    }
  }

  Tensor batch_mean, inverse, new_mean, new_variance;
};

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
  const Chunks chunks = Chunks::Of(SizeOf(x), ShapeOf(x).back());
  const Tensor y = run.Output(0, ShapeOf(x));
  const Statistics statistics(run, chunks.c);
  if (!run.ok()) return;
  statistics.Set(x, chunks, mean, variance, settings);
  const std::vector<float> scales = ScalesOf(statistics.inverse, gamma);
  NormaliseAll(chunks, settings.activation, DataOf(x), adds ? DataOf(residual) : nullptr,
               {DataOf(statistics.batch_mean), scales.data(), DataOf(beta), DataOf(slope)}, DataOf(y));
}

void StatisticsAlone(void *state, TF_OpKernelContext *context) {
  Run run("HeadshareBatchNormStatistics", context);
  const Tensor x = run.Input(0), mean = run.Input(1), variance = run.Input(2);
  CheckVectors(run, x, {{"mean", &mean}, {"variance", &variance}});
  if (!run.ok()) return;
  const Chunks chunks = Chunks::Of(SizeOf(x), ShapeOf(x).back());
  const Tensor nothing = run.Output(0, {0});
  const Statistics statistics(run, chunks.c);
  if (run.ok()) statistics.Set(x, chunks, mean, variance, *static_cast<Moving *>(state));
}

void Again(void *state, TF_OpKernelContext *context) {
  const Activation activation = static_cast<ActivationAttribute *>(state)->activation;
  Run run("HeadshareBatchNormAgain", context);
  const Tensor x = run.Input(0);
  const NormVectors norm(run, 1, activation, x);
  if (!run.ok()) return;
  const Tensor y = run.Output(0, ShapeOf(x));
  if (!run.ok()) return;
  NormaliseAll(Chunks::Of(SizeOf(x), ShapeOf(x).back()), activation, DataOf(x), nullptr, norm.affine(), DataOf(y));
}

void InferForward(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.AtLeastRank(0, 1);
  infer.Like(0, 0);
  for (int output = 1; output <= 4; output++) infer.Like(output, 1);
}

void InferStatistics(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.AtLeastRank(0, 1);
  infer.Empty(0);
  for (int output = 1; output <= 4; output++) infer.Like(output, 1);
}

void InferAgain(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.AtLeastRank(0, 1);
  infer.Like(0, 0);
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
      {"HeadshareBatchNormStatistics",
       {"x: float", "mean: float", "variance: float"},
       {"nothing: float", "batch_mean: float", "inverse: float", "new_mean: float", "new_variance: float"},
       {"epsilon: float", "momentum: float"},
       InferStatistics,
       Create<Moving>,
       StatisticsAlone,
       Destroy<Moving>},
      {"HeadshareBatchNormAgain",
       {"x: float", "gamma: float", "beta: float", "batch_mean: float", "inverse: float", "slope: float"},
       {"y: float"},
       {kActivationAttribute},
       InferAgain,
       Create<ActivationAttribute>,
       Again,
       Destroy<ActivationAttribute>},
  });
}

}  // namespace headshare
