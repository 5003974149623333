// Shared by the kernels: owning types for TensorFlow's C kernel API (tensorflow/c/kernels.h, ops.h), and loops over chunks
// of rows.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace headshare {

template <typename T, void (*Delete)(T *)>
struct Deleter {
  void operator()(T *pointer) const { Delete(pointer); }
};
using Status = std::unique_ptr<TF_Status, Deleter<TF_Status, TF_DeleteStatus>>;
using Tensor = std::unique_ptr<TF_Tensor, Deleter<TF_Tensor, TF_DeleteTensor>>;
using Shape = std::vector<int64_t>;

Shape ShapeOf(const Tensor &tensor);
// "[2,3]"
std::string Text(const Shape &shape);

inline float *DataOf(const Tensor &tensor) { return static_cast<float *>(TF_TensorData(tensor.get())); }
inline int64_t SizeOf(const Tensor &tensor) { return TF_TensorElementCount(tensor.get()); }

// One run of a kernel. After the first failure Input and Output return empty tensors, so a kernel checks ok() once, before
// it touches data. The destructor reports the failure to TensorFlow.
class Run {
 public:
  Run(const char *op, TF_OpKernelContext *context) : op_(op), context_(context), status_(TF_NewStatus()) {}
  ~Run();
  Run(const Run &) = delete;
  Run &operator=(const Run &) = delete;

  bool ok() const { return TF_GetCode(status_.get()) == TF_OK; }
  // Fails with "op: message".
  void Refuse(const std::string &message);
  Tensor Input(int index);
  // float32.
  Tensor Output(int index, const Shape &shape);
  // Float32 memory for the time of the run. TensorFlow's allocator keeps freed memory. The system's gives large blocks back,
  // and touching new pages takes longer than filling them.
  Tensor Temporary(const Shape &shape);
  // The output reuses the memory of input `candidate` where nobody else needs it, and gets new memory otherwise. `input` is
  // released first, because TensorFlow counts it as a user; it is empty afterwards if its memory was reused.
  Tensor OutputFromInput(int index, const Shape &shape, int candidate, Tensor &input);

 private:
  const char *op_;
  TF_OpKernelContext *context_;
  Status status_;
};

// The construction of a kernel: reads its attributes.
class Construction {
 public:
  explicit Construction(TF_OpKernelConstruction *construction) : construction_(construction), status_(TF_NewStatus()) {}
  ~Construction();
  int32_t Int(const char *name);
  float Float(const char *name);
  std::string Text(const char *name);

 private:
  TF_OpKernelConstruction *construction_;
  Status status_;
};

// Shape functions in TensorFlow's form. A failure stays in the status.
class Inference {
 public:
  Inference(TF_ShapeInferenceContext *context, TF_Status *status) : context_(context), status_(status) {}
  bool ok() const { return TF_GetCode(status_) == TF_OK; }
  int Inputs() const { return static_cast<int>(TF_ShapeInferenceContextNumInputs(context_)); }
  // Output `output` has the shape of input `input`.
  void Like(int output, int input);
  // -1 for an unknown size; a negative `axis` counts from the end.
  int64_t Dimension(int input, int axis);
  // Sets a shape of input's dimensions: `from` names an input and an axis for each, or an unknown one by input -1.
  void FromDimensions(int output, std::initializer_list<std::pair<int, int>> from);
  void Scalar(int output);
  // A vector without elements.
  void Empty(int output);
  // The outputs have unknown shapes.
  void Unknown();
  void AtLeastRank(int input, int64_t rank);
  void Rank(int input, int64_t rank);
  void Refuse(const std::string &message);

 private:
  TF_ShapeInferenceContext *context_;
  TF_Status *status_;
};

struct Op {
  const char *name;
  // In the form of TensorFlow's op definitions: "x: float", "epsilon: float = 1e-5", "weights: count * float".
  std::vector<std::string> inputs, outputs, attributes;
  void (*infer)(TF_ShapeInferenceContext *, TF_Status *);
  // Null for kernels without attributes.
  void *(*create)(TF_OpKernelConstruction *);
  void (*compute)(void *, TF_OpKernelContext *);
  void (*destroy)(void *);
};

// Registers these operations for the CPU; call it once per process. Returns the names that TensorFlow accepted, and writes
// the reason for each refusal to the standard error.
std::vector<std::string> Register(std::initializer_list<Op> ops);

// For kernels whose state is a plain struct made from a Construction.
template <typename T>
void *Create(TF_OpKernelConstruction *construction) {
  Construction reader(construction);
  return new T(reader);
}
template <typename T>
void Destroy(void *state) {
  delete static_cast<T *>(state);
}

// Rows of c elements cut into chunks. Chunks depend only on the shape, and their sums are added in order, so that sums have
// the same bits with any number of threads.
struct Chunks {
  int64_t rows, c, per_chunk, count, helpers;

  static Chunks Of(int64_t elements, int64_t c);
  int64_t First(int64_t chunk) const { return chunk * per_chunk; }
  int64_t Rows(int64_t chunk) const { return rows - First(chunk) < per_chunk ? rows - First(chunk) : per_chunk; }
};

}  // namespace headshare
