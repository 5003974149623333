// The transforms of Winograd's minimal filtering: y = A' [(G w G') * (B' d B)] A gives a tile of outputs of a 3x3 correlation
// from a patch d of inputs (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308, section 4).
// Patches are [rows][columns], one channel per lane.
//   F(2x2, 3x3): 2x2 outputs of 4x4 inputs with 16 multiplications instead of 36. All coefficients are 0, 1, -1 and 1/2, so
//     that in float32 the result is about as exact as a sum of products.
//   F(4x4, 3x3): 4x4 outputs of 6x6 inputs with 36 multiplications instead of 144. It interpolates at 0, a, -a, b, -b and
//     infinity; with a = 3/4 and b = 3/2 it has half the error of the usual 1 and 2, twice that of a sum of products.
#pragma once

#include "lanes.h"

namespace headshare {

// to = B' d B
inline void TransformPatch(const Vector (&d)[4][4], Vector (&to)[4][4]) {
  Vector left[4][4];
  for (int j = 0; j < 4; j++) {
    left[0][j] = d[0][j] - d[2][j];
    left[1][j] = d[1][j] + d[2][j];
    left[2][j] = d[2][j] - d[1][j];
    left[3][j] = d[1][j] - d[3][j];
  }
  for (int i = 0; i < 4; i++) {
    to[i][0] = left[i][0] - left[i][2];
    to[i][1] = left[i][1] + left[i][2];
    to[i][2] = left[i][2] - left[i][1];
    to[i][3] = left[i][1] - left[i][3];
  }
}

// to = A' m A
inline void TransformProduct(const Vector (&m)[4][4], Vector (&to)[2][2]) {
  Vector left[2][4];
  for (int j = 0; j < 4; j++) {
    left[0][j] = m[0][j] + m[1][j] + m[2][j];
    left[1][j] = m[1][j] - m[2][j] - m[3][j];
  }
  for (int i = 0; i < 2; i++) {
    to[i][0] = left[i][0] + left[i][1] + left[i][2];
    to[i][1] = left[i][1] - left[i][2] - left[i][3];
  }
}

// to = G w G'
inline void TransformFilter(const Vector (&w)[3][3], Vector (&to)[4][4]) {
  Vector left[4][3];
  for (int j = 0; j < 3; j++) {
    left[0][j] = w[0][j];
    left[1][j] = 0.5f * (w[0][j] + w[1][j] + w[2][j]);
    left[2][j] = 0.5f * (w[0][j] - w[1][j] + w[2][j]);
    left[3][j] = w[2][j];
  }
  for (int i = 0; i < 4; i++) {
    to[i][0] = left[i][0];
    to[i][1] = 0.5f * (left[i][0] + left[i][1] + left[i][2]);
    to[i][2] = 0.5f * (left[i][0] - left[i][1] + left[i][2]);
    to[i][3] = left[i][2];
  }
}

// The adjoint of TransformFilter: to = G' u G
inline void TransformFilterGradient(const Vector (&u)[4][4], Vector (&to)[3][3]) {
  Vector left[3][4];
  for (int j = 0; j < 4; j++) {
    left[0][j] = u[0][j] + 0.5f * (u[1][j] + u[2][j]);
    left[1][j] = 0.5f * (u[1][j] - u[2][j]);
    left[2][j] = 0.5f * (u[1][j] + u[2][j]) + u[3][j];
  }
  for (int i = 0; i < 3; i++) {
    to[i][0] = left[i][0] + 0.5f * (left[i][1] + left[i][2]);
    to[i][1] = 0.5f * (left[i][1] - left[i][2]);
    to[i][2] = 0.5f * (left[i][1] + left[i][2]) + left[i][3];
  }
}

// The adjoint of TransformProduct: to = A d A'
inline void TransformProductGradient(const Vector (&d)[2][2], Vector (&to)[4][4]) {
  Vector left[4][2];
  for (int j = 0; j < 2; j++) {
    left[0][j] = d[0][j];
    left[1][j] = d[0][j] + d[1][j];
    left[2][j] = d[0][j] - d[1][j];
    left[3][j] = -d[1][j];
  }
  for (int i = 0; i < 4; i++) {
    to[i][0] = left[i][0];
    to[i][1] = left[i][0] + left[i][1];
    to[i][2] = left[i][0] - left[i][1];
    to[i][3] = -left[i][1];
  }
}

constexpr float kA = 0.75f, kB = 1.5f, kA2 = kA * kA, kB2 = kB * kB;

// One direction of each transform, told apart by their sizes: of a patch, a product, a filter.
HEADSHARE_INLINE void TransformLine(const Vector (&d)[6], Vector (&to)[6]) {
  const Vector even_a = d[4] - kB2 * d[2], odd_a = kA * (d[3] - kB2 * d[1]);
  const Vector even_b = d[4] - kA2 * d[2], odd_b = kB * (d[3] - kA2 * d[1]);
  to[0] = even_a - kA2 * d[2] + (kA2 * kB2) * d[0];
  to[1] = even_a + odd_a;
  to[2] = even_a - odd_a;
  to[3] = even_b + odd_b;
  to[4] = even_b - odd_b;
  to[5] = d[5] - (kA2 + kB2) * d[3] + (kA2 * kB2) * d[1];
}

HEADSHARE_INLINE void TransformLine(const Vector (&m)[6], Vector (&to)[4]) {
  const Vector even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
  to[0] = m[0] + even_a + even_b;
  to[1] = kA * odd_a + kB * odd_b;
  to[2] = kA2 * even_a + kB2 * even_b;
  to[3] = kA2 * kA * odd_a + kB2 * kB * odd_b + m[5];
}

HEADSHARE_INLINE void TransformLine(const Vector (&w)[3], Vector (&to)[6]) {
  constexpr float a = 1 / (2 * kA2 * (kA2 - kB2)), b = 1 / (2 * kB2 * (kB2 - kA2));
  to[0] = w[0] * (1 / (kA2 * kB2));
  to[1] = a * (w[0] + kA2 * w[2] + kA * w[1]);
  to[2] = a * (w[0] + kA2 * w[2] - kA * w[1]);
  to[3] = b * (w[0] + kB2 * w[2] + kB * w[1]);
  to[4] = b * (w[0] + kB2 * w[2] - kB * w[1]);
  to[5] = w[2];
}

// A transform of the columns, then of the rows.
template <int kFrom, int kTo>
HEADSHARE_INLINE void TransformLines(const Vector (&from)[kFrom][kFrom], Vector (&to)[kTo][kTo]) {
  Vector left[kTo][kFrom];
  Unrolled<kFrom>([&](auto j) HEADSHARE_INLINED {
    Vector column[kFrom], line[kTo];
    Unrolled<kFrom>([&](auto i) HEADSHARE_INLINED { column[i] = from[i][j]; });
    TransformLine(column, line);
    Unrolled<kTo>([&](auto i) HEADSHARE_INLINED { left[i][j] = line[i]; });
  });
  Unrolled<kTo>([&](auto i) HEADSHARE_INLINED { TransformLine(left[i], to[i]); });
}

HEADSHARE_INLINE void TransformPatch(const Vector (&d)[6][6], Vector (&to)[6][6]) { TransformLines(d, to); }
HEADSHARE_INLINE void TransformProduct(const Vector (&m)[6][6], Vector (&to)[4][4]) { TransformLines(m, to); }
HEADSHARE_INLINE void TransformFilter(const Vector (&w)[3][3], Vector (&to)[6][6]) { TransformLines(w, to); }

}  // namespace headshare
