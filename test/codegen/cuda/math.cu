// Functions of kernel regions, element by element.
#include "moec/math.cuh"
using namespace moec;

extern "C" __global__ void __launch_bounds__(128)
    functions(const float *x, const double *angle, float *e, float *root, double *s, double *c, float *most, int n) {
  int i = blockIdx.x * 128 + threadIdx.x;
  if (i >= n)
    return;
  e[i] = moec::exp(x[i]);
  root[i] = moec::sqrt(x[i]);
  s[i] = moec::sin(angle[i]);
  c[i] = moec::cos(angle[i]);
  most[i] = maximum(x[i], i + 1 < n ? x[i + 1] : x[i]);
}
