// Winograd's minimal filtering: y = A' [(G w G') * (B' d B)] A gives a tile of outputs of a 3x3 convolution from a patch d
// of inputs (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308, section 4). B', G and A'
// are the same for rows and columns, so an algorithm says what they do to a line of values; values are vectors, one channel
// per lane.
#pragma once

#include "lanes.h"

namespace headshare {

// An algorithm works on one direction: it makes kOutputs outputs from kInputs inputs with kProducts products. A filter has
// kFactors values, as many or fewer: product i is with value i, and all products beyond them are with the last value. The
// first tile starts at input kFirst, the next ones kStep further each.

// F(2, 3). All coefficients are 0, 1, -1 and 1/2, so that in float32 the result is about as exact as a sum of products.
struct Tiles2 {
  static constexpr int kInputs = 4, kProducts = 4, kFactors = 4, kOutputs = 2, kStep = 2, kFirst = -1;

  static HEADSHARE_INLINE void Inputs(const Vector (&d)[4], Vector (&to)[4]) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
  }
  static HEADSHARE_INLINE void Filter(const Vector (&w)[3], Vector (&to)[4]) {
    to[0] = w[0];
    to[1] = 0.5f * (w[0] + w[1] + w[2]);
    to[2] = 0.5f * (w[0] - w[1] + w[2]);
    to[3] = w[2];
  }
  static HEADSHARE_INLINE void Outputs(const Vector (&m)[4], Vector (&to)[2]) {
    to[0] = m[0] + m[1] + m[2];
    to[1] = m[1] - m[2] - m[3];
  }
  // The adjoints of Filter and Outputs.
  static HEADSHARE_INLINE void FilterGradient(const Vector (&u)[4], Vector (&to)[3]) {
    to[0] = u[0] + 0.5f * (u[1] + u[2]);
    to[1] = 0.5f * (u[1] - u[2]);
    to[2] = 0.5f * (u[1] + u[2]) + u[3];
  }
  static HEADSHARE_INLINE void OutputsGradient(const Vector (&d)[2], Vector (&to)[4]) {
    to[0] = d[0];
    to[1] = d[0] + d[1];
    to[2] = d[0] - d[1];
    to[3] = -d[1];
  }
};

// F(4, 3). It interpolates at 0, a, -a, b, -b and infinity; with a = 3/4 and b = 3/2 it has half the error of the usual 1
// and 2, twice that of a sum of products.
struct Tiles4 {
  static constexpr int kInputs = 6, kProducts = 6, kFactors = 6, kOutputs = 4, kStep = 4, kFirst = -1;
  static constexpr float kA = 0.75f, kB = 1.5f, kA2 = kA * kA, kB2 = kB * kB;

  static HEADSHARE_INLINE void Inputs(const Vector (&d)[6], Vector (&to)[6]) {
    const Vector even_a = d[4] - kB2 * d[2], odd_a = kA * (d[3] - kB2 * d[1]);
    const Vector even_b = d[4] - kA2 * d[2], odd_b = kB * (d[3] - kA2 * d[1]);
    to[0] = even_a - kA2 * d[2] + (kA2 * kB2) * d[0];
    to[1] = even_a + odd_a;
    to[2] = even_a - odd_a;
    to[3] = even_b + odd_b;
    to[4] = even_b - odd_b;
    to[5] = d[5] - (kA2 + kB2) * d[3] + (kA2 * kB2) * d[1];
  }
  static HEADSHARE_INLINE void Filter(const Vector (&w)[3], Vector (&to)[6]) {
    to[0] = w[0] * (1 / (kA2 * kB2));
    to[1] = kOfA * (w[0] + kA2 * w[2] + kA * w[1]);
    to[2] = kOfA * (w[0] + kA2 * w[2] - kA * w[1]);
    to[3] = kOfB * (w[0] + kB2 * w[2] + kB * w[1]);
    to[4] = kOfB * (w[0] + kB2 * w[2] - kB * w[1]);
    to[5] = w[2];
  }
  static HEADSHARE_INLINE void Outputs(const Vector (&m)[6], Vector (&to)[4]) {
    const Vector even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    to[0] = m[0] + even_a + even_b;
    to[1] = kA * odd_a + kB * odd_b;
    to[2] = kA2 * even_a + kB2 * even_b;
    to[3] = kA2 * kA * odd_a + kB2 * kB * odd_b + m[5];
  }
  // The adjoints of Filter and Outputs.
  static HEADSHARE_INLINE void FilterGradient(const Vector (&u)[6], Vector (&to)[3]) {
    const Vector even_a = kOfA * (u[1] + u[2]), odd_a = kOfA * kA * (u[1] - u[2]);
    const Vector even_b = kOfB * (u[3] + u[4]), odd_b = kOfB * kB * (u[3] - u[4]);
    to[0] = u[0] * (1 / (kA2 * kB2)) + even_a + even_b;
    to[1] = odd_a + odd_b;
    to[2] = kA2 * even_a + kB2 * even_b + u[5];
  }
  static HEADSHARE_INLINE void OutputsGradient(const Vector (&d)[4], Vector (&to)[6]) {
    const Vector even_a = d[0] + kA2 * d[2], odd_a = kA * (d[1] + kA2 * d[3]);
    const Vector even_b = d[0] + kB2 * d[2], odd_b = kB * (d[1] + kB2 * d[3]);
    to[0] = d[0];
    to[1] = even_a + odd_a;
    to[2] = even_a - odd_a;
    to[3] = even_b + odd_b;
    to[4] = even_b - odd_b;
    to[5] = d[3];
  }

 private:
  static constexpr float kOfA = 1 / (2 * kA2 * (kA2 - kB2)), kOfB = 1 / (2 * kB2 * (kB2 - kA2));
};

// F(4, 2): 4 outputs y[i] = w[0] d[i] + w[2] d[i + 1] of 5 inputs by 5 products. It interpolates at a, -a, b, -b and
// infinity; a = 1/2 and b = 5/4 have the smallest error of the multiples of 1/8: no larger than that of a sum of products.
struct Pairs {
  static constexpr float kA = 0.5f, kB = 1.25f, kA2 = kA * kA, kB2 = kB * kB;

  static HEADSHARE_INLINE void Inputs(const Vector (&d)[5], Vector (&to)[5]) {
    const Vector even_a = kA * (d[2] - kB2 * d[0]), odd_a = d[3] - kB2 * d[1];
    const Vector even_b = kB * (d[2] - kA2 * d[0]), odd_b = d[3] - kA2 * d[1];
    to[0] = odd_a + even_a;
    to[1] = odd_a - even_a;
    to[2] = odd_b + even_b;
    to[3] = odd_b - even_b;
    to[4] = d[4] - (kA2 + kB2) * d[2] + (kA2 * kB2) * d[0];
  }
  static HEADSHARE_INLINE void Filter(Vector w0, Vector w2, Vector *to) {
    to[0] = kOfA * (w0 + kA * w2);
    to[1] = -kOfA * (w0 - kA * w2);
    to[2] = kOfB * (w0 + kB * w2);
    to[3] = -kOfB * (w0 - kB * w2);
    to[4] = w2;
  }
  static HEADSHARE_INLINE void Outputs(const Vector *m, Vector (&to)[4]) {
    const Vector even_a = m[0] + m[1], odd_a = m[0] - m[1], even_b = m[2] + m[3], odd_b = m[2] - m[3];
    to[0] = even_a + even_b;
    to[1] = kA * odd_a + kB * odd_b;
    to[2] = kA2 * even_a + kB2 * even_b;
    to[3] = kA2 * kA * odd_a + kB2 * kB * odd_b + m[4];
  }

 private:
  static constexpr float kOfA = 1 / (2 * kA * (kA2 - kB2)), kOfB = 1 / (2 * kB * (kB2 - kA2));
};

// At stride 2 an output needs three pixels of a line. The first and the last lie at odd places: F(4, 2) takes 5 products for
// 4 outputs. The middle one lies at an even place and takes a product by itself. So 4 outputs take 9 products instead of 12.
struct Strided {
  static constexpr int kInputs = 9, kProducts = 9, kFactors = 6, kOutputs = 4, kStep = 8, kFirst = -1;

  static HEADSHARE_INLINE void Inputs(const Vector (&d)[9], Vector (&to)[9]) {
    const Vector odd[5] = {d[0], d[2], d[4], d[6], d[8]};
    Vector products[5];
    Pairs::Inputs(odd, products);
    Unrolled<5>([&](auto i) HEADSHARE_INLINED { to[i] = products[i]; });
    Unrolled<4>([&](auto i) HEADSHARE_INLINED { to[5 + i] = d[2 * i + 1]; });
  }
  static HEADSHARE_INLINE void Filter(const Vector (&w)[3], Vector (&to)[6]) {
    Pairs::Filter(w[0], w[2], to);
    to[5] = w[1];
  }
  static HEADSHARE_INLINE void Outputs(const Vector (&m)[9], Vector (&to)[4]) {
    Pairs::Outputs(m, to);
    Unrolled<4>([&](auto i) HEADSHARE_INLINED { to[i] += m[5 + i]; });
  }
};

// The gradient for the input of Strided, given the outputs' gradients and the filter rotated. Inputs at odd places add two
// of the gradients, by F(4, 2), those at even places take one.
struct StridedGradient {
  static constexpr int kInputs = 5, kProducts = 9, kFactors = 6, kOutputs = 8, kStep = 4, kFirst = 0;

  static HEADSHARE_INLINE void Inputs(const Vector (&d)[5], Vector (&to)[9]) {
    Vector products[5];
    Pairs::Inputs(d, products);
    Unrolled<5>([&](auto i) HEADSHARE_INLINED { to[i] = products[i]; });
    Unrolled<4>([&](auto i) HEADSHARE_INLINED { to[5 + i] = d[i]; });
  }
  static HEADSHARE_INLINE void Filter(const Vector (&w)[3], Vector (&to)[6]) { Strided::Filter(w, to); }
  static HEADSHARE_INLINE void Outputs(const Vector (&m)[9], Vector (&to)[8]) {
    Vector odd[4];
    Pairs::Outputs(m, odd);
    Unrolled<4>([&](auto i) HEADSHARE_INLINED {
      to[2 * i] = m[5 + i];
      to[2 * i + 1] = odd[i];
    });
  }
};

// Applies `line` to the columns of a square of values, then to the rows: value(row, column) gives them, store(row, column,
// value) takes the results.
template <int kFrom, int kTo, typename Value, typename Store>
HEADSHARE_INLINE void TransformLines(void (*line)(const Vector (&)[kFrom], Vector (&)[kTo]), const Value &value,
                                     const Store &store) {
  Vector left[kTo][kFrom];
  Unrolled<kFrom>([&](auto j) HEADSHARE_INLINED {
    Vector column[kFrom], to[kTo];
    Unrolled<kFrom>([&](auto i) HEADSHARE_INLINED { column[i] = value(i, j); });
    line(column, to);
    Unrolled<kTo>([&](auto i) HEADSHARE_INLINED { left[i][j] = to[i]; });
  });
  Unrolled<kTo>([&](auto i) HEADSHARE_INLINED {
    Vector to[kTo];
    line(left[i], to);
    Unrolled<kTo>([&](auto j) HEADSHARE_INLINED { store(i, j, to[j]); });
  });
}

}  // namespace headshare
