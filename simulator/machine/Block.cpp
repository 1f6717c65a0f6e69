//===- Block.cpp ----------------------------------------------------------===//
#include "simulator/machine/Block.h"

#include <algorithm>

namespace moec::cudasim {

LaunchState::LaunchState(Launch launch_, GlobalMemory &memory,
                         const Options &options)
    : launch(std::move(launch_)), memory(memory), options(options),
      clock(launch.clock ? launch.clock : &ownClock),
      counters(launch.program->code.size()),
      random(options.seed * 0x9e3779b97f4a7c15 + launch.gridId),
      hits(launch.program->code.size(), nullptr),
      generation(memory.generation()) {
  if (options.checks) {
    RaceDetector::Options what;
    what.global = options.checkGlobalRaces;
    races = std::make_unique<RaceDetector>(what);
  }
}

uint64_t LaunchState::next() {
  // splitmix64
  uint64_t z = random += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Block::Block(LaunchState &state, uint64_t linearIndex)
    : state(state), linearIndex(linearIndex) {
  const Launch &launch = state.launch;
  id = {static_cast<uint32_t>(linearIndex % launch.grid[0]),
        static_cast<uint32_t>(linearIndex / launch.grid[0] % launch.grid[1]),
        static_cast<uint32_t>(linearIndex / launch.grid[0] / launch.grid[1])};
  threads = launch.block[0] * launch.block[1] * launch.block[2];
  uint64_t sharedBytes = launch.dynamicSharedBytes
                             ? uint64_t(launch.kernel->dynamicSharedOffset) +
                                   launch.dynamicSharedBytes
                             : launch.kernel->staticSharedBytes;
  sharedBytes += launch.program->reservedSharedBytes;
  shared.assign(sharedBytes, std::byte{0xc7});
  sharedWritten.assign((sharedBytes + 63) / 64 + 1, 0);
  // The system's bytes have values, though nobody may know which.
  std::fill_n(sharedWritten.begin(), launch.program->reservedSharedBytes / 64,
              ~uint64_t(0));
  if (state.races)
    race = state.races->start(static_cast<uint32_t>(linearIndex), threads,
                              kSharedBase + static_cast<uint32_t>(sharedBytes));
  liveWarps = (threads + 31) / 32;
  for (uint32_t i = 0; i < liveWarps; ++i)
    warps.push_back(std::make_unique<Warp>(*this, i));
  for (uint32_t i = 0; i < liveWarps; ++i) {
    uint32_t lanes = std::min(32u, threads - 32 * i);
    if (race)
      warps[i]->race = state.races->warp(race, i);
    warps[i]->start(lanes == 32 ? 0xffffffffu : (1u << lanes) - 1);
    order.push_back(i);
  }
  if (state.options.seed)
    for (uint32_t i = liveWarps; i > 1; --i)
      std::swap(order[i - 1], order[state.next() % i]);
}

Block::~Block() {
  if (race)
    state.races->finish(race);
}

Block::Turn Block::advance(uint64_t budget) {
  Turn turn;
  for (uint32_t i : order) {
    Warp &warp = *warps[i];
    if (!warp.live)
      continue;
    Warp::Status status = warp.run(budget);
    uint64_t executed = budget - warp.remaining;
    state.executed += executed;
    state.clock->nanoseconds += executed;
    turn.ran |= status == Warp::Status::Ready;
    turn.spinning |= status == Warp::Status::Spinning;
    if (state.failure)
      return turn;
  }
  return turn;
}

void Block::warpDone(Warp &) {
  --liveWarps;
  ++state.changes;
  for (unsigned i = 0; i < barriers.size(); ++i)
    completeIfFull(i);
}

Flow Block::arrive(Warp &warp, unsigned number, uint32_t count,
                   BarrierKind kind, uint32_t mask, uint32_t predicate) {
  Barrier &barrier = barriers[number];
  std::string name = "barrier " + std::to_string(number);
  auto isReduction = [](BarrierKind k) {
    return k != BarrierKind::Sync && k != BarrierKind::Arrive;
  };
  if (barrier.open) {
    if (barrier.expected != count)
      return warp.fail("barrier", name + " was entered for " +
                                      std::to_string(barrier.expected) +
                                      " threads and now for " +
                                      std::to_string(count) +
                                      " (0: all of the block)");
    if ((isReduction(kind) || isReduction(barrier.kind)) &&
        kind != barrier.kind)
      return warp.fail("barrier",
                       name + " mixes a reduction with other kinds of arrival");
  } else {
    barrier = Barrier{0, count, true, kind, 0, 0};
  }
  barrier.arrived += 32;
  barrier.count += std::popcount(mask & predicate);
  barrier.lanes += std::popcount(mask);
  if (count && barrier.arrived > count)
    return warp.fail("barrier", "more than the " + std::to_string(count) +
                                    " threads of " + name + " arrived");
  completeIfFull(number);
  return Flow::Schedule;
}

void Block::completeIfFull(unsigned number) {
  Barrier &barrier = barriers[number];
  if (!barrier.open ||
      barrier.arrived <
          (barrier.expected ? barrier.expected : 32 * liveWarps) ||
      !barrier.arrived)
    return;
  uint32_t reduced = barrier.kind == BarrierKind::And
                         ? barrier.count == barrier.lanes
                     : barrier.kind == BarrierKind::Or ? barrier.count != 0
                                                       : barrier.count;
  barrier = Barrier();
  ++state.changes;
  if (race)
    state.races->complete(race, number);
  for (auto &warp : warps)
    warp->release(number, reduced);
}

std::string Block::describe() const {
  std::string text;
  for (auto &warp : warps) {
    if (!warp->live)
      continue;
    text += "  block (" + std::to_string(id[0]) + "," + std::to_string(id[1]) +
            "," + std::to_string(id[2]) + ") warp " +
            std::to_string(warp->index) + ":" + warp->describe() + "\n";
  }
  for (unsigned i = 0; i < barriers.size(); ++i)
    if (barriers[i].open)
      text += "  block (" + std::to_string(id[0]) + "," +
              std::to_string(id[1]) + "," + std::to_string(id[2]) +
              ") barrier " + std::to_string(i) + ": " +
              std::to_string(barriers[i].arrived) + " of " +
              std::to_string(barriers[i].expected ? barriers[i].expected
                                                  : 32 * liveWarps) +
              " threads arrived\n";
  return text;
}

} // namespace moec::cudasim
