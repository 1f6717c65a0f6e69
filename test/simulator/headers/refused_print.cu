// Device code that prints.
#include <cstdio>

extern "C" __global__ void print() { printf("thread %d\n", threadIdx.x); }
