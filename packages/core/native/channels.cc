// Operations by channel, which for single images take TensorFlow longer to hand out to its threads than to compute:
//   HeadshareChannelMeans(x [b, h, w, c]) -> y [b, c], over each map
//   HeadshareScaleChannels(x [b, h, w, c], factors [b, 1, 1, c]) -> y = x factors, like x
//   HeadshareNormalise(x [b, h, w, c], mean [c], deviation [c]) -> y = (x - mean) / deviation, like x
// The bits are those of TensorFlow's operations.
#include <algorithm>
#include <vector>

#include "kernel.h"
#include "kernels.h"
#include "lanes.h"
#include "thread-pool.h"

namespace headshare {
namespace {

// The elements that justify waking one more thread.
constexpr int64_t kElementsPerThread = 131072;
// The fewest elements of a part of a map.
constexpr int64_t kPart = 32768;

struct Maps {
  int64_t count, pixels, c;

  int64_t Helpers() const { return count * pixels * c / kElementsPerThread - 1; }
};

// Refuses an x that has no maps.
Maps MapsOf(Run &run, const Tensor &x) {
  if (!run.ok()) return {};
  const Shape shape = ShapeOf(x);
  if (shape.size() == 4) return {shape[0], shape[1] * shape[2], shape[3]};
  run.Refuse("x must be [batch,height,width,channels]; got " + Text(shape) + ".");
  return {};
}

// Pixels are added one after another, as TensorFlow does.
void Mean(const Maps &maps, const float *x, float *y) {
  const float pixels = static_cast<float>(maps.pixels);
  ForVectors(maps.c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
    using V = decltype(vector);
    typename V::Value sum = {};
    const float *from = x + channel;
    for (int64_t i = 0; i < maps.pixels; i++, from += maps.c) sum += V::Load(from);
    V::Store(y + channel, sum / pixels);
  });
}

void Scale(int64_t pixels, int64_t c, const float *x, const float *factors, float *y) {
  for (int64_t i = 0; i < pixels; i++, x += c, y += c) {
    ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
      using V = decltype(vector);
      V::Store(y + channel, V::Load(x + channel) * V::Load(factors + channel));
    });
  }
}

// Pixels have few channels, so that means and deviations are repeated to fill vectors: `repeated` values of each.
void Normalise(int64_t size, int64_t repeated, const float *x, const float *means, const float *deviations, float *y) {
  for (int64_t i = 0; i < size; i += repeated, x += repeated, y += repeated) {
    ForVectors(std::min(repeated, size - i), [&](auto vector, int64_t at) HEADSHARE_INLINED {
      using V = decltype(vector);
      V::Store(y + at, (V::Load(x + at) - V::Load(means + at)) / V::Load(deviations + at));
    });
  }
}

void ChannelMeans(void *, TF_OpKernelContext *context) {
  Run run("HeadshareChannelMeans", context);
  const Tensor x = run.Input(0);
  const Maps maps = MapsOf(run, x);
  const Tensor y = run.Output(0, {maps.count, maps.c});
  if (!run.ok()) return;
  ParallelFor(maps.count, maps.Helpers(), [&](int64_t map) {
    Mean(maps, DataOf(x) + map * maps.pixels * maps.c, DataOf(y) + map * maps.c);
  });
}

void ScaleChannels(void *, TF_OpKernelContext *context) {
  Run run("HeadshareScaleChannels", context);
  const Tensor x = run.Input(0), factors = run.Input(1);
  const Maps maps = MapsOf(run, x);
  const Shape wanted = {maps.count, 1, 1, maps.c};
  if (run.ok() && ShapeOf(factors) != wanted) {
    run.Refuse("factors must be " + Text(wanted) + "; got " + Text(ShapeOf(factors)) + ".");
  }
  if (!run.ok()) return;
  const Tensor y = run.Output(0, ShapeOf(x));
  if (!run.ok()) return;
  const int64_t parts = std::clamp<int64_t>(maps.pixels * maps.c / kPart, 1, std::max<int64_t>(maps.pixels, 1));
  ParallelFor(maps.count * parts, maps.Helpers(), [&](int64_t index) {
    const int64_t map = index / parts, part = index % parts;
    const int64_t first = maps.pixels * part / parts, end = maps.pixels * (part + 1) / parts;
    const int64_t at = (map * maps.pixels + first) * maps.c;
    Scale(end - first, maps.c, DataOf(x) + at, DataOf(factors) + map * maps.c, DataOf(y) + at);
  });
}

void NormaliseChannels(void *, TF_OpKernelContext *context) {
  Run run("HeadshareNormalise", context);
  const Tensor x = run.Input(0), mean = run.Input(1), deviation = run.Input(2);
  const Maps maps = MapsOf(run, x);
  const Shape wanted = {maps.c};
  if (run.ok() && (ShapeOf(mean) != wanted || ShapeOf(deviation) != wanted)) {
    run.Refuse("mean and deviation must be " + Text(wanted) + "; got " + Text(ShapeOf(mean)) + " and " +
               Text(ShapeOf(deviation)) + ".");
  }
  if (!run.ok()) return;
  const Tensor y = run.Output(0, ShapeOf(x));
  if (!run.ok() || SizeOf(x) == 0) return;
  const int64_t repeated = maps.c * kLanes<Wide>, part = RoundUp(kPart, repeated), size = SizeOf(x);
  std::vector<float> means(repeated), deviations(repeated);
  for (int64_t i = 0; i < repeated; i++) {
    means[i] = DataOf(mean)[i % maps.c];
    deviations[i] = DataOf(deviation)[i % maps.c];
  }
  ParallelFor(Quotient(size, part), maps.Helpers(), [&](int64_t index) {
    const int64_t first = index * part;
    Normalise(std::min(part, size - first), repeated, DataOf(x) + first, means.data(), deviations.data(), DataOf(y) + first);
  });
}

void InferMeans(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.FromDimensions(0, {{0, 0}, {0, 3}});
}

// Of both kernels whose result is like x.
void InferLike(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Like(0, 0);
}

}  // namespace

std::vector<std::string> RegisterChannels() {
  return Register({
      {"HeadshareChannelMeans", {"x: float"}, {"y: float"}, {}, InferMeans, nullptr, ChannelMeans, nullptr},
      {"HeadshareScaleChannels",
       {"x: float", "factors: float"},
       {"y: float"},
       {},
       InferLike,
       nullptr,
       ScaleChannels,
       nullptr},
      {"HeadshareNormalise",
       {"x: float", "mean: float", "deviation: float"},
       {"y: float"},
       {},
       InferLike,
       nullptr,
       NormaliseChannels,
       nullptr},
  });
}

}  // namespace headshare
