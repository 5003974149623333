#include "pair-products.h"

#include <cstring>
#include <vector>

// A fused multiply-add rounds once instead of twice: machines without it would give other bits.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

namespace {

constexpr size_t kVectors = 4, kWidth = 8, kLanes = kVectors * kWidth;
typedef double Vector __attribute__((vector_size(kWidth * sizeof(double))));

Vector Load(const double *from) {
  Vector value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

double Product(const double *a, const double *b, size_t dimension) {
  Vector sums[kVectors] = {};
  size_t i = 0;
  for (; i + kLanes <= dimension; i += kLanes) {
    for (size_t v = 0; v < kVectors; v++) sums[v] += Load(a + i + v * kWidth) * Load(b + i + v * kWidth);
  }
  for (size_t lane = 0; i < dimension; i++, lane++) sums[lane / kWidth][lane % kWidth] += a[i] * b[i];
  const Vector sum = (sums[0] + sums[2]) + (sums[1] + sums[3]);
  const double fours[4] = {sum[0] + sum[4], sum[1] + sum[5], sum[2] + sum[6], sum[3] + sum[7]};
  return (fours[0] + fours[2]) + (fours[1] + fours[3]);
}

// Rows of a tile, as a power of two: a tile of either side fits into a core's cache together.
int TileBits(size_t rows, size_t dimension) {
  constexpr size_t kTileBytes = 1 << 18, kMostTiles = 1 << 11;
  int bits = 0;
  while ((size_t(2) << bits) * dimension * sizeof(double) <= kTileBytes || (rows >> bits) >= kMostTiles) bits++;
  return bits;
}

}  // namespace

bool PairProducts(Rows left, Rows right, size_t dimension, Pairs pairs, double *products) {
  const int leftBits = TileBits(left.count, dimension), rightBits = TileBits(right.count, dimension);
  const size_t rightTiles = (right.count >> rightBits) + 1;
  const auto tile = [&](size_t pair) {
    return size_t(pairs.left[pair] >> leftBits) * rightTiles + size_t(pairs.right[pair] >> rightBits);
  };
  // Pairs in order of their tiles, by counting: a row is then fetched from memory once for many pairs.
  std::vector<uint32_t> next(((left.count >> leftBits) + 1) * rightTiles + 1);
  for (size_t pair = 0; pair < pairs.count; pair++) {
    if (pairs.left[pair] < 0 || size_t(pairs.left[pair]) >= left.count) return false;
    if (pairs.right[pair] < 0 || size_t(pairs.right[pair]) >= right.count) return false;
    next[tile(pair) + 1]++;
  }
  for (size_t t = 1; t < next.size(); t++) next[t] += next[t - 1];
  std::vector<uint32_t> order(pairs.count);
  for (size_t pair = 0; pair < pairs.count; pair++) order[next[tile(pair)]++] = uint32_t(pair);

  for (const uint32_t pair : order) {
    const double *a = left.values + size_t(pairs.left[pair]) * dimension;
    const double *b = right.values + size_t(pairs.right[pair]) * dimension;
    products[pair] = Product(a, b, dimension);
  }
  return true;
}
