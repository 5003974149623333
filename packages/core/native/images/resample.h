#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// Which pixels along an axis make each of `count` new ones: from first[i] on, `width` weights, those beyond the last that
// counts being 0; weights are whole numbers of 2^-22. packages/core/src/data/pipeline/resampling.ts makes them.
struct Taps {
  int count = 0, width = 0;
  const int32_t *first = nullptr;
  const int32_t *used = nullptr;
  const int32_t *weights = nullptr;
};

// Laid out as [count, width, first..., used..., weights...]; count 0 where the length is not right.
Taps ReadTaps(const int32_t *values, size_t length);

// True where all that is used lies in [0, size).
bool Fit(const Taps &taps, int size);

// Resamples RGB, columns first and rounded to bytes in between, as Pillow does. Mirrored: left to right.
void Resample(std::vector<uint8_t> &pixels, int width, const Taps &columns, const Taps &rows, bool mirrored,
              uint8_t *target);
