#include "depthwise-rows.h"

#include <algorithm>

#include "vector.h"

namespace headshare {
namespace {

// The loops go over a few outputs at once and then over all channels, so that memory is read in its order. Four outputs
// of a 3x3 filter share 18 source vectors and 9 taps: 27 loads for 36 multiplications.
constexpr int kOutputs = 4;

// The columns of the source that outputs first ... first + outputs - 1 look at, and those of them that exist.
struct Columns {
  Columns(const Correlation &k, int64_t output, int64_t outputs)
      : first(output * k.stride + k.base),
        count((outputs - 1) * k.stride + k.taps),
        from(std::max<int64_t>(0, -first)),
        to(std::min(count, k.width - first)) {}

  int64_t first, count, from, to;
};

// How a block of kN outputs lies: kLeft and kRight of its columns there are missing.
template <int kTaps, int kStride, int kN, int kLeft, int kRight>
struct Block {
  static constexpr int kFrom = kLeft, kTo = (kN - 1) * kStride + kTaps - kRight;

  // Fetches the columns of `rows` rows that no block before this one had.
  static HEADSHARE_INLINE void Fetch(const float *row, int64_t rows, int64_t source_row, int64_t c) {
    for (; rows > 0; rows--, row += source_row) {
      const float *from = row;
      Unrolled<kN * kStride>([&](auto) HEADSHARE_INLINED {
        __builtin_prefetch(from, 0, 2);
        from += c;
        Forget(from);
      });
    }
  }

  template <bool kStream>
  static HEADSHARE_INLINE void Correlate(const Correlation &k, int64_t first, const float *source, const float *taps,
                                         float *outputs) {
    const int64_t c = k.c, rows = k.rows, source_row = k.source_row, tap_row = k.tap_row, tap_step = k.tap_step,
                  output_step = k.output_step, ahead = k.ahead;
    source += (first * kStride + k.base + kFrom) * c;
    outputs += first * output_step;
    ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
      using V = decltype(vector);
      typename V::Value sums[kN] = {}, tap[kTaps];
      const float *row = source + channel, *filter = taps + channel;
      for (int64_t r = rows; r > 0; r--, row += source_row, filter += tap_row) {
        const float *from = filter;
        Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED {
          tap[t] = At<V>(from);
          from += tap_step;
          Forget(from);
        });
        from = row;
        Unrolled<kTo - kFrom>([&](auto column) HEADSHARE_INLINED {
          const typename V::Value value = At<V>(from);
          from += c;
          Forget(from);
          Unrolled<kN>([&](auto output) HEADSHARE_INLINED {
            constexpr int kTap = column + kFrom - output * kStride;
            if constexpr (kTap >= 0 && kTap < kTaps) sums[output] += value * tap[kTap];
          });
        });
      }
      Fetch(row, ahead, source_row, c);
      float *to = outputs + channel;
      Unrolled<kN>([&](auto output) HEADSHARE_INLINED {
        if constexpr (kStream) {
          Stream<V>(to, sums[output]);
        } else {
          At<V>(to) = sums[output];
        }
        to += output_step;
        Forget(to);
      });
    });
  }

  static HEADSHARE_INLINE void AddToTaps(const Correlation &k, int64_t first, const float *source, const float *outputs,
                                         float *taps) {
    const int64_t c = k.c, rows = k.rows, source_row = k.source_row, tap_row = k.tap_row, tap_step = k.tap_step,
                  output_step = k.output_step, ahead = k.ahead;
    source += (first * kStride + k.base + kFrom) * c;
    outputs += first * output_step;
    ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
      using V = decltype(vector);
      typename V::Value values[kN], sums[kTaps];
      const float *at = outputs + channel;
      Unrolled<kN>([&](auto output) HEADSHARE_INLINED {
        values[output] = At<V>(at);
        at += output_step;
        Forget(at);
      });
      const float *row = source + channel;
      float *filter = taps + channel;
      for (int64_t r = rows; r > 0; r--, row += source_row, filter += tap_row) {
        float *to = filter;
        Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED {
          sums[t] = At<V>(to);
          to += tap_step;
          Forget(to);
        });
        const float *from = row;
        Unrolled<kTo - kFrom>([&](auto column) HEADSHARE_INLINED {
          const typename V::Value value = At<V>(from);
          from += c;
          Forget(from);
          Unrolled<kN>([&](auto output) HEADSHARE_INLINED {
            constexpr int kTap = column + kFrom - output * kStride;
            if constexpr (kTap >= 0 && kTap < kTaps) sums[kTap] += value * values[output];
          });
        });
        to = filter;
        Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED {
          At<V>(to) = sums[t];
          to += tap_step;
          Forget(to);
        });
      }
      Fetch(row, ahead, source_row, c);
    });
  }
};

void CorrelateAny(const Correlation &k, int64_t first, int64_t last, const float *source, const float *taps, float *outputs);
void AddAny(const Correlation &k, int64_t first, int64_t last, const float *source, const float *outputs, float *taps);

// Calls body(block) with the Block for these columns; false where there is none.
template <int kTaps, int kStride, int kN, typename Body>
HEADSHARE_INLINE bool WithBlock(const Columns &columns, const Body &body) {
  const int64_t left = columns.from, right = columns.count - columns.to;
  if (left == 0 && right == 0) {
    body(Block<kTaps, kStride, kN, 0, 0>());
  } else if (left == 1 && right == 0) {
    body(Block<kTaps, kStride, kN, 1, 0>());
  } else if (left == 0 && right == 1) {
    body(Block<kTaps, kStride, kN, 0, 1>());
  } else {
    return false;
  }
  return true;
}

template <int kTaps, int kStride>
void CorrelateRow(const Correlation &k, const float *source, const float *taps, float *outputs) {
  if (k.count < kOutputs) return CorrelateAny(k, 0, k.count, source, taps, outputs);
  for (int64_t next = 0; next < k.count; next += kOutputs) {
    // The last ones reach back and write some outputs again, the same values.
    const int64_t o = std::min(next, k.count - kOutputs);
    const bool done = WithBlock<kTaps, kStride, kOutputs>(Columns(k, o, kOutputs), [&](auto block) HEADSHARE_INLINED {
      k.stream ? block.template Correlate<true>(k, o, source, taps, outputs)
               : block.template Correlate<false>(k, o, source, taps, outputs);
    });
    if (!done) CorrelateAny(k, o, o + kOutputs, source, taps, outputs);
  }
}

template <int kTaps, int kStride>
void AddRow(const Correlation &k, const float *source, const float *outputs, float *taps) {
  int64_t o = 0;
  for (; o + kOutputs <= k.count; o += kOutputs) {
    const bool done = WithBlock<kTaps, kStride, kOutputs>(Columns(k, o, kOutputs), [&](auto block) HEADSHARE_INLINED {
      block.AddToTaps(k, o, source, outputs, taps);
    });
    if (!done) AddAny(k, o, o + kOutputs, source, outputs, taps);
  }
  AddAny(k, o, k.count, source, outputs, taps);
}

// For filters of any size, output by output.

void CorrelateAny(const Correlation &k, int64_t first, int64_t last, const float *source, const float *taps, float *outputs) {
  const int64_t c = k.c;
  outputs += first * k.output_step;
  for (int64_t o = first; o < last; o++, outputs += k.output_step) {
    const Columns columns(k, o, 1);
    const float *from = source + columns.first * c;
    ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
      using V = decltype(vector);
      // Two sums, as one would wait for itself.
      typename V::Value sums[2] = {};
      for (int64_t r = 0; r < k.rows; r++) {
        const float *row = from + r * k.source_row + channel, *tap_row = taps + r * k.tap_row + channel;
        int64_t t = columns.from;
        for (; t + 2 <= columns.to; t += 2) {
          sums[0] += At<V>(row + t * c) * At<V>(tap_row + t * k.tap_step);
          sums[1] += At<V>(row + (t + 1) * c) * At<V>(tap_row + (t + 1) * k.tap_step);
        }
        if (t < columns.to) sums[0] += At<V>(row + t * c) * At<V>(tap_row + t * k.tap_step);
      }
      At<V>(outputs + channel) = sums[0] + sums[1];
    });
  }
}

void AddAny(const Correlation &k, int64_t first, int64_t last, const float *source, const float *outputs, float *taps) {
  const int64_t c = k.c;
  outputs += first * k.output_step;
  for (int64_t o = first; o < last; o++, outputs += k.output_step) {
    const Columns columns(k, o, 1);
    for (int64_t r = 0; r < k.rows; r++) {
      for (int64_t t = columns.from; t < columns.to; t++) {
        const float *from = source + r * k.source_row + (columns.first + t) * c;
        float *to = taps + r * k.tap_row + t * k.tap_step;
        ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
          using V = decltype(vector);
          At<V>(to + channel) += At<V>(from + channel) * At<V>(outputs + channel);
        });
      }
    }
  }
}

}  // namespace

void Correlate(const Correlation &k, const float *source, const float *taps, float *outputs) {
  if (k.taps == 3 && k.stride == 1) return CorrelateRow<3, 1>(k, source, taps, outputs);
  if (k.taps == 3 && k.stride == 2) return CorrelateRow<3, 2>(k, source, taps, outputs);
  // The gradient of a 3x3 filter at stride 2: even columns have one tap, odd ones two, or the other way round.
  if (k.taps == 2 && k.stride == 1) return CorrelateRow<2, 1>(k, source, taps, outputs);
  if (k.taps == 1 && k.stride == 1) return CorrelateRow<1, 1>(k, source, taps, outputs);
  CorrelateAny(k, 0, k.count, source, taps, outputs);
}

void CorrelateEnd(const Correlation &k) {
  if (k.stream) StreamsEnd();
}

void AddToTaps(const Correlation &k, const float *source, const float *outputs, float *taps) {
  if (k.taps == 3 && k.stride == 1) return AddRow<3, 1>(k, source, outputs, taps);
  if (k.taps == 3 && k.stride == 2) return AddRow<3, 2>(k, source, outputs, taps);
  AddAny(k, 0, k.count, source, outputs, taps);
}

}  // namespace headshare
