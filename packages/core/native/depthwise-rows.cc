#include "depthwise-rows.h"

#include <algorithm>

#include "vector.h"

namespace headshare {
namespace {

// The loops take a few outputs at once and then all channels, so that they read memory in order. Four outputs
// of a 3x3 filter share 18 source vectors and 9 taps: 27 loads for 36 multiplications.
constexpr int kOutputs = 4;

// The columns of the source that outputs first ... first + outputs - 1 read, and the existing ones among them.
struct Columns {
  Columns(const Correlation &k, int64_t output, int64_t outputs)
      : first(output * k.stride + k.base),
        count((outputs - 1) * k.stride + k.taps),
        from(std::max<int64_t>(0, -first)),
        to(std::min(count, k.width - first)) {}

  int64_t first, count, from, to;
};

// A block of kN outputs, of which kLeft and kRight source columns are missing on the left and right.
template <int kTaps, int kStride, int kN, int kLeft, int kRight>
struct Block {
  static constexpr int kFrom = kLeft, kTo = (kN - 1) * kStride + kTaps - kRight;

  // Prefetches the columns of `rows` rows that no earlier block fetched.
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
          tap[t] = V::Load(from);
          from += tap_step;
          Forget(from);
        });
        from = row;
        Unrolled<kTo - kFrom>([&](auto column) HEADSHARE_INLINED {
          const typename V::Value value = V::Load(from);
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
          V::Store(to, sums[output]);
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
        values[output] = V::Load(at);
        at += output_step;
        Forget(at);
      });
      const float *row = source + channel;
      float *filter = taps + channel;
      for (int64_t r = rows; r > 0; r--, row += source_row, filter += tap_row) {
        float *to = filter;
        Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED {
          sums[t] = V::Load(to);
          to += tap_step;
          Forget(to);
        });
        const float *from = row;
        Unrolled<kTo - kFrom>([&](auto column) HEADSHARE_INLINED {
          const typename V::Value value = V::Load(from);
          from += c;
          Forget(from);
          Unrolled<kN>([&](auto output) HEADSHARE_INLINED {
            constexpr int kTap = column + kFrom - output * kStride;
            if constexpr (kTap >= 0 && kTap < kTaps) sums[kTap] += value * values[output];
          });
        });
        to = filter;
        Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED {
          V::Store(to, sums[t]);
          to += tap_step;
          Forget(to);
        });
      }
      Fetch(row, ahead, source_row, c);
    });
  }
};

void CorrelateAny(const Correlation &k, int64_t first, int64_t last, const float *source, const float *taps,
                  float *outputs);
void AddAny(const Correlation &k, int64_t first, int64_t last, const float *source, const float *outputs, float *taps);

// Calls body(block) with the Block for these columns; false if there is none.
template <int kTaps, int kStride, typename Body>
HEADSHARE_INLINE bool WithBlock(const Columns &columns, const Body &body) {
  const int64_t left = columns.from, right = columns.count - columns.to;
  if (left == 0 && right == 0) {
    body(Block<kTaps, kStride, kOutputs, 0, 0>());
    return true;
  }
  // At the borders, a 3x3 filter misses one column, a 5x5 one two, or one on the right at stride 2.
  constexpr int kMissed = kTaps == 5 ? 2 : 1;
  if constexpr (kTaps <= 5) {
    if (left == kMissed && right == 0) {
      body(Block<kTaps, kStride, kOutputs, kMissed, 0>());
      return true;
    }
    if (left == 0 && right == kMissed) {
      body(Block<kTaps, kStride, kOutputs, 0, kMissed>());
      return true;
    }
  }
  if constexpr (kTaps == 5 && kStride == 2) {
    if (left == 0 && right == 1) {
      body(Block<kTaps, kStride, kOutputs, 0, 1>());
      return true;
    }
  }
  return false;
}

template <int kTaps, int kStride>
void CorrelateRow(const Correlation &k, const float *source, const float *taps, float *outputs) {
  for (int64_t next = 0; next < k.count;) {
    // The last block starts earlier and writes some outputs again, with the same values.
    const int64_t o = std::min(next, k.count - kOutputs);
    if (o >= 0 && WithBlock<kTaps, kStride>(Columns(k, o, kOutputs), [&](auto block) HEADSHARE_INLINED {
          k.stream ? block.template Correlate<true>(k, o, source, taps, outputs)
                   : block.template Correlate<false>(k, o, source, taps, outputs);
        })) {
      next = o + kOutputs;
    } else {
      CorrelateAny(k, next, next + 1, source, taps, outputs);
      next++;
    }
  }
}

template <int kTaps, int kStride>
void AddRow(const Correlation &k, const float *source, const float *outputs, float *taps) {
  for (int64_t o = 0; o < k.count;) {
    if (o + kOutputs <= k.count &&
        WithBlock<kTaps, kStride>(Columns(k, o, kOutputs), [&](auto block) HEADSHARE_INLINED {
          block.AddToTaps(k, o, source, outputs, taps);
        })) {
      o += kOutputs;
    } else {
      AddAny(k, o, o + 1, source, outputs, taps);
      o++;
    }
  }
}

// For filters of any size, output by output.

void CorrelateAny(const Correlation &k, int64_t first, int64_t last, const float *source, const float *taps,
                  float *outputs) {
  const int64_t c = k.c;
  outputs += first * k.output_step;
  for (int64_t o = first; o < last; o++, outputs += k.output_step) {
    const Columns columns(k, o, 1);
    const float *from = source + columns.first * c;
    ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
      using V = decltype(vector);
      // Two sums, because a single one would wait for its own result.
      typename V::Value sums[2] = {};
      for (int64_t r = 0; r < k.rows; r++) {
        const float *row = from + r * k.source_row + channel, *tap_row = taps + r * k.tap_row + channel;
        int64_t t = columns.from;
        for (; t + 2 <= columns.to; t += 2) {
          sums[0] += V::Load(row + t * c) * V::Load(tap_row + t * k.tap_step);
          sums[1] += V::Load(row + (t + 1) * c) * V::Load(tap_row + (t + 1) * k.tap_step);
        }
        if (t < columns.to) sums[0] += V::Load(row + t * c) * V::Load(tap_row + t * k.tap_step);
      }
      V::Store(outputs + channel, sums[0] + sums[1]);
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
          V::Store(to + channel, V::Load(to + channel) + V::Load(from + channel) * V::Load(outputs + channel));
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
  if (k.taps == 5 && k.stride == 1) return CorrelateRow<5, 1>(k, source, taps, outputs);
  if (k.taps == 5 && k.stride == 2) return CorrelateRow<5, 2>(k, source, taps, outputs);
  if (k.taps == 7 && k.stride == 1) return CorrelateRow<7, 1>(k, source, taps, outputs);
  CorrelateAny(k, 0, k.count, source, taps, outputs);
}

void CorrelateEnd(const Correlation &k) {
  if (k.stream) StreamsEnd();
}

void AddToTaps(const Correlation &k, const float *source, const float *outputs, float *taps) {
  if (k.taps == 3 && k.stride == 1) return AddRow<3, 1>(k, source, outputs, taps);
  if (k.taps == 3 && k.stride == 2) return AddRow<3, 2>(k, source, outputs, taps);
  if (k.taps == 5 && k.stride == 1) return AddRow<5, 1>(k, source, outputs, taps);
  if (k.taps == 5 && k.stride == 2) return AddRow<5, 2>(k, source, outputs, taps);
  if (k.taps == 7 && k.stride == 1) return AddRow<7, 1>(k, source, outputs, taps);
  AddAny(k, 0, k.count, source, outputs, taps);
}

}  // namespace headshare
