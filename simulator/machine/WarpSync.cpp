//===- WarpSync.cpp - shfl, vote, match, redux, elect, activemask ---------===//
//
// All of them wait until the lanes that their member mask names have arrived at the same instruction. Lanes of one group may
// name disjoint masks; each set then works for itself.
//
//===----------------------------------------------------------------------===//
#include "simulator/machine/Block.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

#include <algorithm>

namespace moec::cudasim {

using ptx::Type;

namespace {

/// Waits for the members. False: `flow` is what the handler returns. Otherwise `ready` are the lanes that go on now.
bool gatherMembers(Warp &w, const Instruction &i, uint32_t mask,
                   uint32_t &ready, Flow &flow) {
  const uint32_t *member = w.at<uint32_t>(i.e);
  ready = 0;
  uint32_t outside = 0;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    ready |= uint32_t((member[l] & w.live & ~mask) == 0) << l;
    outside |= uint32_t(!(member[l] >> l & 1)) << l;
  }
  if (outside) {
    flow = w.fail("warp-sync", "a lane is not in the member mask it names",
                  std::countr_zero(outside));
    return false;
  }
  if (ready == mask)
    return true;
  uint32_t pc = w.group.pc;
  w.split(w.group.mask & ~mask, pc + 1);
  w.park(mask & ~ready, Wait::Lanes);
  // park() sends the rest of the group behind the instruction: here it executes first.
  if (ready) {
    Group behind = w.parked[w.parked.size() - 2];
    w.parked.erase(w.parked.end() - 2);
    behind.pc = pc;
    w.group = behind;
  }
  flow = Flow::Schedule;
  return ready != 0;
}

/// The lanes of `ready` that name the same mask as its first; removes them from `ready`.
uint32_t nextSet(Warp &w, const Instruction &i, uint32_t &ready,
                 uint32_t &member) {
  const uint32_t *members = w.at<uint32_t>(i.e);
  member = members[std::countr_zero(ready)];
  uint32_t set =
      ready &
      lanesWhere([=](uint32_t other) { return other == member; }, members);
  ready &= ~set;
  return set;
}

/// A handler that is called for each set of lanes with a common member mask.
template <typename F>
Flow forMembers(Warp &w, const Instruction &i, uint32_t mask, F f) {
  uint32_t ready;
  Flow flow = Flow::Next;
  if (!gatherMembers(w, i, mask, ready, flow))
    return flow;
  for (uint32_t rest = ready; rest;) {
    uint32_t member;
    uint32_t set = nextSet(w, i, rest, member);
    if (!f(set))
      return Flow::Fail;
  }
  ++w.block->state.counters.events(w.group.pc).shuffles;
  if (flow == Flow::Next)
    return flow;
  ++w.group.pc;
  return flow;
}

enum class Shuffle : uint8_t { Up, Down, Butterfly, Index };

template <Shuffle Kind>
Flow shuffle(Warp &w, const Instruction &i, uint32_t mask) {
  return forMembers(w, i, mask, [&](uint32_t set) {
    const uint32_t *a = w.at<uint32_t>(i.a), *b = w.at<uint32_t>(i.b),
                   *c = w.at<uint32_t>(i.c);
    uint32_t result[32], inRange = 0, wrong = 0;
    for (unsigned lane = 0; lane < 32; ++lane) {
      int segment = int(c[lane] >> 8 & 31), clamp = int(c[lane] & 31),
          offset = int(b[lane] & 31), self = int(lane);
      int most = (self & segment) | (clamp & ~segment), least = self & segment;
      int from = self;
      bool ok = false;
      switch (Kind) {
      case Shuffle::Up:
        from = self - offset;
        ok = from >= most;
        break;
      case Shuffle::Down:
        from = self + offset;
        ok = from <= most;
        break;
      case Shuffle::Butterfly:
        from = self ^ offset;
        ok = from <= most;
        break;
      case Shuffle::Index:
        from = least | (offset & ~segment);
        ok = from <= most;
        break;
      }
      if (!ok)
        from = self;
      result[lane] = a[from & 31];
      inRange |= uint32_t(ok) << lane;
      wrong |= uint32_t(!(set >> (from & 31) & 1)) << lane;
    }
    if (w.block->state.options.checks && wrong & set) {
      w.fail("warp-sync", "shfl reads a lane that does not take part",
             std::countr_zero(wrong & set));
      return false;
    }
    forLanes(set, w.at<uint32_t>(i.d), [](uint32_t x) { return x; }, result);
    if (i.count)
      w.setPredicate(i.d2, set, inRange);
    return true;
  });
}

void decodeShfl(Decoder &d) {
  d.require("sync");
  Handler handler = d.takeOne<Handler>({{"up", shuffle<Shuffle::Up>},
                                        {"down", shuffle<Shuffle::Down>},
                                        {"bfly", shuffle<Shuffle::Butterfly>},
                                        {"idx", shuffle<Shuffle::Index>}},
                                       nullptr);
  d.require("b32");
  if (!handler)
    d.refuse("expected .up, .down, .bfly or .idx");
  d.expectOperands(5);
  const ptx::Operand &to = d.operand(0);
  d.out.d = d.destinationBytes(0, 4);
  if (!to.parts.empty()) {
    d.out.d2 = d.destinationPredicate(to.parts[0]);
    d.out.count = 1;
  }
  d.out.a = d.sourceBytes(1, 4);
  d.out.b = d.sourceBytes(2, 4);
  d.out.c = d.sourceBytes(3, 4);
  d.out.e = d.sourceBytes(4, 4);
  d.out.cls = InstructionClass::Shuffle;
  d.out.handler = handler;
}

enum class Vote : uint8_t { All, Any, Uniform, Ballot };

template <Vote Kind>
Flow vote(Warp &w, const Instruction &i, uint32_t mask) {
  return forMembers(w, i, mask, [&](uint32_t set) {
    uint32_t yes = w.predicate(i.a) & set;
    if constexpr (Kind == Vote::Ballot) {
      forLanes(
          set, w.at<uint32_t>(i.d), [=](uint32_t) { return yes; },
          w.at<uint32_t>(i.d));
    } else {
      bool result = Kind == Vote::All   ? yes == set
                    : Kind == Vote::Any ? yes != 0
                                        : yes == 0 || yes == set;
      w.setPredicate(i.d, set, result ? kAllLanes : 0);
    }
    return true;
  });
}

void decodeVote(Decoder &d) {
  d.require("sync");
  bool ballot = d.take("ballot");
  Handler handler = ballot ? vote<Vote::Ballot>
                           : d.takeOne<Handler>({{"all", vote<Vote::All>},
                                                 {"any", vote<Vote::Any>},
                                                 {"uni", vote<Vote::Uniform>}},
                                                nullptr);
  if (!handler)
    d.refuse("expected .all, .any, .uni or .ballot");
  d.require(ballot ? "b32" : "pred");
  d.expectOperands(3);
  d.out.d =
      ballot ? d.destinationBytes(0, 4) : d.destinationPredicate(d.operand(0));
  d.out.a = d.sourcePredicate(d.operand(1));
  d.out.e = d.sourceBytes(2, 4);
  d.out.cls = InstructionClass::Shuffle;
  d.out.handler = handler;
}

template <typename T, bool All>
Flow match(Warp &w, const Instruction &i, uint32_t mask) {
  return forMembers(w, i, mask, [&](uint32_t set) {
    const T *a = w.at<T>(i.a);
    uint32_t result[32] = {}, same = 0;
    forEachLane(set, [&](unsigned lane) {
      result[lane] = set & lanesWhere([&](T x) { return x == a[lane]; }, a);
    });
    if constexpr (All) {
      same = result[std::countr_zero(set)] == set ? kAllLanes : 0;
      std::fill_n(result, 32, same ? set : 0);
      if (i.count)
        w.setPredicate(i.d2, set, same);
    }
    forLanes(set, w.at<uint32_t>(i.d), [](uint32_t x) { return x; }, result);
    return true;
  });
}

void decodeMatch(Decoder &d) {
  bool all = d.take("all");
  if (!all)
    d.require("any");
  d.require("sync");
  Type type = d.takeType();
  if (type != Type::B32 && type != Type::B64)
    d.refuseType(type);
  d.expectOperands(3);
  const ptx::Operand &to = d.operand(0);
  d.out.d = d.destinationBytes(0, 4);
  if (!to.parts.empty()) {
    if (!all)
      d.refuse("match.any has no predicate");
    d.out.d2 = d.destinationPredicate(to.parts[0]);
    d.out.count = 1;
  }
  d.out.a = d.source(1, type);
  d.out.e = d.sourceBytes(2, 4);
  d.out.cls = InstructionClass::Shuffle;
  bool wide = type == Type::B64;
  d.out.handler =
      all ? (wide ? match<uint64_t, true> : match<uint32_t, true>)
          : (wide ? match<uint64_t, false> : match<uint32_t, false>);
}

struct ReduceAdd {
  template <typename T>
  T operator()(T a, T b) const {
    return T(uint32_t(a) + uint32_t(b));
  }
};
struct ReduceMin {
  template <typename T>
  T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct ReduceMax {
  template <typename T>
  T operator()(T a, T b) const {
    return b > a ? b : a;
  }
};
struct ReduceAnd {
  template <typename T>
  T operator()(T a, T b) const {
    return a & b;
  }
};
struct ReduceOr {
  template <typename T>
  T operator()(T a, T b) const {
    return a | b;
  }
};
struct ReduceXor {
  template <typename T>
  T operator()(T a, T b) const {
    return a ^ b;
  }
};

template <typename T, typename Op>
Flow reduce(Warp &w, const Instruction &i, uint32_t mask) {
  return forMembers(w, i, mask, [&](uint32_t set) {
    const T *a = w.at<T>(i.a);
    auto first = static_cast<unsigned>(std::countr_zero(set));
    T result = a[first];
    forEachLane(set & (set - 1),
                [&](unsigned lane) { result = Op()(result, a[lane]); });
    forLanes(set, w.at<T>(i.d), [=](T) { return result; }, w.at<T>(i.d));
    return true;
  });
}

void decodeRedux(Decoder &d) {
  d.require("sync");
  std::string op;
  for (const char *name : {"add", "min", "max", "and", "or", "xor"})
    if (op.empty() && d.take(name))
      op = name;
  Type type = d.takeType();
  d.expectOperands(3);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.e = d.sourceBytes(2, 4);
  d.out.cls = InstructionClass::Shuffle;
  bool isSigned = type == Type::S32, number = type == Type::U32 || isSigned,
       bits = type == Type::B32;
  d.out.handler =
      op == "add" && number   ? reduce<uint32_t, ReduceAdd>
      : op == "min" && number ? (isSigned ? reduce<int32_t, ReduceMin>
                                          : reduce<uint32_t, ReduceMin>)
      : op == "max" && number ? (isSigned ? reduce<int32_t, ReduceMax>
                                          : reduce<uint32_t, ReduceMax>)
      : op == "and" && bits   ? reduce<uint32_t, ReduceAnd>
      : op == "or" && bits    ? reduce<uint32_t, ReduceOr>
      : op == "xor" && bits   ? reduce<uint32_t, ReduceXor>
                              : nullptr;
  if (!d.out.handler)
    d.refuse("this reduction is not supported");
}

/// The same lane for the same mask; which one depends on the seed.
Flow elect(Warp &w, const Instruction &i, uint32_t mask) {
  return forMembers(w, i, mask, [&](uint32_t set) {
    uint64_t seed = w.block->state.options.seed;
    unsigned skip = seed ? unsigned((seed * 0x9e3779b97f4a7c15 ^ set) %
                                    unsigned(std::popcount(set)))
                         : 0;
    uint32_t rest = set;
    while (skip--)
      rest &= rest - 1;
    auto leader = static_cast<uint32_t>(std::countr_zero(rest));
    forLanes(
        set, w.at<uint32_t>(i.d), [=](uint32_t) { return leader; },
        w.at<uint32_t>(i.d));
    w.setPredicate(i.d2, set, 1u << leader);
    return true;
  });
}

void decodeElect(Decoder &d) {
  d.require("sync");
  d.expectOperands(2);
  const ptx::Operand &to = d.operand(0);
  if (to.parts.empty())
    d.refuse("expected a predicate d|p");
  d.out.d = d.destinationBytes(0, 4);
  d.out.d2 = d.destinationPredicate(to.parts[0]);
  d.out.e = d.sourceBytes(1, 4);
  d.out.cls = InstructionClass::Shuffle;
  d.out.handler = elect;
}

Flow activeMask(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(
      mask, w.at<uint32_t>(i.d), [=](uint32_t) { return mask; },
      w.at<uint32_t>(i.d));
  return Flow::Next;
}

void decodeActiveMask(Decoder &d) {
  d.require("b32");
  d.expectOperands(1);
  d.out.d = d.destinationBytes(0, 4);
  d.out.cls = InstructionClass::Shuffle;
  d.out.handler = activeMask;
}

} // namespace

void addWarpSync(Opcodes &all) {
  all["shfl"] = decodeShfl;
  all["vote"] = decodeVote;
  all["match"] = decodeMatch;
  all["redux"] = decodeRedux;
  all["elect"] = decodeElect;
  all["activemask"] = decodeActiveMask;
}

} // namespace moec::cudasim
