#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// The pixels along an axis that make each of `count` new ones: `width` weights from first[i] on, 0 beyond the last that
// counts, in units of 2^-22. packages/core/src/data/pipeline/resampling.ts makes them.
struct Taps {
  int count = 0, width = 0;
  const int32_t *first = nullptr;
  const int32_t *used = nullptr;
  const int32_t *weights = nullptr;
};

// Stored as [count, width, first..., used..., weights...]; count is 0 where the length is wrong.
Taps ReadTaps(const int32_t *values, size_t length);

// True where all used pixels lie in [0, size).
bool Fit(const Taps &taps, int size);

// Resamples RGB, rounded to bytes between the two axes, as Pillow does: columns first, or rows first for pictures that get
// much lower. Mirrored: left to right.
void Resample(std::vector<uint8_t> &pixels, int width, const Taps &columns, const Taps &rows, bool rowsFirst,
              bool mirrored, uint8_t *target);
