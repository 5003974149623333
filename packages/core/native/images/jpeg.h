#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

struct Box {
  int left, top, width, height;
};

// Decodes a box inside a JPEG image (three or one components) to RGB.
// False where the image is cut short, libjpeg gives up, or its kind is not supported; the pixels are then undefined.
bool DecodeJpeg(const uint8_t *bytes, size_t size, const Box &box, std::vector<uint8_t> &pixels);
