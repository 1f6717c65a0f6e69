// An assertion that does not hold for thread 7.
#include <cassert>

extern "C" __global__ void checked(const int *in) { assert(in[threadIdx.x] < 7); }
