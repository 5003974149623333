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

// protectServer(address: string, port: number, members: string[]): boolean
// Whether this process's server will listen on this address only, and accept connections from the members' addresses only
// (listen/listen.cc): false where that library is not preloaded. Throws where an address is not an IP address.
napi_value ProtectServer(napi_env env, napi_callback_info info);

}  // namespace headshare
