//===- ThreadPool.cpp - Threads that help with one job at a time ----------===//

#include "runtime/ThreadPool.h"

#include <system_error>

using namespace moec;

Result<std::unique_ptr<ThreadPool>>
ThreadPool::create(unsigned helpers, std::function<void(unsigned)> work) {
  std::unique_ptr<ThreadPool> pool(new ThreadPool(std::move(work)));
  try {
    for (unsigned helper = 1; helper <= helpers; ++helper)
      pool->threads.emplace_back(
          [pool = pool.get(), helper] { pool->helperMain(helper); });
  } catch (const std::system_error &error) {
    return Status::error("cannot start " + std::to_string(helpers + 1) +
                         " threads: " + error.what());
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  stopping = true;
  announce();
  for (std::thread &thread : threads)
    thread.join();
}

void ThreadPool::open() {
  joinable = true;
  announce();
}

void ThreadPool::announce() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    ++job;
  }
  wake.notify_all();
}

void ThreadPool::close() {
  // A helper announces itself in `joined` before it looks at `joinable`, and we
  // clear `joinable` before we look at `joined`. Both sequentially consistent:
  // either it sees that it is too late or we see that it is there.
  joinable = false;
  spinUntil([&] { return joined == 0; });
}

uint64_t ThreadPool::waitForJob(uint64_t seen) {
  // About 0.2 ms: choosing a token takes less, and the next step comes right
  // after it.
  for (unsigned round = 0; round < 4096; ++round) {
    if (uint64_t current = job; current != seen)
      return current;
    pauseCore();
  }
  std::unique_lock<std::mutex> lock(mutex);
  wake.wait(lock, [&] { return job != seen; });
  return job;
}

void ThreadPool::helperMain(unsigned helper) {
  for (uint64_t seen = 0;;) {
    seen = waitForJob(seen);
    if (stopping)
      return;
    ++joined;
    if (joinable)
      work(helper);
    --joined;
  }
}
