// The mathematical functions of CUDA C++, calls, recursion and local arrays.

extern "C" __global__ void single(const float *in, float *out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float x = in[2 * i], y = in[2 * i + 1], *to = out + 28 * i, s, c;
  to[0] = sinf(x), to[1] = cosf(x), to[2] = tanf(x);
  sincosf(y, &s, &c);
  to[3] = s, to[4] = c;
  to[5] = expf(x), to[6] = exp2f(x), to[7] = expm1f(x);
  to[8] = logf(fabsf(x)), to[9] = log2f(fabsf(x)), to[10] = log1pf(fabsf(x));
  to[11] = powf(fabsf(x), y), to[12] = erff(x), to[13] = erfcf(x);
  to[14] = tanhf(x), to[15] = sinhf(x), to[16] = coshf(x), to[17] = asinhf(x);
  to[18] = atanf(x), to[19] = atan2f(x, y), to[20] = hypotf(x, y);
  to[21] = lgammaf(fabsf(x)), to[22] = tgammaf(y), to[23] = sqrtf(fabsf(x));
  to[24] = fmodf(x, y), to[25] = remainderf(x, y), to[26] = x / y, to[27] = rsqrtf(fabsf(x));
}

extern "C" __global__ void fast(const float *in, float *out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float x = in[i], *to = out + 5 * i;
  to[0] = __expf(x), to[1] = __logf(fabsf(x)), to[2] = __sinf(x), to[3] = __fdividef(1, x), to[4] = __log2f(fabsf(x));
}

extern "C" __global__ void twice(const double *in, double *out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  double x = in[2 * i], y = in[2 * i + 1], *to = out + 22 * i, s, c;
  to[0] = sin(x), to[1] = cos(x), to[2] = tan(x);
  sincos(y, &s, &c);
  to[3] = s, to[4] = c;
  to[5] = exp(x), to[6] = exp2(x), to[7] = expm1(x);
  to[8] = log(fabs(x)), to[9] = log2(fabs(x)), to[10] = log1p(fabs(x));
  to[11] = pow(fabs(x), y), to[12] = erf(x), to[13] = erfc(x);
  to[14] = tanh(x), to[15] = atan(x), to[16] = atan2(x, y), to[17] = hypot(x, y);
  to[18] = sqrt(fabs(x)), to[19] = fmod(x, y), to[20] = x / y, to[21] = lgamma(fabs(x));
}

/// Arguments so large that 2/pi is needed to hundreds of bits, which sits in a table and a local array.
extern "C" __global__ void large(const float *in, const double *in64, float *out, double *out64) {
  int i = threadIdx.x;
  out[2 * i] = sinf(in[i]), out[2 * i + 1] = cosf(in[i]);
  out64[2 * i] = sin(in64[i]), out64[2 * i + 1] = cos(in64[i]);
}

/// Integers and fractions, exact.
extern "C" __global__ void exact(const float *in, float *out, int *integers, long long *wide) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float x = in[i], *to = out + 8 * i, whole;
  int exponent;
  to[0] = floorf(x), to[1] = ceilf(x), to[2] = truncf(x), to[3] = rintf(x), to[4] = roundf(x);
  to[5] = frexpf(x, &exponent);
  to[6] = ldexpf(x, -3);
  to[7] = modff(x, &whole);
  int *n = integers + 6 * i, k = int(x * 1000);
  n[0] = exponent, n[1] = __popc(k), n[2] = __clz(k), n[3] = __mulhi(k, k * 77), n[4] = __float2int_rd(x), n[5] = __byte_perm(k, ~k, 0x3715);
  wide[i] = llrintf(x) * k / 7 + k % 1000003LL;
}

struct Node {
  int value, left, right;
};

/// A tree of each thread in local memory, walked by a recursion that is not inlined.
static __device__ __noinline__ int depth(const Node *nodes, int at) {
  if (at < 0)
    return 0;
  int left = depth(nodes, nodes[at].left), right = depth(nodes, nodes[at].right);
  return 1 + (left > right ? left : right);
}

static __device__ __noinline__ float polynomial(const float (&c)[6], float x, double *exactly) {
  float sum = 0;
  double wide = 0;
  for (int i = 0; i < 6; ++i)
    sum = __fadd_rn(__fmul_rn(sum, x), c[i]), wide = __dadd_rn(__dmul_rn(wide, x), c[i]);
  *exactly = wide;
  return sum;
}

extern "C" __global__ void calls(const int *in, int *out, float *real, double *real64) {
  Node nodes[12];
  int count = 0, t = threadIdx.x;
  const int *mine = in + 12 * t;
  for (; count < 12; ++count) {
    nodes[count] = {mine[count], -1, -1};
    for (int at = 0; count && at != count;) {
      int &next = mine[count] < nodes[at].value ? nodes[at].left : nodes[at].right;
      if (next < 0)
        next = count;
      at = next;
    }
  }
  out[t] = depth(nodes, 0);
  float c[6];
  for (int i = 0; i < 6; ++i)
    c[(i + t) % 6] = float(mine[i]);
  real[t] = polynomial(c, 0.25f, &real64[t]);
}
