// A separate addon without TensorFlow: it captures the standard error while TensorFlow's libraries load. Their static
// initialisers write to it before any setting can silence them.
#include <node_api.h>
#include <unistd.h>

#include <cstdio>
#include <string>

static FILE *held = nullptr;
static int original = -1;

// hold(): void
static napi_value Hold(napi_env, napi_callback_info) {
  if (held || !(held = std::tmpfile())) return nullptr;
  std::fflush(stderr);
  original = dup(STDERR_FILENO);
  dup2(fileno(held), STDERR_FILENO);
  return nullptr;
}

// release(): string, the captured text
static napi_value Release(napi_env env, napi_callback_info) {
  std::string text;
  if (held) {
    std::fflush(stderr);
    dup2(original, STDERR_FILENO);
    close(original);
    std::rewind(held);
    char part[4096];
    while (size_t count = std::fread(part, 1, sizeof(part), held)) text.append(part, count);
    std::fclose(held);
    held = nullptr;
  }
  napi_value result;
  return napi_create_string_utf8(env, text.c_str(), text.size(), &result) == napi_ok ? result : nullptr;
}

NAPI_MODULE_INIT() {
  napi_property_descriptor properties[] = {
      {"hold", nullptr, Hold, nullptr, nullptr, nullptr, napi_default, nullptr},
      {"release", nullptr, Release, nullptr, nullptr, nullptr, napi_default, nullptr},
  };
  return napi_define_properties(env, exports, 2, properties) == napi_ok ? exports : nullptr;
}
