// JPEG decoding by the libjpeg-turbo inside TensorFlow's library: it runs on the calling thread, without libvips's switches
// between threads, and can skip the columns and rows around a crop.
#include "jpeg.h"

#include <cstdint>
#include <functional>

namespace tensorflow {
namespace jpeg {
// Copied from the provisioned TensorFlow's tensorflow/core/lib/jpeg/jpeg_mem.h, because the setup keeps no such headers.
struct UncompressFlags {
  int ratio = 1;
  int components = 0;
  bool fancy_upscaling = true;
  bool try_recover_truncated_jpeg = false;
  float min_acceptable_fraction = 1.0;
  int stride = 0;
  // J_DCT_METHOD; 0: JDCT_ISLOW, the accurate one.
  int dct_method = 0;
  bool crop = false;
  int crop_x = 0;
  int crop_y = 0;
  int crop_width = 0;
  int crop_height = 0;
};

uint8_t *Uncompress(const void *bytes, int size, const UncompressFlags &flags, int64_t *warnings,
                    std::function<uint8_t *(int, int, int)> allocate);
}  // namespace jpeg
}  // namespace tensorflow

bool DecodeJpeg(const uint8_t *bytes, size_t size, const Box &box, std::vector<uint8_t> &pixels) {
  tensorflow::jpeg::UncompressFlags flags;
  flags.components = 3;
  flags.crop = true;
  flags.crop_x = box.left;
  flags.crop_y = box.top;
  flags.crop_width = box.width;
  flags.crop_height = box.height;
  const auto allocate = [&](int width, int height, int channels) -> uint8_t * {
    if (width != box.width || height != box.height || channels != 3) return nullptr;
    pixels.resize(size_t(width) * height * 3);
    return pixels.data();
  };
  // libjpeg's warnings (extraneous bytes, odd parameters of a scan, damaged data) do not count, as in Pillow.
  return tensorflow::jpeg::Uncompress(bytes, int(size), flags, nullptr, allocate) != nullptr;
}
