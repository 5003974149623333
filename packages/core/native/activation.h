// The activations that kernels apply, by the name in their `activation` attribute.
#pragma once

#include <string>

namespace headshare {

enum class Activation { kNone, kRelu, kPRelu, kRelu6, kHardSwish, kHardSigmoid };

// Of kernels with gradients, and of those for evaluation.
constexpr const char *kActivationAttribute = "activation: {'none', 'relu', 'prelu'}";
constexpr const char *kAnyActivationAttribute =
    "activation: {'none', 'relu', 'prelu', 'relu6', 'hard-swish', 'hard-sigmoid'}";

inline Activation ActivationNamed(const std::string &name) {
  if (name == "relu") return Activation::kRelu;
  if (name == "prelu") return Activation::kPRelu;
  if (name == "relu6") return Activation::kRelu6;
  if (name == "hard-swish") return Activation::kHardSwish;
  if (name == "hard-sigmoid") return Activation::kHardSigmoid;
  return Activation::kNone;
}

}  // namespace headshare
