// Shapes that TensorFlow infers for a graph, for JavaScript.
#pragma once

#include <node_api.h>

namespace headshare {

// inferOutputs(graphDef: Uint8Array, name: string): { shape: number[], dtype: number }[] | undefined
// The shapes and types of the outputs of the graph's operation `name`; nothing is computed. Undefined where TensorFlow does
// not accept the graph, or a shape is not wholly known.
napi_value InferOutputs(napi_env env, napi_callback_info info);

}  // namespace headshare
