// Block 0 sends 32 numbers to block 1 with a release, which waits with an acquire. 32 threads.
extern "C" __global__ void message(const int *in, int *data, unsigned *flag, int *out) {
  if (blockIdx.x == 0) {
    data[threadIdx.x] = in[threadIdx.x] * 2;
    __syncwarp();
    if (threadIdx.x == 0)
      asm volatile("st.release.gpu.global.u32 [%0], 1;" ::"l"(flag) : "memory");
  } else {
    if (threadIdx.x == 0) {
      unsigned seen;
      do
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(flag) : "memory");
      while (!seen);
    }
    __syncwarp();
    out[threadIdx.x] = data[31 - threadIdx.x];
  }
}
