// The tfjs-node package's own binding, unmodified, plus graph functions in the eager context, called off the JavaScript
// thread, and the kernels of this package.
#include <dlfcn.h>
#include <node_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cluster.h"
#include "kernels.h"
#include "outlines.h"
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

// In the package tensors share the memory of JavaScript's arrays, and release it through N-API when TensorFlow drops a
// tensor, on any thread. N-API is only safe on JavaScript's thread, so once steps run on other threads this corrupts the
// heap. Here tensors get their own memory, with TensorFlow's alignment.
static TF_Tensor *NewTensorFromCopy(TF_DataType dtype, const int64_t *dims, int num_dims, void *data, size_t length,
                                    void (*deallocator)(void *, size_t, void *), void *argument) {
  TF_Tensor *tensor = TF_AllocateTensor(dtype, dims, num_dims, length);
  if (tensor && length > 0) std::memcpy(TF_TensorData(tensor), data, length);
  deallocator(data, length, argument);
  return tensor;
}
#define TF_NewTensor NewTensorFromCopy

// Disables the package's registration; the one at the end of this file calls its initialiser.
#undef NAPI_MODULE
#define NAPI_MODULE(modname, regfunc)
#include "binding/tfjs_backend.cc"
#include "binding/tfjs_binding.cc"
#include "backend-access.h"

namespace tfnodejs {

static bool GetStrings(napi_env env, napi_value array, std::vector<std::string> &out) {
  uint32_t length = 0;
  if (napi_get_array_length(env, array, &length) != napi_ok) return false;
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    std::string text;
    if (napi_get_element(env, array, i, &element) != napi_ok) return false;
    if (GetStringParam(env, element, text) != napi_ok) return false;
    out.push_back(text);
  }
  return true;
}

static bool FindOperations(napi_env env, TF_Graph *graph, const std::vector<std::string> &names,
                           std::vector<TF_Output> &out) {
  for (const auto &name : names) {
    TF_Operation *operation = TF_GraphOperationByName(graph, name.c_str());
    if (!operation) {
      NAPI_THROW_ERROR(env, "The graph has no operation named %s", name.c_str());
      return false;
    }
    out.push_back({operation, 0});
  }
  return true;
}

// addFunction(name: string, graphDef: Uint8Array, inputs: string[], outputs: string[]): void
// Makes `name` callable like an operation of the eager context.
static napi_value AddFunction(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value args[4];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  std::string name;
  std::vector<std::string> inputs, outputs;
  napi_typedarray_type type;
  size_t length;
  void *bytes;
  if (GetStringParam(env, args[0], name) != napi_ok ||
      napi_get_typedarray_info(env, args[1], &type, &length, &bytes, nullptr, nullptr) != napi_ok ||
      !GetStrings(env, args[2], inputs) || !GetStrings(env, args[3], outputs)) {
    NAPI_THROW_ERROR(env, "addFunction takes (name, graphDef bytes, input names, output names)");
    return nullptr;
  }
  TFJSBackend *backend = GetTFJSBackend(env);
  if (!backend) return nullptr;

  TF_AutoStatus status;
  std::unique_ptr<TF_Graph, decltype(&TF_DeleteGraph)> graph(TF_NewGraph(), TF_DeleteGraph);
  TF_Buffer *buffer = TF_NewBufferFromString(bytes, length);
  TF_ImportGraphDefOptions *options = TF_NewImportGraphDefOptions();
  TF_GraphImportGraphDef(graph.get(), buffer, options, status.status);
  TF_DeleteImportGraphDefOptions(options);
  TF_DeleteBuffer(buffer);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);

  std::vector<TF_Output> from, to;
  if (!FindOperations(env, graph.get(), inputs, from) || !FindOperations(env, graph.get(), outputs, to)) return nullptr;
  TF_Function *function =
      TF_GraphToFunction(graph.get(), name.c_str(), 0, -1, nullptr, from.size(), from.data(), to.size(), to.data(),
                         nullptr, nullptr, "", status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  TFE_ContextAddFunction(ContextOf(backend), function, status.status);
  TF_DeleteFunction(function);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  return nullptr;
}

// removeFunction(name: string): void
static napi_value RemoveFunction(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  std::string name;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, args[0], name), nullptr);
  TFJSBackend *backend = GetTFJSBackend(env);
  if (!backend) return nullptr;
  TF_AutoStatus status;
  TFE_ContextRemoveFunction(ContextOf(backend), name.c_str(), status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  return nullptr;
}

// A running call. It copies its input handles, so JavaScript may delete its own in the meantime.
struct Call {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  TFJSBackend *backend = nullptr;
  // `config` is a serialised ConfigProto for Grappler, TensorFlow's graph optimiser; if it is empty, Grappler does not
  // change the function.
  std::string name, config, error;
  // TF_Code
  int code = 0;
  std::vector<TFE_TensorHandle *> inputs, outputs;

  ~Call() {
    for (auto *handle : inputs) TFE_DeleteTensorHandle(handle);
  }
};

static void Execute(napi_env, void *data) {
  Call *call = static_cast<Call *>(data);
  TF_AutoStatus status;
  TFE_Op *op = TFE_NewOp(ContextOf(call->backend), call->name.c_str(), status.status);
  // Part of the key under which TensorFlow caches the optimised function.
  if (op && !call->config.empty()) {
    TFE_OpSetAttrString(op, "config_proto", call->config.data(), call->config.size());
  }
  for (size_t i = 0; i < call->inputs.size() && TF_GetCode(status.status) == TF_OK; i++) {
    TFE_OpAddInput(op, call->inputs[i], status.status);
  }
  if (TF_GetCode(status.status) == TF_OK) {
    int count = static_cast<int>(call->outputs.size());
    TFE_Execute(op, call->outputs.data(), &count, status.status);
  }
  call->code = TF_GetCode(status.status);
  if (call->code != TF_OK) call->error = TF_Message(status.status);
  if (op) TFE_DeleteOp(op);
}

static void Complete(napi_env env, napi_status, void *data) {
  std::unique_ptr<Call> call(static_cast<Call *>(data));
  napi_value value;
  if (call->code != TF_OK) {
    napi_value message, code;
    const std::string number = std::to_string(call->code);
    napi_create_string_utf8(env, call->error.c_str(), call->error.size(), &message);
    napi_create_string_utf8(env, number.c_str(), number.size(), &code);
    napi_create_error(env, code, message, &value);
    napi_reject_deferred(env, call->deferred, value);
  } else {
    napi_create_array_with_length(env, call->outputs.size(), &value);
    for (size_t i = 0; i < call->outputs.size(); i++) {
      napi_set_element(env, value, i, (call->backend->*get(DescribeTag()))(env, call->outputs[i]));
    }
    napi_resolve_deferred(env, call->deferred, value);
  }
  napi_delete_async_work(env, call->work);
}

// callFunction(name: string, inputIds: number[], outputs: number, config?: Uint8Array): Promise<{id, shape, dtype}[]>
// Runs on libuv's pool; the event loop continues in the meantime. Errors have TensorFlow's code, a number, as `code`.
static napi_value CallFunction(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value args[4];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  std::unique_ptr<Call> call(new Call);
  call->backend = GetTFJSBackend(env);
  if (!call->backend) return nullptr;
  uint32_t inputs = 0;
  int32_t outputs = 0;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, args[0], call->name), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_get_array_length(env, args[1], &inputs), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_get_value_int32(env, args[2], &outputs), nullptr);
  call->outputs.resize(outputs);
  napi_valuetype given;
  ENSURE_NAPI_OK_RETVAL(env, napi_typeof(env, args[3], &given), nullptr);
  if (given != napi_undefined) {
    napi_typedarray_type type;
    size_t length;
    void *bytes;
    ENSURE_NAPI_OK_RETVAL(env, napi_get_typedarray_info(env, args[3], &type, &length, &bytes, nullptr, nullptr), nullptr);
    call->config.assign(static_cast<const char *>(bytes), length);
  }

  TF_AutoStatus status;
  auto &handles = call->backend->*get(HandlesTag());
  for (uint32_t i = 0; i < inputs; i++) {
    napi_value element;
    int32_t id = 0;
    ENSURE_NAPI_OK_RETVAL(env, napi_get_element(env, args[1], i, &element), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, napi_get_value_int32(env, element, &id), nullptr);
    auto found = handles.find(id);
    if (found == handles.end()) {
      NAPI_THROW_ERROR(env, "Input %d of %s: there is no tensor with id %d", i, call->name.c_str(), id);
      return nullptr;
    }
    call->inputs.push_back(TFE_TensorHandleCopySharingTensor(found->second, status.status));
    ENSURE_TF_OK_RETVAL(env, status, nullptr);
  }

  napi_value promise, label;
  ENSURE_NAPI_OK_RETVAL(env, napi_create_promise(env, &call->deferred, &promise), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_create_string_utf8(env, "tensorflow", NAPI_AUTO_LENGTH, &label), nullptr);
  ENSURE_NAPI_OK_RETVAL(
      env, napi_create_async_work(env, nullptr, label, Execute, Complete, call.get(), &call->work), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_queue_async_work(env, call->work), nullptr);
  call.release();
  return promise;
}

// Registers the kernels with TensorFlow once per process, even if several Node environments load the addon.
static const std::vector<std::string> &Kernels() {
  static const std::vector<std::string> names = [] {
    // TensorFlow keeps pointers to the kernels, so the library must stay loaded when a worker that loaded it ends.
    Dl_info self;
    if (dladdr(reinterpret_cast<void *>(&Kernels), &self)) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
    std::vector<std::string> all;
    for (const auto &some : {headshare::RegisterBatchNorm(), headshare::RegisterBatchNormGradient(),
                             headshare::RegisterChannels(), headshare::RegisterConvGradFilter(),
                             headshare::RegisterDepthwise(), headshare::RegisterDepthwiseGradient(),
                             headshare::RegisterHalfSquares(), headshare::RegisterHardActivations(),
                             headshare::RegisterPackedConvolution(), headshare::RegisterPRelu(), headshare::RegisterSgd(),
                             headshare::RegisterTwoSum(), headshare::RegisterWinograd()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return names;
}

static napi_value Init(napi_env env, napi_value exports) {
  napi_value kernels;
  ENSURE_NAPI_OK_RETVAL(env, napi_create_array(env, &kernels), nullptr);
  uint32_t count = 0;
  for (const auto &name : Kernels()) {
    napi_value text;
    ENSURE_NAPI_OK_RETVAL(env, napi_create_string_utf8(env, name.c_str(), name.size(), &text), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, napi_set_element(env, kernels, count++, text), nullptr);
  }
  napi_value initialised = InitTFNodeJSBinding(env, exports);
  if (!initialised) return nullptr;
  napi_property_descriptor properties[] = {
      {"addFunction", nullptr, AddFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"removeFunction", nullptr, RemoveFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"enableCollectiveOps", nullptr, headshare::EnableCollectiveOps, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"abortCollectiveOps", nullptr, headshare::AbortCollectiveOps, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"inferOutputs", nullptr, headshare::InferOutputs, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"protectServer", nullptr, headshare::ProtectServer, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"callFunction", nullptr, CallFunction, nullptr, nullptr, nullptr, napi_default, nullptr},
      // kernels: string[], this package's operations that TensorFlow accepted.
      {"kernels", nullptr, nullptr, nullptr, nullptr, kernels, napi_default, nullptr},
  };
  ENSURE_NAPI_OK_RETVAL(
      env, napi_define_properties(env, exports, sizeof(properties) / sizeof(*properties), properties), nullptr);
  return exports;
}

}  // namespace tfnodejs

NAPI_MODULE_INIT() { return tfnodejs::Init(env, exports); }
