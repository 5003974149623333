// MobileNetV3's activations, each in one pass over memory, where element-wise operations take three to six, and for one image
// more time to start than to compute:
//   HeadshareHardSigmoid(x) -> y = min(max(x + 3, 0), 6) / 6
//   HeadshareHardSwish(x) -> y = x / 6 min(max(x + 3, 0), 6)
//   HeadshareHardSwishGrad(dy, x) -> dx
// Each operation is rounded by itself, in the order of TensorFlow's own (ops/activation.ts), so that the bits are the same.
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "thread-pool.h"

// A product and a sum in one instruction would be rounded once.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

namespace headshare {
namespace {

constexpr int64_t kPart = 32768;
constexpr float kSixth = 1.0f / 6.0f;

// A NaN stays a NaN.
inline float Clamped(float shifted) {
  const float above = shifted < 0.0f ? 0.0f : shifted;
  return above > 6.0f ? 6.0f : above;
}

void Sigmoid(const float *__restrict x, float *__restrict y, int64_t size) {
  for (int64_t i = 0; i < size; i++) y[i] = Clamped(x[i] + 3.0f) * kSixth;
}

void Swish(const float *__restrict x, float *__restrict y, int64_t size) {
  for (int64_t i = 0; i < size; i++) y[i] = (x[i] * kSixth) * Clamped(x[i] + 3.0f);
}

void SwishGrad(const float *__restrict dy, const float *__restrict x, float *__restrict dx, int64_t size) {
  for (int64_t i = 0; i < size; i++) {
    const float sixth = dy[i] * kSixth, shifted = x[i] + 3.0f;
    const float below = shifted < 6.0f ? 1.0f : 0.0f;
    const float inside = shifted > 0.0f ? below : 0.0f;
    // By a product, as TensorFlow does: so zeros have its signs, and a NaN in dy stays a NaN.
    const float direct = sixth * Clamped(shifted), through = x[i] * (sixth * inside);
    dx[i] = direct + through;
  }
}

// Calls body(first, count) for parts of all elements.
template <typename Body>
void ForParts(int64_t size, const Body &body) {
  ParallelFor((size + kPart - 1) / kPart, size / (2 * kPart) - 1, [&body, size](int64_t part) {
    const int64_t first = part * kPart;
    body(first, std::min(kPart, size - first));
  });
}

template <void (*kLoop)(const float *__restrict, float *__restrict, int64_t)>
void Forward(void *, TF_OpKernelContext *context) {
  Run run("HeadshareHardActivation", context);
  const Tensor x = run.Input(0);
  if (!run.ok()) return;
  const Tensor y = run.Output(0, ShapeOf(x));
  if (!run.ok()) return;
  const float *from = DataOf(x);
  float *to = DataOf(y);
  ForParts(SizeOf(x), [=](int64_t first, int64_t count) { kLoop(from + first, to + first, count); });
}

void Gradient(void *, TF_OpKernelContext *context) {
  Run run("HeadshareHardSwishGrad", context);
  const Tensor dy = run.Input(0), x = run.Input(1);
  if (run.ok() && ShapeOf(dy) != ShapeOf(x)) {
    run.Refuse("dy must have the shape of x; got " + Text(ShapeOf(dy)) + " for x " + Text(ShapeOf(x)) + ".");
  }
  if (!run.ok()) return;
  const Tensor dx = run.Output(0, ShapeOf(x));
  if (!run.ok()) return;
  const float *in = DataOf(dy), *at = DataOf(x);
  float *out = DataOf(dx);
  ForParts(SizeOf(x),
           [=](int64_t first, int64_t count) { SwishGrad(in + first, at + first, out + first, count); });
}

template <int kX>
void InferShapes(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Like(0, kX);
}

}  // namespace

std::vector<std::string> RegisterHardActivations() {
  return Register({
      {"HeadshareHardSigmoid", {"x: float"}, {"y: float"}, {}, InferShapes<0>, nullptr, Forward<Sigmoid>, nullptr},
      {"HeadshareHardSwish", {"x: float"}, {"y: float"}, {}, InferShapes<0>, nullptr, Forward<Swish>, nullptr},
      {"HeadshareHardSwishGrad",
       {"dy: float", "x: float"},
       {"dx: float"},
       {},
       InferShapes<1>,
       nullptr,
       Gradient,
       nullptr},
  });
}

}  // namespace headshare
