// libcu++: atomics, barriers, pipelines, and what device code uses of the standard library.
#include <cuda/atomic>
#include <cuda/barrier>
#include <cuda/latch>
#include <cuda/pipeline>
#include <cuda/semaphore>
#include <cuda/std/__algorithm_>
#include <cuda/std/array>
#include <cuda/std/bit>
#include <cuda/std/complex>
#include <cuda/std/limits>
#include <cuda/std/numeric>
#include <cuda/std/optional>
#include <cuda/std/span>
#include <cuda/std/tuple>
#include <cuda/std/variant>

/// Of all threads of the grid: cells are sum, maximum, minimum, and, or, xor, a sum that is taken by compare and exchange.
extern "C" __global__ void atomics(const int *in, int *cells, unsigned long long *wide, float *real, double *real64) {
  int x = in[blockIdx.x * blockDim.x + threadIdx.x];
  using Ref = cuda::atomic_ref<int, cuda::thread_scope_device>;
  Ref(cells[0]).fetch_add(x, cuda::memory_order_relaxed);
  Ref(cells[1]).fetch_max(x, cuda::memory_order_acq_rel);
  Ref(cells[2]).fetch_min(x, cuda::memory_order_seq_cst);
  Ref(cells[3]).fetch_and(x | 0xff00, cuda::memory_order_release);
  Ref(cells[4]).fetch_or(x & 0x5555, cuda::memory_order_acquire);
  Ref(cells[5]).fetch_xor(x);
  Ref sum(cells[6]);
  int old = sum.load(cuda::memory_order_relaxed);
  while (!sum.compare_exchange_weak(old, old + 2 * x, cuda::memory_order_acq_rel, cuda::memory_order_relaxed)) {
  }
  cuda::atomic_ref<unsigned long long, cuda::thread_scope_system>(wide[0]).fetch_add(1ull << 33 | unsigned(x));
  cuda::atomic_ref<unsigned long long, cuda::thread_scope_device>(wide[1]).fetch_sub(unsigned(x), cuda::memory_order_relaxed);
  cuda::atomic_ref<float, cuda::thread_scope_device>(real[0]).fetch_add(float(x), cuda::memory_order_relaxed);
  cuda::atomic_ref<double, cuda::thread_scope_device>(real64[0]).fetch_add(0.5 * x, cuda::memory_order_relaxed);
}

/// Atomics of a block, of 8 and 16 bits too, and a lock.
extern "C" __global__ void locks(const int *in, int *out) {
  __shared__ cuda::atomic<int, cuda::thread_scope_block> lock, turns;
  __shared__ unsigned short shorts[2];
  __shared__ unsigned char chars[4];
  __shared__ int guarded;
  if (threadIdx.x == 0) {
    lock.store(0);
    turns.store(0);
    guarded = 0;
    shorts[0] = shorts[1] = 7;
    chars[0] = chars[1] = chars[2] = chars[3] = 1;
  }
  __syncthreads();
  int x = in[threadIdx.x];
  cuda::atomic_ref<unsigned short, cuda::thread_scope_block>(shorts[1]).fetch_add(x);
  cuda::atomic_ref<unsigned char, cuda::thread_scope_block>(chars[2]).fetch_xor(x);
  while (lock.exchange(1, cuda::memory_order_acquire)) {
  }
  guarded = 3 * guarded + 1; // the order does not matter
  lock.store(0, cuda::memory_order_release);
  ++turns;
  __syncthreads();
  if (threadIdx.x == 0) {
    out[0] = guarded;
    out[1] = turns;
    out[2] = shorts[0], out[3] = shorts[1];
    for (int i = 0; i < 4; ++i)
      out[4 + i] = chars[i];
  }
}

/// Block 0 writes and releases a flag, the others wait for it; a chain of blocks by wait and notify.
extern "C" __global__ void message(const int *in, int *data, int *flag, int *out) {
  cuda::atomic_ref<int, cuda::thread_scope_device> ready(*flag);
  if (blockIdx.x == 0) {
    data[threadIdx.x] = 5 * in[threadIdx.x];
    __syncthreads();
    if (threadIdx.x == 0) {
      ready.store(1, cuda::memory_order_release);
      ready.notify_all();
    }
    return;
  }
  if (threadIdx.x == 0)
    ready.wait(0, cuda::memory_order_acquire);
  __syncthreads();
  out[(blockIdx.x - 1) * blockDim.x + threadIdx.x] = data[threadIdx.x] + int(blockIdx.x);
}

/// Half of the block produces, half consumes, by two barriers; four rounds.
extern "C" __global__ void produce(const int *in, int *out) {
  using Barrier = cuda::barrier<cuda::thread_scope_block>;
  __shared__ Barrier full, empty;
  __shared__ int buffer[64];
  if (threadIdx.x == 0) {
    init(&full, blockDim.x);
    init(&empty, blockDim.x);
  }
  __syncthreads();
  int half = blockDim.x / 2, t = threadIdx.x % half;
  if (threadIdx.x < half) {
    for (int round = 0; round < 4; ++round) {
      if (round)
        empty.arrive_and_wait();
      buffer[t] = in[half * round + t] + 1;
      (void)full.arrive();
    }
  } else {
    for (int round = 0; round < 4; ++round) {
      full.arrive_and_wait();
      out[half * round + t] = buffer[half - 1 - t];
      if (round < 3)
        (void)empty.arrive();
    }
  }
}

struct Count {
  int *calls;
  __device__ void operator()() const noexcept { ++*calls; }
};

/// A barrier with a function at the end of each phase, copies that arrive at a barrier, a latch.
extern "C" __global__ void barriers(const int *in, int *out, int *calls) {
  using Barrier = cuda::barrier<cuda::thread_scope_block>;
  using Counted = cuda::barrier<cuda::thread_scope_block, Count>;
  __shared__ Barrier arrived;
  __shared__ alignas(Counted) char counted[sizeof(Counted)];
  __shared__ int phases, buffer[128];
  using Latch = cuda::latch<cuda::thread_scope_block>;
  __shared__ alignas(Latch) char latched[sizeof(Latch)];
  auto *phase = reinterpret_cast<Counted *>(counted);
  auto *latch = reinterpret_cast<Latch *>(latched);
  if (threadIdx.x == 0) {
    phases = 0;
    init(&arrived, blockDim.x);
    new (phase) Counted(blockDim.x, Count{&phases});
    new (latch) Latch(blockDim.x);
  }
  __syncthreads();
  cuda::memcpy_async(&buffer[threadIdx.x], &in[threadIdx.x], sizeof(int), arrived);
  arrived.arrive_and_wait();
  int x = buffer[(threadIdx.x + 7) % blockDim.x];
  for (int i = 0; i < 3; ++i)
    phase->arrive_and_wait();
  latch->arrive_and_wait();
  out[threadIdx.x] = x + phases;
  if (threadIdx.x == 0)
    *calls = phases;
}

/// Two stages of a block's pipeline, and one of each thread.
extern "C" __global__ void pipelines(const int *in, int *out, int *own) {
  constexpr int kStages = 2, kSize = 128, kBatches = 5;
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, kStages> state;
  __shared__ int buffer[kStages][kSize];
  struct Whole {
    __device__ void sync() const { __syncthreads(); }
    __device__ unsigned size() const { return blockDim.x; }
    __device__ unsigned thread_rank() const { return threadIdx.x; }
  } block;
  {
    auto pipeline = cuda::make_pipeline(block, &state);
    for (int fetch = 0, batch = 0; batch < kBatches; ++batch) {
      for (; fetch < kBatches && fetch < batch + kStages; ++fetch) {
        pipeline.producer_acquire();
        cuda::memcpy_async(block, buffer[fetch % kStages], in + kSize * fetch, sizeof(int) * kSize, pipeline);
        pipeline.producer_commit();
      }
      pipeline.consumer_wait();
      out[kSize * batch + threadIdx.x] = buffer[batch % kStages][kSize - 1 - threadIdx.x] * (batch + 1);
      pipeline.consumer_release();
    }
  }
  __syncthreads();
  auto pipeline = cuda::make_pipeline();
  for (int k = 0; k < 2; ++k) {
    pipeline.producer_acquire();
    cuda::memcpy_async(&buffer[k][threadIdx.x], &in[kSize * k + threadIdx.x], cuda::aligned_size_t<4>(4), pipeline);
    pipeline.producer_commit();
  }
  cuda::pipeline_consumer_wait_prior<1>(pipeline);
  int first = buffer[0][threadIdx.x];
  pipeline.consumer_release();
  pipeline.consumer_wait();
  own[threadIdx.x] = first - buffer[1][threadIdx.x];
  pipeline.consumer_release();
}

/// Algorithms on 16 numbers of each thread, kept in local memory.
extern "C" __global__ void algorithms(const int *in, int *out) {
  cuda::std::array<int, 16> a;
  const int *mine = in + 16 * threadIdx.x;
  int *to = out + 32 * threadIdx.x;
  cuda::std::copy(mine, mine + 16, a.begin());
  to[16] = cuda::std::accumulate(a.begin(), a.end(), 0);
  to[17] = *cuda::std::max_element(a.begin(), a.end());
  to[18] = int(cuda::std::count_if(a.begin(), a.end(), [](int x) { return x % 3 == 0; }));
  to[19] = cuda::std::inner_product(a.begin(), a.end(), mine, 1);
  cuda::std::make_heap(a.begin(), a.end());
  cuda::std::sort_heap(a.begin(), a.end());
  to[20] = int(cuda::std::lower_bound(a.begin(), a.end(), 40) - a.begin());
  to[21] = cuda::std::binary_search(a.begin(), a.end(), mine[3]);
  to[22] = int(cuda::std::unique(a.begin(), a.end()) - a.begin());
  cuda::std::copy(mine, mine + 16, a.begin());
  cuda::std::partial_sort(a.begin(), a.begin() + 5, a.end(), [](int x, int y) { return x > y; });
  cuda::std::copy(a.begin(), a.begin() + 5, to);
  cuda::std::copy(mine, mine + 11, a.begin());
  cuda::std::rotate(a.begin(), a.begin() + 4, a.begin() + 11);
  cuda::std::copy(a.begin(), a.begin() + 11, to + 5);
  cuda::std::span<const int, 16> view(mine, 16);
  to[23] = view.last(3)[0];
  to[24] = cuda::std::popcount(unsigned(mine[0]));
  to[25] = cuda::std::countl_zero(unsigned(mine[1]));
  to[26] = int(cuda::std::rotl(unsigned(mine[2]), 13));
  to[27] = int(cuda::std::bit_ceil(unsigned(mine[4]) & 0xffff));
  to[28] = cuda::std::gcd(mine[5], mine[6]);
  to[29] = cuda::std::clamp(mine[7], 20, 60);
  auto [low, high] = cuda::std::minmax(mine[8], mine[9]);
  to[30] = high - low;
  to[31] = cuda::std::midpoint(mine[10], mine[11]);
}

static __device__ cuda::std::optional<int> divide(int a, int b) {
  if (b == 0)
    return cuda::std::nullopt;
  return a / b;
}

/// optional, variant, tuple, complex.
extern "C" __global__ void types(const int *in, int *out, double *real) {
  int t = threadIdx.x, x = in[t];
  out[3 * t] = divide(1000, x % 7).value_or(-1);
  cuda::std::variant<int, double, cuda::std::array<int, 3>> v = x;
  if (x % 3 == 1)
    v = x / 2.0;
  else if (x % 3 == 2)
    v = cuda::std::array<int, 3>{x, x + 1, x + 2};
  out[3 * t + 1] = cuda::std::visit(
      [](auto &&held) -> int {
        using T = cuda::std::decay_t<decltype(held)>;
        if constexpr (cuda::std::is_same_v<T, int>)
          return held;
        else if constexpr (cuda::std::is_same_v<T, double>)
          return int(4 * held);
        else
          return held[0] + held[1] + held[2];
      },
      v);
  auto tuple = cuda::std::make_tuple(x, 2 * x, 3LL * x);
  out[3 * t + 2] = cuda::std::apply([](int a, int b, long long c) { return int(a + b * c); }, tuple);
  cuda::std::complex<double> z(x, 3), w = z * z / cuda::std::complex<double>(1, 2);
  real[3 * t] = w.real();
  real[3 * t + 1] = w.imag();
  real[3 * t + 2] = cuda::std::abs(z);
}
