#include "cluster.h"

#include <dlfcn.h>

#include <string>

#include "backend-access.h"
#include "binding/utils.h"
#include "tensorflow/c/c_api_experimental.h"
#include "tensorflow/c/eager/c_api_experimental.h"

namespace headshare {

using namespace tfnodejs;

static TFJSBackend *BackendOf(napi_env env) {
  TFJSBackend *backend = nullptr;
  if (napi_get_instance_data(env, reinterpret_cast<void **>(&backend)) == napi_ok && backend) return backend;
  NAPI_THROW_ERROR(env, "TensorFlow has ended");
  return nullptr;
}

napi_value EnableCollectiveOps(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value args[1];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  napi_typedarray_type type;
  size_t length;
  void *bytes;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_typedarray_info(env, args[0], &type, &length, &bytes, nullptr, nullptr), nullptr);
  TFJSBackend *backend = BackendOf(env);
  if (!backend) return nullptr;
  TF_AutoStatus status;
  TFE_EnableCollectiveOps(ContextOf(backend), bytes, length, status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);

  // The server's devices have other names; tfjs-node's backend runs its operations on the device that it remembers.
  TF_DeviceList *devices = TFE_ContextListDevices(ContextOf(backend), status.status);
  ENSURE_TF_OK_RETVAL(env, status, nullptr);
  std::string cpu, gpu;
  napi_value names = nullptr;
  napi_status made = napi_create_array(env, &names);
  for (int i = 0; i < TF_DeviceListCount(devices) && made == napi_ok; i++) {
    const std::string kind = TF_DeviceListType(devices, i, status.status);
    const std::string name = TF_DeviceListName(devices, i, status.status);
    if (kind == "CPU" && cpu.empty()) cpu = name;
    if (kind == "GPU" && gpu.empty()) gpu = name;
    napi_value text;
    made = napi_create_string_utf8(env, name.c_str(), name.size(), &text);
    if (made == napi_ok) made = napi_set_element(env, names, i, text);
  }
  TF_DeleteDeviceList(devices);
  backend->*get(DeviceTag()) = gpu.empty() ? cpu : gpu;
  ENSURE_NAPI_OK_RETVAL(env, made, nullptr);
  return names;
}

napi_value AbortCollectiveOps(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value args[2];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  int32_t code = 0;
  std::string message;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_value_int32(env, args[0], &code), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, args[1], message), nullptr);
  TFJSBackend *backend = BackendOf(env);
  if (!backend) return nullptr;
  TF_AutoStatus status;
  TF_SetStatus(status.status, static_cast<TF_Code>(code), message.c_str());
  TFE_AbortCollectiveOps(ContextOf(backend), status.status);
  return nullptr;
}

napi_value ProtectServer(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value args[3];
  ENSURE_NAPI_OK_RETVAL(env, napi_get_cb_info(env, info, &argc, args, nullptr, nullptr), nullptr);
  std::string address, members;
  int32_t port = 0;
  uint32_t count = 0;
  ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, args[0], address), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_get_value_int32(env, args[1], &port), nullptr);
  ENSURE_NAPI_OK_RETVAL(env, napi_get_array_length(env, args[2], &count), nullptr);
  for (uint32_t i = 0; i < count; i++) {
    napi_value element;
    std::string member;
    ENSURE_NAPI_OK_RETVAL(env, napi_get_element(env, args[2], i, &element), nullptr);
    ENSURE_NAPI_OK_RETVAL(env, GetStringParam(env, element, member), nullptr);
    members += member + " ";
  }
  auto *protect =
      reinterpret_cast<bool (*)(const char *, int, const char *)>(dlsym(RTLD_DEFAULT, "headshare_protect_server"));
  if (protect && !protect(address.c_str(), port, members.c_str())) {
    NAPI_THROW_ERROR(env, "An IP address was expected among %s %s", address.c_str(), members.c_str());
    return nullptr;
  }
  napi_value result;
  ENSURE_NAPI_OK_RETVAL(env, napi_get_boolean(env, protect != nullptr, &result), nullptr);
  return result;
}

}  // namespace headshare
