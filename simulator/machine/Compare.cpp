//===- Compare.cpp - setp and set -----------------------------------------===//
#include "simulator/arithmetic/Formats.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

namespace moec::cudasim {

using ptx::Type;

namespace {

// Ordered comparisons of floats are false with a NaN, unordered ones are true.
struct Eq {
  template <typename T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct Ne {
  template <typename T>
  bool operator()(T a, T b) const {
    return a < b || a > b;
  }
};
struct Lt {
  template <typename T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct Le {
  template <typename T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Gt {
  template <typename T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct Ge {
  template <typename T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
template <typename Opposite>
struct Unless {
  template <typename T>
  bool operator()(T a, T b) const {
    return !Opposite()(a, b);
  }
};
struct Num {
  template <typename T>
  bool operator()(T a, T b) const {
    return a == a && b == b;
  }
};

// How the type of an operand is read for a comparison.
template <typename T>
struct Plain {
  using Lane = T;
  static T load(T x) { return x; }
};
struct Flushed {
  using Lane = float;
  static float load(float x) { return flush(x); }
};
template <bool Brain, bool Flush>
struct HalfValue {
  using Lane = uint16_t;
  static float load(uint16_t x) {
    if (Flush && !(x & (Brain ? 0x7f80 : 0x7c00)))
      x &= 0x8000;
    return Brain ? fromBF16(x) : fromF16(x);
  }
};

enum class Bool : uint8_t { None, And, Or, Xor };

uint32_t combine(Bool op, uint32_t t, uint32_t c) {
  switch (op) {
  case Bool::And:
    return t & c;
  case Bool::Or:
    return t | c;
  case Bool::Xor:
    return t ^ c;
  default:
    return t;
  }
}

template <typename V, typename Op>
uint32_t compareLanes(Warp &w, const Instruction &i) {
  using Lane = typename V::Lane;
  return lanesWhere([](Lane a, Lane b) { return Op()(V::load(a), V::load(b)); },
                    w.at<Lane>(i.a), w.at<Lane>(i.b));
}

/// flags: Bool; count: number of destinations.
template <typename V, typename Op>
Flow setPredicates(Warp &w, const Instruction &i, uint32_t mask) {
  uint32_t t = compareLanes<V, Op>(w, i);
  if (i.flags == 0 && i.count == 1) {
    w.setPredicate(i.d, mask, t);
    return Flow::Next;
  }
  uint32_t c = w.predicate(i.c);
  auto op = static_cast<Bool>(i.flags);
  w.setPredicate(i.d, mask, combine(op, t, c));
  if (i.count == 2)
    w.setPredicate(i.d2, mask, combine(op, ~t, c));
  return Flow::Next;
}
/// set: imm is the pattern of "true", bytes the width of the result.
template <typename T>
void setTrue(Warp &w, const Instruction &i, uint32_t mask, uint32_t t) {
  T *to = w.at<T>(i.d);
  auto yes = static_cast<T>(i.imm);
  for (unsigned l = 0; l < 32; ++l)
    to[l] = mask >> l & 1 ? (t >> l & 1 ? yes : T(0)) : to[l];
}
template <typename V, typename Op>
Flow setRegister(Warp &w, const Instruction &i, uint32_t mask) {
  uint32_t t = combine(static_cast<Bool>(i.flags), compareLanes<V, Op>(w, i),
                       w.predicate(i.c));
  if (i.bytes == 2)
    setTrue<uint16_t>(w, i, mask, t);
  else
    setTrue<uint32_t>(w, i, mask, t);
  return Flow::Next;
}

template <typename V, typename Op>
Handler handlerFor(bool toRegister) {
  return toRegister ? setRegister<V, Op> : setPredicates<V, Op>;
}

template <typename V>
Handler compareFloat(const std::string &op, bool r) {
  if (op == "eq")
    return handlerFor<V, Eq>(r);
  if (op == "ne")
    return handlerFor<V, Ne>(r);
  if (op == "lt")
    return handlerFor<V, Lt>(r);
  if (op == "le")
    return handlerFor<V, Le>(r);
  if (op == "gt")
    return handlerFor<V, Gt>(r);
  if (op == "ge")
    return handlerFor<V, Ge>(r);
  if (op == "equ")
    return handlerFor<V, Unless<Ne>>(r);
  if (op == "neu")
    return handlerFor<V, Unless<Eq>>(r);
  if (op == "ltu")
    return handlerFor<V, Unless<Ge>>(r);
  if (op == "leu")
    return handlerFor<V, Unless<Gt>>(r);
  if (op == "gtu")
    return handlerFor<V, Unless<Le>>(r);
  if (op == "geu")
    return handlerFor<V, Unless<Lt>>(r);
  if (op == "num")
    return handlerFor<V, Num>(r);
  if (op == "nan")
    return handlerFor<V, Unless<Num>>(r);
  return nullptr;
}
template <typename T>
Handler compareInteger(const std::string &op, bool r) {
  if (op == "eq")
    return handlerFor<Plain<T>, Eq>(r);
  if (op == "ne")
    return handlerFor<Plain<T>, Ne>(r);
  if (op == "lt" || op == "lo")
    return handlerFor<Plain<T>, Lt>(r);
  if (op == "le" || op == "ls")
    return handlerFor<Plain<T>, Le>(r);
  if (op == "gt" || op == "hi")
    return handlerFor<Plain<T>, Gt>(r);
  if (op == "ge" || op == "hs")
    return handlerFor<Plain<T>, Ge>(r);
  return nullptr;
}

Handler compareHandler(Decoder &d, const std::string &op, Type type, bool ftz,
                       bool r) {
  if (ftz && type != Type::F32 && type != Type::F16 && type != Type::BF16)
    d.refuse("'.ftz' is for f32 and halves");
  switch (type) {
  case Type::B16:
  case Type::U16:
    return compareInteger<uint16_t>(op, r);
  case Type::B32:
  case Type::U32:
    return compareInteger<uint32_t>(op, r);
  case Type::B64:
  case Type::U64:
    return compareInteger<uint64_t>(op, r);
  case Type::S16:
    return compareInteger<int16_t>(op, r);
  case Type::S32:
    return compareInteger<int32_t>(op, r);
  case Type::S64:
    return compareInteger<int64_t>(op, r);
  case Type::F32:
    return ftz ? compareFloat<Flushed>(op, r)
               : compareFloat<Plain<float>>(op, r);
  case Type::F64:
    return compareFloat<Plain<double>>(op, r);
  case Type::F16:
    return ftz ? compareFloat<HalfValue<false, true>>(op, r)
               : compareFloat<HalfValue<false, false>>(op, r);
  case Type::BF16:
    return ftz ? compareFloat<HalfValue<true, true>>(op, r)
               : compareFloat<HalfValue<true, false>>(op, r);
  default:
    d.refuseType(type);
  }
}

std::string takeComparison(Decoder &d) {
  for (const char *op :
       {"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ",
        "neu", "ltu", "leu", "gtu", "geu", "num", "nan"})
    if (d.take(op))
      return op;
  d.refuse("expected a comparison");
}

bool isPair(Type type) { return type == Type::F16x2 || type == Type::BF16x2; }

/// What set writes where the comparison holds: all ones, or 1.0.
int64_t truth(Decoder &d, Type result) {
  switch (result) {
  case Type::U32:
  case Type::S32:
    return 0xffffffff;
  case Type::U16:
  case Type::S16:
    return 0xffff;
  case Type::F32:
    return 0x3f800000;
  case Type::F16:
    return 0x3c00;
  case Type::BF16:
    return 0x3f80;
  case Type::F16x2:
    return 0x3c003c00;
  case Type::BF16x2:
    return 0x3f803f80;
  default:
    d.refuseType(result);
  }
}

void decodePair(Decoder &d, const std::string &op, Bool combine, bool ftz,
                Type type);

void decodeCompare(Decoder &d, bool toRegister) {
  std::string op = takeComparison(d);
  Bool combine = d.takeOne<Bool>(
      {{"and", Bool::And}, {"or", Bool::Or}, {"xor", Bool::Xor}}, Bool::None);
  bool ftz = d.take("ftz");
  Type result = toRegister ? d.takeType() : Type::Pred;
  Type type = d.takeType();
  d.expectOperands(combine == Bool::None ? 3 : 4);
  if (toRegister) {
    if (isPair(result) && !isPair(type))
      d.refuseType(result);
    d.out.imm = truth(d, result);
    d.out.bytes = static_cast<uint8_t>(ptx::bytesOf(result));
    d.out.d = d.destination(0, result);
    if (isPair(type)) {
      if (d.out.bytes != 4 || result == Type::F32)
        d.refuseType(result);
      return decodePair(d, op, combine, ftz, type);
    }
  } else {
    const ptx::Operand &to = d.operand(0);
    d.out.d = d.destinationPredicate(to);
    d.out.count = 1;
    if (to.kind == ptx::OperandKind::Register && !to.parts.empty()) {
      d.out.d2 = d.destinationPredicate(to.parts[0]);
      d.out.count = 2;
    }
  }
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = combine == Bool::None ? d.constantPredicate(true)
                                  : d.sourcePredicate(d.operand(3));
  d.out.flags = static_cast<uint8_t>(combine);
  d.out.cls = InstructionClass::Compare;
  d.out.handler = compareHandler(d, op, type, ftz, toRegister);
  if (!d.out.handler)
    d.refuse("'." + op + "' does not compare ." +
             std::string(ptx::nameOf(type)));
}

/// Comparisons of pairs: kind is the set of relations that hold: 1 less, 2 equal, 4 greater, 8 unordered.
template <bool Brain, bool Flush>
uint32_t comparePairs(Warp &w, const Instruction &i, unsigned half) {
  using V = HalfValue<Brain, Flush>;
  uint32_t t = lanesWhere(
      [&](uint32_t x, uint32_t y) {
        float p = V::load(uint16_t(x >> (16 * half))),
              q = V::load(uint16_t(y >> (16 * half)));
        unsigned is = p < q ? 1 : p == q ? 2 : p > q ? 4 : 8;
        return (i.kind & is) != 0;
      },
      w.at<uint32_t>(i.a), w.at<uint32_t>(i.b));
  return combine(static_cast<Bool>(i.flags), t, w.predicate(i.c));
}
template <bool Brain, bool Flush>
Flow setPredicatePair(Warp &w, const Instruction &i, uint32_t mask) {
  uint32_t low = comparePairs<Brain, Flush>(w, i, 0),
           high = comparePairs<Brain, Flush>(w, i, 1);
  w.setPredicate(i.d, mask, low);
  w.setPredicate(i.d2, mask, high);
  return Flow::Next;
}
template <bool Brain, bool Flush>
Flow setRegisterPair(Warp &w, const Instruction &i, uint32_t mask) {
  uint32_t low = comparePairs<Brain, Flush>(w, i, 0),
           high = comparePairs<Brain, Flush>(w, i, 1);
  auto yes = static_cast<uint32_t>(i.imm);
  uint32_t *to = w.at<uint32_t>(i.d);
  forEachLane(mask, [&](unsigned l) {
    to[l] = (low >> l & 1 ? yes & 0xffff : 0) |
            (high >> l & 1 ? yes & 0xffff0000 : 0);
  });
  return Flow::Next;
}

void decodePair(Decoder &d, const std::string &op, Bool combine, bool ftz,
                Type type) {
  static const std::pair<std::string_view, uint8_t> sets[] = {
      {"lt", 1},   {"eq", 2},   {"le", 3},   {"gt", 4},  {"ne", 5},
      {"ge", 6},   {"num", 7},  {"nan", 8},  {"ltu", 9}, {"equ", 10},
      {"leu", 11}, {"gtu", 12}, {"neu", 13}, {"geu", 14}};
  for (auto &[name, set] : sets)
    if (op == name)
      d.out.kind = set;
  if (!d.out.kind)
    d.refuse("'." + op + "' does not compare floats");
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = combine == Bool::None ? d.constantPredicate(true)
                                  : d.sourcePredicate(d.operand(3));
  d.out.flags = static_cast<uint8_t>(combine);
  d.out.cls = InstructionClass::Compare;
  bool toRegister = d.out.bytes != 0, brain = type == Type::BF16x2;
  if (toRegister)
    d.out.handler =
        brain
            ? (ftz ? setRegisterPair<true, true> : setRegisterPair<true, false>)
            : (ftz ? setRegisterPair<false, true>
                   : setRegisterPair<false, false>);
  else
    d.out.handler = brain ? (ftz ? setPredicatePair<true, true>
                                 : setPredicatePair<true, false>)
                          : (ftz ? setPredicatePair<false, true>
                                 : setPredicatePair<false, false>);
}

/// setp of pairs has a predicate for each half.
void decodeSetpHalf(Decoder &d) {
  bool packed = false;
  for (const std::string &modifier : d.in->modifiers)
    packed |= modifier == "f16x2" || modifier == "bf16x2";
  if (!packed)
    return decodeCompare(d, false);
  std::string op = takeComparison(d);
  Bool combine = d.takeOne<Bool>(
      {{"and", Bool::And}, {"or", Bool::Or}, {"xor", Bool::Xor}}, Bool::None);
  bool ftz = d.take("ftz");
  Type type = d.takeType();
  d.expectOperands(combine == Bool::None ? 3 : 4);
  const ptx::Operand &to = d.operand(0);
  if (to.parts.empty())
    d.refuse("expected two predicates p|q");
  d.out.d = d.destinationPredicate(to);
  d.out.d2 = d.destinationPredicate(to.parts[0]);
  decodePair(d, op, combine, ftz, type);
}

void decodeSetp(Decoder &d) { decodeCompare(d, false); }
void decodeSet(Decoder &d) { decodeCompare(d, true); }

} // namespace

void addCompare(Opcodes &all) {
  all["setp"] = decodeSetp;
  all["setp.h"] = decodeSetpHalf;
  all["set"] = decodeSet;
}

} // namespace moec::cudasim
