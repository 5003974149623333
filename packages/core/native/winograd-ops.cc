// 3x3 convolutions with one zero on every side, and their gradients (winograd.h).
//   HeadshareConv3x3(x [b,h,w,c], filter [3,3,c,k], size of y [oh,ow,0]; algorithm) -> y [b,oh,ow,k]
//   HeadshareConv3x3Filter(filter; algorithm) -> transformed [16 or 36,c,k or more]
//   HeadshareConv3x3Fused(x, transformed, bias, residual, slope, size of y; algorithm, activation (epilogue.h)) -> y
//   HeadshareConv3x3GradInput(dy, like y, filter, size of x; algorithm) -> dx, like x
//   HeadshareConv3x3GradFilter(dy, like y, x, filter; algorithm) -> dfilter, like filter, at stride 1
// algorithm: "tiles2" or "tiles4", in tiles of so many outputs in each direction, or "strided", at stride 2.
// The gradients are two operations, so that TensorFlow can drop an unused one from a compiled step.
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "winograd.h"

namespace headshare {
namespace {

struct Tiled {
  explicit Tiled(Construction &from) : algorithm(Named(from.Text("algorithm"))) {}
  Algorithm algorithm;

 private:
  static Algorithm Named(const std::string &name) {
    if (name == "tiles2") return Algorithm::kTiles2;
    return name == "tiles4" ? Algorithm::kTiles4 : Algorithm::kStrided;
  }
};

struct FusedTiled : FusedState, Tiled {
  explicit FusedTiled(Construction &from) : FusedState(from), Tiled(from) {}
};

// The filter's shape; refuses others than [3,3,c,k].
Shape FilterShape(Run &run, const Tensor &filter) {
  const Shape shape = run.ok() ? ShapeOf(filter) : Shape();
  if (run.ok() && (shape.size() != 4 || shape[0] != 3 || shape[1] != 3)) {
    run.Refuse("filter must be [3,3,channels in,channels out]; got " + Text(shape) + ".");
  }
  return shape;
}

Size SizeIn(const Shape &shape, int axis) { return {shape[axis], shape[axis + 1]}; }

// The convolution of a filter for images [batch,height,width,channels] x to y; refuses shapes that do not fit.
Convolution3x3 ConvolutionOf(Run &run, Algorithm algorithm, const char *name, const Shape &images, int64_t channels,
                             const Shape &size, int64_t c, int64_t k, bool back) {
  if (images.size() != 4 || images[3] != channels) {
    run.Refuse(std::string(name) + " must be [batch,height,width," + std::to_string(channels) + "] for a filter " +
               Text({3, 3, c, k}) + "; got " + Text(images) + ".");
    return {};
  }
  if (size.size() != 3) {
    run.Refuse("size must be [height,width,0]; got " + Text(size) + ".");
    return {};
  }
  const Size given = SizeIn(images, 1), other = SizeIn(size, 0), in = back ? other : given, out = back ? given : other;
  const Convolution3x3 shape = Convolution3x3::Of(images[0], in, c, k, algorithm == Algorithm::kStrided ? 2 : 1);
  if (shape.out.h != out.h || shape.out.w != out.w) {
    run.Refuse("x of " + Text({in.h, in.w}) + " pixels gives y of " + Text({shape.out.h, shape.out.w}) + "; got " +
               Text({out.h, out.w}) + ".");
  }
  return shape;
}

Shape OutputShape(const Convolution3x3 &shape) { return {shape.batch, shape.out.h, shape.out.w, shape.k}; }

Shape TransformedShape(Algorithm algorithm, int64_t c, int64_t k) { return {Matrices(algorithm), c, PaddedOutputs(k)}; }

void Forward(void *state, TF_OpKernelContext *context) {
  const Algorithm algorithm = static_cast<Tiled *>(state)->algorithm;
  Run run("HeadshareConv3x3", context);
  const Tensor x = run.Input(0), filter = run.Input(1), size = run.Input(2);
  const Shape weights = FilterShape(run, filter);
  if (!run.ok()) return;
  const Convolution3x3 shape =
      ConvolutionOf(run, algorithm, "x", ShapeOf(x), weights[2], ShapeOf(size), weights[2], weights[3], false);
  const Tensor y = run.Output(0, OutputShape(shape));
  const Tensor transformed = run.Temporary(TransformedShape(algorithm, shape.c, shape.k));
  if (!run.ok() || SizeOf(y) == 0) return;
  Convolve(algorithm, shape, DataOf(x), DataOf(filter), DataOf(transformed), DataOf(y));
}

void TransformFilter(void *state, TF_OpKernelContext *context) {
  const Algorithm algorithm = static_cast<Tiled *>(state)->algorithm;
  Run run("HeadshareConv3x3Filter", context);
  const Tensor filter = run.Input(0);
  const Shape shape = FilterShape(run, filter);
  if (!run.ok()) return;
  const Tensor to = run.Output(0, TransformedShape(algorithm, shape[2], shape[3]));
  if (!run.ok() || SizeOf(to) == 0) return;
  Transform(algorithm, shape[2], shape[3], DataOf(filter), DataOf(to));
}

void Fused(void *state, TF_OpKernelContext *context) {
  const FusedTiled &own = *static_cast<FusedTiled *>(state);
  Run run("HeadshareConv3x3Fused", context);
  const Tensor x = run.Input(0), filter = run.Input(1);
  FusedTensors fused(run, 2);
  const Tensor size = run.Input(5);
  if (!run.ok()) return;
  const Shape transformed = ShapeOf(filter), outputs = fused.Outputs();
  if (outputs.size() != 1 || transformed.size() != 3 || transformed[0] != Matrices(own.algorithm) ||
      transformed[2] != PaddedOutputs(outputs[0])) {
    return run.Refuse("filter must be one that HeadshareConv3x3Filter transformed for bias " + Text(outputs) + "; got " +
                      Text(transformed) + ".");
  }
  const int64_t c = transformed[1];
  const Convolution3x3 shape = ConvolutionOf(run, own.algorithm, "x", ShapeOf(x), c, ShapeOf(size), c, outputs[0], false);
  Epilogue epilogue;
  if (!run.ok()) return;
  const Tensor y = fused.Output(OutputShape(shape), own.activation, epilogue);
  if (!run.ok() || SizeOf(y) == 0) return;
  ConvolveTransformed(own.algorithm, shape, DataOf(x), DataOf(filter), epilogue, DataOf(y));
}

void GradInput(void *state, TF_OpKernelContext *context) {
  const Algorithm algorithm = static_cast<Tiled *>(state)->algorithm;
  Run run("HeadshareConv3x3GradInput", context);
  const Tensor dy = run.Input(0), filter = run.Input(1), size = run.Input(2);
  const Shape weights = FilterShape(run, filter);
  if (!run.ok()) return;
  const Convolution3x3 shape =
      ConvolutionOf(run, algorithm, "dy", ShapeOf(dy), weights[3], ShapeOf(size), weights[2], weights[3], true);
  const Tensor dx = run.Output(0, {shape.batch, shape.in.h, shape.in.w, shape.c});
  const Tensor transformed = run.Temporary(TransformedShape(algorithm, shape.k, shape.c));
  if (!run.ok() || SizeOf(dx) == 0) return;
  InputGradient(algorithm, shape, DataOf(dy), DataOf(filter), DataOf(transformed), DataOf(dx));
}

void GradFilter(void *state, TF_OpKernelContext *context) {
  const Algorithm algorithm = static_cast<Tiled *>(state)->algorithm;
  Run run("HeadshareConv3x3GradFilter", context);
  const Tensor dy = run.Input(0), x = run.Input(1), filter = run.Input(2);
  const Shape weights = FilterShape(run, filter);
  if (!run.ok()) return;
  const Shape images = ShapeOf(x), size = images.size() == 4 ? Shape{images[1], images[2], 0} : Shape{0, 0, 0};
  const Convolution3x3 shape =
      ConvolutionOf(run, algorithm, "x", images, weights[2], size, weights[2], weights[3], false);
  if (run.ok() && ShapeOf(dy) != OutputShape(shape)) {
    run.Refuse("dy must be " + Text(OutputShape(shape)) + "; got " + Text(ShapeOf(dy)) + ".");
  }
  if (!run.ok()) return;
  const Tensor dfilter = run.Output(0, weights), sums = run.Temporary({FilterGradientSums(algorithm, shape)});
  if (!run.ok() || SizeOf(dfilter) == 0) return;
  FilterGradient(algorithm, shape, DataOf(dy), DataOf(x), DataOf(sums), DataOf(dfilter));
}

// From images, whose channels are the filter's axis kFrom, to images of the given size with its axis kTo.
template <int kFrom, int kTo>
void InferPictures(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Rank(1, 4);
  infer.Rank(2, 3);
  const int64_t wanted = infer.ok() ? infer.Dimension(1, kFrom) : -1;
  const int64_t given = infer.ok() ? infer.Dimension(0, 3) : -1;
  if (wanted >= 0 && given >= 0 && wanted != given) {
    infer.Refuse("The filter is for " + std::to_string(wanted) + " channels and gets " + std::to_string(given) + ".");
  }
  infer.FromDimensions(0, {{0, 0}, {2, 0}, {2, 1}, {1, kTo}});
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
  infer.Rank(5, 3);
  infer.FromDimensions(0, {{0, 0}, {5, 0}, {5, 1}, {2, 0}});
}

void InferFilter(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  for (int input = 0; input < 3; input++) infer.Rank(input, 4);
  infer.Like(0, 2);
}

}  // namespace

std::vector<std::string> RegisterWinograd() {
  const char *const kAlgorithm = "algorithm: {'tiles2', 'tiles4', 'strided'}";
  const auto forward = InferPictures<2, 3>, back = InferPictures<3, 2>;
  return Register({
      {"HeadshareConv3x3",
       {"x: float", "filter: float", "size: float"},
       {"y: float"},
       {kAlgorithm},
       forward,
       Create<Tiled>,
       Forward,
       Destroy<Tiled>},
      {"HeadshareConv3x3Filter",
       {"filter: float"},
       {"transformed: float"},
       {kAlgorithm},
       InferTransformed,
       Create<Tiled>,
       TransformFilter,
       Destroy<Tiled>},
      {"HeadshareConv3x3Fused",
       {"x: float", "filter: float", "bias: float", "residual: float", "slope: float", "size: float"},
       {"y: float"},
       {kAlgorithm, kAnyActivationAttribute},
       InferFused,
       Create<FusedTiled>,
       Fused,
       Destroy<FusedTiled>},
      {"HeadshareConv3x3GradInput",
       {"dy: float", "filter: float", "size: float"},
       {"dx: float"},
       {kAlgorithm},
       back,
       Create<Tiled>,
       GradInput,
       Destroy<Tiled>},
      {"HeadshareConv3x3GradFilter",
       {"dy: float", "x: float", "filter: float"},
       {"dfilter: float"},
       {"algorithm: {'tiles2', 'tiles4'}"},
       InferFilter,
       Create<Tiled>,
       GradFilter,
       Destroy<Tiled>},
  });
}

}  // namespace headshare
