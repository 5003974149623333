// What fused convolutions apply to a result before they store it, and the inputs that they take for it:
//   bias [k]; residual, like the result or [0] for none; slope, PReLU's [k] or [0]; activation: activation.h's names
#pragma once

#include "activation.h"
#include "kernel.h"
#include "vector.h"

namespace headshare {

// activation(result + bias + residual).
struct Epilogue {
  const float *bias = nullptr;      // [k]
  const float *residual = nullptr;  // like the result
  Activation activation = Activation::kNone;
  const float *slope = nullptr;  // [k], PReLU's

  // For a vector V of results: its first channel, and its place in the result.
  template <typename V>
  HEADSHARE_INLINE typename V::Value Of(V, typename V::Value value, int64_t channel, int64_t at) const {
    if (bias) value += V::Load(bias + channel);
    if (residual) value += V::Load(residual + at);
    return Activated(value, slope ? V::Load(slope + channel) : typename V::Value{});
  }

  // `slopes` are PReLU's of the values' channels. The hard activations are rounded as in hard-activations.cc.
  template <typename Value>
  HEADSHARE_INLINE Value Activated(Value value, Value slopes) const {
    const Value zero = {};
    switch (activation) {
      case Activation::kNone:
        return value;
      case Activation::kRelu:
        // max(value, 0) would lose NaNs.
        return value < zero ? zero : value;
      case Activation::kPRelu:
        return value > zero ? value : slopes * value;
      case Activation::kRelu6:
        return UpToSix(value);
      case Activation::kHardSwish:
        return value * kSixth * UpToSix(value + 3.0f);
      case Activation::kHardSigmoid:
        return UpToSix(value + 3.0f) * kSixth;
    }
    return value;
  }

 private:
  static constexpr float kSixth = 1.0f / 6.0f;

  template <typename Value>
  static HEADSHARE_INLINE Value UpToSix(Value value) {
    const Value zero = {}, six = zero + 6.0f, above = value < zero ? zero : value;
    return above > six ? six : above;
  }
};

// The attribute of fused convolutions.
struct FusedState {
  explicit FusedState(Construction &construction) : activation(ActivationNamed(construction.Text("activation"))) {}
  Activation activation;
};

// The inputs from `first` on, and the output 0.
class FusedTensors {
 public:
  FusedTensors(Run &run, int first)
      : run_(run), first_(first), bias_(run.Input(first)), residual_(run.Input(first + 1)), slope_(run.Input(first + 2)) {}

  Shape Outputs() const { return ShapeOf(bias_); }

  // The output, of the shape `wanted`; refuses inputs that do not fit to it. The pointers in `to` live as long as this.
  Tensor Output(const Shape &wanted, Activation activation, Epilogue &to) {
    const Shape none = {0}, slopes = activation == Activation::kPRelu ? Outputs() : none;
    const bool adds = ShapeOf(residual_) == wanted;
    if (!adds && ShapeOf(residual_) != none) {
      run_.Refuse("residual must be " + Text(wanted) + ", or [0] for none; got " + Text(ShapeOf(residual_)) + ".");
    } else if (ShapeOf(slope_) != slopes) {
      run_.Refuse("slope must be " + Text(slopes) + "; got " + Text(ShapeOf(slope_)) + ".");
    }
    if (!run_.ok()) return {};
    // Each value of the residual is read just before the output's is written, so they may share memory.
    Tensor y = adds ? run_.OutputFromInput(0, wanted, first_ + 1, residual_) : run_.Output(0, wanted);
    if (!run_.ok()) return y;
    to.bias = DataOf(bias_);
    to.residual = !adds ? nullptr : residual_ ? DataOf(residual_) : DataOf(y);
    to.activation = activation;
    to.slope = activation == Activation::kPRelu ? DataOf(slope_) : nullptr;
    return y;
  }

 private:
  Run &run_;
  const int first_;
  Tensor bias_, residual_, slope_;
};

}  // namespace headshare
