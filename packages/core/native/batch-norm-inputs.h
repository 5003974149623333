// What the kernels of batch norm, and of convolutions that normalise their own input, read and check alike.
#pragma once

#include <utility>
#include <vector>

#include "batch-norm-loops.h"
#include "kernel.h"

namespace headshare {

// Refuses vectors that do not have one element for each channel of x.
inline void CheckVectors(Run &run, const Tensor &x, std::initializer_list<std::pair<const char *, const Tensor *>> vectors) {
  if (!run.ok()) return;
  const Shape shape = ShapeOf(x);
  if (shape.empty()) return run.Refuse("x must have at least one axis, the channels.");
  for (const auto &[name, vector] : vectors) {
    if (ShapeOf(*vector) != Shape{shape.back()}) {
      return run.Refuse(std::string(name) + " must be a vector with one element for each channel of x; got " +
                        Text(ShapeOf(*vector)) + " for x " + Text(shape) + ".");
    }
  }
}

inline void CheckLike(Run &run, const Tensor &x, const char *name, const Tensor &other) {
  if (!run.ok() || ShapeOf(other) == ShapeOf(x)) return;
  run.Refuse(std::string(name) + " must have the shape of x; got " + Text(ShapeOf(other)) + " for x " +
             Text(ShapeOf(x)) + ".");
}

struct ActivationAttribute {
  explicit ActivationAttribute(Construction &from) : activation(ActivationNamed(from.Text("activation"))) {}
  Activation activation;
};

inline std::vector<float> ScalesOf(const Tensor &inverse, const Tensor &gamma) {
  std::vector<float> scales(SizeOf(gamma));
  for (size_t j = 0; j < scales.size(); j++) scales[j] = DataOf(inverse)[j] * DataOf(gamma)[j];
  return scales;
}

// gamma, beta, batch_mean, inverse and slope (batch-norm.cc), one after another from input `first` of a kernel. They hold
// something only if the run is ok.
struct NormVectors {
  NormVectors(Run &run, int first, Activation activation, const Tensor &x)
      : gamma(run.Input(first)),
        beta(run.Input(first + 1)),
        mean(run.Input(first + 2)),
        inverse(run.Input(first + 3)),
        slope(run.Input(first + 4)) {
    CheckVectors(run, x, {{"gamma", &gamma}, {"beta", &beta}, {"batch_mean", &mean}, {"inverse", &inverse}});
    if (activation == Activation::kPRelu) CheckVectors(run, x, {{"slope", &slope}});
    if (run.ok()) scales = ScalesOf(inverse, gamma);
  }

  Affine affine() const { return {DataOf(mean), scales.data(), DataOf(beta), DataOf(slope)}; }

  Tensor gamma, beta, mean, inverse, slope;
  std::vector<float> scales;
};

}  // namespace headshare
