// The gradient of a convolution for its filter, on NHWC tensors without dilation.
//   HeadshareConvGradFilter(dy [b,oh,ow,k], x [b,h,w,c], filter [kh,kw,c,k]; row_stride, column_stride, top, left: the zeros
//     above and left of x; those below and right follow from dy) -> dfilter, like filter
// It is the product of two matrices: the windows of x, transposed, [kh kw c][pixels of y], and dy [pixels of y][k].
// TensorFlow's operation (oneDNN) splits the sums over pixels by the number of threads, so that its bits depend on it.
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "matrix-kernel.h"
#include "thread-pool.h"
#include "winograd.h"

namespace headshare {
namespace {

// Pixels that are packed and summed at a time.
constexpr int64_t kPixels = 128;
// The most rows and columns of a part's sums, which stay in the second-level cache.
constexpr int64_t kSlice = 256;
// The most parts, if each has at least so many pixels, and if their sums together have at most so many floats: beyond that,
// adding the sums takes longer than it may.
constexpr int64_t kParts = 64;
constexpr int64_t kChunk = 512;
constexpr int64_t kSums = 524288;
// Multiplications that justify waking one more thread: some 40 us of one thread.
constexpr int64_t kPerThread = 2097152;
// Matrices of at most so many columns are read in place. The rows of wider ones compete for the same cache lines.
constexpr int64_t kInPlace = 128;

struct Geometry {
  int64_t b, h, w, c, kh, kw, oh, ow, k, row_stride, column_stride, top, left;

  int64_t Rows() const { return kh * kw * c; }
  int64_t Pixels() const { return b * oh * ow; }
  int64_t Work() const { return Pixels() * Rows() * k; }
  // Whether a window is a pixel of x, in x's order.
  bool IsPointwise() const {
    return kh == 1 && kw == 1 && row_stride == 1 && column_stride == 1 && top == 0 && left == 0 && oh == h && ow == w;
  }
};

int64_t Quotient(int64_t value, int64_t by) { return (value + by - 1) / by; }

// An odd number of vectors, so that rows do not compete for the same cache lines.
int64_t Stride(int64_t columns) { return (Quotient(columns, kWidth) | 1) * kWidth; }

// The work is cut, by the shape alone, into parts: a slice of the rows, one of the columns and a chunk of the pixels.
struct Parts {
  int64_t row_slices, rows, column_slices, columns, chunks, pixels;

  static Parts Of(const Geometry &g) {
    const auto slice = [](int64_t size, int64_t multiple) {
      return RoundUp(Quotient(size, Quotient(size, kSlice)), multiple);
    };
    Parts parts;
    parts.rows = slice(g.Rows(), kOuterRows);
    parts.columns = slice(g.k, kPanel);
    parts.row_slices = Quotient(g.Rows(), parts.rows);
    parts.column_slices = Quotient(g.k, parts.columns);
    const int64_t sums = parts.Slices() * parts.Size();
    const int64_t wanted = std::min({kParts / parts.Slices(), kSums / sums, g.Pixels() / kChunk});
    parts.pixels = RoundUp(Quotient(g.Pixels(), std::max<int64_t>(wanted, 1)), kPixels);
    parts.chunks = Quotient(g.Pixels(), parts.pixels);
    return parts;
  }
  int64_t Slices() const { return row_slices * column_slices; }
  // The sums of one part: panels of [rows][kPanel or, the last one, fewer].
  int64_t Size() const { return rows * columns; }
  int64_t Slice(int64_t row, int64_t column) const { return row / rows * column_slices + column / columns; }
  int64_t At(int64_t chunk, int64_t slice) const { return (chunk * Slices() + slice) * Size(); }
};

// Rows from[0], from[step] ...
struct Matrix {
  const float *from;
  int64_t step;
};

inline void Copy(const float *from, int64_t count, float *to) {
  ForVectors(count, [=](auto v, int64_t i) HEADSHARE_INLINED { decltype(v)::Store(to + i, decltype(v)::Load(from + i)); });
}

class Part {
 public:
  Part(const Geometry &g, const Parts &parts, int64_t index)
      : g_(g),
        parts_(parts),
        chunk_(index / parts.Slices()),
        slice_(index % parts.Slices()),
        first_row_(slice_ / parts.column_slices * parts.rows),
        rows_(std::min(parts.rows, g.Rows() - first_row_)),
        first_column_(slice_ % parts.column_slices * parts.columns),
        columns_(std::min(parts.columns, g.k - first_column_)) {}

  void Run(const float *dy, const float *x, float *all) const {
    float *sums = all + parts_.At(chunk_, slice_);
    std::fill(sums, sums + parts_.Size(), 0.0f);
    const int64_t left_size = Stride(rows_) * kPixels + kWidth;
    float *left = Scratch(left_size + Stride(columns_) * kPixels), *right = left + left_size;
    const int64_t end = std::min((chunk_ + 1) * parts_.pixels, g_.Pixels());
    for (int64_t first = chunk_ * parts_.pixels; first < end; first += kPixels) {
      const int64_t count = std::min(kPixels, end - first);
      const Matrix windows = Windows(x, first, count, left);
      Accumulate(windows, Columns(dy, first, count, right), count, sums);
    }
  }

 private:
  // The rows and columns that fill up the last tile are left as they are: nobody reads their sums.
  Matrix Windows(const float *x, int64_t first, int64_t count, float *to) const {
    if (g_.IsPointwise() && g_.c <= kInPlace && g_.c % kOuterRows == 0) return {x + first * g_.c + first_row_, g_.c};
    const int64_t step = Stride(rows_);
    int64_t column = first % g_.ow, row = first / g_.ow % g_.oh, picture = first / g_.ow / g_.oh;
    for (int64_t i = 0; i < count; i++) {
      float *at = to + i * step;
      if (!WholeWindow(x, picture, row, column, at)) Window(x, picture, row, column, at);
      if (++column < g_.ow) continue;
      column = 0;
      if (++row < g_.oh) continue;
      row = 0;
      picture++;
    }
    return {to, step};
  }

  // A window inside of x, in whole vectors, which the next ones overwrite in part. False where that is not possible.
  bool WholeWindow(const float *x, int64_t picture, int64_t row, int64_t column, float *to) const {
    const int64_t y = row * g_.row_stride - g_.top, across = column * g_.column_stride - g_.left, line = g_.kw * g_.c;
    if (y < 0 || y + g_.kh > g_.h || across < 0 || across + g_.kw > g_.w || rows_ < g_.Rows()) return false;
    int64_t from = ((picture * g_.h + y) * g_.w + across) * g_.c;
    if (from + (g_.kh - 1) * g_.w * g_.c + RoundUp(line, kWidth) > g_.b * g_.h * g_.w * g_.c) return false;
    for (int64_t tap = 0; tap < g_.kh; tap++, from += g_.w * g_.c, to += line) {
      for (int64_t i = 0; i < line; i += kWidth) Store(to + i, Load(x + from + i));
    }
    return true;
  }

  // The rows of one window, each a line of x with zeros on either side.
  void Window(const float *x, int64_t picture, int64_t row, int64_t column, float *to) const {
    const int64_t line = g_.kw * g_.c, across = column * g_.column_stride - g_.left, end_row = first_row_ + rows_;
    const int64_t inside = std::clamp<int64_t>(-across, 0, g_.kw) * g_.c;
    const int64_t outside = std::clamp<int64_t>(g_.w - across, 0, g_.kw) * g_.c;
    for (int64_t tap = first_row_ / line; tap * line < end_row; tap++) {
      const int64_t y = row * g_.row_stride - g_.top + tap;
      const int64_t begin = std::max<int64_t>(first_row_ - tap * line, 0), end = std::min(end_row - tap * line, line);
      float *at = to + tap * line - first_row_;
      if (y < 0 || y >= g_.h) {
        std::fill(at + begin, at + end, 0.0f);
        continue;
      }
      const int64_t from = std::clamp(inside, begin, end), until = std::clamp(outside, from, end);
      std::fill(at + begin, at + from, 0.0f);
      Copy(x + ((picture * g_.h + y) * g_.w + across) * g_.c + from, until - from, at + from);
      std::fill(at + until, at + end, 0.0f);
    }
  }

  Matrix Columns(const float *dy, int64_t first, int64_t count, float *to) const {
    const float *from = dy + first * g_.k + first_column_;
    if (g_.k <= kInPlace && g_.k % kWidth == 0) return {from, g_.k};
    const int64_t step = Stride(columns_);
    for (int64_t i = 0; i < count; i++) Copy(from + i * g_.k, columns_, to + i * step);
    return {to, step};
  }

  void Accumulate(const Matrix &left, const Matrix &right, int64_t count, float *sums) const {
    const int64_t padded = RoundUp(columns_, kWidth);
    for (int64_t panel = 0; panel < padded; panel += kPanel) {
      const int64_t width = std::min<int64_t>(padded - panel, kPanel);
      for (int64_t row = 0; row < rows_; row += kOuterRows) {
        float *to = sums + panel * parts_.rows + row * width;
        if (width == kPanel) {
          AccumulateTile<2>(left.from + row, left.step, right.from + panel, right.step, count, to);
        } else {
          AccumulateTile<1>(left.from + row, left.step, right.from + panel, right.step, count, to);
        }
      }
    }
  }

  const Geometry &g_;
  const Parts &parts_;
  const int64_t chunk_, slice_, first_row_, rows_, first_column_, columns_;
};

// Adds the chunks' sums of one row of the gradient, in their order.
void Finish(const Geometry &g, const Parts &parts, const float *sums, int64_t row, float *to) {
  for (int64_t lane = 0; lane < g.k; lane += kWidth) {
    const int64_t first = lane / parts.columns * parts.columns, within = lane - first;
    const int64_t padded = RoundUp(std::min(parts.columns, g.k - first), kWidth), panel = within / kPanel * kPanel;
    const int64_t width = std::min<int64_t>(padded - panel, kPanel);
    const int64_t offset = panel * parts.rows + row % parts.rows * width + (within - panel);
    Vector sum = {};
    for (int64_t chunk = 0; chunk < parts.chunks; chunk++) {
      sum += Load(sums + parts.At(chunk, parts.Slice(row, lane)) + offset);
    }
    StoreSome(to + lane, sum, g.k - lane);
  }
}

void FilterGradient(const Geometry &g, const float *dy, const float *x, float *dfilter) {
  const Parts parts = Parts::Of(g);
  const Floats sums(parts.At(parts.chunks, 0));
  ParallelFor(parts.chunks * parts.Slices(), g.Work() / kPerThread - 1,
              [&](int64_t index) { Part(g, parts, index).Run(dy, x, sums.data()); });
  ParallelFor(g.Rows(), parts.chunks * g.Rows() * g.k / kPerThread - 1,
              [&](int64_t row) { Finish(g, parts, sums.data(), row, dfilter + row * g.k); });
}

struct Settings {
  explicit Settings(Construction &from)
      : row_stride(from.Int("row_stride")),
        column_stride(from.Int("column_stride")),
        top(from.Int("top")),
        left(from.Int("left")) {}
  int32_t row_stride, column_stride, top, left;
};

void Compute(void *state, TF_OpKernelContext *context) {
  const Settings &own = *static_cast<Settings *>(state);
  Run run("HeadshareConvGradFilter", context);
  const Tensor dy = run.Input(0), x = run.Input(1), filter = run.Input(2);
  if (!run.ok()) return;
  const Shape out = ShapeOf(dy), in = ShapeOf(x), taps = ShapeOf(filter);
  if (own.row_stride < 1 || own.column_stride < 1 || own.top < 0 || own.left < 0) {
    return run.Refuse("strides must be at least 1 and zeros at least 0.");
  }
  if (in.size() != 4 || taps.size() != 4 || taps[2] != in[3]) {
    return run.Refuse("filter must be [height,width,channels,outputs] with x's channels; got " + Text(taps) + " for x " +
                      Text(in) + ".");
  }
  if (out.size() != 4 || out[0] != in[0] || out[3] != taps[3]) {
    return run.Refuse("dy must be [" + std::to_string(in[0]) + ",height,width," + std::to_string(taps[3]) + "]; got " +
                      Text(out) + ".");
  }
  const Tensor dfilter = run.Output(0, taps);
  if (!run.ok()) return;
  const Geometry g = {in[0],  in[1],   in[2],          in[3],            taps[0], taps[1], out[1],
                      out[2], taps[3], own.row_stride, own.column_stride, own.top, own.left};
  if (g.Work() == 0) {
    std::fill(DataOf(dfilter), DataOf(dfilter) + SizeOf(dfilter), 0.0f);
  } else {
    FilterGradient(g, DataOf(dy), DataOf(x), DataOf(dfilter));
  }
}

void Infer(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  for (int input = 0; input < 3; input++) infer.Rank(input, 4);
  infer.Like(0, 2);
}

}  // namespace

std::vector<std::string> RegisterConvGradFilter() {
  return Register({{"HeadshareConvGradFilter",
                    {"dy: float", "x: float", "filter: float"},
                    {"dfilter: float"},
                    {"row_stride: int", "column_stride: int", "top: int", "left: int"},
                    Infer,
                    Create<Settings>,
                    Compute,
                    Destroy<Settings>}});
}

}  // namespace headshare
