// The windows of a convolution without groups and dilation, on NHWC tensors: rows of a matrix [pixels of y][kh kw c], which
// kernels pack in parts.
#pragma once

#include <algorithm>

#include "lanes.h"

namespace headshare {

// x [b,h,w,c], filter [kh,kw,c,k], y [b,oh,ow,k]; top, left: the zeros above and left of x.
struct Convolution {
  int64_t b, h, w, c, kh, kw, k, oh, ow, row_stride, column_stride, top, left;

  int64_t Window() const { return kh * kw * c; }
  int64_t Pixels() const { return b * oh * ow; }
  int64_t Work() const { return Pixels() * Window() * k; }
};

inline void Copy(const float *from, int64_t count, float *to) {
  ForVectors(count, [=](auto v, int64_t i) HEADSHARE_INLINED { decltype(v)::Store(to + i, decltype(v)::Load(from + i)); });
}

// The windows of y's pixels, one after the other.
class Windows {
 public:
  Windows(const Convolution &convolution, const float *x, int64_t pixel)
      : g_(convolution), x_(x), end_(x + g_.b * g_.h * g_.w * g_.c) {
    column_ = pixel % g_.ow, row_ = pixel / g_.ow % g_.oh, picture_ = pixel / g_.ow / g_.oh;
  }

  void Next() {
    if (++column_ < g_.ow) return;
    column_ = 0;
    if (++row_ < g_.oh) return;
    row_ = 0;
    picture_++;
  }

  // Whether the window has no zeros of the padding.
  bool Inside() const { return Top() >= 0 && Top() + g_.kh <= g_.h && Left() >= 0 && Left() + g_.kw <= g_.w; }

  // The window's first value. It must be inside.
  const float *First() const { return x_ + ((picture_ * g_.h + Top()) * g_.w + Left()) * g_.c; }

  // Writes the values from `first` on, and up to kWidth - 1 undefined ones after them.
  void Write(int64_t first, int64_t count, float *to) const {
    const bool whole = count == g_.Window() && Inside() && First() + (g_.kh - 1) * g_.w * g_.c + RoundUp(Line(), kWidth) <= end_;
    whole ? WriteWhole(to) : WriteLines(first, first + count, to);
  }

 private:
  int64_t Top() const { return row_ * g_.row_stride - g_.top; }
  int64_t Left() const { return column_ * g_.column_stride - g_.left; }
  int64_t Line() const { return g_.kw * g_.c; }

  // In whole vectors, which the next line's overwrite in part.
  void WriteWhole(float *to) const {
    const float *from = First();
    for (int64_t tap = 0; tap < g_.kh; tap++, from += g_.w * g_.c, to += Line()) {
      for (int64_t i = 0; i < Line(); i += kWidth) Store(to + i, Load(from + i));
    }
  }

  // The values [first, last), in lines of x with zeros on either side.
  void WriteLines(int64_t first, int64_t last, float *to) const {
    const int64_t inside = std::clamp<int64_t>(-Left(), 0, g_.kw) * g_.c;
    const int64_t outside = std::clamp<int64_t>(g_.w - Left(), 0, g_.kw) * g_.c;
    for (int64_t tap = first / Line(); tap * Line() < last; tap++) {
      const int64_t begin = std::max<int64_t>(first - tap * Line(), 0), end = std::min(last - tap * Line(), Line());
      float *at = to + tap * Line() - first;
      const int64_t y = Top() + tap;
      if (y < 0 || y >= g_.h) {
        std::fill(at + begin, at + end, 0.0f);
        continue;
      }
      const int64_t from = std::clamp(inside, begin, end), until = std::clamp(outside, from, end);
      std::fill(at + begin, at + from, 0.0f);
      Copy(x_ + ((picture_ * g_.h + y) * g_.w + Left()) * g_.c + from, until - from, at + from);
      std::fill(at + until, at + end, 0.0f);
    }
  }

  const Convolution &g_;
  const float *const x_, *const end_;
  int64_t column_, row_, picture_;
};

}  // namespace headshare
