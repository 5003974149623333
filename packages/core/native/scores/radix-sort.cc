#include "radix-sort.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int kBits = 11, kPasses = 6;
constexpr size_t kDigits = 1 << kBits;

// A double's bits as an integer with the same order: the bits of negative numbers count downwards.
uint64_t Ascending(uint64_t bits) { return bits ^ (uint64_t(int64_t(bits) >> 63) | (uint64_t(1) << 63)); }
uint64_t Original(uint64_t key) { return key ^ (((key >> 63) - 1) | (uint64_t(1) << 63)); }

size_t Digit(uint64_t key, int pass) { return (key >> (pass * kBits)) & (kDigits - 1); }

}  // namespace

void RadixSort(double *values, size_t count) {
  std::vector<uint64_t> keys(count), moved(count);
  std::memcpy(keys.data(), values, count * sizeof(double));
  std::vector<std::array<size_t, kDigits>> places(kPasses, std::array<size_t, kDigits>{});
  for (auto &key : keys) {
    key = Ascending(key);
    for (int pass = 0; pass < kPasses; pass++) places[pass][Digit(key, pass)]++;
  }
  for (int pass = 0; pass < kPasses; pass++) {
    size_t total = 0;
    bool alike = false;
    for (auto &place : places[pass]) {
      const size_t here = place;
      alike = alike || here == count;
      place = total;
      total += here;
    }
    if (alike) continue;
    for (const uint64_t key : keys) moved[places[pass][Digit(key, pass)]++] = key;
    keys.swap(moved);
  }
  for (auto &key : keys) key = Original(key);
  std::memcpy(values, keys.data(), count * sizeof(double));
}
