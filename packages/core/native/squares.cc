// Half the sum of the squares of many tensors' elements, as TensorFlow's L2Loss of each, added:
//   HeadshareHalfSquares(x: n * float) -> half []
// One operation instead of one for each tensor and their sum. TensorFlow's splits large tensors by the number of threads.
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "lanes.h"
#include "thread-pool.h"

namespace headshare {
namespace {

constexpr int64_t kPart = 32768;

struct Part {
  const float *from;
  int64_t size;
};

// In double, so that a norm over millions of elements keeps float's digits.
double Squares(const Part &part) {
  Vector sums[8] = {};
  int64_t i = 0;
  for (; i + 8 * kWidth <= part.size; i += 8 * kWidth) {
    Unrolled<8>([&](auto v) HEADSHARE_INLINED {
      const Vector x = Load(part.from + i + v * kWidth);
      sums[v] += x * x;
    });
  }
  double total = 0;
  for (; i < part.size; i++) total += static_cast<double>(part.from[i]) * part.from[i];
  for (const Vector &sum : sums) {
    for (int lane = 0; lane < kWidth; lane++) total += sum[lane];
  }
  return total;
}

struct Settings {
  explicit Settings(Construction &from) : count(from.Int("n")) {}
  int32_t count;
};

void Compute(void *state, TF_OpKernelContext *context) {
  Run run("HeadshareHalfSquares", context);
  std::vector<Tensor> held;
  std::vector<Part> parts;
  int64_t total = 0;
  for (int i = 0; i < static_cast<Settings *>(state)->count; i++) {
    held.push_back(run.Input(i));
    if (!run.ok()) return;
    const int64_t size = SizeOf(held.back());
    for (int64_t from = 0; from < size; from += kPart) {
      parts.push_back({DataOf(held.back()) + from, std::min(kPart, size - from)});
    }
    total += size;
  }
  const Tensor half = run.Output(0, {});
  if (!run.ok()) return;
  std::vector<double> sums(parts.size());
  ParallelFor(static_cast<int64_t>(parts.size()), total / (16 * kPart) - 1,
              [&](int64_t i) { sums[i] = Squares(parts[i]); });
  double sum = 0;
  for (double one : sums) sum += one;
  *DataOf(half) = static_cast<float>(sum / 2);
}

void Infer(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Scalar(0);
}

}  // namespace

std::vector<std::string> RegisterHalfSquares() {
  return Register({{"HeadshareHalfSquares",
                    {"x: n * float"},
                    {"half: float"},
                    {"n: int >= 1"},
                    Infer,
                    Create<Settings>,
                    Compute,
                    Destroy<Settings>}});
}

}  // namespace headshare
