// Warp 0 fills a ring of two buffers, warps 1 and 2 empty it: full and empty mbarriers, no __syncthreads in between. 96 threads.
static __device__ void init(unsigned barrier, unsigned count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}
static __device__ void arrive(unsigned barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
static __device__ void wait(unsigned barrier, unsigned parity) {
  asm volatile("{\n.reg .pred p;\nL: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n@!p bra L;\n}" ::"r"(barrier), "r"(parity)
               : "memory");
}
extern "C" __global__ void pipeline(const int *in, int *out, unsigned steps) {
  __shared__ __align__(8) unsigned long long barriers[4]; // full 0, 1, empty 0, 1
  __shared__ int buffer[2][64];
  unsigned base = (unsigned)__cvta_generic_to_shared(barriers);
  unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (threadIdx.x == 0) {
    for (unsigned i = 0; i < 2; ++i) {
      init(base + 8 * i, 32);
      init(base + 16 + 8 * i, 64);
    }
  }
  __syncthreads();
  if (warp == 0) {
#pragma unroll 1
    for (unsigned step = 0; step < steps; ++step) {
      unsigned stage = step % 2;
      wait(base + 16 + 8 * stage, (step / 2 & 1) ^ 1);
      buffer[stage][lane] = in[step * 64 + lane];
      buffer[stage][32 + lane] = in[step * 64 + 32 + lane];
      arrive(base + 8 * stage);
    }
  } else {
    int sum = 0;
#pragma unroll 1
    for (unsigned step = 0; step < steps; ++step) {
      unsigned stage = step % 2;
      wait(base + 8 * stage, step / 2 & 1);
      sum += buffer[stage][(warp - 1) * 32 + 31 - lane];
      arrive(base + 16 + 8 * stage);
    }
    out[threadIdx.x - 32] = sum;
  }
}
