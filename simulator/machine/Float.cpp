//===- Float.cpp - Arithmetic of f32 and f64 ------------------------------===//
#include "simulator/arithmetic/Float.h"

#include "simulator/arithmetic/Approximate.h"
#include "simulator/machine/Block.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

#include <array>
#include <utility>

namespace moec::cudasim {

using ptx::Type;

namespace {

constexpr Mode modeOf(unsigned index) {
  return {static_cast<Rounding>(index & 3), (index & 4) != 0, (index & 8) != 0};
}
unsigned indexOf(Mode mode) {
  return unsigned(mode.rounding) | mode.ftz << 2 | mode.sat << 3;
}

template <Mode M>
struct Add {
  template <typename T>
  T operator()(T a, T b) const {
    return add<M>(a, b);
  }
};
template <Mode M>
struct Sub {
  template <typename T>
  T operator()(T a, T b) const {
    return sub<M>(a, b);
  }
};
template <Mode M>
struct Mul {
  template <typename T>
  T operator()(T a, T b) const {
    return mul<M>(a, b);
  }
};
template <Mode M>
struct Div {
  template <typename T>
  T operator()(T a, T b) const {
    return div<M>(a, b);
  }
};
template <Mode M>
struct Fma {
  template <typename T>
  T operator()(T a, T b, T c) const {
    return fma<M>(a, b, c);
  }
};
template <Mode M>
struct Rcp {
  template <typename T>
  T operator()(T a) const {
    return rcp<M>(a);
  }
};
template <Mode M>
struct Sqrt {
  template <typename T>
  T operator()(T a) const {
    return sqrt<M>(a);
  }
};

/// The handler of an operation in every mode; f64 has only the four roundings.
template <template <Mode> class Op, unsigned Operands, typename T>
Handler inMode(Mode mode) {
  constexpr size_t modes = sizeof(T) == 4 ? 16 : 4;
  static constexpr auto table = []<size_t... I>(std::index_sequence<I...>) {
    if constexpr (Operands == 1)
      return std::array<Handler, sizeof...(I)>{unary<T, T, Op<modeOf(I)>>...};
    else if constexpr (Operands == 2)
      return std::array<Handler, sizeof...(I)>{binary<T, T, Op<modeOf(I)>>...};
    else
      return std::array<Handler, sizeof...(I)>{ternary<T, T, Op<modeOf(I)>>...};
  }(std::make_index_sequence<modes>());
  unsigned index = indexOf(mode);
  return index < modes ? table[index] : nullptr;
}

template <template <Mode> class Op, unsigned Operands>
Handler inMode(Type type, Mode mode) {
  return type == Type::F32   ? inMode<Op, Operands, float>(mode)
         : type == Type::F64 ? inMode<Op, Operands, double>(mode)
                             : nullptr;
}

void operandsOf(Decoder &d, Type type, unsigned sources) {
  d.expectOperands(sources + 1);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  if (sources > 1)
    d.out.b = d.source(2, type);
  if (sources > 2)
    d.out.c = d.source(3, type);
}

void finish(Decoder &d, Type type, Handler handler) {
  d.out.cls =
      type == Type::F64 ? InstructionClass::Float64 : InstructionClass::Float32;
  d.out.handler = handler;
  if (!handler)
    d.refuseType(type);
}

enum class RoundingWord { Optional, Required };

/// add, sub and fma of f32 whose factors, or first summand, are f16 or bf16: they are widened, exactly, before.
template <Format F, template <Mode> class Op, unsigned Sources, Mode M>
Flow mixed(Warp &w, const Instruction &i, uint32_t mask) {
  alignas(64) float result[32];
  const uint16_t *a = w.at<uint16_t>(i.a);
  for (unsigned l = 0; l < 32; ++l) {
    float first = Half<F>::load(a[l], false);
    if constexpr (Sources == 3)
      result[l] = Op<M>()(first, Half<F>::load(w.at<uint16_t>(i.b)[l], false),
                          w.at<float>(i.c)[l]);
    else
      result[l] = Op<M>()(first, w.at<float>(i.b)[l]);
  }
  forLanes(mask, w.at<float>(i.d), [](float x) { return x; }, result);
  return Flow::Next;
}

template <Format F, template <Mode> class Op, unsigned Sources>
Handler mixedInMode(Mode mode) {
  static constexpr auto table = []<size_t... I>(std::index_sequence<I...>) {
    return std::array<Handler, sizeof...(I)>{
        mixed<F, Op, Sources, modeOf(I)>...};
  }(std::make_index_sequence<16>());
  return mode.ftz ? nullptr : table[indexOf(mode)];
}

template <template <Mode> class Op, unsigned Sources>
void decodeMixed(Decoder &d, Mode mode, Type narrow) {
  d.expectOperands(Sources + 1);
  d.out.d = d.destination(0, Type::F32);
  d.out.a = d.source(1, narrow);
  d.out.b = d.source(2, Sources == 3 ? narrow : Type::F32);
  if (Sources == 3)
    d.out.c = d.source(3, Type::F32);
  finish(d, Type::F32,
         narrow == Type::F16    ? mixedInMode<F16, Op, Sources>(mode)
         : narrow == Type::BF16 ? mixedInMode<BF16, Op, Sources>(mode)
                                : nullptr);
}

template <template <Mode> class Op, unsigned Sources, RoundingWord Word,
          bool Mixed = false>
void decodeRounded(Decoder &d) {
  Mode mode;
  if (!d.takeRounding(mode.rounding) && Word == RoundingWord::Required)
    d.refuse("expected .rn, .rz, .rm or .rp");
  mode.ftz = d.take("ftz");
  mode.sat = d.take("sat");
  Type type = d.takeType();
  if constexpr (Mixed)
    if (Type narrow = d.takeTypeOrNone(); narrow != Type::None)
      return type == Type::F32 ? decodeMixed<Op, Sources>(d, mode, narrow)
                               : d.refuseType(narrow);
  operandsOf(d, type, Sources);
  finish(d, type, inMode<Op, Sources>(type, mode));
}

// -- Approximations: flags bit 0 is .ftz, kind the function.

Flow approximation(Warp &w, const Instruction &i, uint32_t mask) {
  alignas(64) float result[32];
  approximate(static_cast<Approximation>(i.kind), i.flags & 1, w.at<float>(i.a),
              result, w.block->state.options.perturbation);
  forLanes(mask, w.at<float>(i.d), [](float x) { return x; }, result);
  return Flow::Next;
}
Flow approximateDivision(Warp &w, const Instruction &i, uint32_t mask) {
  alignas(64) float result[32];
  divideApproximately(i.kind, i.flags & 1, w.at<float>(i.a), w.at<float>(i.b),
                      result, w.block->state.options.perturbation);
  forLanes(mask, w.at<float>(i.d), [](float x) { return x; }, result);
  return Flow::Next;
}
struct GrossRcp {
  double operator()(double x) const { return approximateRcp(x); }
};
struct GrossRsqrt {
  double operator()(double x) const { return approximateRsqrt(x); }
};

template <Approximation Function>
void decodeApproximation(Decoder &d) {
  d.require("approx");
  bool ftz = d.take("ftz");
  Type type = d.takeType();
  operandsOf(d, type, 1);
  d.out.kind = static_cast<uint8_t>(Function);
  d.out.flags = ftz;
  Handler handler = type == Type::F32 ? approximation : nullptr;
  if (type == Type::F64 && Function == Approximation::Rcp && ftz)
    handler = unary<double, double, GrossRcp>;
  if (type == Type::F64 && Function == Approximation::Rsqrt)
    handler = unary<double, double, GrossRsqrt>;
  finish(d, type, handler);
  d.out.cls = InstructionClass::Special;
}

bool has(Decoder &d, std::string_view modifier) {
  for (const std::string &name : d.in->modifiers)
    if (name == modifier)
      return true;
  return false;
}

void decodeDiv(Decoder &d) {
  bool full = has(d, "full");
  if (!full && !has(d, "approx"))
    return decodeRounded<Div, 2, RoundingWord::Required>(d);
  d.take("full");
  d.take("approx");
  d.out.flags = d.take("ftz");
  d.out.kind = full;
  Type type = d.takeType();
  operandsOf(d, type, 2);
  finish(d, type, type == Type::F32 ? approximateDivision : nullptr);
  d.out.cls = InstructionClass::Special;
}
void decodeRcp(Decoder &d) {
  has(d, "approx") ? decodeApproximation<Approximation::Rcp>(d)
                   : decodeRounded<Rcp, 1, RoundingWord::Required>(d);
}
void decodeSqrt(Decoder &d) {
  has(d, "approx") ? decodeApproximation<Approximation::Sqrt>(d)
                   : decodeRounded<Sqrt, 1, RoundingWord::Required>(d);
}

// -- Minimum, maximum, signs.

constexpr MinMax minMaxOf(bool max, unsigned index) {
  return {max, (index & 1) != 0, (index & 2) != 0, (index & 4) != 0,
          (index & 4) != 0};
}
template <MinMax M>
struct MinMaxOf {
  template <typename T>
  T operator()(T a, T b) const {
    return minmax<M>(a, b);
  }
};

template <bool Max>
void decodeMinMax(Decoder &d) {
  bool ftz = d.take("ftz"), nan = d.take("NaN"), xorsign = d.take("xorsign");
  if (xorsign)
    d.require("abs");
  Type type = d.takeType();
  operandsOf(d, type, 2);
  static constexpr auto table = []<size_t... I>(std::index_sequence<I...>) {
    return std::array<Handler, sizeof...(I)>{
        binary<float, float, MinMaxOf<minMaxOf(Max, I)>>...};
  }(std::make_index_sequence<8>());
  if (type == Type::F32)
    return finish(d, type, table[ftz | nan << 1 | xorsign << 2]);
  finish(d, type,
         ftz || nan || xorsign
             ? nullptr
             : binary<double, double, MinMaxOf<minMaxOf(Max, 0)>>);
}

template <typename T>
using BitsOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
template <typename T>
constexpr BitsOf<T> kSign = BitsOf<T>(1) << (8 * sizeof(T) - 1);

template <bool Flush>
struct Abs {
  template <typename T>
  T operator()(T a) const {
    if constexpr (Flush)
      a = flush(a);
    return std::bit_cast<T>(BitsOf<T>(std::bit_cast<BitsOf<T>>(a) & ~kSign<T>));
  }
};
template <bool Flush>
struct Neg {
  template <typename T>
  T operator()(T a) const {
    if constexpr (Flush)
      a = flush(a);
    return std::bit_cast<T>(BitsOf<T>(std::bit_cast<BitsOf<T>>(a) ^ kSign<T>));
  }
};
/// The magnitude of b with the sign of a.
struct CopySign {
  template <typename T>
  T operator()(T a, T b) const {
    return std::bit_cast<T>(
        BitsOf<T>((std::bit_cast<BitsOf<T>>(a) & kSign<T>) |
                  (std::bit_cast<BitsOf<T>>(b) & ~kSign<T>)));
  }
};

template <template <bool> class Op>
void decodeSign(Decoder &d) {
  bool ftz = d.take("ftz");
  Type type = d.takeType();
  operandsOf(d, type, 1);
  finish(d, type,
         type == Type::F32 ? (ftz ? unary<float, float, Op<true>>
                                  : unary<float, float, Op<false>>)
         : ftz             ? nullptr
                           : unary<double, double, Op<false>>);
}
void decodeCopySign(Decoder &d) {
  Type type = d.takeType();
  operandsOf(d, type, 2);
  finish(d, type,
         type == Type::F32 ? binary<float, float, CopySign>
                           : binary<double, double, CopySign>);
}

/// testp: kind is FP_NAN … of std::fpclassify as a set of bits.
enum : uint8_t {
  IsNaN = 1,
  IsInfinite = 2,
  IsZero = 4,
  IsSubnormal = 8,
  IsNormal = 16
};
template <typename T>
Flow testProperty(Warp &w, const Instruction &i, uint32_t mask) {
  w.setPredicate(i.d, mask,
                 lanesWhere(
                     [&](T x) {
                       switch (std::fpclassify(x)) {
                       case FP_NAN:
                         return (i.kind & IsNaN) != 0;
                       case FP_INFINITE:
                         return (i.kind & IsInfinite) != 0;
                       case FP_ZERO:
                         return (i.kind & IsZero) != 0;
                       case FP_SUBNORMAL:
                         return (i.kind & IsSubnormal) != 0;
                       default:
                         return (i.kind & IsNormal) != 0;
                       }
                     },
                     w.at<T>(i.a)));
  return Flow::Next;
}
void decodeTestp(Decoder &d) {
  d.out.kind = d.takeOne<uint8_t>(
      {{"finite", IsZero | IsSubnormal | IsNormal},
       {"infinite", IsInfinite},
       {"number", IsZero | IsSubnormal | IsNormal | IsInfinite},
       {"notanumber", IsNaN},
       {"normal", IsNormal},
       {"subnormal", IsSubnormal}},
      0);
  if (!d.out.kind)
    d.refuse("expected a property");
  Type type = d.takeType();
  d.expectOperands(2);
  d.out.d = d.destinationPredicate(d.operand(0));
  d.out.a = d.source(1, type);
  finish(d, type,
         type == Type::F32 ? testProperty<float> : testProperty<double>);
  d.out.cls = InstructionClass::Compare;
}

} // namespace

void addFloat(Opcodes &all) {
  all["add.f"] = decodeRounded<Add, 2, RoundingWord::Optional, true>;
  all["sub.f"] = decodeRounded<Sub, 2, RoundingWord::Optional, true>;
  all["mul.f"] = decodeRounded<Mul, 2, RoundingWord::Optional>;
  all["fma.f"] = decodeRounded<Fma, 3, RoundingWord::Required, true>;
  all["mad.f"] = decodeRounded<Fma, 3, RoundingWord::Required>;
  all["div.f"] = decodeDiv;
  all["rcp.f"] = decodeRcp;
  all["sqrt.f"] = decodeSqrt;
  all["rsqrt.f"] = decodeApproximation<Approximation::Rsqrt>;
  all["sin.f"] = decodeApproximation<Approximation::Sin>;
  all["cos.f"] = decodeApproximation<Approximation::Cos>;
  all["lg2.f"] = decodeApproximation<Approximation::Lg2>;
  all["ex2.f"] = decodeApproximation<Approximation::Ex2>;
  all["tanh.f"] = decodeApproximation<Approximation::Tanh>;
  all["min.f"] = decodeMinMax<false>;
  all["max.f"] = decodeMinMax<true>;
  all["abs.f"] = decodeSign<Abs>;
  all["neg.f"] = decodeSign<Neg>;
  all["copysign.f"] = decodeCopySign;
  all["testp.f"] = decodeTestp;
}

} // namespace moec::cudasim
