#include "prelu.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"
#include "thread-pool.h"

namespace headshare {
namespace {

// Elements a chunk of rows has at least. Chunks depend on the shape alone, and their sums are added in their order, so
// that dalpha has the same bits however many threads there are.
constexpr int64_t kChunk = 32768;
// Elements for which waking one more thread pays: some 40 us of one thread. Tensors below twice that stay on one.
constexpr int64_t kElementsPerThread = 262144;

// The loops are functions over __restrict pointers, without branches, because GCC vectorises them only so; inside a
// lambda it does not, and they take ten times as long.

void Rows(const float *__restrict x, const float *__restrict alpha, float *__restrict y, int64_t rows, int64_t c) {
  for (; rows > 0; rows--, x += c, y += c) {
    for (int64_t j = 0; j < c; j++) {
      const float v = x[j];
      const float below = alpha[j] * v;
      y[j] = v > 0 ? v : below;
    }
  }
}

// Adds to sums[c]. In place dx holds dy at first, and the argument dy is not read: __restrict forbids two names for
// one memory.
template <bool kInPlace>
void GradRows(const float *__restrict dy, const float *__restrict x, const float *__restrict alpha,
              float *__restrict dx, float *__restrict sums, int64_t rows, int64_t c) {
  for (; rows > 0; rows--, dy += c, x += c, dx += c) {
    for (int64_t j = 0; j < c; j++) {
      const float v = x[j];
      const float u = kInPlace ? dx[j] : dy[j];
      const float below = alpha[j] * u;
      dx[j] = v > 0 ? u : below;
      // Multiplied also where v > 0: a NaN in dy stays one.
      sums[j] += (v > 0 ? 0.0f : v) * u;
    }
  }
}

struct Chunks {
  int64_t rows, c, per_chunk, count, helpers;
};

Chunks ChunksOf(int64_t elements, int64_t c) {
  const int64_t rows = c == 0 ? 0 : elements / c;
  const int64_t per_chunk = c == 0 ? 1 : (kChunk + c - 1) / c;
  return {rows, c, per_chunk, (rows + per_chunk - 1) / per_chunk, elements / kElementsPerThread - 1};
}

template <typename T, void (*Delete)(T *)>
struct Deleter {
  void operator()(T *pointer) const { Delete(pointer); }
};
using Status = std::unique_ptr<TF_Status, Deleter<TF_Status, TF_DeleteStatus>>;
using Tensor = std::unique_ptr<TF_Tensor, Deleter<TF_Tensor, TF_DeleteTensor>>;
using ShapeHandle = std::unique_ptr<TF_ShapeHandle, Deleter<TF_ShapeHandle, TF_DeleteShapeHandle>>;
using DimensionHandle = std::unique_ptr<TF_DimensionHandle, Deleter<TF_DimensionHandle, TF_DeleteDimensionHandle>>;

bool Ok(const Status &status) { return TF_GetCode(status.get()) == TF_OK; }

std::vector<int64_t> ShapeOf(const Tensor &tensor) {
  std::vector<int64_t> shape(TF_NumDims(tensor.get()));
  for (size_t i = 0; i < shape.size(); i++) shape[i] = TF_Dim(tensor.get(), i);
  return shape;
}

std::string Text(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); i++) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

float *DataOf(const Tensor &tensor) { return static_cast<float *>(TF_TensorData(tensor.get())); }

void Refuse(TF_Status *status, const std::string &message) {
  TF_SetStatus(status, TF_INVALID_ARGUMENT, message.c_str());
}

Tensor Input(TF_OpKernelContext *context, int index, const Status &status) {
  TF_Tensor *tensor = nullptr;
  if (Ok(status)) TF_GetInput(context, index, &tensor, status.get());
  return Tensor(tensor);
}

void CheckShapes(const char *op, const Tensor &x, const Tensor &alpha, const Status &status) {
  const auto shape = ShapeOf(x), slopes = ShapeOf(alpha);
  if (shape.empty() || slopes.size() != 1 || slopes[0] != shape.back()) {
    Refuse(status.get(), std::string(op) + ": alpha must be a vector with one slope for each element of x's last axis; "
                         "got alpha " + Text(slopes) + " for x " + Text(shape) + ".");
  }
}

void Forward(void *, TF_OpKernelContext *context) {
  Status status(TF_NewStatus());
  const Tensor x = Input(context, 0, status), alpha = Input(context, 1, status);
  if (Ok(status)) CheckShapes("HeadsharePRelu", x, alpha, status);
  Tensor y;
  if (Ok(status)) {
    const auto shape = ShapeOf(x);
    y.reset(TF_AllocateOutput(context, 0, TF_FLOAT, shape.data(), static_cast<int>(shape.size()),
                              TF_TensorByteSize(x.get()), status.get()));
  }
  if (!Ok(status)) {
    TF_OpKernelContext_Failure(context, status.get());
    return;
  }
  const float *from = DataOf(x), *slopes = DataOf(alpha);
  float *to = DataOf(y);
  const Chunks chunks = ChunksOf(TF_TensorElementCount(x.get()), TF_Dim(alpha.get(), 0));
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    const int64_t first = chunk * chunks.per_chunk, rows = std::min(chunks.per_chunk, chunks.rows - first);
    Rows(from + first * chunks.c, slopes, to + first * chunks.c, rows, chunks.c);
  });
}

void Gradient(void *, TF_OpKernelContext *context) {
  Status status(TF_NewStatus());
  Tensor dy = Input(context, 0, status);
  const Tensor x = Input(context, 1, status), alpha = Input(context, 2, status);
  if (Ok(status)) CheckShapes("HeadsharePReluGrad", x, alpha, status);
  if (Ok(status) && ShapeOf(dy) != ShapeOf(x)) {
    Refuse(status.get(), "HeadsharePReluGrad: dy must have the shape of x; got " + Text(ShapeOf(dy)) + " for x " +
                         Text(ShapeOf(x)) + ".");
  }
  Tensor dx, dalpha;
  if (Ok(status)) {
    const auto shape = ShapeOf(x), slopes = ShapeOf(alpha);
    // dy's memory becomes dx's where nobody else needs it, us included.
    dy.reset();
    const int candidate = 0;
    int forwarded = -1;
    dx.reset(TF_ForwardInputOrAllocateOutput(context, &candidate, 1, 0, shape.data(), static_cast<int>(shape.size()),
                                             &forwarded, status.get()));
    if (forwarded != candidate) dy = Input(context, 0, status);
    if (Ok(status)) {
      dalpha.reset(TF_AllocateOutput(context, 1, TF_FLOAT, slopes.data(), 1, TF_TensorByteSize(alpha.get()),
                                     status.get()));
    }
  }
  if (!Ok(status)) {
    TF_OpKernelContext_Failure(context, status.get());
    return;
  }
  const float *in = dy ? DataOf(dy) : nullptr, *at = DataOf(x), *slopes = DataOf(alpha);
  float *out = DataOf(dx), *total = DataOf(dalpha);
  const Chunks chunks = ChunksOf(TF_TensorElementCount(x.get()), TF_Dim(alpha.get(), 0));
  const int64_t c = chunks.c;
  std::vector<float> sums(chunks.count * c);
  float *partial = sums.data();
  ParallelFor(chunks.count, chunks.helpers, [=](int64_t chunk) {
    const int64_t first = chunk * chunks.per_chunk, rows = std::min(chunks.per_chunk, chunks.rows - first);
    const int64_t offset = first * c;
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

// Shape functions: the first output is like x, a second one like alpha.
template <int kX, int kAlpha, int kOutputs>
void InferShapes(TF_ShapeInferenceContext *context, TF_Status *status) {
  const ShapeHandle x(TF_NewShapeHandle()), alpha(TF_NewShapeHandle());
  TF_ShapeInferenceContextGetInput(context, kX, x.get(), status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextGetInput(context, kAlpha, alpha.get(), status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextWithRankAtLeast(context, x.get(), 1, x.get(), status);
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextWithRank(context, alpha.get(), 1, alpha.get(), status);
  if (TF_GetCode(status) == TF_OK && TF_ShapeInferenceContextRankKnown(context, x.get())) {
    const DimensionHandle channels(TF_NewDimensionHandle()), slopes(TF_NewDimensionHandle());
    TF_ShapeInferenceContextDim(context, x.get(), -1, channels.get());
    TF_ShapeInferenceContextDim(context, alpha.get(), 0, slopes.get());
    const bool known = TF_DimensionHandleValueKnown(channels.get()) && TF_DimensionHandleValueKnown(slopes.get());
    const int64_t wanted = TF_DimensionHandleValue(channels.get()), given = TF_DimensionHandleValue(slopes.get());
    if (known && wanted != given) {
      Refuse(status, "alpha must have as many elements as x's last axis, " + std::to_string(wanted) + ", and has " +
                     std::to_string(given) + ".");
    }
  }
  if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, 0, x.get(), status);
  if (kOutputs > 1 && TF_GetCode(status) == TF_OK) {
    TF_ShapeInferenceContextSetOutput(context, 1, alpha.get(), status);
  }
}

struct Op {
  const char *name;
  std::vector<const char *> inputs, outputs;
  void (*infer)(TF_ShapeInferenceContext *, TF_Status *);
  void (*compute)(void *, TF_OpKernelContext *);
};

bool Register(const Op &op) {
  const Status status(TF_NewStatus());
  TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(op.name);
  for (const char *input : op.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char *output : op.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, op.infer);
  TF_RegisterOpDefinition(definition, status.get());
  if (Ok(status)) {
    TF_RegisterKernelBuilder(op.name, TF_NewKernelBuilder(op.name, "CPU", nullptr, op.compute, nullptr), status.get());
  }
  if (!Ok(status)) std::fprintf(stderr, "%s is not available: %s\n", op.name, TF_Message(status.get()));
  return Ok(status);
}

}  // namespace

std::vector<std::string> RegisterPRelu() {
  std::vector<std::string> names;
  for (const Op &op : {Op{"HeadsharePRelu", {"x: float", "alpha: float"}, {"y: float"}, InferShapes<0, 1, 1>, Forward},
                       Op{"HeadsharePReluGrad",
                          {"dy: float", "x: float", "alpha: float"},
                          {"dx: float", "dalpha: float"},
                          InferShapes<1, 2, 2>,
                          Gradient}}) {
    if (Register(op)) names.push_back(op.name);
  }
  return names;
}

}  // namespace headshare
