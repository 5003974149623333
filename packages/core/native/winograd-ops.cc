// 3x3 convolutions at stride 1 with one zero on every side, and their gradients (winograd.h).
//   HeadshareConv3x3(x [b,h,w,c], filter [3,3,c,k]; outputs) -> y [b,h,w,k]
//   HeadshareConv3x3Filter(filter; outputs) -> transformed [16 or 36,c,k or more]
//   HeadshareConv3x3Fused(x, transformed, bias, residual, slope; activation (epilogue.h)) -> y
//   HeadshareConv3x3GradInput(dy, like y, filter; outputs) -> dx, like x
//   HeadshareConv3x3GradFilter(dy, like y, x, filter) -> dfilter, like filter
// outputs: those of a tile in each direction, 2 or 4.
// The gradients are two operations, so that TensorFlow can drop an unused one from a compiled step.
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "winograd.h"

namespace headshare {
namespace {

struct Tiles {
  explicit Tiles(Construction &from) : outputs(from.Int("outputs")) {}
  int32_t outputs;

  // False where it refuses them.
  bool Check(Run &run) const {
    if (outputs == 2 || outputs == 4) return true;
    run.Refuse("a tile must have 2 or 4 outputs; got " + std::to_string(outputs) + ".");
    return false;
  }
};

// The shape of images with `channels` (the filter's axis 2 or 3) and a filter; refuses shapes that do not fit.
Convolution3x3 ShapesOf(Run &run, const char *name, const Tensor &pictures, const Tensor &filter, int axis) {
  if (!run.ok()) return {};
  const Shape shape = ShapeOf(pictures), weights = ShapeOf(filter);
  if (weights.size() != 4 || weights[0] != 3 || weights[1] != 3) {
    run.Refuse("filter must be [3,3,channels in,channels out]; got " + Text(weights) + ".");
  } else if (shape.size() != 4 || shape[3] != weights[axis]) {
    run.Refuse(std::string(name) + " must be [batch,height,width," + std::to_string(weights[axis]) + "] for a filter " +
               Text(weights) + "; got " + Text(shape) + ".");
  }
  if (!run.ok()) return {};
  return {shape[0], shape[1], shape[2], weights[2], weights[3]};
}

Shape OutputShape(const Convolution3x3 &shape) { return {shape.batch, shape.h, shape.w, shape.k}; }

void Forward(void *state, TF_OpKernelContext *context) {
  const Tiles &tiles = *static_cast<Tiles *>(state);
  Run run("HeadshareConv3x3", context);
  const Tensor x = run.Input(0), filter = run.Input(1);
  const Convolution3x3 shape = ShapesOf(run, "x", x, filter, 2);
  const Tensor y = run.Output(0, OutputShape(shape));
  if (!run.ok() || !tiles.Check(run) || SizeOf(y) == 0) return;
  Convolve(tiles.outputs, shape, DataOf(x), DataOf(filter), DataOf(y));
}

void TransformFilter(void *state, TF_OpKernelContext *context) {
  const Tiles &tiles = *static_cast<Tiles *>(state);
  Run run("HeadshareConv3x3Filter", context);
  const Tensor filter = run.Input(0);
  if (!run.ok() || !tiles.Check(run)) return;
  const Shape shape = ShapeOf(filter);
  if (shape.size() != 4 || shape[0] != 3 || shape[1] != 3) {
    return run.Refuse("filter must be [3,3,channels in,channels out]; got " + Text(shape) + ".");
  }
  const Tensor to = run.Output(0, {Matrices(tiles.outputs), shape[2], PaddedOutputs(shape[3])});
  if (!run.ok() || SizeOf(to) == 0) return;
  Transform(tiles.outputs, shape[2], shape[3], DataOf(filter), DataOf(to));
}

void Fused(void *state, TF_OpKernelContext *context) {
  Run run("HeadshareConv3x3Fused", context);
  const Activation activation = static_cast<FusedState *>(state)->activation;
  const Tensor x = run.Input(0), filter = run.Input(1);
  FusedTensors fused(run, 2);
  if (!run.ok()) return;
  const Shape in = ShapeOf(x), transformed = ShapeOf(filter), outputs = fused.Outputs();
  if (outputs.size() != 1 || transformed.size() != 3 ||
      (transformed[0] != Matrices(2) && transformed[0] != Matrices(4)) || transformed[2] != PaddedOutputs(outputs[0])) {
    return run.Refuse("filter must be one that HeadshareConv3x3Filter transformed for bias " + Text(outputs) + "; got " +
                      Text(transformed) + ".");
  }
  if (in.size() != 4 || in[3] != transformed[1]) {
    return run.Refuse("x must be [batch,height,width," + std::to_string(transformed[1]) + "]; got " + Text(in) + ".");
  }
  const Convolution3x3 shape = {in[0], in[1], in[2], in[3], outputs[0]};
  Epilogue epilogue;
  const Tensor y = fused.Output(OutputShape(shape), activation, epilogue);
  if (!run.ok() || SizeOf(y) == 0) return;
  ConvolveTransformed(transformed[0] == Matrices(2) ? 2 : 4, shape, DataOf(x), DataOf(filter), epilogue, DataOf(y));
}

void GradInput(void *state, TF_OpKernelContext *context) {
  const Tiles &tiles = *static_cast<Tiles *>(state);
  Run run("HeadshareConv3x3GradInput", context);
  const Tensor dy = run.Input(0), filter = run.Input(1);
  const Convolution3x3 shape = ShapesOf(run, "dy", dy, filter, 3);
  const Tensor dx = run.Output(0, {shape.batch, shape.h, shape.w, shape.c});
  if (!run.ok() || !tiles.Check(run) || SizeOf(dx) == 0) return;
  InputGradient(tiles.outputs, shape, DataOf(dy), DataOf(filter), DataOf(dx));
}

void GradFilter(void *, TF_OpKernelContext *context) {
  Run run("HeadshareConv3x3GradFilter", context);
  const Tensor dy = run.Input(0), x = run.Input(1), filter = run.Input(2);
  const Convolution3x3 shape = ShapesOf(run, "x", x, filter, 2);
  if (run.ok() && ShapeOf(dy) != OutputShape(shape)) {
    run.Refuse("dy must be " + Text(OutputShape(shape)) + "; got " + Text(ShapeOf(dy)) + ".");
  }
  if (!run.ok()) return;
  const Tensor dfilter = run.Output(0, ShapeOf(filter));
  if (!run.ok() || SizeOf(dfilter) == 0) return;
  FilterGradient(shape, DataOf(dy), DataOf(x), DataOf(dfilter));
}

// From images (input kPictures) whose channels are the filter's axis kFrom to images with its axis kTo.
template <int kPictures, int kFilter, int kFrom, int kTo>
void InferPictures(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(kPictures, 4);
  infer.Rank(kFilter, 4);
  const int64_t wanted = infer.ok() ? infer.Dimension(kFilter, kFrom) : -1;
  const int64_t given = infer.ok() ? infer.Dimension(kPictures, 3) : -1;
  if (wanted >= 0 && given >= 0 && wanted != given) {
    infer.Refuse("The filter is for " + std::to_string(wanted) + " channels and gets " + std::to_string(given) + ".");
  }
  infer.FromDimensions(0, {{kPictures, 0}, {kPictures, 1}, {kPictures, 2}, {kFilter, kTo}});
}

void InferTransformed(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Unknown();
}

void InferFused(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Rank(1, 3);
  infer.Rank(2, 1);
  infer.FromDimensions(0, {{0, 0}, {0, 1}, {0, 2}, {2, 0}});
}

void InferFilter(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  for (int input = 0; input < 3; input++) infer.Rank(input, 4);
  infer.Like(0, 2);
}

}  // namespace

std::vector<std::string> RegisterWinograd() {
  const char *const kOutputs = "outputs: int";
  const auto forward = InferPictures<0, 1, 2, 3>, back = InferPictures<0, 1, 3, 2>;
  return Register({
      {"HeadshareConv3x3", {"x: float", "filter: float"}, {"y: float"}, {kOutputs}, forward, Create<Tiles>, Forward, Destroy<Tiles>},
      {"HeadshareConv3x3Filter",
       {"filter: float"},
       {"transformed: float"},
       {kOutputs},
       InferTransformed,
       Create<Tiles>,
       TransformFilter,
       Destroy<Tiles>},
      {"HeadshareConv3x3Fused",
       {"x: float", "filter: float", "bias: float", "residual: float", "slope: float"},
       {"y: float"},
       {kAnyActivationAttribute},
       InferFused,
       Create<FusedState>,
       Fused,
       Destroy<FusedState>},
      {"HeadshareConv3x3GradInput",
       {"dy: float", "filter: float"},
       {"dx: float"},
       {kOutputs},
       back,
       Create<Tiles>,
       GradInput,
       Destroy<Tiles>},
      {"HeadshareConv3x3GradFilter",
       {"dy: float", "x: float", "filter: float"},
       {"dfilter: float"},
       {},
       InferFilter,
       nullptr,
       GradFilter,
       nullptr},
  });
}

}  // namespace headshare
