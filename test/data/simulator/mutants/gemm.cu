// C = A B^T of bf16 with f32 sums: 64 x 64 tiles, K in steps of 32 through three stages of cp.async, xor swizzle, ldmatrix, mma. 128 threads.
// A: rows x k, B: 64 x k (row n holds column n of B^T), both row-major; rows beyond `rows` are zero. k is a multiple of 32.
static __device__ void copy(unsigned to, const void *from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes));
}
// Chunk c of 16 bytes of row r of a tile with rows of 64 bytes.
static __device__ unsigned at(unsigned r, unsigned c) { return r * 64 + ((c ^ (r / 2)) & 3) * 16; }
static __device__ void load(unsigned *x, unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(address));
}
extern "C" __global__ void gemm(const unsigned short *a, const unsigned short *b, float *out, unsigned rows, unsigned k) {
  __shared__ __align__(128) unsigned char memory[3][2][64 * 64];
  unsigned base = (unsigned)__cvta_generic_to_shared(memory);
  unsigned t = threadIdx.x, warp = t / 32, lane = t % 32, first = blockIdx.x * 64;
  unsigned steps = k / 32;
  auto fetch = [&](unsigned step) {
    unsigned stage = base + step % 3 * 8192;
    for (unsigned i = t; i < 256; i += 128) {
      unsigned row = i / 4, chunk = i % 4;
      bool inside = first + row < rows;
      copy(stage + at(row, chunk), a + (inside ? (first + row) * k + step * 32 + chunk * 8 : 0), inside ? 16 : 0);
      copy(stage + 4096 + at(row, chunk), b + row * k + step * 32 + chunk * 8, 16);
    }
  };
  float sum[2][4][4] = {};
  for (unsigned step = 0; step < 2; ++step) {
    if (step < steps)
      fetch(step);
    asm volatile("cp.async.commit_group;");
  }
  unsigned m = warp / 2 * 32, n = warp % 2 * 32;
#pragma unroll 1
  for (unsigned step = 0; step < steps; ++step) {
    asm volatile("cp.async.wait_group 1;");
    __syncthreads();
    if (step + 2 < steps)
      fetch(step + 2);
    asm volatile("cp.async.commit_group;");
    unsigned stage = base + step % 3 * 8192;
    for (unsigned kk = 0; kk < 2; ++kk) {
      unsigned x[2][4], y[2][4];
      for (unsigned i = 0; i < 2; ++i) {
        load(x[i], stage + at(m + 16 * i + lane % 16, 2 * kk + lane / 16));
        load(y[i], stage + 4096 + at(n + 16 * i + lane / 16 * 8 + lane % 8, 2 * kk + lane / 8 % 2));
      }
      for (unsigned i = 0; i < 2; ++i)
        for (unsigned j = 0; j < 4; ++j) {
          float *d = sum[i][j];
          asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                       "{%0,%1,%2,%3};"
                       : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                       : "r"(x[i][0]), "r"(x[i][1]), "r"(x[i][2]), "r"(x[i][3]), "r"(y[j / 2][j % 2 * 2]),
                         "r"(y[j / 2][j % 2 * 2 + 1]));
        }
    }
  }
  for (unsigned i = 0; i < 2; ++i)
    for (unsigned j = 0; j < 4; ++j)
      for (unsigned half = 0; half < 2; ++half) {
        unsigned row = first + m + 16 * i + lane / 4 + 8 * half, column = n + 8 * j + lane % 4 * 2;
        if (row < rows) {
          out[row * 64 + column] = sum[i][j][2 * half];
          out[row * 64 + column + 1] = sum[i][j][2 * half + 1];
        }
      }
}
