// The gradient of a convolution for its filter, on NHWC tensors without dilation.
//   HeadshareConvGradFilter(dy [b,oh,ow,k], x [b,h,w,c], filter [kh,kw,c,k]; row_stride, column_stride, top, left: the zeros
//     above and left of x; those below and right follow from dy) -> dfilter, like filter
// It is the product of two matrices: the windows of x, transposed, [kh kw c][pixels of y], and dy [pixels of y][k].
// TensorFlow's operation (oneDNN) splits the sums over pixels by the number of threads, so that its bits depend on it.
#include <algorithm>

#include "kernel.h"
#include "kernels.h"
#include "matrix-kernel.h"
#include "scratch.h"
#include "thread-pool.h"
#include "windows.h"

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
// Matrices of at most so many columns are read in place. The rows of wider ones compete for the same cache lines.
constexpr int64_t kInPlace = 128;

// Whether a window is a pixel of x, in x's order.
bool IsPointwise(const Convolution &g) {
  return g.kh == 1 && g.kw == 1 && g.row_stride == 1 && g.column_stride == 1 && g.top == 0 && g.left == 0 && g.oh == g.h &&
         g.ow == g.w;
}

// An odd number of vectors, so that rows do not compete for the same cache lines.
int64_t Stride(int64_t columns) { return (Quotient(columns, kWidth) | 1) * kWidth; }

// The work is cut, by the shape alone, into parts: a slice of the rows, one of the columns and a chunk of the pixels.
struct Parts {
  int64_t row_slices, rows, column_slices, columns, chunks, pixels;

  static Parts Of(const Convolution &g) {
    const auto slice = [](int64_t size, int64_t multiple) {
      return RoundUp(Quotient(size, Quotient(size, kSlice)), multiple);
    };
    Parts parts;
    parts.rows = slice(g.Window(), kOuterRows);
    parts.columns = slice(g.k, kPanel);
    parts.row_slices = Quotient(g.Window(), parts.rows);
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

class Part {
 public:
  Part(const Convolution &g, const Parts &parts, int64_t index)
      : g_(g),
        parts_(parts),
        chunk_(index / parts.Slices()),
        slice_(index % parts.Slices()),
        first_row_(slice_ / parts.column_slices * parts.rows),
        rows_(std::min(parts.rows, g.Window() - first_row_)),
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
      const Matrix rows = Rows(x, first, count, left);
      Accumulate(rows, Columns(dy, first, count, right), count, sums);
    }
  }

 private:
  // Rows and columns that fill up the last tile are undefined; nothing reads their sums.
  Matrix Rows(const float *x, int64_t first, int64_t count, float *to) const {
    if (IsPointwise(g_) && g_.c <= kInPlace && g_.c % kOuterRows == 0) return {x + first * g_.c + first_row_, g_.c};
    const int64_t step = Stride(rows_);
    Windows windows(g_, x, first);
    for (int64_t i = 0; i < count; i++, windows.Next()) windows.Write(first_row_, rows_, to + i * step);
    return {to, step};
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

  const Convolution &g_;
  const Parts &parts_;
  const int64_t chunk_, slice_, first_row_, rows_, first_column_, columns_;
};

// Adds the chunks' sums of one row of the gradient, in their order.
void Finish(const Convolution &g, const Parts &parts, const float *sums, int64_t row, float *to) {
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

void FilterGradient(const Convolution &g, const float *dy, const float *x, float *dfilter) {
  const Parts parts = Parts::Of(g);
  const Floats sums(parts.At(parts.chunks, 0));
  ParallelFor(parts.chunks * parts.Slices(), g.Work() / kPerThread - 1,
              [&](int64_t index) { Part(g, parts, index).Run(dy, x, sums.data()); });
  ParallelFor(g.Window(), parts.chunks * g.Window() * g.k / kPerThread - 1,
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
  const Convolution g = {in[0],  in[1],  in[2],          in[3],             taps[0], taps[1], taps[3],
                         out[1], out[2], own.row_stride, own.column_stride, own.top, own.left};
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
