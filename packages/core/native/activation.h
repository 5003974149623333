// Activations that kernels apply on the way, by the name that their `activation` attribute gives.
#pragma once

#include <string>

namespace headshare {

enum class Activation { kNone, kRelu, kPRelu };

constexpr const char *kActivationAttribute = "activation: {'none', 'relu', 'prelu'}";

inline Activation ActivationNamed(const std::string &name) {
  return name == "relu" ? Activation::kRelu : name == "prelu" ? Activation::kPRelu : Activation::kNone;
}

}  // namespace headshare
