// Collectives of blocks and warps from CUB.
#include <cub/block/block_adjacent_difference.cuh>
#include <cub/block/block_discontinuity.cuh>
#include <cub/block/block_exchange.cuh>
#include <cub/block/block_histogram.cuh>
#include <cub/block/block_load.cuh>
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/block/block_shuffle.cuh>
#include <cub/block/block_store.cuh>
#include <cub/warp/warp_exchange.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cub/warp/warp_scan.cuh>

constexpr int kThreads = 128, kItems = 4, kTile = kThreads * kItems;

struct Larger {
  __device__ int operator()(int a, int b) const { return a > b ? a : b; }
};

/// out[5 block …]: sum, sum of the first 100, maximum by raking, sum of an odd number of items by raking, of all items.
extern "C" __global__ void reduce(const int *in, int *out) {
  using Shuffle = cub::BlockReduce<int, kThreads>;
  using Raking = cub::BlockReduce<int, kThreads, cub::BLOCK_REDUCE_RAKING>;
  using Commutative = cub::BlockReduce<int, kThreads, cub::BLOCK_REDUCE_RAKING_COMMUTATIVE_ONLY>;
  __shared__ union {
    typename Shuffle::TempStorage shuffle;
    typename Raking::TempStorage raking;
    typename Commutative::TempStorage commutative;
  } storage;
  const int *mine = in + blockIdx.x * kTile;
  int one = mine[threadIdx.x], items[kItems];
  for (int i = 0; i < kItems; ++i)
    items[i] = mine[threadIdx.x * kItems + i];
  int sum = Shuffle(storage.shuffle).Sum(one);
  __syncthreads();
  int some = Shuffle(storage.shuffle).Sum(one, 100);
  __syncthreads();
  int largest = Raking(storage.raking).Reduce(one, Larger());
  __syncthreads();
  int odd = Raking(storage.raking).Sum(one, 77);
  __syncthreads();
  int all = Commutative(storage.commutative).Sum(items);
  if (threadIdx.x == 0) {
    int *to = out + 5 * blockIdx.x;
    to[0] = sum, to[1] = some, to[2] = largest, to[3] = odd, to[4] = all;
  }
}

struct Running {
  int total;
  __device__ int operator()(int aggregate) {
    int before = total;
    total += aggregate;
    return before;
  }
};

/// Four tiles behind each other: exclusive sums by warps with a running prefix; inclusive sums of the tile by raking; running maxima of it.
extern "C" __global__ void scan(const int *in, int *sums, int *inclusive, int *maxima) {
  using Load = cub::BlockLoad<int, kThreads, kItems, cub::BLOCK_LOAD_WARP_TRANSPOSE>;
  using Store = cub::BlockStore<int, kThreads, kItems, cub::BLOCK_STORE_WARP_TRANSPOSE>;
  using Warps = cub::BlockScan<int, kThreads, cub::BLOCK_SCAN_WARP_SCANS>;
  using Raking = cub::BlockScan<int, kThreads, cub::BLOCK_SCAN_RAKING_MEMOIZE>;
  __shared__ union {
    typename Load::TempStorage load;
    typename Store::TempStorage store;
    typename Warps::TempStorage warps;
    typename Raking::TempStorage raking;
  } storage;
  Running running{1000};
  for (int tile = 0; tile < 4; ++tile) {
    int items[kItems], result[kItems];
    Load(storage.load).Load(in + tile * kTile, items);
    __syncthreads();
    Warps(storage.warps).ExclusiveSum(items, result, running);
    __syncthreads();
    Store(storage.store).Store(sums + tile * kTile, result);
    __syncthreads();
    Raking(storage.raking).InclusiveSum(items, result);
    __syncthreads();
    Store(storage.store).Store(inclusive + tile * kTile, result);
    __syncthreads();
    Warps(storage.warps).InclusiveScan(items, result, Larger());
    __syncthreads();
    Store(storage.store).Store(maxima + tile * kTile, result);
    __syncthreads();
  }
}

/// Keys with their values, ascending, and the keys by bits 4 to 11 descending, striped.
extern "C" __global__ void sort(const float *keys, const int *values, float *sortedKeys, int *sortedValues, const unsigned *words,
                                unsigned *sortedWords) {
  using Pairs = cub::BlockRadixSort<float, kThreads, kItems, int>;
  using Keys = cub::BlockRadixSort<unsigned, kThreads, kItems>;
  __shared__ union {
    typename Pairs::TempStorage pairs;
    typename Keys::TempStorage keys;
  } storage;
  float key[kItems];
  int value[kItems];
  unsigned word[kItems];
  cub::LoadDirectBlocked(threadIdx.x, keys, key);
  cub::LoadDirectBlocked(threadIdx.x, values, value);
  cub::LoadDirectStriped<kThreads>(threadIdx.x, words, word);
  Pairs(storage.pairs).Sort(key, value);
  __syncthreads();
  Keys(storage.keys).SortDescendingBlockedToStriped(word, 4, 12);
  cub::StoreDirectBlocked(threadIdx.x, sortedKeys, key);
  cub::StoreDirectBlockedVectorized(threadIdx.x, sortedValues, value);
  cub::StoreDirectStriped<kThreads>(threadIdx.x, sortedWords, word);
}

/// The ways to load and store, each in turn, of a tile that is not full.
template <cub::BlockLoadAlgorithm From, cub::BlockStoreAlgorithm To>
static __device__ void copy(const double *in, double *out, int count) {
  using Load = cub::BlockLoad<double, kThreads, kItems, From>;
  using Store = cub::BlockStore<double, kThreads, kItems, To>;
  __shared__ union {
    typename Load::TempStorage load;
    typename Store::TempStorage store;
  } storage;
  double items[kItems];
  Load(storage.load).Load(in, items, count, -1.0);
  __syncthreads();
  for (int i = 0; i < kItems; ++i)
    items[i] = 2 * items[i] + i;
  Store(storage.store).Store(out, items, count);
  __syncthreads();
}

extern "C" __global__ void load_store(const double *in, double *out, int count) {
  copy<cub::BLOCK_LOAD_TRANSPOSE, cub::BLOCK_STORE_TRANSPOSE>(in, out, count);
  copy<cub::BLOCK_LOAD_WARP_TRANSPOSE, cub::BLOCK_STORE_WARP_TRANSPOSE_TIMESLICED>(in, out + kTile, count);
  copy<cub::BLOCK_LOAD_DIRECT, cub::BLOCK_STORE_TRANSPOSE>(in, out + 2 * kTile, count);
  copy<cub::BLOCK_LOAD_VECTORIZE, cub::BLOCK_STORE_VECTORIZE>(in, out + 3 * kTile, kTile);
}

/// Sums of 8 lanes, segmented sums of warps, inclusive and exclusive sums of warps, maxima of 16 lanes; 5 values of each thread.
extern "C" __global__ void warps(const int *in, const int *heads, int *out) {
  using Eight = cub::WarpReduce<int, 8>;
  using Reduce = cub::WarpReduce<int>;
  using Scan = cub::WarpScan<int>;
  using Half = cub::WarpScan<int, 16>;
  __shared__ typename Eight::TempStorage eights[kThreads / 8];
  __shared__ typename Reduce::TempStorage reduces[kThreads / 32];
  __shared__ typename Scan::TempStorage scans[kThreads / 32];
  __shared__ typename Half::TempStorage halves[kThreads / 16];
  int t = threadIdx.x, x = in[t];
  int eight = Eight(eights[t / 8]).Sum(x);
  int segment = Reduce(reduces[t / 32]).HeadSegmentedSum(x, heads[t]);
  int inclusive, exclusive, aggregate, largest;
  Scan(scans[t / 32]).InclusiveSum(x, inclusive, aggregate);
  __syncwarp();
  Scan(scans[t / 32]).ExclusiveSum(x, exclusive);
  Half(halves[t / 16]).InclusiveScan(x, largest, Larger());
  int *to = out + 6 * t;
  to[0] = t % 8 ? 0 : eight;
  to[1] = t % 32 && !heads[t] ? 0 : segment; // defined at the heads
  to[2] = inclusive, to[3] = exclusive, to[4] = aggregate, to[5] = largest;
}

extern "C" __global__ void histogram(const unsigned char *in, unsigned *out) {
  using Atomic = cub::BlockHistogram<unsigned char, kThreads, kItems, 64, cub::BLOCK_HISTO_ATOMIC>;
  using Sort = cub::BlockHistogram<unsigned char, kThreads, kItems, 64, cub::BLOCK_HISTO_SORT>;
  __shared__ typename Atomic::TempStorage atomic;
  __shared__ typename Sort::TempStorage sort;
  __shared__ unsigned bins[2][64];
  unsigned char items[kItems];
  for (int i = 0; i < kItems; ++i)
    items[i] = in[threadIdx.x * kItems + i];
  Atomic(atomic).Histogram(items, bins[0]);
  Sort(sort).Histogram(items, bins[1]);
  __syncthreads();
  out[threadIdx.x] = bins[threadIdx.x / 64][threadIdx.x % 64];
}

struct Differs {
  __device__ bool operator()(int a, int b) const { return a != b; }
};
struct Minus {
  __device__ int operator()(int a, int b) const { return a - b; }
};

/// Flags of heads and tails of runs, differences to the left, the neighbour to the right.
extern "C" __global__ void neighbours(const int *in, int *out) {
  using Flags = cub::BlockDiscontinuity<int, kThreads>;
  using Difference = cub::BlockAdjacentDifference<int, kThreads>;
  using Shuffle = cub::BlockShuffle<int, kThreads>;
  __shared__ union {
    typename Flags::TempStorage flags;
    typename Difference::TempStorage difference;
    typename Shuffle::TempStorage shuffle;
  } storage;
  int items[kItems], heads[kItems], tails[kItems], difference[kItems], next[kItems];
  cub::LoadDirectBlocked(threadIdx.x, in, items);
  Flags(storage.flags).FlagHeadsAndTails(heads, tails, items, Differs());
  __syncthreads();
  Difference(storage.difference).SubtractLeft(items, difference, Minus());
  __syncthreads();
  for (int i = 0; i < kItems; ++i)
    next[i] = items[i];
  Shuffle(storage.shuffle).Down(items, next);
  cub::StoreDirectBlocked(threadIdx.x, out, heads);
  cub::StoreDirectBlocked(threadIdx.x, out + kTile, tails);
  cub::StoreDirectBlocked(threadIdx.x, out + 2 * kTile, difference);
  if (threadIdx.x == kThreads - 1)
    next[kItems - 1] = -1; // nobody's
  cub::StoreDirectBlocked(threadIdx.x, out + 3 * kTile, next);
}

/// From striped to blocked, to warp-striped, and scattered to the places of `ranks`.
extern "C" __global__ void exchange(const int *in, const int *ranks, int *out) {
  using Exchange = cub::BlockExchange<int, kThreads, kItems>;
  using InWarp = cub::WarpExchange<int, kItems, 32>;
  __shared__ typename Exchange::TempStorage storage;
  __shared__ typename InWarp::TempStorage warps[kThreads / 32];
  int items[kItems], moved[kItems], rank[kItems];
  cub::LoadDirectStriped<kThreads>(threadIdx.x, in, items);
  cub::LoadDirectBlocked(threadIdx.x, ranks, rank);
  Exchange(storage).StripedToBlocked(items, moved);
  __syncthreads();
  cub::StoreDirectBlocked(threadIdx.x, out, moved);
  Exchange(storage).ScatterToBlocked(moved, rank);
  __syncthreads();
  cub::StoreDirectBlocked(threadIdx.x, out + kTile, moved);
  Exchange(storage).BlockedToWarpStriped(moved, items);
  cub::StoreDirectWarpStriped(threadIdx.x, out + 2 * kTile, items);
  InWarp(warps[threadIdx.x / 32]).StripedToBlocked(items, items);
  cub::StoreDirectBlocked(threadIdx.x, out + 3 * kTile, items);
}
