// The loops of batch norm over rows of c channels; each function processes the rows of one thread.
#pragma once

#include <cstdint>

#include "activation.h"

namespace headshare {

// x -> (x - mean) scale + offset, per channel; slope is PReLU's.
struct Affine {
  const float *mean, *scale, *offset, *slope;
};

// The other terms of dx, besides the scaled gradient: constant + linear (x - mean), per channel.
struct Tilt {
  const float *constant, *linear;
};

// Means [c] and sums of squared deviations from them [c], in two passes over the rows, which fit into the cache.
void ChunkMoments(const float *x, int64_t rows, int64_t c, float *means, float *squares);

using Normalise = void (*)(const float *x, const float *residual, const Affine &affine, float *y, int64_t rows,
                           int64_t c);
Normalise NormaliseFor(Activation activation, bool residual);

// Sets sums [3, c]: of g, of g (x - mean), and of dy below (the pre-activation where it is not above 0), where g is
// the gradient for the activation's input. If y is given, it shows what the activation passed, and g is stored in `kept`.
using Reduce = void (*)(const float *dy, const float *x, const float *y, const Affine &affine, float *kept, float *sums,
                        int64_t rows, int64_t c);
Reduce ReduceFor(Activation activation, bool from_y);

// dx = g scale + constant + linear (x - mean). In place dx holds dy at first.
using Spread = void (*)(const float *dy, const float *x, const Affine &affine, const Tilt &tilt, float *dx,
                        int64_t rows, int64_t c);
Spread SpreadFor(Activation activation, bool behind, bool in_place);

}  // namespace headshare
