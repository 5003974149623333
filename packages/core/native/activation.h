// The activations that kernels apply, by the name in their `activation` attribute.
#pragma once

#include <string>

namespace headshare {

enum class Activation { kNone, kRelu, kPRelu };

constexpr const char *kActivationAttribute = "activation: {'none', 'relu', 'prelu'}";

inline Activation ActivationNamed(const std::string &name) {
  return name == "relu" ? Activation::kRelu : name == "prelu" ? Activation::kPRelu : Activation::kNone;
}

}  // namespace headshare
