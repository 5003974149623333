#pragma once

#include <cstddef>

// Sorts numbers, none of them NaN, in ascending order; -0 comes before 0. Needs as much memory again.
void RadixSort(double *values, size_t count);
