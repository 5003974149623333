// The loops of the depthwise convolution: one row of a map at a time.
#pragma once

#include <cstdint>

namespace headshare {

// A correlation of `rows` source rows with as many filter rows, of `taps` filter taps each, along one row of outputs:
//   output o, channel j:  sum over r, t of  source(r, o * stride + base + t)[j] * tap(r, t)[j]
// where source columns outside 0 ... width - 1 contribute nothing. Each column is c adjacent channels. The convolution, the
// gradient for x (source: dy) and, with exchanged roles, the gradient for the filter consist of these.
struct Correlation {
  int64_t c;
  int64_t rows, taps;
  int64_t base, stride, width, count;
  // Distances in elements, from one row, tap or output to the next.
  int64_t source_row, tap_row, tap_step, output_step;
  // Source rows below these that the next row of outputs needs, for prefetching: the loops read several rows at once, which
  // hardware prefetchers do not recognise.
  int64_t ahead;
  // Outputs bypass the caches. They are then aligned to vectors, and c is a multiple of kStreamLanes.
  bool stream;
};

// A cache line of floats.
constexpr int64_t kStreamLanes = 16;

// Writes the row of outputs. Call CorrelateEnd after streamed ones.
void Correlate(const Correlation &k, const float *source, const float *taps, float *outputs);

void CorrelateEnd(const Correlation &k);

// Adds source * outputs to the taps: the gradient by the filter, given the outputs'.
void AddToTaps(const Correlation &k, const float *source, const float *outputs, float *taps);

}  // namespace headshare
