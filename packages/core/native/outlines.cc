#include "outlines.h"

#include <memory>
#include <string>
#include <vector>

#include "binding/utils.h"
#include "tensorflow/c/c_api.h"

namespace headshare {

using namespace tfnodejs;
using Graph = std::unique_ptr<TF_Graph, decltype(&TF_DeleteGraph)>;

static Graph Import(const void *bytes, size_t length) {
  TF_AutoStatus status;
  Graph graph(TF_NewGraph(), TF_DeleteGraph);
  TF_Buffer *buffer = TF_NewBufferFromString(bytes, length);
  TF_ImportGraphDefOptions *options = TF_NewImportGraphDefOptions();
  TF_GraphImportGraphDef(graph.get(), buffer, options, status.status);
  TF_DeleteImportGraphDefOptions(options);
  TF_DeleteBuffer(buffer);
  if (TF_GetCode(status.status) != TF_OK) graph.reset();
  return graph;
}

// False where it is not wholly known.
static bool ShapeOf(TF_Graph *graph, TF_Output output, std::vector<int64_t> &shape) {
  TF_AutoStatus status;
  const int rank = TF_GraphGetTensorNumDims(graph, output, status.status);
  if (TF_GetCode(status.status) != TF_OK || rank < 0) return false;
  shape.resize(rank);
  TF_GraphGetTensorShape(graph, output, shape.data(), rank, status.status);
  if (TF_GetCode(status.status) != TF_OK) return false;
  for (int64_t size : shape) {
    if (size < 0) return false;
  }
  return true;
}

napi_value InferOutputs(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value args[2], nothing, all;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  napi_typedarray_type type;
  size_t length;
  void *bytes;
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_typedarray_info(env, args[0], &type, &length, &bytes, nullptr, nullptr), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, args[1], name), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_get_undefined(env, &nothing), nullptr);
  const Graph graph = Import(bytes, length);
  TF_Operation *operation = graph ? TF_GraphOperationByName(graph.get(), name.c_str()) : nullptr;
  if (!operation) return nothing;

  ENSURE_NAPI_OK_RETVAL(env, napi_create_array(env, &all), nullptr);
  for (int i = 0; i < TF_OperationNumOutputs(operation); i++) {
    std::vector<int64_t> shape;
    if (!ShapeOf(graph.get(), {operation, i}, shape)) return nothing;
    napi_value one, sizes, value;
    ENSURE_NAPI_OK_RETVAL(env, napi_create_object(env, &one), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, napi_create_array(env, &sizes), nullptr);
    for (size_t k = 0; k < shape.size(); k++) {
      ENSURE_NAPI_OK_RETVAL(env, napi_create_int64(env, shape[k], &value), nullptr);
      ENSURE_NAPI_OK_RETVAL(env, napi_set_element(env, sizes, k, value), nullptr);
    }
    ENSURE_NAPI_OK_RETVAL(env, napi_set_named_property(env, one, "shape", sizes), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, napi_create_int32(env, TF_OperationOutputType({operation, i}), &value), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, napi_set_named_property(env, one, "dtype", value), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, napi_set_element(env, all, i, one), nullptr);
  }
  return all;
}

}  // namespace headshare
