//===- Half.cpp - Arithmetic of f16, bf16 and pairs of them ---------------===//
#include "simulator/arithmetic/Approximate.h"
#include "simulator/arithmetic/Float.h"
#include "simulator/machine/Block.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

namespace moec::cudasim {

using ptx::Type;

namespace {

/// flags of the instruction.
HalfMode modeOf(const Instruction &i) {
  return {(i.flags & 1) != 0, (i.flags & 2) != 0, (i.flags & 4) != 0};
}

struct Add {
  template <Format F>
  static uint16_t of(uint16_t a, uint16_t b, uint16_t, HalfMode m) {
    return Half<F>::add(a, b, m);
  }
};
struct Sub {
  template <Format F>
  static uint16_t of(uint16_t a, uint16_t b, uint16_t, HalfMode m) {
    return Half<F>::sub(a, b, m);
  }
};
struct Mul {
  template <Format F>
  static uint16_t of(uint16_t a, uint16_t b, uint16_t, HalfMode m) {
    return Half<F>::mul(a, b, m);
  }
};
struct Fma {
  template <Format F>
  static uint16_t of(uint16_t a, uint16_t b, uint16_t c, HalfMode m) {
    return Half<F>::fma(a, b, c, m);
  }
};
template <MinMax M>
struct Extreme {
  template <Format F>
  static uint16_t of(uint16_t a, uint16_t b, uint16_t, HalfMode) {
    return Half<F>::template minmax<M>(a, b);
  }
};
struct Abs {
  template <Format F>
  static uint16_t of(uint16_t a, uint16_t, uint16_t, HalfMode m) {
    return (m.ftz && !(a & F.infinity()) ? 0 : a) & 0x7fff;
  }
};
struct Neg {
  template <Format F>
  static uint16_t of(uint16_t a, uint16_t, uint16_t, HalfMode m) {
    return (m.ftz && !(a & F.infinity()) ? a & 0x8000 : a) ^ 0x8000;
  }
};

template <typename Op, Format F, typename T>
Flow compute(Warp &w, const Instruction &i, uint32_t mask) {
  HalfMode mode = modeOf(i);
  forLanes(
      mask, w.at<T>(i.d),
      [=](T a, T b, T c) {
        T result =
            Op::template of<F>(uint16_t(a), uint16_t(b), uint16_t(c), mode);
        if constexpr (sizeof(T) == 4)
          result |=
              uint32_t(Op::template of<F>(uint16_t(a >> 16), uint16_t(b >> 16),
                                          uint16_t(c >> 16), mode))
              << 16;
        return result;
      },
      w.at<T>(i.a), w.at<T>(i.b), w.at<T>(i.c));
  return Flow::Next;
}

template <typename Op>
Handler of(Type type) {
  switch (type) {
  case Type::F16:
    return compute<Op, F16, uint16_t>;
  case Type::F16x2:
    return compute<Op, F16, uint32_t>;
  case Type::BF16:
    return compute<Op, BF16, uint16_t>;
  case Type::BF16x2:
    return compute<Op, BF16, uint32_t>;
  default:
    return nullptr;
  }
}

void operandsOf(Decoder &d, Type type, unsigned sources) {
  d.expectOperands(sources + 1);
  d.out.d = d.destination(0, type);
  d.out.a = d.source(1, type);
  d.out.b = d.source(sources > 1 ? 2 : 1, type);
  d.out.c = d.source(sources > 2 ? 3 : 1, type);
}

void finish(Decoder &d, Type type, Handler handler) {
  d.out.cls = InstructionClass::Float16;
  d.out.handler = handler;
  if (!handler)
    d.refuseType(type);
}

template <typename Op, unsigned Sources>
void decodeArithmetic(Decoder &d) {
  d.take("rn"); // the only rounding
  bool ftz = d.take("ftz"), sat = d.take("sat"), relu = d.take("relu");
  d.out.flags = uint8_t(ftz | sat << 1 | relu << 2);
  Type type = d.takeType();
  operandsOf(d, type, Sources);
  finish(d, type, of<Op>(type));
}

template <typename Op>
void decodeSign(Decoder &d) {
  d.out.flags = d.take("ftz");
  Type type = d.takeType();
  operandsOf(d, type, 1);
  finish(d, type, of<Op>(type));
}

template <bool Max>
void decodeMinMax(Decoder &d) {
  bool ftz = d.take("ftz"), nan = d.take("NaN"), xorsign = d.take("xorsign");
  if (xorsign)
    d.require("abs");
  Type type = d.takeType();
  operandsOf(d, type, 2);
  switch (ftz | nan << 1 | xorsign << 2) {
  case 0:
    return finish(d, type, of<Extreme<MinMax{Max}>>(type));
  case 1:
    return finish(d, type, of<Extreme<MinMax{Max, true}>>(type));
  case 2:
    return finish(d, type, of<Extreme<MinMax{Max, false, true}>>(type));
  case 3:
    return finish(d, type, of<Extreme<MinMax{Max, true, true}>>(type));
  case 4:
    return finish(d, type,
                  of<Extreme<MinMax{Max, false, false, true, true}>>(type));
  case 5:
    return finish(d, type,
                  of<Extreme<MinMax{Max, true, false, true, true}>>(type));
  case 6:
    return finish(d, type,
                  of<Extreme<MinMax{Max, false, true, true, true}>>(type));
  default:
    return finish(d, type,
                  of<Extreme<MinMax{Max, true, true, true, true}>>(type));
  }
}

/// ex2 and tanh; kind is the function. The registers are arrays of halves either way.
template <bool Brain, typename T>
Flow approximation(Warp &w, const Instruction &i, uint32_t mask) {
  alignas(64) T result[32];
  auto function = static_cast<Approximation>(i.kind);
  constexpr unsigned count = 32 * sizeof(T) / 2;
  auto *to = reinterpret_cast<uint16_t *>(result);
  if (Brain)
    approximateBF16(function, w.at<uint16_t>(i.a), to, count,
                    w.block->state.options.perturbation);
  else
    approximateF16(function, w.at<uint16_t>(i.a), to, count,
                   w.block->state.options.perturbation);
  forLanes(mask, w.at<T>(i.d), [](T x) { return x; }, result);
  return Flow::Next;
}

template <Approximation Function>
void decodeApproximation(Decoder &d) {
  d.require("approx");
  bool ftz = d.take("ftz");
  Type type = d.takeType();
  bool brain = type == Type::BF16 || type == Type::BF16x2;
  if (Function == Approximation::Ex2 ? ftz != brain : ftz)
    d.refuse("'.ftz' belongs to ex2 of bf16 alone");
  operandsOf(d, type, 1);
  d.out.kind = static_cast<uint8_t>(Function);
  switch (type) {
  case Type::F16:
    finish(d, type, approximation<false, uint16_t>);
    break;
  case Type::F16x2:
    finish(d, type, approximation<false, uint32_t>);
    break;
  case Type::BF16:
    finish(d, type, approximation<true, uint16_t>);
    break;
  case Type::BF16x2:
    finish(d, type, approximation<true, uint32_t>);
    break;
  default:
    d.refuseType(type);
  }
  d.out.cls = InstructionClass::Special;
}

} // namespace

void addHalf(Opcodes &all) {
  all["add.h"] = decodeArithmetic<Add, 2>;
  all["sub.h"] = decodeArithmetic<Sub, 2>;
  all["mul.h"] = decodeArithmetic<Mul, 2>;
  all["fma.h"] = decodeArithmetic<Fma, 3>;
  all["min.h"] = decodeMinMax<false>;
  all["max.h"] = decodeMinMax<true>;
  all["abs.h"] = decodeSign<Abs>;
  all["neg.h"] = decodeSign<Neg>;
  all["ex2.h"] = decodeApproximation<Approximation::Ex2>;
  all["tanh.h"] = decodeApproximation<Approximation::Tanh>;
}

} // namespace moec::cudasim
