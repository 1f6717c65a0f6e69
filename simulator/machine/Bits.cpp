//===- Bits.cpp - Logic, shifts, bit fields, permutations -----------------===//
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

#include <bit>
#include <type_traits>

namespace moec::cudasim {

using ptx::Type;

namespace {

struct And {
  template <typename T>
  T operator()(T a, T b) const {
    return T(a & b);
  }
};
struct Or {
  template <typename T>
  T operator()(T a, T b) const {
    return T(a | b);
  }
};
struct Xor {
  template <typename T>
  T operator()(T a, T b) const {
    return T(a ^ b);
  }
};
struct Not {
  template <typename T>
  T operator()(T a) const {
    return T(~a);
  }
};
struct Cnot {
  template <typename T>
  T operator()(T a) const {
    return a == 0;
  }
};
/// Amounts of the width or more clamp to it: nothing, or the sign, is left.
struct Shl {
  template <typename T>
  T operator()(T a, uint32_t n) const {
    return n >= 8 * sizeof(T) ? T(0) : T(a << (n & 63));
  }
};
struct Shr {
  template <typename T>
  T operator()(T a, uint32_t n) const {
    constexpr uint32_t width = 8 * sizeof(T);
    if constexpr (std::is_signed_v<T>)
      return T(a >> (n < width ? n : width - 1));
    else
      return n >= width ? T(0) : T(a >> (n & 63));
  }
};

template <typename F>
Handler byBits(Type type) {
  switch (ptx::bytesOf(type)) {
  case 2:
    return binary<uint16_t, uint16_t, F>;
  case 4:
    return binary<uint32_t, uint32_t, F>;
  case 8:
    return binary<uint64_t, uint64_t, F>;
  default:
    return nullptr;
  }
}

template <typename F>
Flow predicateLogic(Warp &w, const Instruction &i, uint32_t mask) {
  w.setPredicate(i.d, mask, F()(w.predicate(i.a), w.predicate(i.b)));
  return Flow::Next;
}
Flow predicateNot(Warp &w, const Instruction &i, uint32_t mask) {
  w.setPredicate(i.d, mask, ~w.predicate(i.a));
  return Flow::Next;
}

template <typename T, typename F>
Flow shift(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(mask, w.at<T>(i.d), F(), w.at<T>(i.a), w.at<uint32_t>(i.b));
  return Flow::Next;
}

void finish(Decoder &d, Type type, Handler handler) {
  d.out.cls = InstructionClass::Integer;
  d.out.handler = handler;
  if (!handler)
    d.refuseType(type);
}

} // namespace

template <typename F>
static void decodeLogic(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(3);
  if (type == Type::Pred) {
    d.out.d = d.destinationPredicate(d.operand(0));
    d.out.a = d.sourcePredicate(d.operand(1));
    d.out.b = d.sourcePredicate(d.operand(2));
    return finish(d, type, predicateLogic<F>);
  }
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  finish(d, type, byBits<F>(type));
}

template <typename F>
static void decodeUnary(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(2);
  if (type == Type::Pred && std::is_same_v<F, Not>) {
    d.out.d = d.destinationPredicate(d.operand(0));
    d.out.a = d.sourcePredicate(d.operand(1));
    return finish(d, type, predicateNot);
  }
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  switch (ptx::bytesOf(type)) {
  case 2:
    return finish(d, type, unary<uint16_t, uint16_t, F>);
  case 4:
    return finish(d, type, unary<uint32_t, uint32_t, F>);
  case 8:
    return finish(d, type, unary<uint64_t, uint64_t, F>);
  default:
    d.refuseType(type);
  }
}

static void decodeShift(Decoder &d, bool left) {
  Type type = d.takeType();
  d.expectOperands(3);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.sourceBytes(2, 4);
  bool arithmetic = !left && ptx::isSigned(type);
  switch (ptx::bytesOf(type)) {
  case 2:
    return finish(d, type,
                  left         ? shift<uint16_t, Shl>
                  : arithmetic ? shift<int16_t, Shr>
                               : shift<uint16_t, Shr>);
  case 4:
    return finish(d, type,
                  left         ? shift<uint32_t, Shl>
                  : arithmetic ? shift<int32_t, Shr>
                               : shift<uint32_t, Shr>);
  case 8:
    return finish(d, type,
                  left         ? shift<uint64_t, Shl>
                  : arithmetic ? shift<int64_t, Shr>
                               : shift<uint64_t, Shr>);
  default:
    d.refuseType(type);
  }
}
static void decodeShl(Decoder &d) { decodeShift(d, true); }
static void decodeShr(Decoder &d) { decodeShift(d, false); }

/// shf: 32 bits out of the 64 of {b, a}, a being the lower half.
template <bool Left, bool Wrap>
struct Funnel {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t c) const {
    uint32_t n = Wrap ? c & 31 : c < 32 ? c : 32;
    uint64_t both = uint64_t(b) << 32 | a;
    return Left ? uint32_t(both << n >> 32) : uint32_t(both >> n);
  }
};

static void decodeShf(Decoder &d) {
  bool left = d.take("l");
  if (!left)
    d.require("r");
  bool wrap = d.take("wrap");
  if (!wrap)
    d.require("clamp");
  Type type = d.takeType();
  d.expectOperands(4);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.sourceBytes(3, 4);
  if (type != Type::B32)
    d.refuseType(type);
  finish(d, type,
         left ? (wrap ? ternary<uint32_t, uint32_t, Funnel<true, true>>
                      : ternary<uint32_t, uint32_t, Funnel<true, false>>)
              : (wrap ? ternary<uint32_t, uint32_t, Funnel<false, true>>
                      : ternary<uint32_t, uint32_t, Funnel<false, false>>));
}

// -- Counts and searches: the result has 32 bits.

struct Popc {
  template <typename T>
  uint32_t operator()(T a) const {
    return uint32_t(std::popcount(a));
  }
};
struct Clz {
  template <typename T>
  uint32_t operator()(T a) const {
    return uint32_t(std::countl_zero(a));
  }
};
/// Position of the most significant bit that is not the sign; all ones if there is none.
template <bool Amount>
struct Bfind {
  template <typename T>
  uint32_t operator()(T a) const {
    using U = std::make_unsigned_t<T>;
    U bits = a < 0 ? U(~a) : U(a);
    if (!bits)
      return ~0u;
    uint32_t zeros = uint32_t(std::countl_zero(bits));
    return Amount ? zeros : uint32_t(8 * sizeof(T)) - 1 - zeros;
  }
};

template <typename F>
static void decodeCount(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(2);
  d.out.d = d.destinationBytes(0, 4);
  d.out.a = d.source(1, type);
  finish(d, type,
         type == Type::B32   ? unary<uint32_t, uint32_t, F>
         : type == Type::B64 ? unary<uint32_t, uint64_t, F>
                             : nullptr);
}

template <typename F>
static Handler findOf(Type type) {
  switch (type) {
  case Type::U32:
    return unary<uint32_t, uint32_t, F>;
  case Type::S32:
    return unary<uint32_t, int32_t, F>;
  case Type::U64:
    return unary<uint32_t, uint64_t, F>;
  case Type::S64:
    return unary<uint32_t, int64_t, F>;
  default:
    return nullptr;
  }
}

static void decodeBfind(Decoder &d) {
  bool amount = d.take("shiftamt");
  Type type = d.takeType();
  d.expectOperands(2);
  d.out.d = d.destinationBytes(0, 4);
  d.out.a = d.source(1, type);
  finish(d, type,
         amount ? findOf<Bfind<true>>(type) : findOf<Bfind<false>>(type));
}

struct Brev {
  template <typename T>
  T operator()(T a) const {
    T result = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i)
      result = T(result << 1 | (a >> i & 1));
    return result;
  }
};

static void decodeBrev(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(2);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  finish(d, type,
         type == Type::B32   ? unary<uint32_t, uint32_t, Brev>
         : type == Type::B64 ? unary<uint64_t, uint64_t, Brev>
                             : nullptr);
}

// -- Bit fields: positions and lengths are their low 8 bits.

struct Bfe {
  template <typename T>
  T operator()(T a, uint32_t position, uint32_t length) const {
    using U = std::make_unsigned_t<T>;
    constexpr uint32_t width = 8 * sizeof(T);
    position &= 255, length &= 255;
    if (length == 0)
      return 0;
    U field = position >= width ? 0 : U(a) >> position;
    U low = length >= width ? U(~U(0)) : U((U(1) << length) - 1);
    U result = field & low;
    if constexpr (std::is_signed_v<T>) {
      uint32_t last =
          position + length - 1 < width - 1 ? position + length - 1 : width - 1;
      if (U(a) >> last &
          1) // the field's sign, or that of a if the field runs past it
        result |= position + length <= width ? U(~low)
                  : position >= width        ? U(~U(0))
                                             : U(~(U(~U(0)) >> position));
    }
    return T(result);
  }
};
struct Bfi {
  template <typename T>
  T operator()(T a, T b, uint32_t position, uint32_t length) const {
    constexpr uint32_t width = 8 * sizeof(T);
    position &= 255, length &= 255;
    if (length == 0 || position >= width)
      return b;
    T low = length >= width ? T(~T(0)) : T((T(1) << length) - 1);
    return T((b & ~(low << position)) | (a & low) << position);
  }
};
struct Bmsk {
  uint32_t operator()(uint32_t position, uint32_t length) const {
    if (position >= 32 || length == 0)
      return 0;
    return (length >= 32 ? ~0u : (1u << length) - 1) << position;
  }
};

template <typename T>
static Flow bitFieldExtract(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(mask, w.at<T>(i.d), Bfe(), w.at<T>(i.a), w.at<uint32_t>(i.b),
           w.at<uint32_t>(i.c));
  return Flow::Next;
}
template <typename T>
static Flow bitFieldInsert(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(mask, w.at<T>(i.d), Bfi(), w.at<T>(i.a), w.at<T>(i.b),
           w.at<uint32_t>(i.c), w.at<uint32_t>(i.e));
  return Flow::Next;
}

static void decodeBfe(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(4);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.sourceBytes(2, 4);
  d.out.c = d.sourceBytes(3, 4);
  switch (type) {
  case Type::U32:
    return finish(d, type, bitFieldExtract<uint32_t>);
  case Type::S32:
    return finish(d, type, bitFieldExtract<int32_t>);
  case Type::U64:
    return finish(d, type, bitFieldExtract<uint64_t>);
  case Type::S64:
    return finish(d, type, bitFieldExtract<int64_t>);
  default:
    d.refuseType(type);
  }
}

static void decodeBfi(Decoder &d) {
  Type type = d.takeType();
  d.expectOperands(5);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.sourceBytes(3, 4);
  d.out.e = d.sourceBytes(4, 4);
  finish(d, type,
         type == Type::B32   ? bitFieldInsert<uint32_t>
         : type == Type::B64 ? bitFieldInsert<uint64_t>
                             : nullptr);
}

static void decodeBmsk(Decoder &d) {
  bool wrap = d.take("wrap");
  if (wrap)
    d.refuse("'.wrap' is not supported");
  d.require("clamp");
  Type type = d.takeType();
  d.expectOperands(3);
  d.out.d = d.destinationBytes(0, 4);
  d.out.a = d.sourceBytes(1, 4);
  d.out.b = d.sourceBytes(2, 4);
  finish(d, type,
         type == Type::B32 ? binary<uint32_t, uint32_t, Bmsk> : nullptr);
}

/// A destination and three sources of 32 bits.
static void takeFour(Decoder &d) {
  d.expectOperands(4);
  d.out.d = d.destinationBytes(0, 4);
  d.out.a = d.sourceBytes(1, 4);
  d.out.b = d.sourceBytes(2, 4);
  d.out.c = d.sourceBytes(3, 4);
}

/// fns: the position of the n-th set bit, counted up from `base` if n > 0 and down if n < 0; of `base` itself if n is 0. All ones if there is none.
struct Fns {
  uint32_t operator()(uint32_t mask, uint32_t base, int32_t n) const {
    if (base > 31)
      return ~0u;
    if (n == 0)
      return mask >> base & 1 ? base : ~0u;
    uint32_t left = n > 0 ? uint32_t(n) : 0u - uint32_t(n);
    for (int at = int(base), step = n > 0 ? 1 : -1; at >= 0 && at < 32;
         at += step)
      if (mask >> at & 1 && --left == 0)
        return uint32_t(at);
    return ~0u;
  }
};
static Flow findNthSet(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(mask, w.at<uint32_t>(i.d), Fns(), w.at<uint32_t>(i.a),
           w.at<uint32_t>(i.b), w.at<int32_t>(i.c));
  return Flow::Next;
}

static void decodeFns(Decoder &d) {
  d.require("b32");
  takeFour(d);
  finish(d, Type::B32, findNthSet);
}

// -- prmt, lop3, dot products.

/// Which byte of {b, a} each byte of the result is, as four nibbles.
enum class Permute : uint8_t { Index, F4e, B4e, Rc8, Ecl, Ecr, Rc16 };

template <Permute Mode>
struct Prmt {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t c) const {
    uint64_t both = uint64_t(b) << 32 | a;
    uint32_t result = 0;
    for (unsigned k = 0; k < 4; ++k) {
      unsigned n = c & 3, from, sign = 0;
      switch (Mode) {
      case Permute::Index:
        from = c >> (4 * k) & 7;
        sign = c >> (4 * k + 3) & 1;
        break;
      case Permute::F4e:
        from = n + k;
        break;
      case Permute::B4e:
        from = (n - k) & 7;
        break;
      case Permute::Rc8:
        from = n;
        break;
      case Permute::Ecl:
        from = k < n ? n : k;
        break;
      case Permute::Ecr:
        from = k < n ? k : n;
        break;
      case Permute::Rc16:
        from = 2 * (n & 1) + (k & 1);
        break;
      }
      uint32_t byte = uint32_t(both >> (8 * from)) & 255;
      if (sign)
        byte = byte & 128 ? 255 : 0;
      result |= byte << (8 * k);
    }
    return result;
  }
};

static void decodePrmt(Decoder &d) {
  d.require("b32");
  Handler handler = d.takeOne<Handler>(
      {{"f4e", ternary<uint32_t, uint32_t, Prmt<Permute::F4e>>},
       {"b4e", ternary<uint32_t, uint32_t, Prmt<Permute::B4e>>},
       {"rc8", ternary<uint32_t, uint32_t, Prmt<Permute::Rc8>>},
       {"ecl", ternary<uint32_t, uint32_t, Prmt<Permute::Ecl>>},
       {"ecr", ternary<uint32_t, uint32_t, Prmt<Permute::Ecr>>},
       {"rc16", ternary<uint32_t, uint32_t, Prmt<Permute::Rc16>>}},
      ternary<uint32_t, uint32_t, Prmt<Permute::Index>>);
  takeFour(d);
  finish(d, Type::B32, handler);
}

/// Any function of three bits: bit (a<<2 | b<<1 | c) of the table.
static Flow lop3(Warp &w, const Instruction &i, uint32_t mask) {
  uint32_t terms[8];
  for (unsigned t = 0; t < 8; ++t)
    terms[t] = i.imm >> t & 1 ? ~0u : 0;
  forLanes(
      mask, w.at<uint32_t>(i.d),
      [&](uint32_t a, uint32_t b, uint32_t c) {
        return (~a & ~b & ~c & terms[0]) | (~a & ~b & c & terms[1]) |
               (~a & b & ~c & terms[2]) | (~a & b & c & terms[3]) |
               (a & ~b & ~c & terms[4]) | (a & ~b & c & terms[5]) |
               (a & b & ~c & terms[6]) | (a & b & c & terms[7]);
      },
      w.at<uint32_t>(i.a), w.at<uint32_t>(i.b), w.at<uint32_t>(i.c));
  return Flow::Next;
}

static void decodeLop3(Decoder &d) {
  d.require("b32");
  d.expectOperands(5);
  if (!d.operand(0).parts.empty())
    d.refuse("the predicate of lop3 is not supported");
  d.out.d = d.destinationBytes(0, 4);
  d.out.a = d.sourceBytes(1, 4);
  d.out.b = d.sourceBytes(2, 4);
  d.out.c = d.sourceBytes(3, 4);
  d.out.imm =
      static_cast<int64_t>(d.literal(d.operand(4), "the table of lop3"));
  if (d.out.imm & ~int64_t(255))
    d.refuse("the table of lop3 has 8 bits");
  finish(d, Type::B32, lop3);
}

/// c + sum of products of bytes.
template <typename A, typename B>
struct Dp4a {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t c) const {
    for (unsigned k = 0; k < 4; ++k)
      c += uint32_t(int32_t(A(a >> (8 * k))) * int32_t(B(b >> (8 * k))));
    return c;
  }
};
/// The halves of a with the lower or upper two bytes of b.
template <typename A, typename B, unsigned Shift>
struct Dp2a {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t c) const {
    for (unsigned k = 0; k < 2; ++k)
      c += uint32_t(int32_t(A(a >> (16 * k))) *
                    int32_t(B(b >> (8 * k + Shift))));
    return c;
  }
};

static void decodeDot(Decoder &d, bool four) {
  bool low = !four && d.take("lo");
  if (!four && !low)
    d.require("hi");
  Type a = d.takeType(), b = d.takeType();
  for (Type type : {a, b})
    if (type != Type::U32 && type != Type::S32)
      d.refuseType(type);
  takeFour(d);
  auto choose = [&](auto signedA, auto signedB, auto halfA) -> Handler {
    using A = decltype(signedA);
    using B = decltype(signedB);
    using H = decltype(halfA);
    if (four)
      return ternary<uint32_t, uint32_t, Dp4a<A, B>>;
    return low ? ternary<uint32_t, uint32_t, Dp2a<H, B, 0>>
               : ternary<uint32_t, uint32_t, Dp2a<H, B, 16>>;
  };
  bool sa = a == Type::S32, sb = b == Type::S32;
  finish(d, a,
         sa ? (sb ? choose(int8_t(), int8_t(), int16_t())
                  : choose(int8_t(), uint8_t(), int16_t()))
            : (sb ? choose(uint8_t(), int8_t(), uint16_t())
                  : choose(uint8_t(), uint8_t(), uint16_t())));
}
static void decodeDp4a(Decoder &d) { decodeDot(d, true); }
static void decodeDp2a(Decoder &d) { decodeDot(d, false); }

void addBits(Opcodes &all) {
  all["and"] = decodeLogic<And>;
  all["or"] = decodeLogic<Or>;
  all["xor"] = decodeLogic<Xor>;
  all["not"] = decodeUnary<Not>;
  all["cnot"] = decodeUnary<Cnot>;
  all["shl"] = decodeShl;
  all["shr"] = decodeShr;
  all["shf"] = decodeShf;
  all["popc"] = decodeCount<Popc>;
  all["clz"] = decodeCount<Clz>;
  all["bfind"] = decodeBfind;
  all["brev"] = decodeBrev;
  all["bfe"] = decodeBfe;
  all["bfi"] = decodeBfi;
  all["bmsk"] = decodeBmsk;
  all["fns"] = decodeFns;
  all["prmt"] = decodePrmt;
  all["lop3"] = decodeLop3;
  all["dp4a"] = decodeDp4a;
  all["dp2a"] = decodeDp2a;
}

} // namespace moec::cudasim
