// The transforms of Winograd's minimal filtering F(2x2, 3x3): y = A' [(G w G') * (B' d B)] A gives 2x2 outputs of a 3x3
// correlation from a patch d of 4x4 inputs with 16 multiplications instead of 36 (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", arXiv:1509.09308, section 4.1). All coefficients are 0, 1, -1 and 1/2, so that in
// float32 the result is about as exact as a sum of products. Patches are [rows][columns], one channel per lane.
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

}  // namespace headshare
