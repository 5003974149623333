#include "pair-products.h"

#include <algorithm>
#include <cstring>
#include <vector>

// A fused multiply-add rounds once instead of twice, so machines without it would give other bits.
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

// The rows of a tile, as a power of two: one tile of each side fits into a core's cache.
int TileBits(size_t rows, size_t dimension) {
  constexpr size_t kTileBytes = 1 << 18, kMostTiles = 1 << 11;
  int bits = 0;
  while ((size_t(2) << bits) * dimension * sizeof(double) <= kTileBytes || (rows >> bits) >= kMostTiles) bits++;
  return bits;
}

struct Pair {
  int32_t left, right;
  uint32_t index;
};

// The rows of a tile, copied to where no vector crosses a cache line. Reading them in order also prefetches them.
class Tile {
 public:
  Tile(Rows rows, int bits, size_t dimension)
      : rows_(rows), bits_(bits), dimension_(dimension), memory_((dimension << bits) + kAlignment) {}

  void Take(size_t tile) {
    if (tile == tile_) return;
    tile_ = tile;
    const size_t first = tile << bits_, count = std::min(rows_.count - first, size_t(1) << bits_);
    std::memcpy(Start(), rows_.values + first * dimension_, count * dimension_ * sizeof(double));
  }

  const double *Row(size_t row) { return Start() + (row - (tile_ << bits_)) * dimension_; }

 private:
  static constexpr size_t kAlignment = 8;

  double *Start() {
    const auto address = reinterpret_cast<uintptr_t>(memory_.data()) / sizeof(double);
    return memory_.data() + (kAlignment - address % kAlignment) % kAlignment;
  }

  const Rows rows_;
  const int bits_;
  const size_t dimension_;
  size_t tile_ = SIZE_MAX;
  std::vector<double> memory_;
};

}  // namespace

bool PairProducts(Rows left, Rows right, size_t dimension, Pairs pairs, double *products) {
  const int leftBits = TileBits(left.count, dimension), rightBits = TileBits(right.count, dimension);
  const size_t rightTiles = (right.count >> rightBits) + 1, tiles = ((left.count >> leftBits) + 1) * rightTiles;
  const auto tileOf = [&](size_t pair) {
    return size_t(pairs.left[pair] >> leftBits) * rightTiles + size_t(pairs.right[pair] >> rightBits);
  };
  // Counting sort of the pairs by tile: a row is then fetched from memory once for many pairs.
  std::vector<uint32_t> ends(tiles + 1);
  for (size_t pair = 0; pair < pairs.count; pair++) {
    if (pairs.left[pair] < 0 || size_t(pairs.left[pair]) >= left.count) return false;
    if (pairs.right[pair] < 0 || size_t(pairs.right[pair]) >= right.count) return false;
    ends[tileOf(pair) + 1]++;
  }
  for (size_t tile = 1; tile <= tiles; tile++) ends[tile] += ends[tile - 1];
  std::vector<Pair> ordered(pairs.count);
  for (size_t pair = 0; pair < pairs.count; pair++) {
    ordered[ends[tileOf(pair)]++] = {pairs.left[pair], pairs.right[pair], uint32_t(pair)};
  }

  Tile leftTile(left, leftBits, dimension), rightTile(right, rightBits, dimension);
  for (size_t tile = 0, next = 0; tile < tiles; tile++) {
    const size_t end = ends[tile];
    // A tile with few pairs is not worth copying.
    const bool moved = end - next > (size_t(1) << rightBits);
    if (moved) {
      leftTile.Take(tile / rightTiles);
      rightTile.Take(tile % rightTiles);
    }
    for (; next < end; next++) {
      const Pair &pair = ordered[next];
      const double *a = moved ? leftTile.Row(pair.left) : left.values + size_t(pair.left) * dimension;
      const double *b = moved ? rightTile.Row(pair.right) : right.values + size_t(pair.right) * dimension;
      products[pair.index] = Product(a, b, dimension);
    }
  }
  return true;
}
