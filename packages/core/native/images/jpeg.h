#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

struct Box {
  int left, top, width, height;
};

// Decodes the box of a JPEG (three or one components) to RGB; box must lie inside the picture.
// False where the picture is damaged in any way, or of a kind that is not for here: then nothing is promised of pixels.
bool DecodeJpeg(const uint8_t *bytes, size_t size, const Box &box, std::vector<uint8_t> &pixels);
