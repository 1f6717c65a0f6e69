// Each warp reverses 32 numbers through shared memory, twice, with nothing but __syncwarp. 64 threads.
extern "C" __global__ void warp(const int *in, int *out) {
  __shared__ int buffer[2][32];
  unsigned lane = threadIdx.x % 32, of = threadIdx.x / 32;
  buffer[of][lane] = in[threadIdx.x];
  __syncwarp();
  int x = buffer[of][31 - lane];
  __syncwarp();
  buffer[of][lane] = x + 1;
  __syncwarp();
  out[threadIdx.x] = buffer[of][31 - lane];
}
