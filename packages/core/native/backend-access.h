// Access to private members of the tfjs-node package's backend, whose sources stay unmodified.
#pragma once

#include <string>
#include <unordered_map>

#include "binding/tfjs_backend.h"

namespace tfnodejs {

// Access checks do not apply to the arguments of an explicit template instantiation
// ([temp.explicit]/12): a legal way to private members of unmodified sources.
template <typename Tag, typename Tag::type M>
struct Expose {
  friend typename Tag::type get(Tag) { return M; }
};
struct ContextTag {
  typedef TFE_Context *TFJSBackend::*type;
  friend type get(ContextTag);
};
struct HandlesTag {
  typedef std::unordered_map<int32_t, TFE_TensorHandle *> TFJSBackend::*type;
  friend type get(HandlesTag);
};
struct DescribeTag {
  typedef napi_value (TFJSBackend::*type)(napi_env, TFE_TensorHandle *);
  friend type get(DescribeTag);
};
struct DeviceTag {
  typedef std::string TFJSBackend::*type;
  friend type get(DeviceTag);
};
template struct Expose<ContextTag, &TFJSBackend::tfe_context_>;
template struct Expose<HandlesTag, &TFJSBackend::tfe_handle_map_>;
template struct Expose<DescribeTag, &TFJSBackend::GenerateOutputTensorInfo>;
template struct Expose<DeviceTag, &TFJSBackend::device_name>;

inline TFE_Context *ContextOf(TFJSBackend *backend) { return backend->*get(ContextTag()); }

}  // namespace tfnodejs
