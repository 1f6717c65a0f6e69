//===- Async.cpp - cp.async and mbarrier ----------------------------------===//
#include "simulator/check/Mbarrier.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/MemoryAccess.h"

#include <algorithm>
#include <cstring>

namespace moec::cudasim {

using ptx::OperandKind;
using ptx::Space;
using ptx::Type;

namespace {

AsyncCopies &copiesOf(Block &block) {
  if (!block.copies)
    block.copies = std::make_unique<AsyncCopies>(
        block.threads, kSharedBase + static_cast<uint32_t>(block.shared.size()),
        block.state.options.lateCopies ? AsyncCopies::Mode::Late
                                       : AsyncCopies::Mode::Eager);
  return *block.copies;
}

/// Of `bytes` the first `present` from the source, the rest zero.
void move(std::byte *destination, const std::byte *source, uint32_t bytes,
          uint32_t present) {
  if (present)
    std::memcpy(destination, source, present);
  std::memset(destination + present, 0, bytes - present);
}

/// bytes: of a copy; lane[0] != 0: b is the number of bytes that come from the source; flags bit 0: c says "ignore the
/// source". a + imm is the source, d + d2's constant offset the destination: both are kept by their own Address.
Flow copyAsync(Warp &w, const Instruction &i, uint32_t mask) {
  Block &block = *w.block;
  LaunchState &state = block.state;
  const Operand *list = w.list(i);
  MemoryAccess to, from;
  Instruction target = i; // the destination's address
  target.a = list[0];
  target.lane[2] = i.lane[1];
  target.imm = static_cast<int64_t>(i.target);
  computeAddresses(w, target, to.address);
  for (uint64_t &address : to.address)
    address = sharedAddress(address);
  computeAddresses(w, i, from.address);
  uint32_t sourceBytes[32], full = 0, partial = 0;
  const uint32_t *size = i.lane[0] ? w.at<uint32_t>(i.b) : nullptr;
  uint32_t ignored = i.flags & 1 ? w.predicate(i.c) : 0;
  for (unsigned l = 0; l < 32; ++l) {
    sourceBytes[l] = ignored >> l & 1 ? 0 : size ? size[l] : i.bytes;
    if (!(mask >> l & 1))
      continue;
    if (sourceBytes[l] > i.bytes)
      return w.fail("async-copy",
                    "cp.async of " + std::to_string(i.bytes) + " bytes reads " +
                        std::to_string(sourceBytes[l]),
                    static_cast<int>(l));
    full |= uint32_t(sourceBytes[l] == i.bytes) << l;
    partial |= uint32_t(sourceBytes[l] && sourceBytes[l] != i.bytes) << l;
  }
  if (!resolveShared(w, i, mask, i.bytes, Touch::Write, to, i.bytes, false))
    return Flow::Fail;
  if (full &&
      !resolveGlobal(w, i, full, i.bytes, Touch::Read, from, i.bytes, false))
    return Flow::Fail;
  // Fewer bytes than the copy has: each lane by itself, byte by byte.
  for (uint32_t rest = partial; rest; rest &= rest - 1) {
    auto l = static_cast<unsigned>(std::countr_zero(rest));
    if (from.address[l] & (i.bytes - 1u))
      return w.fail("misaligned",
                    "the source of cp.async must be aligned to " +
                        std::to_string(i.bytes) + " bytes",
                    static_cast<int>(l));
    MemoryAccess byte;
    for (uint32_t k = 0; k < sourceBytes[l]; ++k) {
      std::fill_n(byte.address, 32, from.address[l] + k);
      if (!resolveGlobal(w, i, 1u << l, 1, Touch::Read, byte, 1, false))
        return Flow::Fail;
      if (!k)
        from.pointer[l] = byte.pointer[l];
    }
  }
  if (state.options.counters)
    state.counters.asyncCopy(w.group.pc, from.address, to.address, sourceBytes,
                             mask, i.bytes);
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    auto l = static_cast<unsigned>(std::countr_zero(rest));
    std::byte *destination =
        to.contiguous ? to.contiguous + l * i.bytes : to.pointer[l];
    const std::byte *source = from.contiguous && full >> l & 1
                                  ? from.contiguous + l * i.bytes
                                  : from.pointer[l];
    if (!state.options.checks || !state.options.lateCopies)
      move(destination, source, i.bytes, sourceBytes[l]);
    if (!state.options.checks)
      continue;
    AsyncCopy copy{static_cast<uint32_t>(to.address[l]), from.address[l],
                   i.bytes, static_cast<uint8_t>(sourceBytes[l]), w.line()};
    std::string error = copiesOf(block).issue(32 * w.index + l, copy);
    if (!error.empty())
      return w.fail("async-copy", error, static_cast<int>(l));
  }
  return Flow::Next;
}

Flow commitGroup(Warp &w, const Instruction &, uint32_t mask) {
  if (w.block->copies)
    forEachLane(mask, [&](unsigned lane) {
      w.block->copies->commit(32 * w.index + lane);
    });
  return Flow::Next;
}

/// The bytes of a copy are the thread's own writes from now on; a late copy is executed.
void completeCopy(Warp &w, uint32_t thread, const AsyncCopy &copy) {
  if (!w.race)
    return;
  Block &block = *w.block;
  if (block.copies->mode() == AsyncCopies::Mode::Late) {
    const std::byte *source = nullptr;
    if (copy.sourceBytes) {
      const Allocation *allocation = block.state.memory.find(copy.source);
      if (!allocation) {
        w.fail("out-of-bounds", "the source of the cp.async at ptx line " +
                                    std::to_string(copy.line) +
                                    " was freed before it was waited for");
        return;
      }
      source = allocation->data + (copy.source - allocation->address);
    }
    move(block.shared.data() + (copy.destination - kSharedBase), source,
         copy.bytes, copy.sourceBytes);
  }
  Access access;
  access.kind = AccessKind::Write;
  access.bytes = copy.bytes;
  access.line = copy.line;
  uint64_t addresses[32];
  std::fill_n(addresses, 32, copy.destination);
  if (const Race *race = w.block->state.races->shared(w.race, access, addresses,
                                                      1u << (thread & 31)))
    w.fail("race",
           "cp.async " + race->text() + ", at shared offset " +
               std::to_string(race->address - kSharedBase),
           race->lane);
}

/// imm: groups that may stay pending; count 1: none, also those without a group.
Flow waitGroup(Warp &w, const Instruction &i, uint32_t mask) {
  if (!w.block->copies)
    return Flow::Next;
  auto complete = [&](uint32_t thread, const AsyncCopy &copy) {
    completeCopy(w, thread, copy);
  };
  forEachLane(mask, [&](unsigned lane) {
    uint32_t thread = 32 * w.index + lane;
    if (i.count)
      w.block->copies->waitAll(thread, complete);
    else
      w.block->copies->waitGroup(thread, static_cast<uint32_t>(i.imm),
                                 complete);
  });
  return w.block->state.failure ? Flow::Fail : Flow::Next;
}

// -- mbarrier: a + imm is the object; kind what is done with it.

enum class Object : uint8_t {
  Init,
  Inval,
  Arrive,
  ArriveDrop,
  ArriveNoComplete,
  ExpectTx,
  ArriveExpectTx,
  CompleteTx,
  Test,
  TestParity
};

/// The objects of the active lanes, checked; false when the grid failed.
bool resolveObjects(Warp &w, const Instruction &i, uint32_t mask,
                    MemoryAccess &access) {
  computeAddresses(w, i, access.address);
  if (i.space == Space::Generic)
    for (uint64_t &address : access.address)
      address = sharedAddress(address);
  // Bounds and alignment of all; the object is not data, so it is neither raced for nor counted.
  Block &block = *w.block;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    auto l = static_cast<unsigned>(std::countr_zero(rest));
    uint64_t at = access.address[l], end = kSharedBase + block.shared.size();
    if (at & 7 || at < kSharedBase || at >= end || end - at < 8) {
      w.fail(at & 7 ? "misaligned" : "out-of-bounds",
             "mbarrier at shared offset " +
                 std::to_string(int64_t(at - kSharedBase)) +
                 ": the block has " + std::to_string(block.shared.size()) +
                 " bytes, and objects are aligned to 8",
             static_cast<int>(l));
      return false;
    }
    access.pointer[l] = block.shared.data() + (at - kSharedBase);
    uint64_t bit = at - kSharedBase;
    block.sharedWritten[bit >> 6] |= uint64_t(255) << (bit & 63);
  }
  return true;
}

uint64_t &phaseOf(Block &block, uint64_t address) {
  return block.mbarrierPhases[static_cast<uint32_t>(address)];
}

/// Applies an outcome: errors fail, a completed phase wakes the race detector's edge.
bool settle(Warp &w, const Mbarrier::Outcome &outcome, uint64_t address,
            unsigned lane) {
  if (outcome.error) {
    w.fail("mbarrier",
           std::string(outcome.error) + ", at shared offset " +
               std::to_string(address - kSharedBase),
           static_cast<int>(lane));
    return false;
  }
  if (outcome.phaseCompleted) {
    ++phaseOf(*w.block, address);
    if (w.race)
      w.block->state.races->mbarrierComplete(w.block->race, address);
  }
  return true;
}

/// All lanes of the mask name one object.
bool sameObject(const MemoryAccess &access, uint32_t mask) {
  uint64_t address = access.address[std::countr_zero(mask)];
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    if (access.address[std::countr_zero(rest)] != address)
      return false;
  return true;
}

void failRace(Warp &w, const Race &race) {
  w.fail("race",
         race.text() + ", at shared offset " +
             std::to_string(race.address - kSharedBase),
         race.lane);
}

Flow mbarrierOperation(Warp &w, const Instruction &i, uint32_t mask) {
  MemoryAccess access;
  if (!resolveObjects(w, i, mask, access))
    return Flow::Fail;
  Block &block = *w.block;
  LaunchState &state = block.state;
  const uint32_t *b = w.at<uint32_t>(i.b), *c = w.at<uint32_t>(i.c);
  auto what = static_cast<Object>(i.kind);
  ++state.changes;
  // An arrival of many lanes at one object is one release, if all of it belongs to one phase.
  bool together = sameObject(access, mask);
  if (together) {
    auto first = static_cast<unsigned>(std::countr_zero(mask));
    uint64_t bits, arrivals = 0;
    std::memcpy(&bits, access.pointer[first], 8);
    for (uint32_t rest = mask; rest; rest &= rest - 1)
      arrivals += b[std::countr_zero(rest)];
    if (Mbarrier(bits).pending() < arrivals)
      together = false;
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    auto l = static_cast<unsigned>(std::countr_zero(rest));
    uint64_t bits, address = access.address[l];
    std::memcpy(&bits, access.pointer[l], 8);
    Mbarrier object(bits);
    uint64_t before = object.state();
    auto arrives = [&] {
      if (!w.race ||
          (together && l != static_cast<unsigned>(std::countr_zero(mask))))
        return;
      if (const Race *race = state.races->mbarrierArrive(
              w.race, together ? mask : 1u << l, block.race, address, i.scope))
        failRace(w, *race);
    };
    Mbarrier::Outcome outcome;
    switch (what) {
    case Object::Init:
      outcome = object.init(b[l]);
      phaseOf(block, address) = 0;
      if (w.race)
        state.races->mbarrierInit(w.race, l, address, w.line());
      break;
    case Object::Inval:
      outcome = object.invalidate();
      break;
    case Object::Arrive:
      arrives();
      outcome = object.arrive(b[l]);
      break;
    case Object::ArriveNoComplete:
      arrives();
      outcome = object.arrive(b[l], true);
      break;
    case Object::ArriveDrop:
      arrives();
      outcome = object.arriveDrop(b[l]);
      break;
    case Object::ExpectTx:
      outcome = object.expectTransactions(c[l]);
      break;
    case Object::CompleteTx:
      outcome = object.completeTransactions(c[l]);
      break;
    case Object::ArriveExpectTx:
      outcome = object.expectTransactions(c[l]);
      if (!outcome.error) {
        arrives();
        outcome = object.arrive(b[l]);
      }
      break;
    default:
      break;
    }
    std::memcpy(access.pointer[l], &bits, 8);
    if (state.failure || !settle(w, outcome, address, l))
      return Flow::Fail;
    if (i.count)
      w.at<uint64_t>(i.d)[l] = before;
  }
  return Flow::Next;
}

/// flags bit 0: try_wait, which gives way when the phase is not over.
Flow mbarrierTest(Warp &w, const Instruction &i, uint32_t mask) {
  MemoryAccess access;
  if (!resolveObjects(w, i, mask, access))
    return Flow::Fail;
  Block &block = *w.block;
  LaunchState &state = block.state;
  uint32_t done = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    auto l = static_cast<unsigned>(std::countr_zero(rest));
    uint64_t bits;
    std::memcpy(&bits, access.pointer[l], 8);
    Mbarrier object(bits);
    bool ready = false;
    Mbarrier::Outcome outcome =
        static_cast<Object>(i.kind) == Object::TestParity
            ? object.testParity(w.at<uint32_t>(i.b)[l], ready)
            : object.test(w.at<uint64_t>(i.b)[l], ready);
    if (!settle(w, outcome, access.address[l], l))
      return Flow::Fail;
    done |= uint32_t(ready) << l;
  }
  if (w.race) {
    bool together = done && sameObject(access, done);
    for (uint32_t rest = done; rest; rest = together ? 0 : rest & (rest - 1)) {
      auto l = static_cast<unsigned>(std::countr_zero(rest));
      if (!phaseOf(block, access.address[l]))
        continue; // the phase before the first
      if (const Race *race = state.races->mbarrierWait(
              w.race, together ? done : 1u << l, block.race, access.address[l],
              i.scope)) {
        failRace(w, *race);
        return Flow::Fail;
      }
    }
  }
  w.setPredicate(i.d, mask, done);
  w.ranStrongLoad = true;
  if (!(i.flags & 1) || done == mask)
    return Flow::Next;
  ++w.group.pc;
  return Flow::Yield;
}

void takeMbarrierOrder(Decoder &d, bool isWait) {
  bool weak = d.take("relaxed");
  if (!weak)
    d.take(isWait ? "acquire" : "release");
  Scope scope = d.takeScope(Scope::Block);
  // A relaxed arrival orders nothing.
  d.out.scope = weak ? Scope::None : scope;
}

void decodeMbarrier(Decoder &d) {
  d.out.cls = InstructionClass::Barrier;
  if (d.in->modifiers.empty())
    d.refuse("expected an operation");
  bool test = d.take("test_wait"), tryWait = !test && d.take("try_wait");
  if (test || tryWait) {
    bool parity = d.take("parity");
    takeMbarrierOrder(d, true);
    d.out.space = d.takeSpace();
    d.require("b64");
    d.expectOperands(3, tryWait ? 4 : 3);
    d.out.d = d.destinationPredicate(d.operand(0));
    d.address(d.operand(1));
    d.out.b = d.sourceBytes(2, parity ? 4 : 8);
    if (d.operands() == 4)
      d.out.c = d.sourceBytes(3, 4); // a hint of how long to wait
    d.out.kind =
        static_cast<uint8_t>(parity ? Object::TestParity : Object::Test);
    d.out.flags = tryWait;
    d.out.handler = mbarrierTest;
    return;
  }
  d.out.handler = mbarrierOperation;
  d.out.b = d.constant(1, 4);
  d.out.c = d.constant(0, 4);
  auto set = [&](Object what) { d.out.kind = static_cast<uint8_t>(what); };
  if (d.take("init") || d.take("inval")) {
    bool init = d.in->modifiers[0] == "init";
    set(init ? Object::Init : Object::Inval);
    d.out.space = d.takeSpace();
    d.require("b64");
    d.expectOperands(init ? 2 : 1);
    d.address(d.operand(0));
    if (init)
      d.out.b = d.sourceBytes(1, 4);
    return;
  }
  if (d.in->modifiers[0] == "expect_tx" ||
      d.in->modifiers[0] == "complete_tx") {
    set(d.take("expect_tx") ? Object::ExpectTx : Object::CompleteTx);
    d.take("complete_tx");
    if (!d.take("relaxed"))
      d.refuse("expected '.relaxed'");
    d.takeScope(Scope::Block);
    d.out.space = d.takeSpace();
    d.require("b64");
    d.expectOperands(2);
    d.address(d.operand(0));
    d.out.c = d.sourceBytes(1, 4);
    return;
  }
  bool drop = d.take("arrive_drop");
  if (!drop && !d.take("arrive"))
    d.refuse("this operation of mbarrier is not supported");
  bool expects = d.take("expect_tx"), noComplete = d.take("noComplete");
  if (drop && (expects || noComplete))
    d.refuse("arrive_drop with '.expect_tx' or '.noComplete' is not supported");
  takeMbarrierOrder(d, false);
  d.out.space = d.takeSpace();
  d.require("b64");
  set(drop         ? Object::ArriveDrop
      : expects    ? Object::ArriveExpectTx
      : noComplete ? Object::ArriveNoComplete
                   : Object::Arrive);
  d.expectOperands(1 + 1, 3);
  if (d.operand(0).kind != OperandKind::Sink) {
    d.out.d = d.destinationBytes(0, 8);
    d.out.count = 1;
  }
  d.address(d.operand(1));
  if (d.operands() == 3)
    (expects ? d.out.c : d.out.b) = d.sourceBytes(2, 4);
  else if (expects)
    d.refuse("expected the number of bytes");
}

// -- cp.async.

Flow arriveAfterCopies(Warp &w, const Instruction &i, uint32_t mask) {
  // Copies are executed when they are issued; here the thread's become visible through the barrier.
  if (w.block->copies)
    forEachLane(mask, [&](unsigned lane) {
      w.block->copies->waitAll(32 * w.index + lane,
                               [&](uint32_t thread, const AsyncCopy &copy) {
                                 completeCopy(w, thread, copy);
                               });
    });
  if (w.block->state.failure)
    return Flow::Fail;
  if (i.flags & 1)
    return mbarrierOperation(w, i, mask);
  // Without .noinc the pending count is raised by one before: only the order remains.
  MemoryAccess access;
  if (!resolveObjects(w, i, mask, access))
    return Flow::Fail;
  if (w.race)
    forEachLane(mask, [&](unsigned lane) {
      if (const Race *race = w.block->state.races->mbarrierArrive(
              w.race, 1u << lane, w.block->race, access.address[lane], i.scope))
        failRace(w, *race);
    });
  return w.block->state.failure ? Flow::Fail : Flow::Next;
}

void decodeCp(Decoder &d) {
  d.require("async");
  d.out.cls = InstructionClass::AsyncCopy;
  if (d.take("commit_group")) {
    d.expectOperands(0);
    d.out.handler = commitGroup;
    return;
  }
  if (d.take("wait_group")) {
    d.expectOperands(1);
    d.out.imm =
        static_cast<int64_t>(d.literal(d.operand(0), "the number of groups"));
    d.out.handler = waitGroup;
    return;
  }
  if (d.take("wait_all")) {
    d.expectOperands(0);
    d.out.count = 1;
    d.out.handler = waitGroup;
    return;
  }
  if (d.take("mbarrier::arrive") || d.take("mbarrier")) {
    d.take("arrive");
    d.out.flags = d.take("noinc");
    d.out.space = d.takeSpace();
    d.require("b64");
    d.expectOperands(1);
    d.address(d.operand(0));
    d.out.kind = static_cast<uint8_t>(Object::Arrive);
    d.out.scope = Scope::Block;
    d.out.b = d.constant(1, 4);
    d.out.handler = arriveAfterCopies;
    return;
  }
  if (d.take("bulk"))
    d.refuse("bulk copies are not supported");
  bool all = d.take("ca");
  if (!all)
    d.require("cg");
  if (!d.take("shared") && !d.take("shared::cta"))
    d.refuse("expected the destination '.shared'");
  d.require("global");
  for (const char *hint : {"L2::64B", "L2::128B", "L2::256B"})
    d.take(hint);
  bool policy = d.take("L2::cache_hint");
  size_t operands = d.operands() - policy;
  if (operands < 3 || operands > 5)
    d.refuse("expected 3 to 5 operands");
  d.out.space = Space::Shared;
  d.address(d.operand(0));
  Operand to = d.out.a;
  d.out.lane[1] = d.out.lane[2];
  if (d.out.imm < INT32_MIN || d.out.imm > INT32_MAX)
    d.refuse("the offset of a shared address has 32 bits");
  d.out.target = static_cast<uint32_t>(static_cast<int32_t>(d.out.imm));
  d.out.lane[2] = 0;
  d.out.imm = 0;
  d.out.a = Operand();
  d.out.space = Space::Global;
  d.address(d.operand(1));
  uint64_t bytes = d.literal(d.operand(2), "the number of bytes");
  if (bytes != 16 && (!all || (bytes != 4 && bytes != 8)))
    d.refuse("a copy has 16 bytes, or with '.ca' 4 or 8");
  d.out.bytes = static_cast<uint8_t>(bytes);
  if (operands >= 4) {
    if (d.isPredicate(d.operand(3))) {
      d.out.c = d.sourcePredicate(d.operand(3));
      d.out.flags = 1;
    } else {
      d.out.b = d.sourceBytes(3, 4);
      d.out.lane[0] = 4;
    }
  }
  if (operands == 5)
    d.refuse("expected 3 or 4 operands");
  d.out.list = d.keep({to});
  d.out.handler = copyAsync;
}

} // namespace

void addAsync(Opcodes &all) {
  all["cp"] = decodeCp;
  all["mbarrier"] = decodeMbarrier;
}

} // namespace moec::cudasim
