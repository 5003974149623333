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
  Columns(const Correlation &k, int64_t first, int64_t outputs)
      : first(first * k.stride + k.base),
        from(std::max<int64_t>(0, -this->first)),
        to(std::min((outputs - 1) * k.stride + k.taps, k.width - this->first)) {}
  bool Whole(int64_t count) const { return from == 0 && to == count; }

  int64_t first, from, to;
};

// Correlate for kN outputs from `first` on, whose columns all exist where kWhole.
template <int kTaps, int kStride, int kN, bool kWhole>
void CorrelateSome(const Correlation &k, int64_t first, const float *source, const float *taps, float *outputs) {
  constexpr int kColumns = (kN - 1) * kStride + kTaps;
  const Columns columns(k, first, kN);
  const int64_t c = k.c, from = columns.from, to = columns.to;
  source += columns.first * c;
  outputs += first * k.output_step;
  ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
    using V = decltype(vector);
    typename V::Value sums[kN] = {}, tap[kTaps];
    const float *row = source + channel, *tap_row = taps + channel;
    for (int64_t r = k.rows; r > 0; r--, row += k.source_row, tap_row += k.tap_row) {
      Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED { tap[t] = At<V>(tap_row + t * k.tap_step); });
      Unrolled<kColumns>([&](auto column) HEADSHARE_INLINED {
        if (!kWhole && (column < from || column >= to)) return;
        const typename V::Value value = At<V>(row + column * c);
        Unrolled<kN>([&](auto output) HEADSHARE_INLINED {
          constexpr int kTap = column - output * kStride;
          if constexpr (kTap >= 0 && kTap < kTaps) sums[output] += value * tap[kTap];
        });
      });
    }
    Unrolled<kN>([&](auto output) HEADSHARE_INLINED { At<V>(outputs + output * k.output_step + channel) = sums[output]; });
  });
}

// AddToTaps for kN outputs from `first` on.
template <int kTaps, int kStride, int kN, bool kWhole>
void AddSome(const Correlation &k, int64_t first, const float *source, const float *outputs, float *taps) {
  constexpr int kColumns = (kN - 1) * kStride + kTaps;
  const Columns columns(k, first, kN);
  const int64_t c = k.c, from = columns.from, to = columns.to;
  source += columns.first * c;
  outputs += first * k.output_step;
  ForVectors(c, [&](auto vector, int64_t channel) HEADSHARE_INLINED {
    using V = decltype(vector);
    typename V::Value output[kN], sums[kTaps];
    Unrolled<kN>([&](auto o) HEADSHARE_INLINED { output[o] = At<V>(outputs + o * k.output_step + channel); });
    const float *row = source + channel;
    float *tap_row = taps + channel;
    for (int64_t r = k.rows; r > 0; r--, row += k.source_row, tap_row += k.tap_row) {
      Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED { sums[t] = At<V>(tap_row + t * k.tap_step); });
      Unrolled<kColumns>([&](auto column) HEADSHARE_INLINED {
        if (!kWhole && (column < from || column >= to)) return;
        const typename V::Value value = At<V>(row + column * c);
        Unrolled<kN>([&](auto o) HEADSHARE_INLINED {
          constexpr int kTap = column - o * kStride;
          if constexpr (kTap >= 0 && kTap < kTaps) sums[kTap] += value * output[o];
        });
      });
      Unrolled<kTaps>([&](auto t) HEADSHARE_INLINED { At<V>(tap_row + t * k.tap_step) = sums[t]; });
    }
  });
}

template <int kTaps, int kStride>
void CorrelateRow(const Correlation &k, const float *source, const float *taps, float *outputs) {
  constexpr int kColumns = (kOutputs - 1) * kStride + kTaps;
  if (k.count < kOutputs) {
    for (int64_t o = 0; o < k.count; o++) CorrelateSome<kTaps, kStride, 1, false>(k, o, source, taps, outputs);
    return;
  }
  for (int64_t next = 0; next < k.count; next += kOutputs) {
    // The last ones reach back and write some outputs again, the same values.
    const int64_t o = std::min(next, k.count - kOutputs);
    if (Columns(k, o, kOutputs).Whole(kColumns)) {
      CorrelateSome<kTaps, kStride, kOutputs, true>(k, o, source, taps, outputs);
    } else {
      CorrelateSome<kTaps, kStride, kOutputs, false>(k, o, source, taps, outputs);
    }
  }
}

template <int kTaps, int kStride>
void AddRow(const Correlation &k, const float *source, const float *outputs, float *taps) {
  constexpr int kColumns = (kOutputs - 1) * kStride + kTaps;
  int64_t o = 0;
  for (; o + kOutputs <= k.count; o += kOutputs) {
    if (Columns(k, o, kOutputs).Whole(kColumns)) {
      AddSome<kTaps, kStride, kOutputs, true>(k, o, source, outputs, taps);
    } else {
      AddSome<kTaps, kStride, kOutputs, false>(k, o, source, outputs, taps);
    }
  }
  for (; o < k.count; o++) AddSome<kTaps, kStride, 1, false>(k, o, source, outputs, taps);
}

// For filters of any size, output by output.

void CorrelateAny(const Correlation &k, const float *source, const float *taps, float *outputs) {
  const int64_t c = k.c;
  for (int64_t o = 0; o < k.count; o++, outputs += k.output_step) {
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

void AddAny(const Correlation &k, const float *source, const float *outputs, float *taps) {
  const int64_t c = k.c;
  for (int64_t o = 0; o < k.count; o++, outputs += k.output_step) {
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
  CorrelateAny(k, source, taps, outputs);
}

void AddToTaps(const Correlation &k, const float *source, const float *outputs, float *taps) {
  if (k.taps == 3 && k.stride == 1) return AddRow<3, 1>(k, source, outputs, taps);
  if (k.taps == 3 && k.stride == 2) return AddRow<3, 2>(k, source, outputs, taps);
  AddAny(k, source, outputs, taps);
}

}  // namespace headshare
