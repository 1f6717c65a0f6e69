//===- RaceDetector.cpp - What orders threads -----------------------------===//
#include "simulator/check/RaceState.h"

namespace moec::cudasim {

using Warp = RaceDetector::Warp;
using Block = RaceDetector::Block;

/// Calls `visit(lane)` for each lane of a mask.
template <class Visit>
static void forLanes(uint32_t lanes, Visit visit) {
  for (; lanes; lanes &= lanes - 1)
    visit(unsigned(std::countr_zero(lanes)));
}

VectorClock Warp::released(uint32_t arriving, Epoch clock) const {
  VectorClock result = *known;
  uint32_t self = id >> 5;
  if ((arriving & live) == live) {
    result.learn(self, index, VectorClock::All, clock);
  } else {
    if (common > 1)
      result.learn(self, index, VectorClock::All, common - 1);
    forLanes(arriving,
             [&](unsigned l) { result.learn(self, index, l, clock); });
  }
  forLanes(arriving & extraLanes,
           [&](unsigned l) { result.join(lanes[l]->extra); });
  return result;
}

void Warp::learn(uint32_t learning, const VectorClock &clocks) {
  if (clocks.empty())
    return;
  if ((learning & live) == live) {
    auto all = std::make_shared<VectorClock>(*known);
    all->join(clocks);
    known = std::move(all);
    return;
  }
  forLanes(learning, [&](unsigned l) { lane(l).extra.join(clocks); });
  extraLanes |= learning;
}

void Warp::spread(std::shared_ptr<const VectorClock> all) {
  known = std::move(all);
  forLanes(extraLanes, [&](unsigned l) { lanes[l]->extra = {}; });
  extraLanes = 0;
  common = now;
}

RaceDetector::RaceDetector(const Options &options)
    : impl(std::make_unique<Impl>()) {
  impl->options = options;
}
RaceDetector::~RaceDetector() = default;

Block *RaceDetector::start(uint32_t linearIndex, uint32_t threads,
                           uint32_t sharedBytes) {
  auto &slot = impl->blocks[linearIndex];
  slot = std::make_unique<Block>(linearIndex,
                                 impl->options.shared ? sharedBytes : 0);
  auto nothing = std::make_shared<const VectorClock>();
  for (uint32_t first = 0; first < threads; first += 32) {
    auto warp = std::make_unique<Warp>();
    warp->block = slot.get();
    warp->index = first / 32;
    warp->id = linearIndex * 32 + warp->index;
    warp->live = threads - first >= 32 ? ~0u : (1u << (threads - first)) - 1;
    warp->known = nothing;
    slot->warps.push_back(std::move(warp));
  }
  return slot.get();
}

Warp *RaceDetector::warp(Block *block, uint32_t warp) {
  return block->warps[warp].get();
}

void RaceDetector::finish(Block *block) { impl->blocks.erase(block->index); }

void RaceDetector::fence(Warp *warp, uint32_t lanes, Scope scope,
                         Ordering ordering) {
  unsigned rank = rankOf(scope);
  if (ordering.acquire)
    forLanes(lanes, [&](unsigned l) {
      if (!warp->lanes[l])
        return;
      for (unsigned from = BlockRank; from <= rank; ++from) {
        VectorClock seen = std::move(warp->lanes[l]->seen[from]);
        warp->lanes[l]->seen[from] = {};
        warp->learn(1u << l, seen);
      }
    });
  if (!ordering.release)
    return;
  auto known = warp->known;
  if (warp->common > 1) {
    auto more = std::make_shared<VectorClock>(*known);
    more->learn(warp->id >> 5, warp->index, VectorClock::All, warp->common - 1);
    known = std::move(more);
  }
  forLanes(lanes, [&](unsigned l) {
    auto &lane = warp->lane(l);
    for (unsigned i = 0; i <= unsigned(rank == DeviceRank); ++i)
      lane.fences[i] = {rank, warp->now, known, lane.extra};
  });
  ++warp->now;
}

void RaceDetector::syncWarp(Warp *warp, uint32_t lanes) {
  ++warp->now;
  if ((lanes & warp->live) == warp->live && !warp->extraLanes) {
    warp->common = warp->now;
    return;
  }
  VectorClock all = warp->released(lanes, warp->now - 1);
  if ((lanes & warp->live) == warp->live)
    warp->spread(std::make_shared<const VectorClock>(std::move(all)));
  else
    warp->learn(lanes, all);
}

void RaceDetector::arrive(Warp *warp, uint32_t lanes, uint32_t barrier,
                          bool waits) {
  Block::Barrier &state = warp->block->barriers[barrier];
  if (waits) {
    state.waiting.push_back({warp, lanes, warp->now});
  } else {
    state.pending.join(warp->released(lanes, warp->now));
    state.mixed = true;
  }
  ++warp->now;
}

void RaceDetector::complete(Block *block, uint32_t barrier) {
  Block::Barrier state = std::move(block->barriers[barrier]);
  block->barriers[barrier] = {};

  uint32_t arrived[32] = {};
  Epoch last = block->exitedClock;
  for (const Block::Arrival &arrival : state.waiting) {
    arrived[arrival.warp->index] |= arrival.lanes;
    last = std::max(last, arrival.clock);
  }
  bool whole = !state.mixed;
  for (auto &warp : block->warps)
    whole &= (arrived[warp->index] & warp->live) == warp->live;

  auto all = std::make_shared<VectorClock>(std::move(state.pending));
  all->join(block->exited);
  const VectorClock *previous = nullptr;
  for (const Block::Arrival &arrival : state.waiting) {
    const Warp &warp = *arrival.warp;
    if (!whole) {
      all->join(warp.released(arrival.lanes, arrival.clock));
      continue;
    }
    // What they did themselves is one entry for all, below.
    if (warp.known.get() != previous)
      all->join(*warp.known);
    previous = warp.known.get();
    forLanes(warp.extraLanes,
             [&](unsigned l) { all->join(warp.lanes[l]->extra); });
  }
  if (whole)
    all->replaceBlock(block->index, last);

  for (auto &warp : block->warps) {
    uint32_t lanes = arrived[warp->index];
    if (!lanes)
      continue;
    if (whole) {
      warp->now = last + 1;
      warp->spread(all);
      warp->floor = warp->now;
    } else if ((lanes & warp->live) == warp->live) {
      auto mine = std::make_shared<VectorClock>(*all);
      mine->join(*warp->known);
      warp->spread(std::move(mine));
    } else {
      warp->learn(lanes, *all);
    }
  }
}

void RaceDetector::exit(Warp *warp, uint32_t lanes) {
  Block &block = *warp->block;
  block.exited.join(warp->released(lanes, warp->now));
  block.exitedClock = std::max(block.exitedClock, warp->now);
  warp->live &= ~lanes;
  ++warp->now;
}

void RaceDetector::mbarrierInit(Warp *warp, unsigned lane, uint64_t address,
                                uint32_t line) {
  warp->block->mbarriers[address] = {
      {}, {}, warp->thread(lane), warp->now, line};
}

/// The race of `lanes` with the initialisation of an mbarrier, or null.
const Race *RaceDetector::Impl::initialised(const Warp &warp, uint32_t lanes,
                                            const Phase &phase,
                                            uint64_t address) {
  if (phase.initialised == 0 || warp.orderedForAll(phase.by, phase.initialised))
    return nullptr;
  for (; lanes; lanes &= lanes - 1) {
    unsigned lane = unsigned(std::countr_zero(lanes));
    if (warp.ordered(lane, phase.by, phase.initialised))
      continue;
    race = {true,
            address,
            int(lane),
            "mbarrier operation",
            "mbarrier.init",
            phase.by.block,
            phase.by.warp,
            phase.by.lane,
            phase.line,
            ""};
    return &race;
  }
  return nullptr;
}

/// Whether an mbarrier of `owner` at this scope orders threads of `warp`.
static bool reaches(const Warp *warp, const Block *owner, Scope scope) {
  return scope != Scope::None &&
         (warp->block == owner || scope >= Scope::Cluster);
}

const Race *RaceDetector::mbarrierArrive(Warp *warp, uint32_t lanes,
                                         Block *owner, uint64_t address,
                                         Scope scope) {
  Phase &phase = owner->mbarriers[address];
  const Race *race = impl->initialised(*warp, lanes, phase, address);
  if (reaches(warp, owner, scope)) {
    phase.pending.join(warp->released(lanes, warp->now));
    ++warp->now;
  }
  return race;
}

void RaceDetector::mbarrierComplete(Block *owner, uint64_t address) {
  Phase &phase = owner->mbarriers[address];
  phase.completed = std::move(phase.pending);
  phase.pending = {};
}

const Race *RaceDetector::mbarrierWait(Warp *warp, uint32_t lanes, Block *owner,
                                       uint64_t address, Scope scope) {
  Phase &phase = owner->mbarriers[address];
  const Race *race = impl->initialised(*warp, lanes, phase, address);
  if (reaches(warp, owner, scope))
    warp->learn(lanes, phase.completed);
  return race;
}

void RaceDetector::arriveWide(Warp *warp, uint32_t lanes, uint64_t id) {
  impl->wide[id].pending.join(warp->released(lanes, warp->now));
  ++warp->now;
}

void RaceDetector::completeWide(uint64_t id) {
  Phase &phase = impl->wide[id];
  phase.completed = std::move(phase.pending);
  phase.pending = {};
}

void RaceDetector::leaveWide(Warp *warp, uint32_t lanes, uint64_t id) {
  warp->learn(lanes, impl->wide[id].completed);
}

/// A strong read of rank `rank`. The first operation of the release pattern and the last of the acquire pattern must include each other, and the read the
/// write that it reads.
void RaceDetector::Impl::observe(Warp &warp, unsigned lane,
                                 const Location &location, unsigned rank,
                                 bool acquire) {
  uint32_t self = warp.id >> 5;
  if (!includes(location.lastRank, location.lastBlock, self) ||
      !includes(rank, self, location.lastBlock))
    return;
  for (const Location::Release &release : location.releases) {
    if (release.block != ManyBlocks &&
        !includes(release.rank, release.block, self))
      continue;
    // The smallest rank of an acquire that includes the releaser.
    unsigned needed = DeviceRank;
    if (release.block != ManyBlocks)
      while (needed > BlockRank && includes(needed - 1, self, release.block))
        --needed;
    if (acquire && rank >= needed)
      warp.learn(1u << lane, release.clocks);
    else if (!acquire)
      warp.lane(lane).seen[needed].join(release.clocks);
  }
}

/// A strong write; `continues` for a read-modify-write.
void RaceDetector::Impl::publish(Warp &warp, unsigned lane, Location &location,
                                 unsigned rank, bool release, bool continues) {
  uint32_t self = warp.id >> 5;
  if (!continues || !includes(location.lastRank, location.lastBlock, self) ||
      !includes(rank, self, location.lastBlock))
    location.releases.clear();
  location.lastRank = rank;
  location.lastBlock = self;

  auto add = [&](unsigned released, VectorClock clocks) {
    for (Location::Release &other : location.releases)
      if (other.rank == released &&
          (released == DeviceRank || other.block == self)) {
        other.block = other.block == self ? self : ManyBlocks;
        other.clocks.join(clocks);
        return;
      }
    location.releases.push_back({released, self, std::move(clocks)});
  };
  if (release) {
    add(rank, warp.released(1u << lane, warp.now));
    return;
  }
  if (!warp.lanes[lane])
    return;
  for (const Warp::LaneState::Fence &fence : warp.lanes[lane]->fences) {
    const auto &newest = warp.lanes[lane]->fences[0];
    if (!fence.rank || (&fence != &newest && fence.clock == newest.clock))
      continue;
    VectorClock clocks = *fence.known;
    clocks.learn(self, warp.index, lane, fence.clock);
    clocks.join(fence.extra);
    add(fence.rank, std::move(clocks));
  }
}

void RaceDetector::Impl::synchronise(Warp &warp, const Access &access,
                                     Locations &locations,
                                     const uint64_t *addresses,
                                     uint32_t active) {
  unsigned rank = rankOf(access.scope);
  uint32_t element = access.elementBytes ? access.elementBytes : access.bytes;
  bool reads =
      access.kind == AccessKind::Read || access.kind == AccessKind::Atomic;
  bool writes = access.kind != AccessKind::Read, published = false;
  forLanes(active, [&](unsigned lane) {
    for (uint32_t offset = 0; offset < access.bytes; offset += element) {
      uint64_t address = addresses[lane] + offset;
      if (reads)
        if (auto found = locations.find(address); found != locations.end())
          observe(warp, lane, found->second, rank, access.ordering.acquire);
      if (writes) {
        publish(warp, lane, locations[address], rank, access.ordering.release,
                access.kind != AccessKind::Write);
        published |= access.ordering.release;
      }
    }
  });
  if (published)
    ++warp.now;
}

std::string Race::text() const {
  std::string result =
      std::string(access) + " races with the " + std::string(otherAccess) +
      " of block " + std::to_string(otherBlock) + " warp " +
      std::to_string(otherWarp) + " lane " + std::to_string(otherLane) +
      " at ptx line " + std::to_string(otherLine);
  return why.empty() ? result + ": nothing orders them"
                     : result + ": " + std::string(why);
}

} // namespace moec::cudasim
