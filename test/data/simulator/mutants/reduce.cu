// The sum of each row: warps by shuffles, the block through shared memory. 256 threads a row.
extern "C" __global__ void reduce(const float *in, float *out, unsigned columns) {
  __shared__ float partial[8];
  __shared__ float total;
  float sum = 0;
  for (unsigned i = threadIdx.x; i < columns; i += 256)
    sum += in[blockIdx.x * columns + i];
  for (int offset = 16; offset; offset /= 2)
    sum += __shfl_xor_sync(0xffffffff, sum, offset);
  if (threadIdx.x % 32 == 0)
    partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    float rest = threadIdx.x < 8 ? partial[threadIdx.x] : 0;
    for (int offset = 4; offset; offset /= 2)
      rest += __shfl_xor_sync(0xffffffff, rest, offset);
    if (threadIdx.x == 0)
      total = rest;
  }
  __syncthreads();
  for (unsigned i = threadIdx.x; i < columns; i += 256)
    out[blockIdx.x * columns + i] = in[blockIdx.x * columns + i] / total;
}
