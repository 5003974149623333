// The sum of many float32 vectors with twice float32's digits, one vector at a time (Knuth, TAOCP 2, 4.2.2, theorem B):
//   HeadshareTwoSum(hi [n], lo [n], x [n]) -> new_hi, new_lo [n]
// hi + lo is the sum so far; new_hi + new_lo is that plus x, and new_hi is it rounded to float32. One pass over memory instead
// of nine, with the bits of TensorFlow's own operations: the compiler must not reorder additions (no -ffast-math).
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "thread-pool.h"

namespace headshare {
namespace {

constexpr int64_t kPart = 32768;

// In place, new_hi holds x at first, and the argument x is not read.
template <bool kInPlace>
void Add(const float *__restrict hi, const float *__restrict lo, const float *__restrict x, float *__restrict new_hi,
         float *__restrict new_lo, int64_t size) {
  for (int64_t i = 0; i < size; i++) {
    const float h = hi[i], more = kInPlace ? new_hi[i] : x[i];
    const float sum = h + more;
    const float added = sum - h;
    const float lost = (h - (sum - added)) + (more - added);
    const float low = lo[i] + lost;
    const float high = sum + low;
    new_hi[i] = high;
    new_lo[i] = low - (high - sum);
  }
}

void Compute(void *, TF_OpKernelContext *context) {
  Run run("HeadshareTwoSum", context);
  const Tensor hi = run.Input(0), lo = run.Input(1);
  Tensor x = run.Input(2);
  if (!run.ok()) return;
  const Shape shape = ShapeOf(hi);
  if (ShapeOf(lo) != shape || ShapeOf(x) != shape) {
    return run.Refuse("hi, lo and x must agree in shape; got " + Text(shape) + ", " + Text(ShapeOf(lo)) + " and " +
                      Text(ShapeOf(x)) + ".");
  }
  const Tensor new_hi = run.OutputFromInput(0, shape, 2, x), new_lo = run.Output(1, shape);
  if (!run.ok()) return;
  const int64_t size = SizeOf(hi), parts = (size + kPart - 1) / kPart;
  const float *from_hi = DataOf(hi), *from_lo = DataOf(lo), *given = x ? DataOf(x) : nullptr;
  float *to_hi = DataOf(new_hi), *to_lo = DataOf(new_lo);
  ParallelFor(parts, size / (8 * kPart) - 1, [=](int64_t part) {
    const int64_t at = part * kPart, count = std::min(kPart, size - at);
    if (given == nullptr) {
      Add<true>(from_hi + at, from_lo + at, from_hi + at, to_hi + at, to_lo + at, count);
    } else {
      Add<false>(from_hi + at, from_lo + at, given + at, to_hi + at, to_lo + at, count);
    }
  });
}

void Infer(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Like(0, 0);
  infer.Like(1, 0);
}

}  // namespace

std::vector<std::string> RegisterTwoSum() {
  return Register({{"HeadshareTwoSum",
                    {"hi: float", "lo: float", "x: float"},
                    {"new_hi: float", "new_lo: float"},
                    {},
                    Infer,
                    nullptr,
                    Compute,
                    nullptr}});
}

}  // namespace headshare
