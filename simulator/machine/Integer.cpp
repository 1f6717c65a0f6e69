//===- Integer.cpp - Integer arithmetic -----------------------------------===//
#include "simulator/machine/Block.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

#include <limits>
#include <type_traits>

namespace moec::cudasim {

using ptx::Type;

namespace {

/// Where arithmetic wraps: unsigned, and at least 32 bits so that nothing is promoted to int.
template <typename T>
using Wrap = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;
/// Twice as wide.
template <typename T>
struct Double;
template <>
struct Double<int16_t> {
  using type = int32_t;
};
template <>
struct Double<uint16_t> {
  using type = uint32_t;
};
template <>
struct Double<int32_t> {
  using type = int64_t;
};
template <>
struct Double<uint32_t> {
  using type = uint64_t;
};
template <>
struct Double<int64_t> {
  using type = __int128;
};
template <>
struct Double<uint64_t> {
  using type = unsigned __int128;
};
template <typename T>
using DoubleOf = typename Double<T>::type;

struct Add {
  template <typename T>
  T operator()(T a, T b) const {
    return T(Wrap<T>(a) + Wrap<T>(b));
  }
};
struct Sub {
  template <typename T>
  T operator()(T a, T b) const {
    return T(Wrap<T>(a) - Wrap<T>(b));
  }
};
struct MulLo {
  template <typename T>
  T operator()(T a, T b) const {
    return T(Wrap<T>(a) * Wrap<T>(b));
  }
};
struct MulHi {
  template <typename T>
  T operator()(T a, T b) const {
    return T(DoubleOf<T>(a) * DoubleOf<T>(b) >> (8 * sizeof(T)));
  }
};
struct MulWide {
  template <typename T>
  DoubleOf<T> operator()(T a, T b) const {
    return DoubleOf<T>(a) * DoubleOf<T>(b);
  }
};
struct MadLo {
  template <typename T>
  T operator()(T a, T b, T c) const {
    return Add()(MulLo()(a, b), c);
  }
};
struct MadHi {
  template <typename T>
  T operator()(T a, T b, T c) const {
    return Add()(MulHi()(a, b), c);
  }
};
struct MadWide {
  template <typename T>
  DoubleOf<T> operator()(T a, T b, DoubleOf<T> c) const {
    return Add()(MulWide()(a, b), c);
  }
};
struct Min {
  template <typename T>
  T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};
struct Max {
  template <typename T>
  T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};
struct Abs {
  template <typename T>
  T operator()(T a) const {
    return a < 0 ? T(Wrap<T>(0) - Wrap<T>(a)) : a;
  }
};
struct Neg {
  template <typename T>
  T operator()(T a) const {
    return T(Wrap<T>(0) - Wrap<T>(a));
  }
};
struct Sad { // c + |a - b|
  template <typename T>
  T operator()(T a, T b, T c) const {
    return Add()(a < b ? Sub()(b, a) : Sub()(a, b), c);
  }
};
int32_t clampToInt(int64_t x) {
  return x > INT32_MAX ? INT32_MAX : x < INT32_MIN ? INT32_MIN : int32_t(x);
}
struct AddSat {
  int32_t operator()(int32_t a, int32_t b) const {
    return clampToInt(int64_t(a) + b);
  }
};
struct SubSat {
  int32_t operator()(int32_t a, int32_t b) const {
    return clampToInt(int64_t(a) - b);
  }
};
struct MadHiSat {
  int32_t operator()(int32_t a, int32_t b, int32_t c) const {
    return clampToInt((int64_t(a) * b >> 32) + c);
  }
};
/// Signed division by -1 may overflow on the host; the result wraps.
struct Div {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_signed_v<T>)
      return b == 0 ? T(-1) : b == -1 ? Neg()(a) : T(a / b);
    else
      return b == 0 ? T(-1) : T(a / b);
  }
};
struct Rem {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_signed_v<T>)
      return b == 0 ? a : b == -1 ? T(0) : T(a % b);
    else
      return b == 0 ? a : T(a % b);
  }
};
struct Mul24Lo {
  int32_t operator()(int32_t a, int32_t b) const {
    return MulLo()(int32_t(a << 8) >> 8, int32_t(b << 8) >> 8);
  }
  uint32_t operator()(uint32_t a, uint32_t b) const {
    return (a & 0xffffff) * (b & 0xffffff);
  }
};
struct Mul24Hi {
  int32_t operator()(int32_t a, int32_t b) const {
    return int32_t(int64_t(int32_t(uint32_t(a) << 8) >> 8) *
                       int64_t(int32_t(uint32_t(b) << 8) >> 8) >>
                   16);
  }
  uint32_t operator()(uint32_t a, uint32_t b) const {
    return uint32_t(uint64_t(a & 0xffffff) * (b & 0xffffff) >> 16);
  }
};
/// Two halves of 16 bits.
template <typename Half, typename F>
struct Packed {
  uint32_t operator()(uint32_t a, uint32_t b) const {
    uint32_t low = uint16_t(F()(Half(a), Half(b))),
             high = uint16_t(F()(Half(a >> 16), Half(b >> 16)));
    return low | high << 16;
  }
};

template <typename F>
Handler unaryOf(Type type) {
  switch (type) {
  case Type::S16:
    return unary<int16_t, int16_t, F>;
  case Type::S32:
    return unary<int32_t, int32_t, F>;
  case Type::S64:
    return unary<int64_t, int64_t, F>;
  default:
    return nullptr;
  }
}
template <typename F>
Handler binaryOf(Type type) {
  switch (type) {
  case Type::U16:
    return binary<uint16_t, uint16_t, F>;
  case Type::S16:
    return binary<int16_t, int16_t, F>;
  case Type::U32:
    return binary<uint32_t, uint32_t, F>;
  case Type::S32:
    return binary<int32_t, int32_t, F>;
  case Type::U64:
    return binary<uint64_t, uint64_t, F>;
  case Type::S64:
    return binary<int64_t, int64_t, F>;
  default:
    return nullptr;
  }
}
template <typename F>
Handler ternaryOf(Type type) {
  switch (type) {
  case Type::U16:
    return ternary<uint16_t, uint16_t, F>;
  case Type::S16:
    return ternary<int16_t, int16_t, F>;
  case Type::U32:
    return ternary<uint32_t, uint32_t, F>;
  case Type::S32:
    return ternary<int32_t, int32_t, F>;
  case Type::U64:
    return ternary<uint64_t, uint64_t, F>;
  case Type::S64:
    return ternary<int64_t, int64_t, F>;
  default:
    return nullptr;
  }
}
template <typename F>
Handler binaryWide(Type type) {
  switch (type) {
  case Type::U16:
    return binary<uint32_t, uint16_t, F>;
  case Type::S16:
    return binary<int32_t, int16_t, F>;
  case Type::U32:
    return binary<uint64_t, uint32_t, F>;
  case Type::S32:
    return binary<int64_t, int32_t, F>;
  default:
    return nullptr;
  }
}
template <typename F>
Handler ternaryWide(Type type) {
  switch (type) {
  case Type::U16:
    return ternary<uint32_t, uint16_t, F, uint32_t>;
  case Type::S16:
    return ternary<int32_t, int16_t, F, int32_t>;
  case Type::U32:
    return ternary<uint64_t, uint32_t, F, uint64_t>;
  case Type::S32:
    return ternary<int64_t, int32_t, F, int64_t>;
  default:
    return nullptr;
  }
}

/// Division reports zero divisors of active lanes.
template <typename T, typename F>
Flow divide(Warp &w, const Instruction &i, uint32_t mask) {
  const T *b = w.at<T>(i.b);
  if (uint32_t zero = mask & lanesWhere([](T x) { return x == 0; }, b))
    return w.fail("arithmetic", "integer division by zero",
                  std::countr_zero(zero));
  const T *a = w.at<T>(i.a);
  T *to = w.at<T>(i.d);
  forEachLane(mask, [&](unsigned l) { to[l] = F()(a[l], b[l]); });
  return Flow::Next;
}
template <typename F>
Handler divideOf(Type type) {
  switch (type) {
  case Type::U16:
    return divide<uint16_t, F>;
  case Type::S16:
    return divide<int16_t, F>;
  case Type::U32:
    return divide<uint32_t, F>;
  case Type::S32:
    return divide<int32_t, F>;
  case Type::U64:
    return divide<uint64_t, F>;
  case Type::S64:
    return divide<int64_t, F>;
  default:
    return nullptr;
  }
}

/// add, sub, mad with the condition code: flags bit 0 reads it, bit 1 writes it. For sub it is the borrow.
template <typename T, typename Compute>
Flow withCarry(Warp &w, const Instruction &i, uint32_t mask, Compute compute) {
  T *to = w.at<T>(i.d);
  uint32_t carry = 0;
  forEachLane(mask, [&](unsigned l) {
    bool out = false;
    T value = compute(l, (i.flags & 1) && (w.carry >> l & 1), out);
    to[l] = value;
    carry |= uint32_t(out) << l;
  });
  if (i.flags & 2)
    w.carry = (w.carry & ~mask) | carry;
  return Flow::Next;
}
template <typename T>
T addCarry(T a, T b, bool in, bool &out) {
  T sum = a + b, result = sum + T(in);
  out = sum < a || result < sum;
  return result;
}
template <typename T>
Flow addWithCarry(Warp &w, const Instruction &i, uint32_t mask) {
  const T *a = w.at<T>(i.a), *b = w.at<T>(i.b);
  return withCarry<T>(w, i, mask, [=](unsigned l, bool in, bool &out) {
    return addCarry(a[l], b[l], in, out);
  });
}
template <typename T>
Flow subWithBorrow(Warp &w, const Instruction &i, uint32_t mask) {
  const T *a = w.at<T>(i.a), *b = w.at<T>(i.b);
  return withCarry<T>(w, i, mask, [=](unsigned l, bool in, bool &out) {
    T difference = a[l] - b[l], result = difference - T(in);
    out = a[l] < b[l] || difference < T(in);
    return result;
  });
}
template <typename T, typename Signed, bool High>
Flow madWithCarry(Warp &w, const Instruction &i, uint32_t mask) {
  const T *a = w.at<T>(i.a), *b = w.at<T>(i.b), *c = w.at<T>(i.c);
  return withCarry<T>(w, i, mask, [=](unsigned l, bool in, bool &out) {
    T product = High ? T(MulHi()(Signed(a[l]), Signed(b[l]))) : T(a[l] * b[l]);
    return addCarry(product, c[l], in, out);
  });
}

void finish(Decoder &d, Type type, Handler handler) {
  d.out.cls = InstructionClass::Integer;
  d.out.handler = handler;
  if (!handler)
    d.refuseType(type);
}

void binaryOperands(Decoder &d, Type type) {
  d.expectOperands(3);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
}

bool is32Or64(Type type) {
  return ptx::bytesOf(type) == 4 || ptx::bytesOf(type) == 8;
}

/// The handler for a 32- or 64-bit integer type, signed or not.
Handler byWidth(Type type, Handler narrow, Handler wide) {
  return ptx::isFloat(type) || !is32Or64(type) || type == Type::U16x2 ||
                 type == Type::S16x2
             ? nullptr
         : ptx::bytesOf(type) == 4 ? narrow
                                   : wide;
}

} // namespace

static void decodeAddSub(Decoder &d, bool add, bool readsCarry) {
  bool writesCarry = d.take("cc"), saturates = d.take("sat");
  Type type = d.takeType();
  binaryOperands(d, type);
  if (readsCarry || writesCarry) {
    d.out.flags = uint8_t(readsCarry | writesCarry << 1);
    return finish(
        d, type,
        saturates ? nullptr
        : add
            ? byWidth(type, addWithCarry<uint32_t>, addWithCarry<uint64_t>)
            : byWidth(type, subWithBorrow<uint32_t>, subWithBorrow<uint64_t>));
  }
  if (saturates)
    return finish(d, type,
                  type != Type::S32 ? nullptr
                  : add             ? binary<int32_t, int32_t, AddSat>
                                    : binary<int32_t, int32_t, SubSat>);
  if (add && (type == Type::U16x2 || type == Type::S16x2))
    return finish(d, type, binary<uint32_t, uint32_t, Packed<uint16_t, Add>>);
  finish(d, type, add ? binaryOf<Add>(type) : binaryOf<Sub>(type));
}
static void decodeAdd(Decoder &d) { decodeAddSub(d, true, false); }
static void decodeAddc(Decoder &d) { decodeAddSub(d, true, true); }
static void decodeSub(Decoder &d) { decodeAddSub(d, false, false); }
static void decodeSubc(Decoder &d) { decodeAddSub(d, false, true); }

enum class Part { Low, High, Wide };

static Part takePart(Decoder &d) {
  if (d.take("lo"))
    return Part::Low;
  if (d.take("hi"))
    return Part::High;
  if (d.take("wide"))
    return Part::Wide;
  d.refuse("expected .lo, .hi or .wide");
}

static void decodeMul(Decoder &d) {
  Part part = takePart(d);
  Type type = d.takeType();
  d.expectOperands(3);
  unsigned bytes = ptx::bytesOf(type);
  d.out.d = d.destinationBytes(0, part == Part::Wide ? 2 * bytes : bytes);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  finish(d, type,
         part == Part::Low    ? binaryOf<MulLo>(type)
         : part == Part::High ? binaryOf<MulHi>(type)
                              : binaryWide<MulWide>(type));
}

static void decodeMadWith(Decoder &d, bool readsCarry) {
  Part part = takePart(d);
  bool writesCarry = d.take("cc"), saturates = d.take("sat");
  Type type = d.takeType();
  d.expectOperands(4);
  unsigned bytes = ptx::bytesOf(type),
           result = part == Part::Wide ? 2 * bytes : bytes;
  d.out.d = d.destinationBytes(0, result);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.sourceBytes(3, result);
  if (readsCarry || writesCarry) {
    d.out.flags = uint8_t(readsCarry | writesCarry << 1);
    Handler low = byWidth(type, madWithCarry<uint32_t, uint32_t, false>,
                          madWithCarry<uint64_t, uint64_t, false>);
    Handler high = ptx::isSigned(type)
                       ? byWidth(type, madWithCarry<uint32_t, int32_t, true>,
                                 madWithCarry<uint64_t, int64_t, true>)
                       : byWidth(type, madWithCarry<uint32_t, uint32_t, true>,
                                 madWithCarry<uint64_t, uint64_t, true>);
    return finish(d, type,
                  saturates || part == Part::Wide ? nullptr
                  : part == Part::Low             ? low
                                                  : high);
  }
  if (saturates)
    return finish(d, type,
                  part == Part::High && type == Type::S32
                      ? ternary<int32_t, int32_t, MadHiSat>
                      : nullptr);
  finish(d, type,
         part == Part::Low    ? ternaryOf<MadLo>(type)
         : part == Part::High ? ternaryOf<MadHi>(type)
                              : ternaryWide<MadWide>(type));
}
static void decodeMad(Decoder &d) { decodeMadWith(d, false); }
static void decodeMadc(Decoder &d) { decodeMadWith(d, true); }

static void decodeMul24(Decoder &d) {
  Part part = takePart(d);
  Type type = d.takeType();
  binaryOperands(d, type);
  Handler handler = nullptr;
  if (type == Type::S32)
    handler = part == Part::Low ? binary<int32_t, int32_t, Mul24Lo>
                                : binary<int32_t, int32_t, Mul24Hi>;
  else if (type == Type::U32)
    handler = part == Part::Low ? binary<uint32_t, uint32_t, Mul24Lo>
                                : binary<uint32_t, uint32_t, Mul24Hi>;
  finish(d, type, part == Part::Wide ? nullptr : handler);
}

template <typename F>
static void decodeDivide(Decoder &d) {
  Type type = d.takeType();
  binaryOperands(d, type);
  finish(d, type, divideOf<F>(type));
}

template <typename F>
static void decodeMinMax(Decoder &d) {
  Type type = d.takeType();
  binaryOperands(d, type);
  if (type == Type::U16x2)
    return finish(d, type, binary<uint32_t, uint32_t, Packed<uint16_t, F>>);
  if (type == Type::S16x2)
    return finish(d, type, binary<uint32_t, uint32_t, Packed<int16_t, F>>);
  finish(d, type, binaryOf<F>(type));
}

template <typename F>
static void decodeUnary(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(2);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  finish(d, type, unaryOf<F>(type));
}

static void decodeSad(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(4);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.source(3, type);
  finish(d, type, ternaryOf<Sad>(type));
}

void addInteger(Opcodes &all) {
  all["add"] = decodeAdd;
  all["addc"] = decodeAddc;
  all["sub"] = decodeSub;
  all["subc"] = decodeSubc;
  all["mul"] = decodeMul;
  all["mad"] = decodeMad;
  all["madc"] = decodeMadc;
  all["mul24"] = decodeMul24;
  all["div"] = decodeDivide<Div>;
  all["rem"] = decodeDivide<Rem>;
  all["min"] = decodeMinMax<Min>;
  all["max"] = decodeMinMax<Max>;
  all["abs"] = decodeUnary<Abs>;
  all["neg"] = decodeUnary<Neg>;
  all["sad"] = decodeSad;
}

} // namespace moec::cudasim
