#include "kernel.h"

#include <cstdio>

namespace headshare {
namespace {

using ShapeHandle = std::unique_ptr<TF_ShapeHandle, Deleter<TF_ShapeHandle, TF_DeleteShapeHandle>>;
using DimensionHandle = std::unique_ptr<TF_DimensionHandle, Deleter<TF_DimensionHandle, TF_DeleteDimensionHandle>>;

// The fewest elements in a chunk of rows.
constexpr int64_t kChunk = 32768;
// The elements that justify waking one more thread: some 40 us of one thread. Tensors below twice that stay on one.
constexpr int64_t kElementsPerThread = 262144;

bool RegisterOne(const Op &op) {
  const Status status(TF_NewStatus());
  TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(op.name);
  for (const auto &input : op.inputs) TF_OpDefinitionBuilderAddInput(definition, input.c_str());
  for (const auto &output : op.outputs) TF_OpDefinitionBuilderAddOutput(definition, output.c_str());
  for (const auto &attribute : op.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute.c_str());
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, op.infer);
  TF_RegisterOpDefinition(definition, status.get());
  if (TF_GetCode(status.get()) == TF_OK) {
    TF_RegisterKernelBuilder(op.name, TF_NewKernelBuilder(op.name, "CPU", op.create, op.compute, op.destroy),
                             status.get());
  }
  const bool ok = TF_GetCode(status.get()) == TF_OK;
  if (!ok) std::fprintf(stderr, "%s is not available: %s\n", op.name, TF_Message(status.get()));
  return ok;
}

}  // namespace

Shape ShapeOf(const Tensor &tensor) {
  Shape shape(TF_NumDims(tensor.get()));
  for (size_t i = 0; i < shape.size(); i++) shape[i] = TF_Dim(tensor.get(), static_cast<int>(i));
  return shape;
}

std::string Text(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); i++) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

Run::~Run() {
  if (!ok()) TF_OpKernelContext_Failure(context_, status_.get());
}

void Run::Refuse(const std::string &message) {
  if (ok()) TF_SetStatus(status_.get(), TF_INVALID_ARGUMENT, (std::string(op_) + ": " + message).c_str());
}

Tensor Run::Input(int index) {
  TF_Tensor *tensor = nullptr;
  if (ok()) TF_GetInput(context_, index, &tensor, status_.get());
  return Tensor(tensor);
}

Tensor Run::Output(int index, const Shape &shape) {
  if (!ok()) return nullptr;
  int64_t size = sizeof(float);
  for (int64_t dimension : shape) size *= dimension;
  return Tensor(TF_AllocateOutput(context_, index, TF_FLOAT, shape.data(), static_cast<int>(shape.size()), size,
                                  status_.get()));
}

Tensor Run::Temporary(const Shape &shape) {
  if (!ok()) return nullptr;
  TF_AllocatorAttributes attributes = {TF_ALLOCATOR_ATTRIBUTES_STRUCT_SIZE, /*on_host=*/1};
  return Tensor(TF_AllocateTemp(context_, TF_FLOAT, shape.data(), static_cast<int>(shape.size()), &attributes, status_.get()));
}

Tensor Run::OutputFromInput(int index, const Shape &shape, int candidate, Tensor &input) {
  if (!ok()) return nullptr;
  input.reset();
  int forwarded = -1;
  Tensor output(TF_ForwardInputOrAllocateOutput(context_, &candidate, 1, index, shape.data(),
                                                static_cast<int>(shape.size()), &forwarded, status_.get()));
  if (forwarded != candidate) input = Input(candidate);
  return output;
}

Construction::~Construction() {
  if (TF_GetCode(status_.get()) != TF_OK) TF_OpKernelConstruction_Failure(construction_, status_.get());
}

int32_t Construction::Int(const char *name) {
  int32_t value = 0;
  TF_OpKernelConstruction_GetAttrInt32(construction_, name, &value, status_.get());
  return value;
}

float Construction::Float(const char *name) {
  float value = 0;
  TF_OpKernelConstruction_GetAttrFloat(construction_, name, &value, status_.get());
  return value;
}

std::string Construction::Text(const char *name) {
  int32_t list = 0, size = 0;
  TF_OpKernelConstruction_GetAttrSize(construction_, name, &list, &size, status_.get());
  std::string text(TF_GetCode(status_.get()) == TF_OK ? size : 0, '\0');
  TF_OpKernelConstruction_GetAttrString(construction_, name, text.data(), text.size(), status_.get());
  return text;
}

void Inference::Like(int output, int input) {
  const ShapeHandle shape(TF_NewShapeHandle());
  if (ok()) TF_ShapeInferenceContextGetInput(context_, input, shape.get(), status_);
  if (ok()) TF_ShapeInferenceContextSetOutput(context_, output, shape.get(), status_);
}

int64_t Inference::Dimension(int input, int axis) {
  const ShapeHandle shape(TF_NewShapeHandle());
  if (ok()) TF_ShapeInferenceContextGetInput(context_, input, shape.get(), status_);
  if (!ok() || !TF_ShapeInferenceContextRankKnown(context_, shape.get())) return -1;
  const DimensionHandle dimension(TF_NewDimensionHandle());
  TF_ShapeInferenceContextDim(context_, shape.get(), axis, dimension.get());
  return TF_DimensionHandleValueKnown(dimension.get()) ? TF_DimensionHandleValue(dimension.get()) : -1;
}

void Inference::FromDimensions(int output, std::initializer_list<std::pair<int, int>> from) {
  const ShapeHandle shape(TF_NewShapeHandle());
  if (ok()) TF_ShapeInferenceContextGetInput(context_, 0, shape.get(), status_);
  bool first = true;
  for (const auto &[input, axis] : from) {
    if (!ok()) return;
    const ShapeHandle source(TF_NewShapeHandle()), one(TF_NewShapeHandle());
    TF_ShapeInferenceContextGetInput(context_, input, source.get(), status_);
    if (!ok()) return;
    if (!TF_ShapeInferenceContextRankKnown(context_, source.get())) {
      TF_ShapeInferenceContextSetUnknownShape(context_, status_);
      return;
    }
    TF_ShapeInferenceContextSubshape(context_, source.get(), axis, axis + 1, one.get(), status_);
    if (!ok()) return;
    if (first) {
      TF_ShapeInferenceContextSubshape(context_, source.get(), axis, axis + 1, shape.get(), status_);
    } else {
      TF_ShapeInferenceContextConcatenateShapes(context_, shape.get(), one.get(), shape.get(), status_);
    }
    first = false;
  }
  if (ok()) TF_ShapeInferenceContextSetOutput(context_, output, shape.get(), status_);
}

void Inference::Empty(int output) {
  const ShapeHandle shape(TF_ShapeInferenceContextVectorFromSize(context_, 0));
  if (ok()) TF_ShapeInferenceContextSetOutput(context_, output, shape.get(), status_);
}

void Inference::Scalar(int output) {
  const ShapeHandle shape(TF_ShapeInferenceContextScalar(context_));
  if (ok()) TF_ShapeInferenceContextSetOutput(context_, output, shape.get(), status_);
}

void Inference::Unknown() {
  if (ok()) TF_ShapeInferenceContextSetUnknownShape(context_, status_);
}

void Inference::AtLeastRank(int input, int64_t rank) {
  const ShapeHandle shape(TF_NewShapeHandle());
  if (ok()) TF_ShapeInferenceContextGetInput(context_, input, shape.get(), status_);
  if (ok()) TF_ShapeInferenceContextWithRankAtLeast(context_, shape.get(), rank, shape.get(), status_);
}

void Inference::Rank(int input, int64_t rank) {
  const ShapeHandle shape(TF_NewShapeHandle());
  if (ok()) TF_ShapeInferenceContextGetInput(context_, input, shape.get(), status_);
  if (ok()) TF_ShapeInferenceContextWithRank(context_, shape.get(), rank, shape.get(), status_);
}

void Inference::Refuse(const std::string &message) {
  if (ok()) TF_SetStatus(status_, TF_INVALID_ARGUMENT, message.c_str());
}

std::vector<std::string> Register(std::initializer_list<Op> ops) {
  std::vector<std::string> names;
  for (const Op &op : ops) {
    if (RegisterOne(op)) names.push_back(op.name);
  }
  return names;
}

Chunks Chunks::Of(int64_t elements, int64_t c) {
  const int64_t rows = c == 0 ? 0 : elements / c;
  const int64_t per_chunk = c == 0 ? 1 : (kChunk + c - 1) / c;
  return {rows, c, per_chunk, (rows + per_chunk - 1) / per_chunk, elements / kElementsPerThread - 1};
}

}  // namespace headshare
