// PReLU and its gradient, each in one pass over memory, where element-wise operations take nine.
//   HeadsharePRelu(x [..., c], alpha [c]) -> y, like x
//   HeadsharePReluGrad(dy, x, alpha) -> dx, like x; dalpha [c]
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace {

// The loops are functions of __restrict pointers without branches, because GCC vectorises only those; inside a lambda they
// take ten times as long.

void Rows(const float *__restrict x, const float *__restrict alpha, float *__restrict y, int64_t rows, int64_t c) {
  for (; rows > 0; rows--, x += c, y += c) {
    for (int64_t j = 0; j < c; j++) {
      const float v = x[j];
      const float below = alpha[j] * v;
      y[j] = v > 0 ? v : below;
    }
  }
}

// Adds to sums[c]. In place, dx holds dy at first and the argument dy is not read: __restrict forbids two names for the same
// memory.
template <bool kInPlace>
void GradRows(const float *__restrict dy, const float *__restrict x, const float *__restrict alpha,
              float *__restrict dx, float *__restrict sums, int64_t rows, int64_t c) {
  for (; rows > 0; rows--, dy += c, x += c, dx += c) {
    for (int64_t j = 0; j < c; j++) {
      const float v = x[j];
      const float u = kInPlace ? dx[j] : dy[j];
      const float below = alpha[j] * u;
      dx[j] = v > 0 ? u : below;
      // Multiplies where v > 0 too, so that a NaN in dy stays a NaN.
      sums[j] += (v > 0 ? 0.0f : v) * u;
    }
  }
}

void CheckShapes(Run &run, const Tensor &x, const Tensor &alpha) {
  if (!run.ok()) return;
  const auto shape = ShapeOf(x), slopes = ShapeOf(alpha);
  if (shape.empty() || slopes.size() != 1 || slopes[0] != shape.back()) {
    run.Refuse("alpha must be a vector with one slope for each element of x's last axis; got alpha " + Text(slopes) +
               " for x " + Text(shape) + ".");
  }
}

void Forward(void *, TF_OpKernelContext *context) {
  Run run("HeadsharePRelu", context);
  const Tensor x = run.Input(0), alpha = run.Input(1);
  CheckShapes(run, x, alpha);
  if (!run.ok()) return;
  const Tensor y = run.Output(0, ShapeOf(x));
  if (!run.ok()) return;
  const float *from = DataOf(x), *slopes = DataOf(alpha);
  float *to = DataOf(y);
  const Chunks chunks = Chunks::Of(SizeOf(x), SizeOf(alpha));
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    const int64_t offset = chunks.First(chunk) * chunks.c;
    Rows(from + offset, slopes, to + offset, chunks.Rows(chunk), chunks.c);
  });
}

void Gradient(void *, TF_OpKernelContext *context) {
  Run run("HeadsharePReluGrad", context);
  Tensor dy = run.Input(0);
  const Tensor x = run.Input(1), alpha = run.Input(2);
  CheckShapes(run, x, alpha);
  if (run.ok() && ShapeOf(dy) != ShapeOf(x)) {
    run.Refuse("dy must have the shape of x; got " + Text(ShapeOf(dy)) + " for x " + Text(ShapeOf(x)) + ".");
  }
  if (!run.ok()) return;
  const Tensor dx = run.OutputFromInput(0, ShapeOf(x), 0, dy), dalpha = run.Output(1, ShapeOf(alpha));
  if (!run.ok()) return;
  const float *in = dy ? DataOf(dy) : nullptr, *at = DataOf(x), *slopes = DataOf(alpha);
  float *out = DataOf(dx), *total = DataOf(dalpha);
  const Chunks chunks = Chunks::Of(SizeOf(x), SizeOf(alpha));
  const int64_t c = chunks.c;
  std::vector<float> sums(chunks.count * c);
  float *partial = sums.data();
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    const int64_t offset = chunks.First(chunk) * c, rows = chunks.Rows(chunk);
    if (in == nullptr) {
      GradRows<true>(at + offset, at + offset, slopes, out + offset, partial + chunk * c, rows, c);
    } else {
      GradRows<false>(in + offset, at + offset, slopes, out + offset, partial + chunk * c, rows, c);
    }
  });
  std::fill(total, total + c, 0.0f);
  for (int64_t chunk = 0; chunk < chunks.count; chunk++) {
    for (int64_t j = 0; j < c; j++) total[j] += partial[chunk * c + j];
  }
}

template <int kX, int kAlpha, int kOutputs>
void InferShapes(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.AtLeastRank(kX, 1);
  infer.Rank(kAlpha, 1);
  const int64_t wanted = infer.Dimension(kX, -1), given = infer.Dimension(kAlpha, 0);
  if (wanted >= 0 && given >= 0 && wanted != given) {
    infer.Refuse("alpha must have as many elements as x's last axis, " + std::to_string(wanted) + ", and has " +
                 std::to_string(given) + ".");
  }
  infer.Like(0, kX);
  if (kOutputs > 1) infer.Like(1, kAlpha);
}

}  // namespace

std::vector<std::string> RegisterPRelu() {
  return Register({
      {"HeadsharePRelu", {"x: float", "alpha: float"}, {"y: float"}, {}, InferShapes<0, 1, 1>, nullptr, Forward, nullptr},
      {"HeadsharePReluGrad",
       {"dy: float", "x: float", "alpha: float"},
       {"dx: float", "dalpha: float"},
       {},
       InferShapes<1, 2, 2>,
       nullptr,
       Gradient,
       nullptr},
  });
}

}  // namespace headshare
