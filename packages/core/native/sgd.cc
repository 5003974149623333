// SGD with momentum and weight decay for all variables at once, as in torch.optim.SGD:
//   g = scale gradient + decay w; m = momentum m + g; w -= rate m
//   HeadshareSgd(weights: n * float, momenta: n * float, gradients: n * float, rate [], scale [])
//     -> new_weights, new_momenta: n * float
// One operation instead of eight element-wise ones per variable; a gradient's memory becomes its momentum's.
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace {

struct Settings {
  explicit Settings(Construction &from)
      : count(from.Int("n")), momentum(from.Float("momentum")), decay(from.Float("decay")) {}
  int32_t count;
  float momentum, decay;
};

struct Step {
  float rate, scale, momentum, decay;
};

// In place, new_momentum holds the gradient at first, and the argument gradient is not read.
template <bool kInPlace>
void Update(const float *__restrict weight, const float *__restrict momentum, const float *__restrict gradient,
            const Step &step, float *__restrict new_weight, float *__restrict new_momentum, int64_t size) {
  const Step s = step;
  for (int64_t i = 0; i < size; i++) {
    const float g = s.scale * (kInPlace ? new_momentum[i] : gradient[i]) + s.decay * weight[i];
    const float m = s.momentum * momentum[i] + g;
    new_momentum[i] = m;
    new_weight[i] = weight[i] - s.rate * m;
  }
}

// Some elements of one variable.
struct Part {
  const float *weight, *momentum, *gradient;
  float *new_weight, *new_momentum;
  int64_t size;
};

constexpr int64_t kPart = 32768;

void Compute(void *state, TF_OpKernelContext *context) {
  const Settings &settings = *static_cast<Settings *>(state);
  const int n = settings.count;
  Run run("HeadshareSgd", context);
  const Tensor rate = run.Input(3 * n), scale = run.Input(3 * n + 1);
  if (run.ok() && (SizeOf(rate) != 1 || SizeOf(scale) != 1)) run.Refuse("rate and scale must be single numbers.");
  std::vector<Tensor> held;
  std::vector<Part> parts;
  int64_t total = 0;
  for (int i = 0; i < n && run.ok(); i++) {
    Tensor weight = run.Input(i), momentum = run.Input(n + i), gradient = run.Input(2 * n + i);
    if (!run.ok()) return;
    const Shape shape = ShapeOf(weight);
    if (ShapeOf(momentum) != shape || ShapeOf(gradient) != shape) {
      run.Refuse("weights, momenta and gradients must agree in shape; got " + Text(shape) + ", " +
                 Text(ShapeOf(momentum)) + " and " + Text(ShapeOf(gradient)) + " at " + std::to_string(i) + ".");
      return;
    }
    Tensor new_weight = run.Output(i, shape), new_momentum = run.OutputFromInput(n + i, shape, 2 * n + i, gradient);
    if (!run.ok()) return;
    const int64_t size = SizeOf(weight);
    for (int64_t from = 0; from < size; from += kPart) {
      parts.push_back({DataOf(weight) + from, DataOf(momentum) + from, gradient ? DataOf(gradient) + from : nullptr,
                       DataOf(new_weight) + from, DataOf(new_momentum) + from, std::min(kPart, size - from)});
    }
    total += size;
    for (Tensor *tensor : {&weight, &momentum, &gradient, &new_weight, &new_momentum}) held.push_back(std::move(*tensor));
  }
  if (!run.ok()) return;
  const Step step{*DataOf(rate), *DataOf(scale), settings.momentum, settings.decay};
  const Part *all = parts.data();
  ParallelFor(static_cast<int64_t>(parts.size()), total / (8 * kPart) - 1, [=](int64_t i) {
    const Part &part = all[i];
    if (part.gradient == nullptr) {
      Update<true>(part.weight, part.momentum, part.weight, step, part.new_weight, part.new_momentum, part.size);
    } else {
      Update<false>(part.weight, part.momentum, part.gradient, step, part.new_weight, part.new_momentum, part.size);
    }
  });
}

// One output for each weight and momentum, with its shape; their number follows from the number of inputs.
void Infer(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  const int n = (infer.Inputs() - 2) / 3;
  for (int i = 0; i < 2 * n; i++) infer.Like(i, i);
}

}  // namespace

std::vector<std::string> RegisterSgd() {
  return Register({{"HeadshareSgd",
                    {"weights: n * float", "momenta: n * float", "gradients: n * float", "rate: float", "scale: float"},
                    {"new_weights: n * float", "new_momenta: n * float"},
                    {"n: int >= 1", "momentum: float", "decay: float"},
                    Infer,
                    Create<Settings>,
                    Compute,
                    Destroy<Settings>}});
}

}  // namespace headshare
