// A separate addon that worker threads can load: between calls it keeps only memory of each thread.
#include <node_api.h>

#include "jpeg.h"
#include "resample.h"

// A typed array's elements; null where the value is not such an array.
template <typename T>
static T *Elements(napi_env env, napi_value value, napi_typedarray_type wanted, size_t &length) {
  napi_typedarray_type type;
  void *data = nullptr;
  const auto status = napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  return status == napi_ok && type == wanted ? static_cast<T *>(data) : nullptr;
}

// sampleJpeg(bytes: Uint8Array, box: Int32Array, columns: Int32Array, rows: Int32Array, target: Uint8Array,
//            mirrored: boolean, rowsFirst?: boolean): boolean
// box: left, top, width, height; columns and rows: taps as in resample.h, counted from the box's corner.
static napi_value SampleJpeg(napi_env env, napi_callback_info info) {
  napi_value args[7];
  size_t count = 7, size = 0, boxLength = 0, columnsLength = 0, rowsLength = 0, targetLength = 0;
  bool mirrored = false, rowsFirst = false;
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  const auto *bytes = Elements<uint8_t>(env, args[0], napi_uint8_array, size);
  const auto *box = Elements<int32_t>(env, args[1], napi_int32_array, boxLength);
  const auto *columns = Elements<int32_t>(env, args[2], napi_int32_array, columnsLength);
  const auto *rows = Elements<int32_t>(env, args[3], napi_int32_array, rowsLength);
  auto *target = Elements<uint8_t>(env, args[4], napi_uint8_array, targetLength);
  napi_get_value_bool(env, args[5], &mirrored);
  napi_get_value_bool(env, args[6], &rowsFirst);
  if (count < 6 || !bytes || !box || boxLength != 4 || !columns || !rows || !target) {
    napi_throw_type_error(env, nullptr, "sampleJpeg: arguments of the wrong kind");
    return nullptr;
  }
  const Box part{box[0], box[1], box[2], box[3]};
  const Taps across = ReadTaps(columns, columnsLength), down = ReadTaps(rows, rowsLength);
  if (!Fit(across, part.width) || !Fit(down, part.height) || size_t(across.count) * down.count * 3 > targetLength) {
    napi_throw_range_error(env, nullptr, "sampleJpeg: taps outside the box, or a target too small");
    return nullptr;
  }
  static thread_local std::vector<uint8_t> pixels;
  const bool whole = DecodeJpeg(bytes, size, part, pixels);
  if (whole) Resample(pixels, part.width, across, down, rowsFirst, mirrored, target);
  napi_value result;
  return napi_get_boolean(env, whole, &result) == napi_ok ? result : nullptr;
}

NAPI_MODULE_INIT() {
  napi_property_descriptor properties[] = {
      {"sampleJpeg", nullptr, SampleJpeg, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  return napi_define_properties(env, exports, 1, properties) == napi_ok ? exports : nullptr;
}
