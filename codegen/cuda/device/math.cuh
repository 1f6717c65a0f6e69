//===- math.cuh - Functions of kernel regions ---------------------------------===//
#pragma once
#include "moec/types.cuh"

namespace moec {

__device__ float exp(float x);
__device__ float sqrt(float x);
__device__ double sin(double x);
__device__ double cos(double x);
/// The greater one; NaN if there is one (arith.maximumf).
__device__ float maximum(float a, float b);
/// Sum of a value of each of the 32 lanes, by halves: 16, 8, 4, 2, 1. All lanes get it.
__device__ float sum_lanes(float x);

} // namespace moec
