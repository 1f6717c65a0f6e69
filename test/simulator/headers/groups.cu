// Cooperative groups: tiles, coalesced and partitioned groups, their reductions and scans, copies, the grid.
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>
#include <cuda/barrier>

namespace cg = cooperative_groups;

/// Of each thread: shuffles, votes and matches of a tile of 8.
extern "C" __global__ void tiles(const int *in, int *out) {
  cg::thread_block block = cg::this_thread_block();
  auto tile = cg::tiled_partition<8>(block);
  int x = in[block.thread_rank()];
  int *to = out + 10 * block.thread_rank();
  to[0] = tile.shfl_down(x, 1);
  to[1] = tile.shfl_up(x, 2);
  to[2] = tile.shfl_xor(x, 5);
  to[3] = tile.shfl(x, tile.thread_rank() * 3 % 8);
  to[4] = tile.any(x > 90);
  to[5] = tile.all(x > 5);
  to[6] = tile.ballot(x & 1);
  to[7] = tile.match_any(x % 3);
  to[8] = tile.meta_group_rank() * 100 + tile.thread_rank();
  auto half = cg::tiled_partition<4>(tile);
  int sum = x;
  for (int d = half.size() / 2; d; d /= 2)
    sum += half.shfl_xor(sum, d);
  to[9] = sum;
}

template <typename Group>
static __device__ void reduceAll(Group group, int x, float y, long long z, int *out, float *outFloat, long long *outLong) {
  out[0] = cg::reduce(group, x, cg::plus<int>());
  out[1] = cg::reduce(group, x, cg::less<int>());
  out[2] = cg::reduce(group, x, cg::greater<int>());
  out[3] = cg::reduce(group, x, cg::bit_xor<int>());
  out[4] = cg::reduce(group, unsigned(x), cg::greater<unsigned>());
  out[5] = cg::inclusive_scan(group, x);
  out[6] = cg::exclusive_scan(group, x, cg::plus<int>());
  out[7] = cg::reduce(group, x, [](int a, int b) { return a > b ? a : b; });
  *outFloat = cg::reduce(group, y, cg::plus<float>());
  *outLong = cg::reduce(group, z, cg::greater<long long>());
}

/// Reductions and scans of a warp, a tile of 16, a group of the odd lanes.
extern "C" __global__ void reduce(const int *in, const float *floats, const long long *longs, int *out, float *outFloat,
                                  long long *outLong) {
  cg::thread_block block = cg::this_thread_block();
  unsigned t = block.thread_rank(), n = block.size();
  auto warp = cg::tiled_partition<32>(block);
  reduceAll(warp, in[t], floats[t], longs[t], out + 8 * t, outFloat + t, outLong + t);
  reduceAll(cg::tiled_partition<16>(warp), in[t], floats[t], longs[t], out + 8 * (n + t), outFloat + n + t, outLong + n + t);
  if (t & 1)
    reduceAll(cg::coalesced_threads(), in[t], floats[t], longs[t], out + 8 * (2 * n + t), outFloat + 2 * n + t, outLong + 2 * n + t);
}

/// Keeps what is positive: one atomic of the lanes that have something.
extern "C" __global__ void compact(const int *in, int *out, unsigned *count, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n && in[i] > 0) {
    cg::coalesced_group active = cg::coalesced_threads();
    unsigned first = 0;
    if (active.thread_rank() == 0)
      first = atomicAdd(count, active.size());
    out[active.shfl(first, 0) + active.thread_rank()] = in[i];
  }
}

/// Sizes, ranks and sums of groups with one label, and of a tile cut in two.
extern "C" __global__ void partitions(const int *in, int *out) {
  cg::thread_block block = cg::this_thread_block();
  unsigned t = block.thread_rank();
  auto tile = cg::tiled_partition<32>(block);
  int x = in[t];
  cg::coalesced_group same = cg::labeled_partition(tile, x % 5);
  out[6 * t] = same.size();
  out[6 * t + 1] = same.thread_rank();
  out[6 * t + 2] = cg::reduce(same, x, cg::plus<int>());
  auto side = cg::binary_partition(tile, x > 50);
  out[6 * t + 3] = side.size();
  out[6 * t + 4] = cg::reduce(side, x, cg::less<int>());
  out[6 * t + 5] = side.shfl(x, side.size() - 1);
}

/// Copies in flight: a block's 16-byte, 4-byte and odd pieces; two stages, of which one stays pending.
extern "C" __global__ void copies(const int *in, int *out, const char *bytes, char *outBytes) {
  cg::thread_block block = cg::this_thread_block();
  __shared__ alignas(16) int buffer[2][256];
  __shared__ alignas(16) char text[128];
  unsigned t = block.thread_rank();
  cg::memcpy_async(block, text, bytes, 101);
  cg::wait(block);
  if (t < 101)
    outBytes[t] = text[100 - t];
  cg::memcpy_async(block, buffer[0], in, cuda::aligned_size_t<16>(1024));
  for (int stage = 0; stage < 4; ++stage) {
    if (stage < 3) {
      cg::memcpy_async(block, buffer[(stage + 1) & 1], in + 256 * (stage + 1), cuda::aligned_size_t<4>(1024));
      cg::wait_prior<1>(block);
    } else {
      cg::wait(block);
    }
    for (unsigned i = t; i < 256; i += block.size())
      out[256 * stage + i] = buffer[stage & 1][255 - i] + stage;
    block.sync();
  }
}

/// Arriving apart from waiting.
extern "C" __global__ void split_barrier(const int *in, int *out) {
  cg::thread_block block = cg::this_thread_block();
  __shared__ int values[256];
  unsigned t = block.thread_rank();
  values[t] = in[t];
  auto token = block.barrier_arrive();
  int own = 3 * in[t];
  block.barrier_wait(std::move(token));
  out[t] = own + values[(t + 1) % block.size()];
}

/// Tiles of 64 threads, that is of two warps.
extern "C" __global__ void large_tiles(const int *in, int *out) {
  __shared__ cg::block_tile_memory<256> memory;
  cg::thread_block block = cg::this_thread_block(memory);
  auto tile = cg::tiled_partition<64>(block);
  __shared__ int values[256];
  unsigned t = block.thread_rank();
  values[t] = in[t];
  tile.sync();
  out[3 * t] = values[t ^ 63];
  out[3 * t + 1] = tile.shfl(in[t], 40);
  out[3 * t + 2] = tile.meta_group_rank() * 100 + tile.thread_rank();
}

/// Rounds over the whole grid: x[i] += x[i + 1] of the round before.
extern "C" __global__ void rounds(int *x, int *y, int count) {
  cg::grid_group grid = cg::this_grid();
  unsigned i = grid.thread_rank(), n = grid.size();
  for (int round = 0; round < count; ++round) {
    y[i] = x[i] + x[(i + 1) % n];
    grid.sync();
    x[i] = y[i] + int(grid.block_rank());
    grid.sync();
  }
}
