// A separate addon without TensorFlow: the verification of millions of pairs, on libuv's pool.
#include <node_api.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pair-products.h"
#include "radix-sort.h"

namespace {

// Work on another thread, and its promise. It protects the arguments from the garbage collector until it is done.
struct Work {
  // Returns the error, or nothing.
  std::function<std::string()> run;
  std::string error;
  napi_deferred promise = nullptr;
  napi_async_work handle = nullptr;
  std::vector<napi_ref> kept;
};

void Execute(napi_env, void *data) {
  auto *work = static_cast<Work *>(data);
  try {
    work->error = work->run();
  } catch (const std::exception &exception) {
    work->error = exception.what();
  }
}

void Complete(napi_env env, napi_status, void *data) {
  std::unique_ptr<Work> work(static_cast<Work *>(data));
  for (napi_ref reference : work->kept) napi_delete_reference(env, reference);
  napi_value outcome;
  if (work->error.empty()) {
    napi_get_undefined(env, &outcome);
    napi_resolve_deferred(env, work->promise, outcome);
  } else {
    napi_value message;
    napi_create_string_utf8(env, work->error.c_str(), NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, nullptr, message, &outcome);
    napi_reject_deferred(env, work->promise, outcome);
  }
  napi_delete_async_work(env, work->handle);
}

napi_value Start(napi_env env, const char *name, const napi_value *args, size_t count, std::function<std::string()> run) {
  auto work = std::make_unique<Work>();
  work->run = std::move(run);
  for (size_t i = 0; i < count; i++) {
    napi_valuetype type;
    if (napi_typeof(env, args[i], &type) != napi_ok || type != napi_object) continue;
    napi_ref reference;
    if (napi_create_reference(env, args[i], 1, &reference) == napi_ok) work->kept.push_back(reference);
  }
  napi_value title, promise;
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &title);
  napi_create_promise(env, &work->promise, &promise);
  napi_create_async_work(env, nullptr, title, Execute, Complete, work.get(), &work->handle);
  napi_queue_async_work(env, work->handle);
  work.release();
  return promise;
}

// A typed array's elements; null where the value is not such an array.
template <typename T>
T *Elements(napi_env env, napi_value value, napi_typedarray_type wanted, size_t &length) {
  napi_typedarray_type type;
  void *data = nullptr;
  const auto status = napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != wanted) return nullptr;
  // An empty array may have no memory.
  static T none;
  return data ? static_cast<T *>(data) : &none;
}

// pairProducts(left: Float64Array, right: Float64Array, dimension: number, leftRows: Int32Array,
//              rightRows: Int32Array, products: Float64Array): Promise<void>
napi_value PairProductsCall(napi_env env, napi_callback_info info) {
  napi_value args[6];
  size_t count = 6, leftLength = 0, rightLength = 0, leftPairs = 0, rightPairs = 0, size = 0;
  uint32_t dimension = 0;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  const auto *left = Elements<double>(env, args[0], napi_float64_array, leftLength);
  const auto *right = Elements<double>(env, args[1], napi_float64_array, rightLength);
  napi_get_value_uint32(env, args[2], &dimension);
  const auto *leftRows = Elements<int32_t>(env, args[3], napi_int32_array, leftPairs);
  const auto *rightRows = Elements<int32_t>(env, args[4], napi_int32_array, rightPairs);
  auto *products = Elements<double>(env, args[5], napi_float64_array, size);
  if (count != 6 || !left || !right || !dimension || !leftRows || !rightRows || !products || leftPairs != rightPairs ||
      size != leftPairs || size >= UINT32_MAX) {
    napi_throw_type_error(env, nullptr, "pairProducts: arguments of the wrong kind");
    return nullptr;
  }
  return Start(env, "pairProducts", args, 6, [=]() -> std::string {
    const Rows a{left, leftLength / dimension}, b{right, rightLength / dimension};
    const bool exist = PairProducts(a, b, dimension, Pairs{leftRows, rightRows, size}, products);
    return exist ? "" : "pairProducts: a pair names a row that does not exist";
  });
}

// sortAscending(values: Float64Array): Promise<void>
napi_value SortAscendingCall(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t count = 1, size = 0;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  auto *values = Elements<double>(env, args[0], napi_float64_array, size);
  if (count != 1 || !values) {
    napi_throw_type_error(env, nullptr, "sortAscending: arguments of the wrong kind");
    return nullptr;
  }
  return Start(env, "sortAscending", args, 1, [=]() -> std::string {
    RadixSort(values, size);
    return "";
  });
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_property_descriptor properties[] = {
      {"pairProducts", nullptr, PairProductsCall, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"sortAscending", nullptr, SortAscendingCall, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  return napi_define_properties(env, exports, 2, properties) == napi_ok ? exports : nullptr;
}
