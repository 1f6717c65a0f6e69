//===- Warp.cpp -----------------------------------------------------------===//
#include "simulator/machine/Warp.h"

#include "simulator/machine/Block.h"
#include "simulator/machine/Lanes.h"

#include <algorithm>
#include <cstring>

namespace moec::cudasim {

/// What an unwritten register holds.
constexpr int kRegisterPoison = 0xc7;
/// Turns of a loop with a strong load in it before the group gives way: fewer when it keeps on spinning.
constexpr uint32_t kPatientSpins = 16, kImpatientSpins = 2;
/// Backward branches of a group before the other groups of its warp get a turn.
constexpr uint32_t kBackEdges = 4096;

void AlignedBytes::resize(size_t bytes) {
  memory.assign(bytes + 64, std::byte{kRegisterPoison});
}

void Warp::start(uint32_t mask) {
  const LaunchState &state = block->state;
  program = state.launch.program;
  const Kernel &kernel = *state.launch.kernel;
  frames.resize(kernel.frameStack);
  specials.resize(program->specialBytes);
  banks[Operand::kConstant] = const_cast<std::byte *>(program->constantBank());
  banks[Operand::kSpecial] = specials.data();
  localStride = kernel.localStack;
  localMemory.assign(32 * localStride, std::byte{0xc7});
  localWritten.assign(32 * localStride / 64, 0);
  live = mask;
  group = Group{kernel.entry, mask};
  enterFrame();
  setSpecials();
}

void Warp::setSpecials() {
  const LaunchState &state = block->state;
  const Launch &launch = state.launch;
  auto shared = static_cast<uint32_t>(block->shared.size());
  for (const SpecialSlot &slot : program->specials) {
    if (slot.special == Special::GridId) {
      std::fill_n(reinterpret_cast<uint64_t *>(specials.data() + slot.offset),
                  32, launch.gridId);
      continue;
    }
    auto *to = reinterpret_cast<uint32_t *>(specials.data() + slot.offset);
    for (uint32_t lane = 0; lane < 32; ++lane) {
      uint32_t thread = 32 * index + lane;
      uint32_t value = 0;
      switch (slot.special) {
      case Special::TidX:
        value = thread % launch.block[0];
        break;
      case Special::TidY:
        value = thread / launch.block[0] % launch.block[1];
        break;
      case Special::TidZ:
        value = thread / launch.block[0] / launch.block[1];
        break;
      case Special::NtidX:
        value = launch.block[0];
        break;
      case Special::NtidY:
        value = launch.block[1];
        break;
      case Special::NtidZ:
        value = launch.block[2];
        break;
      case Special::CtaidX:
      case Special::ClusterIdX:
        value = block->id[0];
        break;
      case Special::CtaidY:
      case Special::ClusterIdY:
        value = block->id[1];
        break;
      case Special::CtaidZ:
      case Special::ClusterIdZ:
        value = block->id[2];
        break;
      case Special::NctaidX:
      case Special::NclusterIdX:
        value = launch.grid[0];
        break;
      case Special::NctaidY:
      case Special::NclusterIdY:
        value = launch.grid[1];
        break;
      case Special::NctaidZ:
      case Special::NclusterIdZ:
        value = launch.grid[2];
        break;
      case Special::LaneId:
        value = lane;
        break;
      case Special::WarpId:
        value = index;
        break;
      case Special::NwarpId:
        value = static_cast<uint32_t>(block->warps.size());
        break;
      case Special::SmId:
        value =
            static_cast<uint32_t>(block->linearIndex % launch.multiprocessors);
        break;
      case Special::NsmId:
        value = launch.multiprocessors;
        break;
      case Special::LanemaskEq:
        value = 1u << lane;
        break;
      case Special::LanemaskLe:
        value = (2u << lane) - 1;
        break;
      case Special::LanemaskLt:
        value = (1u << lane) - 1;
        break;
      case Special::LanemaskGe:
        value = ~((1u << lane) - 1);
        break;
      case Special::LanemaskGt:
        value = ~((2u << lane) - 1);
        break;
      case Special::DynamicSmemSize:
        value = launch.dynamicSharedBytes;
        break;
      case Special::TotalSmemSize:
        value = shared - program->reservedSharedBytes;
        break;
      case Special::AggrSmemSize:
        value = shared;
        break;
      case Special::ReservedSmemBegin:
      case Special::ReservedSmem0:
        value = kSharedBase;
        break;
      case Special::ReservedSmem1: // what is left is for cooperative groups
        value = kSharedBase + kReservedShared / 2;
        break;
      case Special::ReservedSmemEnd:
        value = kSharedBase + kReservedShared;
        break;
      case Special::ReservedSmemCap:
        value = kReservedShared;
        break;
      case Special::EnvReg1:
        value = static_cast<uint32_t>(launch.cooperativeWorkspace >> 32);
        break;
      case Special::EnvReg2:
        value = static_cast<uint32_t>(launch.cooperativeWorkspace);
        break;
      case Special::WarpSize:
        value = 32;
        break;
      // A block is a cluster of its own.
      case Special::ClusterNctaidX:
      case Special::ClusterNctaidY:
      case Special::ClusterNctaidZ:
      case Special::ClusterNctarank:
        value = 1;
        break;
      default:
        break;
      }
      to[lane] = value;
    }
  }
}

Warp::Status Warp::run(uint64_t budget) {
  if (failed)
    return Status::Failed;
  const Instruction *code = program->code.data();
  LaunchState &state = block->state;
  Counters *counters = state.options.counters ? &state.counters : nullptr;
  bool resumed = false;
  remaining = budget;
  for (;;) {
    if (!group.mask) {
      choose();
      if (failed)
        return Status::Failed;
      if (!group.mask) {
        if (!live)
          return Status::Done;
        // Only groups that gave way can go on: once a turn.
        bool any = false;
        for (Group &other : parked)
          any |= other.wait == Wait::Spin;
        if (!any)
          return Status::Waiting;
        if (resumed)
          return ++spinTurns, Status::Spinning;
        for (Group &other : parked)
          if (other.wait == Wait::Spin)
            other.wait = Wait::None;
        resumed = true;
        continue;
      }
    }
    if (!remaining)
      return spinTurns = 0, Status::Ready;
    --remaining;
    const Instruction &i = code[group.pc];
    uint32_t mask = group.mask & predicate(i.guard);
    if (counters)
      counters->issue(group.pc, mask);
    Flow flow = mask ? i.handler(*this, i, mask) : Flow::Next;
    switch (flow) {
    case Flow::Next:
      if (++group.pc < switchPc) [[likely]]
        continue;
      choose();
      break;
    case Flow::Jump:
      if (!parked.empty())
        choose();
      break;
    case Flow::Schedule:
      choose();
      break;
    case Flow::Yield:
      park(group.mask, Wait::Spin);
      choose();
      break;
    case Flow::Fail:
      return Status::Failed;
    }
    if (failed)
      return Status::Failed;
  }
}

void Warp::choose() {
  if (group.mask) {
    group.wait = Wait::None;
    parked.push_back(group);
    group.mask = 0;
  }
  switchPc = UINT32_MAX;
  // Merge what stands at the same place; who arrives takes the waiting along.
  for (size_t i = 0; i < parked.size(); ++i)
    for (size_t j = i + 1; j < parked.size();) {
      Group &one = parked[i], &other = parked[j];
      bool barrier = one.wait == Wait::Barrier || other.wait == Wait::Barrier;
      if (barrier || !one.at(other)) {
        ++j;
        continue;
      }
      one.mask |= other.mask;
      if (one.wait == Wait::None || other.wait == Wait::None ||
          one.wait != other.wait)
        one.wait = Wait::None;
      parked[j] = parked.back();
      parked.pop_back();
    }
  size_t best = parked.size();
  bool lanes = false, barriers = false, spins = false;
  for (size_t i = 0; i < parked.size(); ++i) {
    lanes |= parked[i].wait == Wait::Lanes;
    barriers |= parked[i].wait == Wait::Barrier;
    spins |= parked[i].wait == Wait::Spin;
    if (parked[i].wait == Wait::None &&
        (best == parked.size() || parked[i].pc < parked[best].pc))
      best = i;
  }
  if (best == parked.size()) {
    if (lanes && !barriers && !spins) {
      group = parked.front();
      std::string rest = describe();
      fail("warp-sync",
           "lanes wait for others of their warp that never come:" + rest);
    }
    return;
  }
  group = parked[best];
  parked[best] = parked.back();
  parked.pop_back();
  for (const Group &other : parked)
    if (other.wait != Wait::Barrier && other.pc > group.pc)
      switchPc = std::min(switchPc, other.pc);
  enterFrame();
}

void Warp::park(uint32_t mask, Wait wait, uint8_t barrier) {
  split(group.mask & ~mask, group.pc + 1);
  Group waiting = group;
  waiting.mask = mask;
  waiting.wait = wait;
  waiting.barrier = barrier;
  parked.push_back(waiting);
  group.mask = 0;
}

void Warp::split(uint32_t mask, uint32_t pc) {
  if (!mask)
    return;
  Group other = group;
  other.pc = pc;
  other.mask = mask;
  other.wait = Wait::None;
  parked.push_back(other);
  group.mask &= ~mask;
}

void Warp::retire(uint32_t mask) {
  if (race)
    block->state.races->exit(race, mask);
  live &= ~mask;
  group.mask &= ~mask;
  // Who waited for these lanes looks again.
  for (Group &other : parked)
    if (other.wait == Wait::Lanes)
      other.wait = Wait::None;
  if (!live)
    block->warpDone(*this);
}

bool Warp::gather(uint32_t mask, uint32_t member) {
  if (!(member & live & ~mask))
    return true;
  park(mask, Wait::Lanes);
  return false;
}

uint32_t Warp::lanesAt(unsigned number) const {
  uint32_t lanes = 0;
  for (const Group &other : parked)
    if (other.wait == Wait::Barrier && other.barrier == number)
      lanes |= other.mask;
  return lanes;
}

void Warp::release(unsigned number, uint32_t reduced) {
  for (Group &other : parked) {
    if (other.wait != Wait::Barrier || other.barrier != number)
      continue;
    const Instruction &i = program->code[other.pc];
    if (i.count) { // bar.red has a destination
      std::byte *frame = banks[Operand::kFrame];
      banks[Operand::kFrame] = frames.data() + other.frame;
      if (i.count == 1)
        forLanes(
            other.mask, at<uint32_t>(i.d), [=](uint32_t) { return reduced; },
            at<uint32_t>(i.d));
      else
        setPredicate(i.d, other.mask, reduced ? kAllLanes : 0);
      banks[Operand::kFrame] = frame;
    }
    other.wait = Wait::None;
    ++other.pc;
  }
  spinTurns = 0;
}

bool Warp::spins() {
  if (ranStrongLoad) {
    ranStrongLoad = false;
    if (++spinCount >= (spinTurns > 2 ? kImpatientSpins : kPatientSpins)) {
      spinCount = 0;
      return true;
    }
  }
  if (!parked.empty() && ++backEdges >= kBackEdges) {
    backEdges = 0;
    return true;
  }
  return false;
}

Flow Warp::fail(std::string kind, std::string message, int lane) {
  failed = true;
  LaunchState &state = block->state;
  if (state.failure)
    return Flow::Fail;
  Diagnosis &diagnosis = state.failure.emplace();
  diagnosis.kind = std::move(kind);
  diagnosis.message = std::move(message);
  diagnosis.kernel = state.launch.kernel->name;
  diagnosis.block = block->id;
  diagnosis.warp = static_cast<int>(index);
  diagnosis.lane = lane;
  diagnosis.ptxLine = line();
  diagnosis.source = program->source(group.pc);
  return Flow::Fail;
}

std::string Warp::describe() const {
  std::string text;
  auto add = [&](const Group &at) {
    char mask[16];
    std::snprintf(mask, sizeof mask, "%08x", at.mask);
    std::string source = program->source(at.pc);
    text += " lanes 0x" + std::string(mask) + " at ptx line " +
            std::to_string(program->lines[at.pc].line) +
            (source.empty() ? "" : " (" + source + ")");
    switch (at.wait) {
    case Wait::None:
      text += " can run;";
      break;
    case Wait::Spin:
      text += " spin;";
      break;
    case Wait::Lanes:
      text += " wait for other lanes of the warp;";
      break;
    case Wait::Barrier:
      text += " wait at barrier " + std::to_string(at.barrier) + ";";
      break;
    case Wait::AsyncCopies:
      text += " wait for copies;";
      break;
    }
  };
  if (group.mask &&
      std::find_if(parked.begin(), parked.end(), [&](const Group &g) {
        return g.mask == group.mask;
      }) == parked.end())
    add(group);
  for (const Group &other : parked)
    add(other);
  if (!text.empty())
    text.pop_back();
  return text;
}

} // namespace moec::cudasim
