//===- kernels.cu - Ordinary CUDA kernels ---------------------------------===//
//
// Written as anybody would, for hardware: the simulator must run what compilers
// make of them. compile.sh writes the PTX beside this file.
//
//===----------------------------------------------------------------------===//

extern "C" {

/// c[m,n] = sum_k a[m,k] b[k,n] in tiles of 16 x 16; any sizes.
__global__ void matmul(const float *a, const float *b, float *c, int m, int n,
                       int k) {
  __shared__ float tileA[16][16], tileB[16][17];
  int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
  float sum = 0;
  for (int step = 0; step < k; step += 16) {
    int ka = step + threadIdx.x, kb = step + threadIdx.y;
    tileA[threadIdx.y][threadIdx.x] = row < m && ka < k ? a[row * k + ka] : 0;
    tileB[threadIdx.y][threadIdx.x] = column < n && kb < k ? b[kb * n + column] : 0;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 16; ++i)
      sum += tileA[threadIdx.y][i] * tileB[i][threadIdx.x];
    __syncthreads();
  }
  if (row < m && column < n)
    c[row * n + column] = sum;
}

__device__ int warpSum(int value) {
  for (int offset = 16; offset; offset /= 2)
    value += __shfl_down_sync(0xffffffff, value, offset);
  return value;
}

/// *total += the sum of all elements.
__global__ void reduce(const int *data, int count, int *total) {
  __shared__ int sums[32];
  int value = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count;
       i += gridDim.x * blockDim.x)
    value += data[i];
  value = warpSum(value);
  if (threadIdx.x % 32 == 0)
    sums[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x < 32) {
    value = warpSum(threadIdx.x < blockDim.x / 32 ? sums[threadIdx.x] : 0);
    if (threadIdx.x == 0)
      atomicAdd(total, value);
  }
}

/// Inclusive prefix sums of one block of up to 1024 elements, in place.
__global__ void scan(int *data, int count) {
  __shared__ int sums[32];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int value = threadIdx.x < count ? data[threadIdx.x] : 0;
  for (int offset = 1; offset < 32; offset *= 2) {
    int left = __shfl_up_sync(0xffffffff, value, offset);
    if (lane >= offset)
      value += left;
  }
  if (lane == 31)
    sums[warp] = value;
  __syncthreads();
  if (warp == 0) {
    int total = lane < blockDim.x / 32 ? sums[lane] : 0;
    for (int offset = 1; offset < 32; offset *= 2) {
      int left = __shfl_up_sync(0xffffffff, total, offset);
      if (lane >= offset)
        total += left;
    }
    sums[lane] = total;
  }
  __syncthreads();
  if (warp > 0)
    value += sums[warp - 1];
  if (threadIdx.x < count)
    data[threadIdx.x] = value;
}

/// Counts of bytes.
__global__ void histogram(const unsigned char *data, int count,
                          unsigned *bins) {
  __shared__ unsigned local[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x)
    local[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count;
       i += gridDim.x * blockDim.x)
    atomicAdd(&local[data[i]], 1u);
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x)
    if (local[i])
      atomicAdd(&bins[i], local[i]);
}

/// to[column][row] = from[row][column], blocks of 32 x 8.
__global__ void transpose(const unsigned *from, unsigned *to, int rows,
                          int columns) {
  __shared__ unsigned tile[32][33];
  int column = blockIdx.x * 32 + threadIdx.x, row = blockIdx.y * 32;
  for (int i = threadIdx.y; i < 32; i += 8)
    if (row + i < rows && column < columns)
      tile[i][threadIdx.x] = from[(row + i) * columns + column];
  __syncthreads();
  int toColumn = blockIdx.y * 32 + threadIdx.x, toRow = blockIdx.x * 32;
  for (int i = threadIdx.y; i < 32; i += 8)
    if (toRow + i < columns && toColumn < rows)
      to[(toRow + i) * rows + toColumn] = tile[threadIdx.x][i];
}

/// Softmax of each row, one block a row; dynamic shared memory for the row.
__global__ void softmax(const float *from, float *to, int columns) {
  extern __shared__ float row[];
  __shared__ float partial[32];
  const float *source = from + (long long)blockIdx.x * columns;
  float greatest = -3.4e38f;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) {
    row[i] = source[i];
    greatest = fmaxf(greatest, row[i]);
  }
  for (int offset = 16; offset; offset /= 2)
    greatest = fmaxf(greatest, __shfl_xor_sync(0xffffffff, greatest, offset));
  if (threadIdx.x % 32 == 0)
    partial[threadIdx.x / 32] = greatest;
  __syncthreads();
  for (int i = 0; i < blockDim.x / 32; ++i)
    greatest = fmaxf(greatest, partial[i]);
  __syncthreads();
  float sum = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    sum += row[i] = __expf(row[i] - greatest);
  for (int offset = 16; offset; offset /= 2)
    sum += __shfl_xor_sync(0xffffffff, sum, offset);
  if (threadIdx.x % 32 == 0)
    partial[threadIdx.x / 32] = sum;
  __syncthreads();
  sum = 0;
  for (int i = 0; i < blockDim.x / 32; ++i)
    sum += partial[i];
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    to[(long long)blockIdx.x * columns + i] = row[i] / sum;
}

__device__ unsigned sharedAddress(const void *pointer) {
  return (unsigned)__cvta_generic_to_shared(pointer);
}

__device__ void copyAsync(void *shared, const void *global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                   sharedAddress(shared)),
               "l"(global)
               : "memory");
}

/// c[m,n] (f32) = a[m,k] (bf16) * b[n,k] (bf16), tiles of 64 x 64 x 32 by 4
/// warps, two stages; m and n multiples of 64, k of 32.
__global__ void __launch_bounds__(128)
    tensor(const unsigned short *a, const unsigned short *b, float *c, int n,
           int k) {
  // Rows of 32 and 8 of padding: no bank conflicts of ldmatrix.
  __shared__ __align__(16) unsigned short tileA[2][64][40], tileB[2][64][40];
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned short *rowsA = a + (long long)blockIdx.y * 64 * k;
  const unsigned short *rowsB = b + (long long)blockIdx.x * 64 * k;
  auto load = [&](int stage, int step) {
    for (int i = threadIdx.x; i < 256; i += 128) {
      int row = i / 4, part = i % 4 * 8;
      copyAsync(&tileA[stage][row][part], rowsA + row * k + step + part);
      copyAsync(&tileB[stage][row][part], rowsB + row * k + step + part);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  float sums[8][4] = {};
  load(0, 0);
  for (int step = 0, stage = 0; step < k; step += 32, stage ^= 1) {
    if (step + 32 < k) {
      load(stage ^ 1, step + 32);
      asm volatile("cp.async.wait_group 1;" ::: "memory");
    } else {
      asm volatile("cp.async.wait_group 0;" ::: "memory");
    }
    __syncthreads();
#pragma unroll
    for (int inner = 0; inner < 32; inner += 16) {
      unsigned x[4];
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
                   : "r"(sharedAddress(
                       &tileA[stage][warp * 16 + lane % 16][inner + lane / 16 * 8])));
#pragma unroll
      for (int column = 0; column < 8; ++column) {
        unsigned y[2];
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                     : "=r"(y[0]), "=r"(y[1])
                     : "r"(sharedAddress(&tileB[stage][column * 8 + lane % 8]
                                               [inner + lane / 8 % 2 * 8])));
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
            "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(sums[column][0]), "+f"(sums[column][1]),
              "+f"(sums[column][2]), "+f"(sums[column][3])
            : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]));
      }
    }
    __syncthreads();
  }
  int row = blockIdx.y * 64 + warp * 16 + lane / 4;
  for (int column = 0; column < 8; ++column) {
    float *to = c + (long long)row * n + blockIdx.x * 64 + column * 8 + lane % 4 * 2;
    to[0] = sums[column][0];
    to[1] = sums[column][1];
    to[8 * n] = sums[column][2];
    to[8 * n + 1] = sums[column][3];
  }
}

/// A barrier of all blocks, which must be resident, between rounds in which each
/// block adds what its left neighbour had.
__global__ void rounds(unsigned *values, unsigned *arrived, int count) {
  for (int round = 0; round < count; ++round) {
    unsigned *from = values + (round & 1) * gridDim.x;
    unsigned *to = values + (1 - (round & 1)) * gridDim.x;
    if (threadIdx.x == 0) {
      unsigned left = (blockIdx.x + gridDim.x - 1) % gridDim.x;
      to[blockIdx.x] = from[blockIdx.x] + ((volatile unsigned *)from)[left];
      __threadfence();
      atomicAdd(arrived, 1u);
      while (*(volatile unsigned *)arrived < (round + 1) * gridDim.x)
        ;
      __threadfence();
    }
    __syncthreads();
  }
}

} // extern "C"
