//===- ThreadPool.h - Threads that help with one job at a time ------------===//
//
// A job is opened, helpers that are awake join it, and the caller closes it.
// Closing waits for the helpers that joined, not for those that are still
// asleep: a helper that the system never scheduled costs nothing.
//
// Between jobs helpers look for the next one for a moment (a token follows a
// token), then sleep until they are woken.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_THREADPOOL_H
#define MOEC_RUNTIME_THREADPOOL_H

#include "support/Status.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace moec {

/// Tells the core that this thread is only waiting.
inline void pauseCore() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits for a condition that another thread is about to make true: pauses at
/// first and gives the core away when it takes long, so that more threads than
/// cores still make progress.
template <typename Condition>
void spinUntil(Condition condition) {
  for (unsigned round = 0; !condition(); ++round) {
    if (round < 512)
      pauseCore();
    else
      std::this_thread::yield();
  }
}

class ThreadPool {
public:
  /// `work(helper)` is what helper 1 … helpers does when it joins a job. It
  /// must return once the job has nothing left.
  static Result<std::unique_ptr<ThreadPool>>
  create(unsigned helpers, std::function<void(unsigned)> work);
  ~ThreadPool();

  /// Lets helpers join, and wakes those asleep.
  void open();
  /// Lets no more helpers join and waits until those that joined have left.
  /// What they wrote is visible afterwards.
  void close();

private:
  explicit ThreadPool(std::function<void(unsigned)> work)
      : work(std::move(work)) {}
  void helperMain(unsigned helper);
  /// Wakes the helpers to look at `joinable` and `stopping`.
  void announce();
  /// Waits for a job with another number than `seen`, or the end; returns the
  /// number.
  uint64_t waitForJob(uint64_t seen);

  std::function<void(unsigned)> work;
  std::vector<std::thread> threads;
  /// Number of the last job opened. Changed under `mutex`, so that a helper
  /// cannot miss it between looking and sleeping.
  std::atomic<uint64_t> job{0};
  std::atomic<bool> joinable{false};
  std::atomic<bool> stopping{false};
  std::atomic<unsigned> joined{0};
  std::mutex mutex;
  std::condition_variable wake;
};

} // namespace moec

#endif // MOEC_RUNTIME_THREADPOOL_H
