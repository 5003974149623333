// Dot products of pairs of rows, in float64.
#pragma once

#include <cstddef>
#include <cstdint>

struct Rows {
  const double *values;
  size_t count;
};

struct Pairs {
  const int32_t *left;
  const int32_t *right;
  size_t count;
};

// products[pair] = left row . right row. Every product is summed in the same order, in 32 lanes without fused
// multiply-adds, so the bits depend neither on the machine nor on the order of the two rows.
// False where a pair names a row that does not exist; some products are then missing.
bool PairProducts(Rows left, Rows right, size_t dimension, Pairs pairs, double *products);
