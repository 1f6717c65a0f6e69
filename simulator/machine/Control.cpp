//===- Control.cpp - Branches, calls, exits, barriers of a block ----------===//
#include "simulator/machine/Control.h"

#include "simulator/machine/Block.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

#include <cstring>

namespace moec::cudasim {

using ptx::OperandKind;

// -- Branches.

static Flow branch(Warp &w, const Instruction &i, uint32_t mask) {
  bool backward = i.target <= w.group.pc;
  Events &events = w.block->state.counters.events(w.group.pc);
  ++events.branches;
  if (uint32_t others = w.group.mask & ~mask) {
    ++events.divergentBranches;
    w.split(others, w.group.pc + 1);
    w.group.pc = i.target;
    return backward && w.spins() ? Flow::Yield : Flow::Schedule;
  }
  w.group.pc = i.target;
  return backward && w.spins() ? Flow::Yield : Flow::Jump;
}

static void decodeBranch(Decoder &d) {
  d.take("uni"); // a hint: nothing depends on it
  d.expectOperands(1);
  if (d.operand(0).kind != OperandKind::Label)
    d.refuse("no label '" + d.operand(0).symbol + "' in this scope");
  d.out.target = d.pcOf(d.operand(0).index);
  d.out.cls = InstructionClass::Control;
  d.out.handler = branch;
}

static Flow branchIndexed(Warp &w, const Instruction &i, uint32_t mask) {
  const std::vector<uint32_t> &table = w.program->tables[i.target];
  const uint32_t *index = w.at<uint32_t>(i.a);
  bool backward = false;
  uint32_t pc = w.group.pc;
  w.split(w.group.mask & ~mask, pc + 1);
  for (uint32_t rest = mask; rest;) {
    auto lane = static_cast<unsigned>(std::countr_zero(rest));
    if (index[lane] >= table.size())
      return w.fail("branch",
                    "index " + std::to_string(index[lane]) +
                        " into a table of " + std::to_string(table.size()) +
                        " targets",
                    static_cast<int>(lane));
    uint32_t same =
        rest &
        lanesWhere([&](uint32_t other) { return other == index[lane]; }, index);
    rest &= ~same;
    backward |= table[index[lane]] <= pc;
    if (rest)
      w.split(same, table[index[lane]]);
    else
      w.group.pc = table[index[lane]];
  }
  return backward && w.spins() ? Flow::Yield : Flow::Schedule;
}

static void decodeBranchIndexed(Decoder &d) {
  d.require("idx");
  d.take("uni");
  d.expectOperands(2);
  d.out.a = d.sourceBytes(0, 4);
  if (d.operand(1).kind != OperandKind::Table)
    d.refuse("expected the label of .branchtargets");
  std::vector<uint32_t> table;
  for (uint32_t target : d.function().tables[d.operand(1).index])
    table.push_back(d.pcOf(target));
  d.out.target = static_cast<uint32_t>(d.program.tables.size());
  d.program.tables.push_back(std::move(table));
  d.out.cls = InstructionClass::Control;
  d.out.handler = branchIndexed;
}

// -- Exits.

static Flow exitLanes(Warp &w, const Instruction &, uint32_t mask) {
  w.retire(mask);
  return w.group.mask ? Flow::Next : Flow::Schedule;
}

/// Copies what a call passes, for some lanes.
static void move(std::byte *to, const std::byte *from, uint32_t bytes,
                 uint32_t mask) {
  if (!bytes) {
    uint32_t was, bits;
    std::memcpy(&was, to, 4);
    std::memcpy(&bits, from, 4);
    bits = (was & ~mask) | (bits & mask);
    std::memcpy(to, &bits, 4);
    return;
  }
  forEachLane(mask, [&](unsigned lane) {
    std::memcpy(to + lane * bytes, from + lane * bytes, bytes);
  });
}

static Flow returnLanes(Warp &w, const Instruction &, uint32_t mask) {
  w.split(w.group.mask & ~mask, w.group.pc + 1);
  Group callee = w.group;
  std::byte *frame = w.banks[Operand::kFrame];
  for (uint32_t rest = mask; rest;) {
    auto first = static_cast<unsigned>(std::countr_zero(rest));
    ReturnPoint point = w.returns[w.depths[first] - 1][first];
    uint32_t same = 0;
    forEachLane(rest, [&](unsigned lane) {
      const ReturnPoint &other = w.returns[w.depths[lane] - 1][lane];
      if (other.pc == point.pc && other.frame == point.frame &&
          other.local == point.local)
        same |= 1u << lane;
    });
    forEachLane(same, [&](unsigned lane) { --w.depths[lane]; });
    rest &= ~same;
    const CallSite &site =
        w.program->calls[w.program->code[point.pc - 1].target];
    std::byte *caller = frame - callee.frame + point.frame;
    for (const CallMove &result : site.results)
      move(caller + result.to.offset(), frame + result.from.offset(),
           result.bytes, same);
    Group back{point.pc, same, point.frame, point.local};
    if (rest)
      w.parked.push_back(back);
    else
      w.group = back;
  }
  w.enterFrame();
  return Flow::Schedule;
}

Instruction returnInstruction(bool isKernel) {
  Instruction instruction;
  instruction.handler = isKernel ? exitLanes : returnLanes;
  instruction.cls = InstructionClass::Control;
  return instruction;
}

static void decodeReturn(Decoder &d) {
  d.take("uni");
  d.expectOperands(0);
  d.out.cls = InstructionClass::Control;
  d.out.handler = d.function().isKernel ? exitLanes : returnLanes;
}

static void decodeExit(Decoder &d) {
  d.expectOperands(0);
  d.out.cls = InstructionClass::Control;
  d.out.handler = exitLanes;
}

static Flow trap(Warp &w, const Instruction &, uint32_t mask) {
  return w.fail("trap", "the kernel executed trap", std::countr_zero(mask));
}

static void decodeTrap(Decoder &d) {
  d.expectOperands(0);
  d.out.cls = InstructionClass::Control;
  d.out.handler = trap;
}

// -- Calls.

static Flow call(Warp &w, const Instruction &i, uint32_t mask) {
  const CallSite &site = w.program->calls[i.target];
  const Function &callee = w.program->functions[site.function];
  const Function &caller =
      w.program->functions[w.program->lines[w.group.pc].function];
  const Kernel &kernel = *w.block->state.launch.kernel;
  w.split(w.group.mask & ~mask, w.group.pc + 1);
  Group inside{callee.entry, mask, w.group.frame + caller.frameBytes,
               w.group.local + caller.localBytes};
  if (inside.frame + callee.frameBytes > kernel.frameStack ||
      inside.local + callee.localBytes > kernel.localStack)
    return w.fail("stack", "recursion of '" + callee.name +
                               "' is deeper than " +
                               std::to_string(kMaxRecursion) + " calls");
  std::byte *from = w.banks[Operand::kFrame];
  std::byte *to = from + caller.frameBytes;
  for (const CallMove &argument : site.arguments) {
    const std::byte *bank = w.banks[argument.from.bank()];
    move(to + argument.to.offset(), bank + argument.from.offset(),
         argument.bytes, mask);
  }
  forEachLane(mask, [&](unsigned lane) {
    uint32_t depth = w.depths[lane]++;
    if (depth >= w.returns.size())
      w.returns.resize(depth + 1);
    w.returns[depth][lane] = {w.group.pc + 1, w.group.frame, w.group.local};
  });
  w.group = inside;
  w.enterFrame();
  return Flow::Jump;
}

/// A C string in memory, for messages.
static std::string text(Warp &w, uint64_t address) {
  std::string result;
  Allocation *at = w.block->state.memory.find(address);
  for (; at && at->contains(address) && result.size() < 4096; ++address) {
    char c = static_cast<char>(at->data[address - at->address]);
    if (!c)
      break;
    result += c;
  }
  return result;
}

/// __assertfail(message, file, line, function, size of a character)
static Flow assertFail(Warp &w, const Instruction &i, uint32_t mask) {
  auto lane = static_cast<unsigned>(std::countr_zero(mask));
  uint64_t values[4] = {};
  for (unsigned a = 0; a < 4; ++a) {
    Operand at = w.list(i)[a];
    std::memcpy(&values[a], w.banks[at.bank()] + at.offset() + lane * 16, 8);
  }
  return w.fail("assert",
                text(w, values[1]) + ":" +
                    std::to_string(static_cast<uint32_t>(values[2])) + ": " +
                    text(w, values[3]) + ": assertion `" + text(w, values[0]) +
                    "` failed",
                static_cast<int>(lane));
}

static void decodeAssertFail(Decoder &d, const ptx::Operand &arguments) {
  std::vector<Operand> list;
  for (const ptx::Operand &argument : arguments.parts) {
    if (argument.kind != OperandKind::Symbol || argument.index == ptx::None)
      d.refuse("expected .param variables as arguments");
    list.push_back(d.parameterVariable(d.functionIndex(), argument.index).at);
  }
  if (list.size() < 4)
    d.refuse("__assertfail has 5 arguments");
  d.out.list = d.keep(list);
  d.out.handler = assertFail;
}

static void decodeCall(Decoder &d) {
  d.take("uni");
  d.out.cls = InstructionClass::Control;
  // (results), function, (arguments): the lists may be missing.
  size_t at = 0;
  const ptx::Operand *results = nullptr, *arguments = nullptr;
  if (d.operands() > at && d.operand(at).kind == OperandKind::List)
    results = &d.operand(at++);
  if (d.operands() <= at || d.operand(at).kind != OperandKind::Symbol ||
      d.operand(at).index != ptx::None)
    d.refuse("calls through function pointers are not supported");
  const std::string &name = d.operand(at++).symbol;
  if (d.operands() > at && d.operand(at).kind == OperandKind::List)
    arguments = &d.operand(at++);
  if (at != d.operands())
    d.refuse("calls through function pointers are not supported");
  CallSite site;
  const ptx::Function *callee = d.findFunction(name, site.function);
  if (name == "__assertfail" && arguments)
    return decodeAssertFail(d, *arguments);
  if (name == "vprintf" || name == "malloc" || name == "free")
    d.refuse("'" + name + "' in device code is not supported");
  if (!callee || !callee->hasBody)
    d.refuse("function '" + name + "' has no body in this module");
  auto match = [&](const ptx::Operand *actual,
                   const std::vector<uint32_t> &formal,
                   const std::vector<bool> &isRegister, bool into,
                   std::vector<CallMove> &moves) {
    size_t count = actual ? actual->parts.size() : 0;
    if (count != formal.size())
      d.refuse("'" + name + "' has " + std::to_string(formal.size()) +
               (into ? " parameters" : " results") + ", found " +
               std::to_string(count));
    for (size_t i = 0; i < count; ++i) {
      const ptx::Operand &here = actual->parts[i];
      CallMove moved;
      Operand outside, inside;
      if (isRegister[i]) {
        ptx::Type type = callee->registers[formal[i]].type;
        inside = d.formalRegister(site.function, formal[i]);
        bool isPredicate = type == ptx::Type::Pred;
        moved.bytes = isPredicate ? 0 : std::max(2u, ptx::bytesOf(type));
        outside = isPredicate ? (into ? d.sourcePredicate(here)
                                      : d.destinationPredicate(here))
                  : into      ? d.source(here, moved.bytes, type)
                              : d.destination(here, moved.bytes);
        if (outside.code & Operand::kNegate)
          d.refuse("a negated predicate as argument is not supported");
      } else {
        if (here.kind != OperandKind::Symbol || here.index == ptx::None ||
            d.function().variables[here.index].space != ptx::Space::Param)
          d.refuse("expected a .param variable");
        Decoder::ParameterSpace mine =
            d.parameterVariable(d.functionIndex(), here.index);
        Decoder::ParameterSpace theirs =
            d.parameterVariable(site.function, formal[i]);
        if (mine.bytes != theirs.bytes)
          d.refuse("'" + here.symbol + "' has " + std::to_string(mine.bytes) +
                   " bytes, '" + name + "' expects " +
                   std::to_string(theirs.bytes));
        outside = mine.at;
        inside = theirs.at;
        moved.bytes = mine.stride;
      }
      moved.from = into ? outside : inside;
      moved.to = into ? inside : outside;
      moves.push_back(moved);
    }
  };
  match(arguments, callee->parameters, callee->parameterIsRegister, true,
        site.arguments);
  match(results, callee->results, callee->resultIsRegister, false,
        site.results);
  d.decodedFunction().callees.push_back(site.function);
  d.out.target = static_cast<uint32_t>(d.program.calls.size());
  d.program.calls.push_back(std::move(site));
  d.out.handler = call;
}

// -- Barriers of a block.

namespace {
/// The value that all active lanes agree on.
bool uniform(Warp &w, Operand operand, uint32_t mask, uint32_t &value) {
  const uint32_t *lanes = w.at<uint32_t>(operand);
  value = lanes[std::countr_zero(mask)];
  return (lanesWhere([&](uint32_t lane) { return lane != value; }, lanes) &
          mask) == 0;
}
} // namespace

/// flags: bit 0: whole warps only (.aligned).
template <Block::BarrierKind Kind>
static Flow barrier(Warp &w, const Instruction &i, uint32_t mask) {
  constexpr bool waits = Kind != Block::BarrierKind::Arrive;
  constexpr bool byGroups =
      Kind == Block::BarrierKind::
                  Sync; // without .aligned, lanes may come from several places
  if ((i.flags & 1 || !byGroups) && !w.gather(mask, w.live))
    return Flow::Schedule;
  uint32_t number, count;
  if (!uniform(w, i.a, mask, number) || !uniform(w, i.b, mask, count))
    return w.fail("barrier",
                  "lanes of one warp name different barriers or counts");
  if (number > 15)
    return w.fail("barrier",
                  "barrier " + std::to_string(number) + "; there are 16");
  if (count % 32 || (!count && !waits))
    return w.fail("barrier", "a count of " + std::to_string(count) +
                                 " threads; it must be a multiple of 32" +
                                 (waits ? "" : " and not 0"));
  ++w.block->state.counters.events(w.group.pc).barriers;
  if (w.race)
    w.block->state.races->arrive(w.race, mask, number, waits);
  uint32_t predicate =
      Kind == Block::BarrierKind::Sync || !waits ? 0 : w.predicate(i.c);
  if constexpr (!waits) {
    Flow flow = w.block->arrive(w, number, count, Kind, mask, predicate);
    return flow == Flow::Fail ? flow : Flow::Next;
  }
  w.park(mask, Wait::Barrier, static_cast<uint8_t>(number));
  if (w.lanesAt(number) != w.live)
    return Flow::Schedule;
  return w.block->arrive(w, number, count, Kind, mask, predicate);
}

static void decodeBarWarpSync(Decoder &d);

static void decodeBarrier(Decoder &d) {
  using Kind = Block::BarrierKind;
  if (d.take("warp"))
    return decodeBarWarpSync(d);
  d.out.cls = InstructionClass::Barrier;
  bool aligned = d.take("aligned") || d.in->opcode == "bar";
  d.out.flags = aligned;
  d.take("cta");
  size_t at = 0;
  Kind kind = Kind::Sync;
  if (d.take("sync")) {
    d.expectOperands(1, 2);
    d.out.handler = barrier<Kind::Sync>;
  } else if (d.take("arrive")) {
    kind = Kind::Arrive;
    d.expectOperands(2);
    d.out.handler = barrier<Kind::Arrive>;
  } else if (d.take("red")) {
    kind = d.takeOne<Kind>(
        {{"popc", Kind::Popc}, {"and", Kind::And}, {"or", Kind::Or}},
        Kind::Sync);
    d.expectOperands(3, 4);
    if (kind == Kind::Popc) {
      d.require("u32");
      d.out.d = d.destinationBytes(0, 4);
      d.out.count = 1;
      d.out.handler = barrier<Kind::Popc>;
    } else if (kind != Kind::Sync) {
      d.require("pred");
      d.out.d = d.destinationPredicate(d.operand(0));
      d.out.count = 2;
      d.out.handler =
          kind == Kind::And ? barrier<Kind::And> : barrier<Kind::Or>;
    } else {
      d.refuse("expected .popc, .and or .or");
    }
    at = 1;
    d.out.c = d.sourcePredicate(d.operand(d.operands() - 1));
  } else {
    d.refuse("expected .sync, .arrive or .red");
  }
  d.out.a = d.sourceBytes(at, 4);
  bool counted = d.operands() - at - (at ? 1 : 0) > 1;
  d.out.b = counted ? d.sourceBytes(at + 1, 4) : d.constant(0, 4);
}

/// The lanes of `member` meet; memory of what they did before is theirs.
static Flow barWarpSync(Warp &w, const Instruction &i, uint32_t mask) {
  const uint32_t *member = w.at<uint32_t>(i.a);
  uint32_t all = 0;
  forEachLane(mask, [&](unsigned lane) { all |= member[lane]; });
  if (!w.gather(mask, all))
    return Flow::Schedule;
  if (w.race)
    w.block->state.races->syncWarp(w.race, mask);
  return Flow::Next;
}

static void decodeBarWarpSync(Decoder &d) {
  d.require("sync");
  d.expectOperands(1);
  d.out.a = d.sourceBytes(0, 4);
  d.out.cls = InstructionClass::Barrier;
  d.out.handler = barWarpSync;
}

// -- Waiting.

static Flow sleep(Warp &w, const Instruction &, uint32_t) {
  w.block->state.clockRead = true;
  ++w.group.pc;
  return Flow::Yield;
}

static void decodeNanosleep(Decoder &d) {
  d.require("u32");
  d.expectOperands(1);
  d.out.a = d.sourceBytes(0, 4);
  d.out.cls = InstructionClass::Control;
  d.out.handler = sleep;
}

static Flow nothing(Warp &, const Instruction &, uint32_t) {
  return Flow::Next;
}

/// A grid never starts before what it depends on has finished, so there is nothing to wait for.
static void decodeGridDependency(Decoder &d) {
  if (!d.take("wait") && !d.take("launch_dependents"))
    d.refuse("expected .wait or .launch_dependents");
  d.expectOperands(0);
  d.out.cls = InstructionClass::Control;
  d.out.handler = nothing;
}

void addControl(Opcodes &all) {
  all["bra"] = decodeBranch;
  all["brx"] = decodeBranchIndexed;
  all["ret"] = decodeReturn;
  all["exit"] = decodeExit;
  all["trap"] = decodeTrap;
  all["call"] = decodeCall;
  all["bar"] = decodeBarrier;
  all["barrier"] = decodeBarrier;
  all["nanosleep"] = decodeNanosleep;
  all["griddepcontrol"] = decodeGridDependency;
}

} // namespace moec::cudasim
