// Convolutions for evaluation, and small ones of training, without groups and dilation, on NHWC tensors.
//   HeadshareConvFilter(filter [kh,kw,c,k]; rotated) -> packed [kh kw c, k or more]; rotated: turned by 180 degrees with input and
//     output channels exchanged, [kh kw k, c or more], for the gradient of the input
//   HeadshareConvFused(x [b,h,w,c], packed, bias, residual, slope (epilogue.h), size [oh,ow,0]; activation, kernel_rows,
//     kernel_columns, row_stride, column_stride, top, left: the zeros above and left of x) -> y [b,oh,ow,k]
//   HeadshareConvGradInput: HeadshareConvFused of dy and a rotated filter; the compiler's passes tell gradients by the name
// It is a product of two matrices: the windows of x [pixels of y][kh kw c], of which a tile at a time is packed, and the
// filter. TensorFlow's operation hands its work to other threads even where that takes longer than the work.
#include <algorithm>

#include "epilogue.h"
#include "kernels.h"
#include "matrix-kernel.h"
#include "scratch.h"
#include "thread-pool.h"
#include "windows.h"

namespace headshare {
namespace {

// Floats of windows that are packed at a time: 128 KB, which stay in the second-level cache beside a panel of the filter.
constexpr int64_t kBlock = 32768;
// Pieces of work for each thread, so that all end together.
constexpr int64_t kPieces = 4;

int64_t Panels(const Convolution &g) { return Quotient(g.k, kPanel); }

// How the product is cut: into blocks of groups of kTileRows pixels, and slices of the filter's panels.
struct Pieces {
  int64_t groups, blocks, panels, slices, helpers;

  static Pieces Of(const Convolution &g) {
    Pieces pieces;
    const int64_t all = Quotient(g.Pixels(), kTileRows);
    pieces.helpers = g.Work() / kPerThread - 1;
    const int64_t wanted = pieces.helpers < 1 ? 1 : kPieces * (pieces.helpers + 1);
    const int64_t fit = kBlock / (kTileRows * RoundUp(g.Window(), kChannels));
    pieces.groups = std::max<int64_t>(1, std::min(fit, all / wanted));
    pieces.blocks = Quotient(all, pieces.groups);
    pieces.panels = std::max<int64_t>(1, Panels(g) / Quotient(wanted, pieces.blocks));
    pieces.slices = Quotient(Panels(g), pieces.panels);
    return pieces;
  }
};

class Piece {
 public:
  Piece(const Convolution &g, const Pieces &pieces, int64_t index)
      : g_(g),
        pieces_(pieces),
        padded_(RoundUp(g.Window(), kChannels)),
        first_(index / pieces.slices * pieces.groups * kTileRows),
        pixels_(std::min(pieces.groups * kTileRows, g.Pixels() - first_)),
        panel_(index % pieces.slices * pieces.panels) {}

  void Run(const float *x, const float *packed, const Epilogue &epilogue, float *y) const {
    // A window is written and read in whole vectors.
    const int64_t size_of_rows = pieces_.groups * kTileRows * padded_;
    float *rows = Scratch(size_of_rows + padded_ + kWidth), *window = rows + size_of_rows;
    Pack(x, window, rows);
    const int64_t size = g_.Window(), outputs = RoundUp(g_.k, kWidth);
    const int64_t end = std::min(panel_ + pieces_.panels, Panels(g_));
    for (int64_t first = panel_ * kPanel; first < end * kPanel; first += kPanel) {
      const int64_t width = std::min<int64_t>(outputs - first, kPanel);
      for (int64_t pixel = 0; pixel < pixels_; pixel += kTileRows) {
        alignas(64) float tile[kTileRows * kPanel];
        if (width == kPanel) {
          MultiplyRows<2>(pixels_ - pixel, rows + pixel * padded_, packed + first * size, size, tile);
        } else {
          MultiplyRows<1>(pixels_ - pixel, rows + pixel * padded_, packed + first * size, size, tile);
        }
        Finish(tile, width, pixel, first, epilogue, y);
      }
    }
  }

 private:
  // Each group of kTileRows windows is [block of kChannels values][window][value]. Values after a window's last one and windows
  // after the last one are undefined; no result depends on them.
  void Pack(const float *x, float *window, float *rows) const {
    const bool in_place = g_.kh == 1 && g_.kw == 1 && g_.c % kChannels == 0;
    Windows windows(g_, x, first_);
    for (int64_t i = 0; i < pixels_; i++, windows.Next()) {
      const float *from = window;
      if (in_place && windows.Inside()) {
        from = windows.First();
      } else {
        windows.Write(0, g_.Window(), window);
      }
      float *to = rows + i / kTileRows * kTileRows * padded_ + i % kTileRows * kChannels;
      for (int64_t done = 0; done < padded_; done += kChannels, to += kTileRows * kChannels) {
#pragma GCC unroll 4
        for (int64_t j = 0; j < kChannels; j += kWidth) Store(to + j, Load(from + done + j));
      }
    }
  }

  void Finish(const float *tile, int64_t width, int64_t pixel, int64_t first, const Epilogue &epilogue, float *y) const {
    const int64_t rows = std::min<int64_t>(pixels_ - pixel, kTileRows), channels = std::min(width, g_.k - first);
    for (int64_t r = 0; r < rows; r++) {
      const int64_t at = (first_ + pixel + r) * g_.k + first;
      ForVectors(channels, [&](auto v, int64_t i) HEADSHARE_INLINED {
        using V = decltype(v);
        V::Store(y + at + i, epilogue.Of(v, V::Load(tile + r * width + i), first + i, at + i));
      });
    }
  }

  const Convolution &g_;
  const Pieces &pieces_;
  // The floats of a packed window; the first pixel of the result, their number, and the first panel.
  const int64_t padded_, first_, pixels_, panel_;
};

struct Rotation {
  explicit Rotation(Construction &from) : rotated(from.Int("rotated") != 0) {}
  bool rotated;
};

void PackFilter(void *state, TF_OpKernelContext *context) {
  const bool rotated = static_cast<Rotation *>(state)->rotated;
  Run run("HeadshareConvFilter", context);
  const Tensor filter = run.Input(0);
  if (!run.ok()) return;
  const Shape shape = ShapeOf(filter);
  if (shape.size() != 4) return run.Refuse("filter must be [height,width,channels,outputs]; got " + Text(shape) + ".");
  const int64_t taps = shape[0] * shape[1], c = shape[2], k = shape[3];
  const int64_t rows = taps * (rotated ? k : c), columns = rotated ? c : k, outputs = RoundUp(columns, kWidth);
  const Tensor packed = run.Output(0, {rows, outputs});
  if (!run.ok() || SizeOf(packed) == 0) return;
  float *to = DataOf(packed);
  for (int64_t first = 0; first < outputs; first += kPanel) {
    const int64_t width = std::min<int64_t>(outputs - first, kPanel), count = std::min(width, columns - first);
    for (int64_t row = 0; row < rows; row++, to += width) {
      if (rotated) {
        const float *from = DataOf(filter) + ((taps - 1 - row / k) * c + first) * k + row % k;
        for (int64_t i = 0; i < count; i++) to[i] = from[i * k];
      } else {
        Copy(DataOf(filter) + row * k + first, count, to);
      }
      std::fill(to + count, to + width, 0.0f);
    }
  }
}

struct State : FusedState {
  explicit State(Construction &from)
      : FusedState(from),
        kernel_rows(from.Int("kernel_rows")),
        kernel_columns(from.Int("kernel_columns")),
        row_stride(from.Int("row_stride")),
        column_stride(from.Int("column_stride")),
        top(from.Int("top")),
        left(from.Int("left")) {}
  int32_t kernel_rows, kernel_columns, row_stride, column_stride, top, left;
};

void Fused(void *state, TF_OpKernelContext *context) {
  const State &own = *static_cast<State *>(state);
  Run run("HeadshareConvFused", context);
  const Tensor x = run.Input(0), packed = run.Input(1);
  FusedTensors fused(run, 2);
  const Tensor size = run.Input(5);
  if (!run.ok()) return;
  const Shape in = ShapeOf(x), filter = ShapeOf(packed), outputs = fused.Outputs(), out = ShapeOf(size);
  if (own.kernel_rows < 1 || own.kernel_columns < 1 || own.row_stride < 1 || own.column_stride < 1 || own.top < 0 ||
      own.left < 0) {
    return run.Refuse("the kernel and strides must be at least 1 and zeros at least 0.");
  }
  const int64_t taps = own.kernel_rows * own.kernel_columns;
  if (in.size() != 4 || filter.size() != 2 || filter[0] != taps * in[3]) {
    return run.Refuse("packed must have a row for each of the " + std::to_string(taps) + " pixels of the kernel and each " +
                      "channel of x [batch,height,width,channels]; got " + Text(filter) + " for x " + Text(in) + ".");
  }
  if (outputs.size() != 1 || filter[1] != RoundUp(outputs[0], kWidth)) {
    return run.Refuse("packed must be a filter that HeadshareConvFilter packed for bias " + Text(outputs) + "; got " +
                      Text(filter) + ".");
  }
  if (out.size() != 3) return run.Refuse("size must be [height,width,0]; got " + Text(out) + ".");
  Epilogue epilogue;
  const Tensor y = fused.Output({in[0], out[0], out[1], outputs[0]}, own.activation, epilogue);
  if (!run.ok() || SizeOf(y) == 0) return;
  const Convolution g = {in[0],  in[1],  in[2],          in[3],             own.kernel_rows, own.kernel_columns, outputs[0],
                         out[0], out[1], own.row_stride, own.column_stride, own.top,         own.left};
  const Pieces pieces = Pieces::Of(g);
  ParallelFor(pieces.blocks * pieces.slices, pieces.helpers, [&](int64_t index) {
    Piece(g, pieces, index).Run(DataOf(x), DataOf(packed), epilogue, DataOf(y));
  });
}

void InferPacked(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Unknown();
}

void InferFused(TF_ShapeInferenceContext *context, TF_Status *status) {
  Inference infer(context, status);
  infer.Rank(0, 4);
  infer.Rank(1, 2);
  infer.Rank(2, 1);
  infer.Rank(5, 3);
  infer.FromDimensions(0, {{0, 0}, {5, 0}, {5, 1}, {2, 0}});
}

}  // namespace

std::vector<std::string> RegisterPackedConvolution() {
  const auto convolution = [](const char *name) -> Op {
    return {name,
            {"x: float", "packed: float", "bias: float", "residual: float", "slope: float", "size: float"},
            {"y: float"},
            {kAnyActivationAttribute, "kernel_rows: int", "kernel_columns: int", "row_stride: int", "column_stride: int",
             "top: int", "left: int"},
            InferFused,
            Create<State>,
            Fused,
            Destroy<State>};
  };
  return Register({
      {"HeadshareConvFilter",
       {"filter: float"},
       {"packed: float"},
       {"rotated: int"},
       InferPacked,
       Create<Rotation>,
       PackFilter,
       Destroy<Rotation>},
      convolution("HeadshareConvFused"),
      convolution("HeadshareConvGradInput"),
  });
}

}  // namespace headshare
