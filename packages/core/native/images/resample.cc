#include "resample.h"

#include <algorithm>
#include <cstring>

// Weights are not negative and add up to one within a few units, so no result needs clamping.
static constexpr int kBits = 22;

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

// Four pixels of four bytes each, or a pixel of four rows: both are sixteen.
constexpr int kRows = 4;
typedef uint8_t Bytes __attribute__((vector_size(16)));
typedef int32_t Lanes __attribute__((vector_size(64)));

// Converts rows to whole numbers, one column of all four rows after another. Each pixel's fourth number belongs to the next
// pixel and is not used. Reads up to 16 bytes beyond the end.
static void Spread(const uint8_t *const rows[kRows], int first, int end, int32_t *spread) {
  for (int r = 0; r < kRows; r++) {
    for (int x = first; x < end; x += 4) {
      Bytes bytes;
      std::memcpy(&bytes, rows[r] + size_t(x) * 3, 16);
      bytes = __builtin_shufflevector(bytes, bytes, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
      const Lanes four = __builtin_convertvector(bytes, Lanes);
      for (int k = 0; k < 4; k++) {
        std::memcpy(spread + size_t(x + k) * 16 + r * 4, reinterpret_cast<const char *>(&four) + 16 * k, 16);
      }
    }
  }
}

static void Across(const int32_t *spread, const Taps &taps, bool mirrored, uint8_t *const targets[kRows]) {
  for (int x = 0; x < taps.count; x++) {
    const int32_t *from = spread + size_t(taps.first[x]) * 16;
    const int32_t *weights = taps.weights + size_t(x) * taps.width;
    Lanes sum = Lanes{} + (1 << (kBits - 1));
    for (int k = 0; k < taps.used[x]; k++, from += 16) {
      Lanes column;
      std::memcpy(&column, from, 64);
      sum += column * weights[k];
    }
    sum >>= kBits;
    const size_t to = size_t(mirrored ? taps.count - 1 - x : x) * 3;
    for (int r = 0; r < kRows; r++) {
      for (int channel = 0; channel < 3; channel++) targets[r][to + channel] = uint8_t(sum[r * 4 + channel]);
    }
  }
}

// One new row out of `used` rows; reads up to 15 bytes beyond the last.
static void Down(const uint8_t *rows, size_t stride, const int32_t *weights, int used, uint8_t *target) {
  for (size_t at = 0; at < stride; at += 16) {
    Lanes sum = Lanes{} + (1 << (kBits - 1));
    for (int k = 0; k < used; k++) {
      Bytes bytes;
      std::memcpy(&bytes, rows + k * stride + at, 16);
      sum += __builtin_convertvector(bytes, Lanes) * weights[k];
    }
    const Bytes made = __builtin_convertvector(sum >> kBits, Bytes);
    std::memcpy(target + at, &made, std::min<size_t>(16, stride - at));
  }
}

// All columns of rows [top, bottom). Reads up to 16 bytes beyond the last row.
static void AcrossAll(const uint8_t *pixels, int width, const Taps &columns, int top, int bottom, bool mirrored,
                      uint8_t *target) {
  static thread_local std::vector<int32_t> spread;
  int left = width, right = 0;
  for (int x = 0; x < columns.count; x++) {
    left = std::min(left, columns.first[x]);
    right = std::max(right, columns.first[x] + columns.used[x]);
  }
  spread.resize(size_t(width + 4) * 16);
  const size_t stride = size_t(columns.count) * 3;
  for (int y = top; y < bottom; y += kRows) {
    const uint8_t *from[kRows];
    uint8_t *to[kRows];
    for (int r = 0; r < kRows; r++) {
      // Past the end the last row is repeated.
      const size_t row = size_t(std::min(y + r, bottom - 1));
      from[r] = pixels + row * width * 3;
      to[r] = target + row * stride;
    }
    Spread(from, left, right, spread.data());
    Across(spread.data(), columns, mirrored, to);
  }
}

// All rows of lines of `stride` bytes. Reads up to 15 bytes beyond the last one.
static void DownAll(const uint8_t *lines, size_t stride, const Taps &rows, uint8_t *target) {
  for (int y = 0; y < rows.count; y++) {
    Down(lines + size_t(rows.first[y]) * stride, stride, rows.weights + size_t(y) * rows.width, rows.used[y],
         target + y * stride);
  }
}

void Resample(std::vector<uint8_t> &pixels, int width, const Taps &columns, const Taps &rows, bool rowsFirst,
              bool mirrored, uint8_t *target) {
  static thread_local std::vector<uint8_t> between;
  const size_t stride = size_t(columns.count) * 3;
  pixels.resize(pixels.size() + 16);
  if (rowsFirst) {
    between.resize(size_t(rows.count) * width * 3 + 16);
    DownAll(pixels.data(), size_t(width) * 3, rows, between.data());
    AcrossAll(between.data(), width, columns, 0, rows.count, mirrored, target);
    return;
  }
  int top = rows.first[0], bottom = 0;
  for (int y = 0; y < rows.count; y++) {
    top = std::min(top, rows.first[y]);
    bottom = std::max(bottom, rows.first[y] + rows.used[y]);
  }
  between.resize(size_t(bottom) * stride + 16);
  AcrossAll(pixels.data(), width, columns, top, bottom, mirrored, between.data());
  DownAll(between.data(), stride, rows, target);
}
