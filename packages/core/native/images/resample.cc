#include "resample.h"

#include <algorithm>
#include <cstring>

static constexpr int kBits = 22;

static inline uint8_t Byte(int32_t sum) { return uint8_t(std::clamp(sum >> kBits, 0, 255)); }

Taps ReadTaps(const int32_t *values, size_t length) {
  if (length < 2 || values[0] < 1 || values[1] < 1) return {};
  const size_t count = size_t(values[0]), width = size_t(values[1]);
  if (length != 2 + count * (2 + width)) return {};
  return {values[0], values[1], values + 2, values + 2 + count, values + 2 + 2 * count};
}

bool Fit(const Taps &taps, int size) {
  for (int i = 0; i < taps.count; i++) {
    if (taps.first[i] < 0 || taps.used[i] < 1 || taps.used[i] > taps.width) return false;
    if (taps.first[i] > size - taps.used[i]) return false;
  }
  return taps.count > 0;
}

// A pixel is read as four bytes of which the last is the next pixel's: one vector does for the three channels.
typedef int32_t Lanes __attribute__((vector_size(16)));
typedef uint8_t Bytes __attribute__((vector_size(4)));

static void Across(const uint8_t *row, const Taps &taps, bool mirrored, uint8_t *target) {
  for (int x = 0; x < taps.count; x++) {
    const uint8_t *from = row + taps.first[x] * 3;
    const int32_t *weights = taps.weights + size_t(x) * taps.width;
    Lanes sum = {1 << (kBits - 1), 1 << (kBits - 1), 1 << (kBits - 1), 0};
    for (int k = 0; k < taps.used[x]; k++, from += 3) {
      Bytes pixel;
      std::memcpy(&pixel, from, 4);
      sum += __builtin_convertvector(pixel, Lanes) * weights[k];
    }
    uint8_t *to = target + (mirrored ? taps.count - 1 - x : x) * 3;
    for (int channel = 0; channel < 3; channel++) to[channel] = Byte(sum[channel]);
  }
}

void Resample(std::vector<uint8_t> &pixels, int width, const Taps &columns, const Taps &rows, bool mirrored,
              uint8_t *target) {
  static thread_local std::vector<uint8_t> narrow;
  static thread_local std::vector<int32_t> sums;
  // The last pixel is read with a byte beyond it.
  pixels.push_back(0);
  const size_t stride = size_t(columns.count) * 3;
  int done = rows.first[0], last = 0;
  for (int y = 0; y < rows.count; y++) {
    done = std::min(done, rows.first[y]);
    last = std::max(last, rows.first[y] + rows.used[y]);
  }
  narrow.resize(size_t(last) * stride);
  for (int y = done; y < last; y++) {
    Across(pixels.data() + size_t(y) * width * 3, columns, mirrored, narrow.data() + y * stride);
  }
  sums.resize(stride);
  for (int y = 0; y < rows.count; y++) {
    const int32_t *weights = rows.weights + size_t(y) * rows.width;
    std::fill(sums.begin(), sums.end(), 1 << (kBits - 1));
    for (int k = 0; k < rows.used[y]; k++) {
      const uint8_t *row = narrow.data() + size_t(rows.first[y] + k) * stride;
      const int32_t weight = weights[k];
      for (size_t i = 0; i < stride; i++) sums[i] += row[i] * weight;
    }
    uint8_t *to = target + y * stride;
    for (size_t i = 0; i < stride; i++) to[i] = Byte(sums[i]);
  }
}
