//===- Roof.cpp - How fast this machine reads and multiplies --------------===//

#include "runtime/Roof.h"
#include "runtime/Cpu.h"
#include "runtime/Memory.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <thread>
#include <vector>

using namespace moec;

using Clock = std::chrono::steady_clock;

Roof Roof::best(const Roof &other) const {
  return {std::max(bytesPerSecond, other.bytesPerSecond),
          std::max(operationsPerSecond, other.operationsPerSecond)};
}

const char *moec::vectorUnitName(VectorUnit unit) {
  switch (unit) {
  case VectorUnit::Avx512:
    return "AVX-512";
  case VectorUnit::Avx2:
    return "AVX2";
  case VectorUnit::None:
    break;
  }
  return "not measured";
}

VectorUnit moec::vectorUnit(const std::string &features) {
  const std::string list = "," + features + ",";
  const auto has = [&](const char *name) {
    return list.find(std::string(",") + name + ",") != std::string::npos &&
           checkCpuFeatures(name, "").ok();
  };
  if (has("avx512f"))
    return VectorUnit::Avx512;
  return has("fma") ? VectorUnit::Avx2 : VectorUnit::None;
}

//===------------------------------------------------------------------------===//
// Timing
//===------------------------------------------------------------------------===//

/// Calls `work(thread)` on all threads at once, `repetitions` times, and returns
/// the seconds of the best one: from the first thread's start to the last one's
/// end, so that a repetition in which a thread was not scheduled is a bad one.
template <typename Work>
static Result<double> bestTime(unsigned threads, int repetitions, Work work) {
  struct Interval {
    Clock::time_point begin, end;
  };
  std::vector<std::vector<Interval>> times(
      threads, std::vector<Interval>(static_cast<size_t>(repetitions)));
  std::barrier barrier(threads);
  const auto run = [&](unsigned thread) {
    for (Interval &interval : times[thread]) {
      barrier.arrive_and_wait();
      interval.begin = Clock::now();
      work(thread);
      interval.end = Clock::now();
    }
  };
  std::vector<std::thread> helpers;
  Status started = Status::success();
  for (unsigned thread = 1; thread < threads; ++thread) {
    try {
      helpers.emplace_back(run, thread);
    } catch (const std::system_error &error) {
      started = Status::error("cannot start " + std::to_string(threads) +
                              " threads: " + error.what());
      // Those that run must not wait for those that never will.
      for (unsigned missing = thread; missing < threads; ++missing)
        (void)barrier.arrive_and_drop();
      break;
    }
  }
  if (started.ok())
    run(0);
  else
    (void)barrier.arrive_and_drop();
  for (std::thread &helper : helpers)
    helper.join();
  MOEC_RETURN_IF_ERROR(started);

  double best = 1e300;
  for (size_t round = 0; round < static_cast<size_t>(repetitions); ++round) {
    Interval all = times[0][round];
    for (const std::vector<Interval> &thread : times) {
      all.begin = std::min(all.begin, thread[round].begin);
      all.end = std::max(all.end, thread[round].end);
    }
    best = std::min(best,
                    std::chrono::duration<double>(all.end - all.begin).count());
  }
  return best;
}

//===------------------------------------------------------------------------===//
// Reading
//===------------------------------------------------------------------------===//

namespace {

constexpr int64_t probeBytes = int64_t(1) << 30;
/// Bytes of one stream that are read in a turn.
constexpr size_t turn = 256;

/// How a thread reads: the beginnings of its streams `length` apart, and how far
/// ahead it asks for what it will read, 0 for not at all.
struct Pattern {
  int streams;
  size_t prefetch;
};

} // namespace

/// Reads every cache line of `streams * length` bytes; the sum keeps the
/// compiler from leaving them out. One load for 16 bytes everywhere, so that
/// the core has no excuse.
static uint64_t readStreams(const uint8_t *data, size_t length,
                            Pattern pattern) {
  typedef uint64_t Vector __attribute__((vector_size(16)));
  Vector sums[4] = {};
  for (size_t at = 0; at + turn <= length; at += turn)
    for (int stream = 0; stream < pattern.streams; ++stream) {
      const uint8_t *from = data + static_cast<size_t>(stream) * length + at;
      if (pattern.prefetch)
        for (size_t line = 0; line < turn; line += 64)
          __builtin_prefetch(from + pattern.prefetch + line);
      const auto *vectors = reinterpret_cast<const Vector *>(from);
      for (size_t i = 0; i < turn / sizeof(Vector); i += 4)
        for (size_t k = 0; k < 4; ++k)
          sums[k] ^= vectors[i + k];
    }
  const Vector sum = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
  return sum[0] ^ sum[1];
}

static Result<double> measureReading(unsigned threads) {
  MOEC_ASSIGN_OR_RETURN(Memory memory,
                        Memory::reserve(probeBytes, "the machine probe"));
  auto *data = static_cast<uint8_t *>(memory.data());
  // Pages that nobody wrote are all the same one.
  std::memset(data, 1, probeBytes);
  const size_t share = probeBytes / threads / 4096 * 4096;
  double best = 0;
  for (int streams : {4, 8})
    for (size_t prefetch : {0, 1024, 2048}) {
      const size_t length = share / static_cast<size_t>(streams) / turn * turn;
      std::vector<uint64_t> sums(threads);
      MOEC_ASSIGN_OR_RETURN(
          double seconds, bestTime(threads, 5, [&](unsigned thread) {
            sums[thread] =
                readStreams(data + thread * share, length, {streams, prefetch});
          }));
      volatile uint64_t keep = sums[0];
      (void)keep;
      const auto bytes =
          static_cast<double>(length * static_cast<size_t>(streams)) * threads;
      best = std::max(best, bytes / seconds);
    }
  return best;
}

//===------------------------------------------------------------------------===//
// Multiply-adds
//===------------------------------------------------------------------------===//

namespace {

constexpr int64_t fmaRounds = 100000;
/// Chains of dependent multiply-adds: two units times four or five cycles.
constexpr int64_t fmaChains = 10;

} // namespace

#if defined(__x86_64__)
// One block with the registers named, since what a compiler makes of separate
// instructions may spill.
#define MOEC_TEN_CHAINS(CHAIN, REG)                                            \
  CHAIN(REG, 0)                                                                \
  CHAIN(REG, 1)                                                                \
  CHAIN(REG, 2)                                                                \
  CHAIN(REG, 3)                                                                \
  CHAIN(REG, 4)                                                                \
  CHAIN(REG, 5)                                                                \
  CHAIN(REG, 6)                                                                \
  CHAIN(REG, 7)                                                                \
  CHAIN(REG, 8)                                                                \
  CHAIN(REG, 9)
#define MOEC_CLEAR(REG, I) "vxorps %%xmm" #I ", %%xmm" #I ", %%xmm" #I "\n\t"
#define MOEC_FMA(REG, I)                                                       \
  "vfmadd231ps %%" REG "14, %%" REG "15, %%" REG #I "\n\t"
#define MOEC_FMA_LOOP(NAME, REG)                                               \
  static void NAME() {                                                         \
    int64_t left = fmaRounds;                                                  \
    asm volatile("vxorps %%xmm14, %%xmm14, %%xmm14\n\t"                        \
                 "vxorps %%xmm15, %%xmm15, %%xmm15\n\t" MOEC_TEN_CHAINS(       \
                     MOEC_CLEAR, REG) ".p2align 6\n\t"                         \
                                      "1:\n\t" MOEC_TEN_CHAINS(                \
                                          MOEC_FMA, REG) "decq %0\n\t"         \
                                                         "jnz 1b\n\t"          \
                                                         "vzeroupper\n\t"      \
                 : "+r"(left)                                                  \
                 :                                                             \
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",       \
                   "xmm6", "xmm7", "xmm8", "xmm9", "xmm14", "xmm15");          \
  }
MOEC_FMA_LOOP(multiplyAvx2, "ymm")
MOEC_FMA_LOOP(multiplyAvx512, "zmm")
#else
static void multiplyAvx2() {}
static void multiplyAvx512() {}
#endif

static Result<double> measureMultiplying(unsigned threads, VectorUnit unit) {
  if (unit == VectorUnit::None)
    return 0.0;
  const bool wide = unit == VectorUnit::Avx512;
  MOEC_ASSIGN_OR_RETURN(double seconds, bestTime(threads, 200, [&](unsigned) {
                          wide ? multiplyAvx512() : multiplyAvx2();
                        }));
  const int64_t lanes = wide ? 16 : 8;
  return static_cast<double>(2 * lanes * fmaChains * fmaRounds) * threads /
         seconds;
}

Result<Roof> moec::measureRoof(unsigned threads, VectorUnit unit) {
  Roof roof;
  MOEC_ASSIGN_OR_RETURN(roof.bytesPerSecond, measureReading(threads));
  MOEC_ASSIGN_OR_RETURN(roof.operationsPerSecond,
                        measureMultiplying(threads, unit));
  return roof;
}
