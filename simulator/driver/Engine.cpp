//===- Engine.cpp - Runs what is on the streams ---------------------------===//
//
// In rounds: each stream's head gets one turn, in an order that the seed
// permutes. A kernel's turn is a quantum of instructions, so that grids of all
// streams and devices advance together and may wait for each other.
//
//===----------------------------------------------------------------------===//
#include "simulator/driver/Driver.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

using namespace moec;
using namespace moec::cudasim;

/// Simulated time of an operation that is no kernel.
static constexpr uint64_t kOperationNanoseconds = 1000;
/// Simulated time that may pass with every grid waiting.
static constexpr uint64_t kStillNanoseconds = 60'000'000'000;

void Driver::submit(Stream &stream, std::unique_ptr<Operation> operation) {
  operation->sequence = nextSequence++;
  stream.queue.push_back(std::move(operation));
}

/// The legacy default stream waits for what was submitted before to the other
/// blocking streams of its context, and they for it.
bool Driver::mayStart(const Stream &stream) const {
  if (!stream.isBlocking)
    return true;
  uint64_t sequence = stream.queue.front()->sequence;
  bool may = true;
  streams.forEach([&](const Stream &other) {
    if (&other != &stream && other.context == stream.context &&
        other.isBlocking && (other.isLegacy || stream.isLegacy) &&
        !other.queue.empty() && other.queue.front()->sequence < sequence)
      may = false;
  });
  return may;
}

void Driver::fail(Context &context, CUresult error) {
  if (!context.error)
    context.error = error;
  streams.forEach([&](Stream &stream) {
    if (stream.context != &context)
      return;
    // The head of a busy stream is removed by who runs it.
    while (stream.queue.size() > (stream.busy ? 1 : 0)) {
      stream.queue.back()->abandon(*this);
      stream.queue.pop_back();
    }
  });
  changed.notify_all();
}

Driver::Round Driver::runRound(Lock &lock) {
  std::vector<uint64_t> turns;
  streams.forEach([&](const Stream &stream) {
    if (!stream.queue.empty())
      turns.push_back(stream.handle);
  });
  ++rounds;
  if (options.seed) {
    // splitmix64: a permutation for each round.
    uint64_t state = options.seed * 0x9e3779b97f4a7c15 + rounds;
    for (size_t left = turns.size(); left > 1; --left) {
      state += 0x9e3779b97f4a7c15;
      uint64_t mixed = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
      std::swap(turns[left - 1], turns[(mixed ^ mixed >> 31) % left]);
    }
  }

  Round result = Round::Nothing;
  bool othersRun = false;
  for (uint64_t handle : turns) {
    // Another turn may have failed the context or given up the lock.
    Stream *stream = streams.find(reinterpret_cast<void *>(handle));
    if (!stream || stream->queue.empty())
      continue;
    if (stream->busy) {
      othersRun = true;
      continue;
    }
    if (!mayStart(*stream))
      continue;
    stream->busy = true;
    auto step = stream->queue.front()->advance(*this, *stream, lock);
    stream->busy = false;
    using Outcome = Operation::Step::Outcome;
    if (step.outcome == Outcome::Waiting)
      continue;
    result = Round::Progress;
    if (step.outcome == Outcome::Progress && !stream->context->error)
      continue;
    if (step.outcome == Outcome::Done)
      clock.nanoseconds += kOperationNanoseconds;
    else
      stream->queue.front()->abandon(*this);
    stream->queue.pop_front();
    if (step.outcome == Outcome::Failed)
      fail(*stream->context, step.error);
    if (stream->isReleased && stream->queue.empty())
      streams.remove(stream);
    changed.notify_all();
  }
  if (othersRun && result == Round::Nothing) {
    changed.wait_for(lock, std::chrono::milliseconds(1));
    result = Round::Progress;
  }
  if (result == Round::Progress)
    stillNanoseconds = 0;
  return result;
}

void Driver::giveWay(Lock &lock) {
  if (!wanting)
    return;
  lock.unlock();
  for (int tries = 0; wanting && tries < 1000; ++tries)
    std::this_thread::yield();
  lock.lock();
}

void Driver::poll(Lock &lock) {
  runRound(lock);
  giveWay(lock);
}

CUresult Driver::wait(Lock &lock, Context &context,
                      const std::function<bool()> &done) {
  uint64_t handle = context.handle;
  while (!done() && !context.error) {
    if (runRound(lock) == Round::Nothing && !done())
      standStill(lock);
    giveWay(lock);
    // Another thread may have destroyed it meanwhile.
    if (!contexts.find(reinterpret_cast<void *>(handle)))
      return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  }
  return context.error;
}

/// Threads of this process.
static unsigned hostThreads() {
  unsigned threads = 1;
  if (FILE *status = fopen("/proc/self/status", "r")) {
    char line[256];
    while (fgets(line, sizeof(line), status))
      if (sscanf(line, "Threads: %u", &threads) == 1)
        break;
    fclose(status);
  }
  return threads;
}

void Driver::standStill(Lock &lock) {
  // Kernels that sleep, or give up waiting after a time.
  if (stillNanoseconds < kStillNanoseconds) {
    uint64_t step = std::max<uint64_t>(1000, stillNanoseconds);
    bool helps = false;
    streams.forEach([&](Stream &stream) {
      if (!stream.queue.empty())
        helps |= stream.queue.front()->passTime(step);
    });
    if (helps) {
      stillNanoseconds += step;
      return;
    }
  }
  // Another thread of the host may submit what is waited for, or write to
  // pinned memory without a call.
  if (hostThreads() > 1) {
    using Time = std::chrono::steady_clock;
    auto deadline = Time::now() + std::chrono::duration_cast<Time::duration>(
                                      std::chrono::duration<double>(patience));
    while (Time::now() < deadline) {
      uint64_t before = calls;
      changed.wait_for(lock, std::chrono::milliseconds(1));
      if (calls != before || runRound(lock) == Round::Progress)
        return;
    }
  }
  reportDeadlock();
}

void Driver::reportDeadlock() {
  note("deadlock: nothing on any stream can go on");
  std::set<Context *> stuck;
  streams.forEach([&](Stream &stream) {
    if (stream.queue.empty())
      return;
    note("stream " + std::to_string(stream.id) + " of device " +
         std::to_string(stream.context->device) + ": " +
         stream.queue.front()->describe());
    stuck.insert(stream.context);
  });
  for (Context *context : stuck)
    fail(*context, CUDA_ERROR_LAUNCH_TIMEOUT);
}
