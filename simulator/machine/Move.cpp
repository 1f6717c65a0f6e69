//===- Move.cpp - mov, selp, packing, address spaces, clocks --------------===//
#include "simulator/machine/Block.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

#include <algorithm>

namespace moec::cudasim {

using ptx::OperandKind;
using ptx::Type;

namespace {
struct Wide {
  uint64_t low, high;
};
struct Same {
  template <typename T>
  T operator()(T a) const {
    return a;
  }
};
} // namespace

Handler moveHandler(unsigned bytes) {
  switch (bytes) {
  case 2:
    return unary<uint16_t, uint16_t, Same>;
  case 4:
    return unary<uint32_t, uint32_t, Same>;
  case 8:
    return unary<uint64_t, uint64_t, Same>;
  case 16:
    return unary<Wide, Wide, Same>;
  default:
    return nullptr;
  }
}

static Flow movePredicate(Warp &w, const Instruction &i, uint32_t mask) {
  w.setPredicate(i.d, mask, w.predicate(i.a));
  return Flow::Next;
}

/// The address of a local variable depends on the depth of calls.
static Flow moveLocalAddress(Warp &w, const Instruction &i, uint32_t mask) {
  uint64_t address = static_cast<uint64_t>(i.imm) + w.group.local;
  forLanes(
      mask, w.at<uint64_t>(i.d), [=](uint64_t) { return address; },
      w.at<uint64_t>(i.d));
  return Flow::Next;
}

static Flow readClock(Warp &w, const Instruction &i, uint32_t mask) {
  LaunchState &state = w.block->state;
  state.clockRead = true;
  // A cycle and a nanosecond are one instruction of this simulation; what this turn has executed counts at its end.
  uint64_t now = state.clock->nanoseconds - w.remaining + (uint64_t(1) << 20);
  auto special = static_cast<Special>(i.kind);
  if (special == Special::ClockHi || special == Special::GlobalTimerHi)
    now >>= 32;
  if (i.bytes == 8)
    forLanes(
        mask, w.at<uint64_t>(i.d), [=](uint64_t) { return now; },
        w.at<uint64_t>(i.d));
  else
    forLanes(
        mask, w.at<uint32_t>(i.d),
        [=](uint32_t) { return static_cast<uint32_t>(now); },
        w.at<uint32_t>(i.d));
  return Flow::Next;
}

static bool decodeClock(Decoder &d, Type type) {
  static const std::pair<std::string_view, std::pair<Special, unsigned>>
      clocks[] = {{"%clock", {Special::Clock, 4}},
                  {"%clock_hi", {Special::ClockHi, 4}},
                  {"%clock64", {Special::Clock64, 8}},
                  {"%globaltimer", {Special::GlobalTimer, 8}},
                  {"%globaltimer_lo", {Special::GlobalTimerLo, 4}},
                  {"%globaltimer_hi", {Special::GlobalTimerHi, 4}}};
  for (auto &[name, what] : clocks)
    if (d.operand(1).symbol == name) {
      if (what.second != ptx::bytesOf(type))
        d.refuse("'" + std::string(name) + "' has " +
                 std::to_string(8 * what.second) + " bits");
      d.out.kind = static_cast<uint8_t>(what.first);
      d.out.bytes = static_cast<uint8_t>(what.second);
      d.out.d = d.destination(0, type);
      d.out.handler = readClock;
      return true;
    }
  return false;
}

// -- Packing: parts of a register, the first in the low bits. Parts of 8 bits lie in lanes of 16.

template <typename D, typename Part, typename Lane>
static Flow pack(Warp &w, const Instruction &i, uint32_t mask) {
  D *to = w.at<D>(i.d);
  D value[32] = {};
  for (unsigned part = 0; part < i.count; ++part) {
    const Lane *from = w.at<Lane>(w.list(i)[part]);
    for (unsigned l = 0; l < 32; ++l)
      value[l] |= static_cast<D>(static_cast<D>(static_cast<Part>(from[l]))
                                 << (8 * sizeof(Part) * part));
  }
  forLanes(mask, to, Same(), value);
  return Flow::Next;
}

template <typename S, typename Part, typename Lane>
static Flow unpack(Warp &w, const Instruction &i, uint32_t mask) {
  // A destination may be the source's register: read all first.
  S value[32];
  std::copy_n(w.at<S>(i.a), 32, value);
  for (unsigned part = 0; part < i.count; ++part) {
    Operand to = w.list(i)[part];
    forLanes(
        mask, w.at<Lane>(to),
        [=](S s) {
          return static_cast<Lane>(
              static_cast<Part>(s >> (8 * sizeof(Part) * part)));
        },
        value);
  }
  return Flow::Next;
}

static Flow packWide(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(
      mask, w.at<Wide>(i.d),
      [](uint64_t low, uint64_t high) { return Wide{low, high}; },
      w.at<uint64_t>(w.list(i)[0]), w.at<uint64_t>(w.list(i)[1]));
  return Flow::Next;
}

static Flow unpackWide(Warp &w, const Instruction &i, uint32_t mask) {
  const Wide *from = w.at<Wide>(i.a);
  forLanes(
      mask, w.at<uint64_t>(w.list(i)[0]), [](Wide s) { return s.low; }, from);
  forLanes(
      mask, w.at<uint64_t>(w.list(i)[1]), [](Wide s) { return s.high; }, from);
  return Flow::Next;
}

static void decodePacking(Decoder &d, unsigned bytes) {
  bool packs = d.operand(1).kind == OperandKind::Vector;
  const ptx::Operand &vector = d.operand(packs ? 1 : 0);
  size_t count = vector.parts.size();
  if ((count != 2 && count != 4) || bytes % count)
    d.refuse("expected a vector of 2 or 4 parts");
  auto part = static_cast<unsigned>(bytes / count);
  std::vector<Operand> list;
  uint8_t lane = 0;
  for (const ptx::Operand &element : vector.parts)
    list.push_back(packs ? d.sourceWide(element, part, lane)
                         : d.destinationWide(element, part, lane));
  if (lane != std::max(2u, part))
    d.refuse("the parts of a vector have " + std::to_string(8 * part) +
             " bits");
  d.out.list = d.keep(list);
  d.out.count = static_cast<uint8_t>(count);
  if (packs)
    d.out.d = d.destinationBytes(0, bytes);
  else
    d.out.a = d.sourceBytes(1, bytes);
  auto choose = [&](Handler forPack, Handler forUnpack) {
    d.out.handler = packs ? forPack : forUnpack;
  };
  if (bytes == 2 && part == 1)
    choose(pack<uint16_t, uint8_t, uint16_t>,
           unpack<uint16_t, uint8_t, uint16_t>);
  else if (bytes == 4 && part == 1)
    choose(pack<uint32_t, uint8_t, uint16_t>,
           unpack<uint32_t, uint8_t, uint16_t>);
  else if (bytes == 4 && part == 2)
    choose(pack<uint32_t, uint16_t, uint16_t>,
           unpack<uint32_t, uint16_t, uint16_t>);
  else if (bytes == 8 && part == 2)
    choose(pack<uint64_t, uint16_t, uint16_t>,
           unpack<uint64_t, uint16_t, uint16_t>);
  else if (bytes == 8 && part == 4)
    choose(pack<uint64_t, uint32_t, uint32_t>,
           unpack<uint64_t, uint32_t, uint32_t>);
  else if (bytes == 16 && part == 8)
    choose(packWide, unpackWide);
  else
    d.refuse("this packing is not supported");
}

static void decodeMov(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(2);
  d.out.cls = InstructionClass::Move;
  if (type == Type::Pred) {
    d.out.d = d.destinationPredicate(d.operand(0));
    d.out.a = d.sourcePredicate(d.operand(1));
    d.out.handler = movePredicate;
    return;
  }
  unsigned bytes = ptx::bytesOf(type);
  if (d.operand(0).kind == OperandKind::Vector ||
      d.operand(1).kind == OperandKind::Vector)
    return decodePacking(d, bytes);
  if (d.operand(1).kind == OperandKind::Special && decodeClock(d, type))
    return;
  const ptx::Operand &from = d.operand(1);
  if (from.kind == OperandKind::Symbol && from.index != ptx::None &&
      d.function().variables[from.index].space == ptx::Space::Local &&
      bytes == 8) {
    ptx::Space space;
    d.out.imm = static_cast<int64_t>(d.symbolAddress(from, space));
    d.out.d = d.destination(0, type);
    d.out.handler = moveLocalAddress;
    return;
  }
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.handler = moveHandler(bytes);
  if (!d.out.handler)
    d.refuseType(type);
}

// -- Selection.

template <typename T>
static Flow select(Warp &w, const Instruction &i, uint32_t mask) {
  uint32_t p = w.predicate(i.c);
  const T *a = w.at<T>(i.a), *b = w.at<T>(i.b);
  T *to = w.at<T>(i.d);
  MOEC_LANES
  for (unsigned l = 0; l < 32; ++l) {
    T value = p >> l & 1 ? a[l] : b[l];
    to[l] = mask >> l & 1 ? value : to[l];
  }
  return Flow::Next;
}

static Handler selectHandler(unsigned bytes) {
  return bytes == 2   ? select<uint16_t>
         : bytes == 4 ? select<uint32_t>
         : bytes == 8 ? select<uint64_t>
                      : nullptr;
}

static void decodeSelp(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(4);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.sourcePredicate(d.operand(3));
  d.out.cls = InstructionClass::Compare;
  d.out.handler = selectHandler(ptx::bytesOf(type));
  if (!d.out.handler)
    d.refuseType(type);
}

/// slct: a where c >= 0, else b.
template <typename T, typename C, bool Flush>
static Flow selectBySign(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(
      mask, w.at<T>(i.d),
      [](T a, T b, C c) {
        if constexpr (Flush)
          c = flush(c);
        return c >= 0 ? a : b;
      },
      w.at<T>(i.a), w.at<T>(i.b), w.at<C>(i.c));
  return Flow::Next;
}

static void decodeSlct(Decoder &d) {
  bool ftz = d.take("ftz");
  Type type = d.takeType(), selector = d.takeType();
  d.expectOperands(4);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.source(3, selector);
  d.out.cls = InstructionClass::Compare;
  unsigned bytes = ptx::bytesOf(type);
  if (selector == Type::S32 && !ftz)
    d.out.handler = bytes == 2   ? selectBySign<uint16_t, int32_t, false>
                    : bytes == 4 ? selectBySign<uint32_t, int32_t, false>
                    : bytes == 8 ? selectBySign<uint64_t, int32_t, false>
                                 : nullptr;
  else if (selector == Type::F32)
    d.out.handler = bytes == 2   ? (ftz ? selectBySign<uint16_t, float, true>
                                        : selectBySign<uint16_t, float, false>)
                    : bytes == 4 ? (ftz ? selectBySign<uint32_t, float, true>
                                        : selectBySign<uint32_t, float, false>)
                    : bytes == 8 ? (ftz ? selectBySign<uint64_t, float, true>
                                        : selectBySign<uint64_t, float, false>)
                                 : nullptr;
  if (!d.out.handler)
    d.refuseType(type);
}

// -- Spaces.

static Flow addImmediate(Warp &w, const Instruction &i, uint32_t mask) {
  auto add = static_cast<uint64_t>(i.imm);
  forLanes(
      mask, w.at<uint64_t>(i.d), [=](uint64_t a) { return a + add; },
      w.at<uint64_t>(i.a));
  return Flow::Next;
}

static uint64_t windowBase(ptx::Space space) {
  switch (space) {
  case ptx::Space::Shared:
    return kSharedWindow;
  case ptx::Space::Local:
    return kLocalWindow;
  case ptx::Space::Param:
    return kParamWindow;
  default:
    return 0;
  }
}

static void decodeCvta(Decoder &d) {
  bool to = d.take("to");
  ptx::Space space = d.takeSpace();
  if (space == ptx::Space::Generic)
    d.refuse("expected a state space");
  if (d.takeType() != Type::U64)
    d.refuse("addresses have 64 bits");
  d.expectOperands(2);
  d.out.d = d.destinationBytes(0, 8);
  d.out.a = d.sourceBytes(1, 8);
  uint64_t base = windowBase(space);
  d.out.imm = static_cast<int64_t>(to ? -base : base);
  d.out.cls = InstructionClass::Move;
  d.out.handler = addImmediate;
}

template <Window W>
static Flow isInWindow(Warp &w, const Instruction &i, uint32_t mask) {
  w.setPredicate(i.d, mask,
                 lanesWhere([](uint64_t a) { return windowOf(a) == W; },
                            w.at<uint64_t>(i.a)));
  return Flow::Next;
}

static void decodeIsspacep(Decoder &d) {
  ptx::Space space = d.takeSpace();
  d.expectOperands(2);
  d.out.d = d.destinationPredicate(d.operand(0));
  d.out.a = d.sourceBytes(1, 8);
  d.out.cls = InstructionClass::Move;
  switch (space) {
  case ptx::Space::Global:
    d.out.handler = isInWindow<Window::Global>;
    return;
  case ptx::Space::Shared:
    d.out.handler = isInWindow<Window::Shared>;
    return;
  case ptx::Space::Local:
    d.out.handler = isInWindow<Window::Local>;
    return;
  case ptx::Space::Param:
    d.out.handler = isInWindow<Window::Param>;
    return;
  default:
    d.refuse("expected .global, .shared, .local or .param");
  }
}

void addMove(Opcodes &all) {
  all["mov"] = decodeMov;
  all["selp"] = decodeSelp;
  all["slct"] = decodeSlct;
  all["cvta"] = decodeCvta;
  all["isspacep"] = decodeIsspacep;
}

} // namespace moec::cudasim
