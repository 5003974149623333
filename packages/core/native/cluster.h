// TensorFlow's gRPC server and its collective operations, for JavaScript.
#pragma once

#include <node_api.h>

namespace headshare {

// enableCollectiveOps(serverDef: Uint8Array): string[]
// Starts TensorFlow's server, or gives the running one other members; the argument is a serialised ServerDef
// (tensorflow/core/protobuf/tensorflow_server.proto). Returns the names of this process's devices, which the server
// renames. Throws TensorFlow's message.
napi_value EnableCollectiveOps(napi_env env, napi_callback_info info);

// abortCollectiveOps(code: number, message: string): void
// Collective operations, running and new ones, fail with this code and message until the next enabling.
napi_value AbortCollectiveOps(napi_env env, napi_callback_info info);

}  // namespace headshare
