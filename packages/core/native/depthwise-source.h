// What a depthwise convolution reads: the rows of x as they are, or as batch norm makes them, computed when they are needed.
// Normalising a few rows in the cache is faster than reading from memory what was normalised before.
#pragma once

#include "batch-norm-inputs.h"
#include "depthwise-maps.h"
#include "scratch.h"

namespace headshare {
namespace depthwise {

// The bands that one task takes, where it normalises: neighbours share the rows that both their filters reach. Their rows stay
// in a processor's second cache.
constexpr int64_t kBandsTogether = 8;

struct NormalisedAttributes : Attributes, ActivationAttribute {
  explicit NormalisedAttributes(Construction &from) : Attributes(from), ActivationAttribute(from) {}
};

// Turns rows of x into rows of batch norm's output, with the bits of HeadshareBatchNorm.
struct Norm {
  Norm(const NormVectors &vectors, Activation activation)
      : affine(vectors.affine()), normalise(NormaliseFor(activation, false)) {}
  Affine affine;
  Normalise normalise;
};

// The rows of a map that outputs `from` ... `to` - 1 reach. Only one of a thread's exists at a time: it uses Scratch.
class Source {
 public:
  // Without a norm, the rows are x's.
  Source(const Geometry &g, const float *map, const Norm *norm, int64_t from, int64_t to)
      : g_(g), norm_(norm), map_(map), row_(g.w * g.c) {
    if (!norm || from >= to) return;
    const Rows last = UnderOutput(g, to - 1);
    first_ = next_ = UnderOutput(g, from).first_source;
    normalised_ = Scratch((last.first_source + last.count - first_) * row_);
  }

  bool Normalises() const { return norm_ != nullptr; }

  // The place of the first of these rows. Ask for them in the order of the outputs.
  const float *At(const Rows &rows) {
    if (!norm_) return map_ + rows.first_source * row_;
    const int64_t end = rows.first_source + rows.count;
    // Strides that are larger than the filter leave rows out.
    next_ = std::max(next_, rows.first_source);
    if (next_ < end) {
      norm_->normalise(map_ + next_ * row_, nullptr, norm_->affine, normalised_ + (next_ - first_) * row_,
                       (end - next_) * g_.w, g_.c);
      next_ = end;
    }
    return normalised_ + (rows.first_source - first_) * row_;
  }

 private:
  const Geometry &g_;
  const Norm *norm_;
  const float *map_;
  float *normalised_ = nullptr;
  // In elements; then the first row of `normalised_`, and the first one that is not computed yet.
  int64_t row_, first_ = 0, next_ = 0;
};

}  // namespace depthwise
}  // namespace headshare
