//===- Convert.cpp - cvt --------------------------------------------------===//
//
// Three steps over 32 lanes: read the source by its type out of registers that may be wider, convert, and extend to the width
// of the destination's register.
//
//===----------------------------------------------------------------------===//
#include "simulator/arithmetic/Formats.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/Lanes.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace moec::cudasim {

using ptx::Type;

namespace {

/// Patterns of halves as types of their own.
template <Format F>
struct HalfBits {
  uint16_t bits;
  static constexpr Format format = F;
};
template <typename T>
constexpr bool isHalf = false;
template <Format F>
constexpr bool isHalf<HalfBits<F>> = true;
template <typename T>
constexpr bool isFloatType = std::is_floating_point_v<T> || isHalf<T>;

/// flags of the instruction.
enum : uint8_t { Ftz = 1, Sat = 2, Relu = 4, SatFinite = 8, Integral = 16 };

template <Format F>
float decodeHalf(uint16_t bits) {
  return F.exponentBits == 8 ? fromBF16(bits) : fromF16(bits);
}

template <typename S, typename D>
D convertOne(S s, Rounding rounding, uint8_t flags) {
  Finish finish{(flags & SatFinite) != 0, (flags & Relu) != 0,
                (flags & Sat) != 0};
  if constexpr (std::is_same_v<S, float>)
    s = flags & Ftz ? flush(s) : s;
  if constexpr (std::is_integral_v<S> && std::is_integral_v<D>) {
    if (!(flags & Sat))
      return static_cast<D>(s);
    if (std::is_signed_v<S> && s < 0 &&
        (!std::is_signed_v<D> ||
         int64_t(s) < int64_t(std::numeric_limits<D>::min())))
      return std::numeric_limits<D>::min();
    if (s > 0 && uint64_t(s) > uint64_t(std::numeric_limits<D>::max()))
      return std::numeric_limits<D>::max();
    return static_cast<D>(s);
  } else if constexpr (std::is_integral_v<S>) {
    using Wide = std::conditional_t<std::is_signed_v<S>, int64_t, uint64_t>;
    if constexpr (isHalf<D>) {
      return {static_cast<uint16_t>(
          encodeInteger<D::format>(static_cast<Wide>(s), rounding))};
    } else {
      D result;
      if (rounding == Rounding::NearestEven)
        result = static_cast<D>(s);
      else if constexpr (sizeof(D) == 4)
        result = toFloat(static_cast<Wide>(s), rounding);
      else
        result = toDouble(static_cast<Wide>(s), rounding);
      return flags & Sat ? saturate(result) : result;
    }
  } else if constexpr (isHalf<S>) {
    if constexpr (std::is_same_v<S, D>) {
      if (flags == 0)
        return s;
    }
    return convertOne<float, D>(decodeHalf<S::format>(s.bits), rounding,
                                flags & ~Ftz);
  } else if constexpr (std::is_integral_v<D>) {
    return toInteger<D>(s, rounding);
  } else {
    if (flags & Integral)
      s = toIntegral(s, rounding);
    if constexpr (isHalf<D>) {
      if constexpr (std::is_same_v<S, float>)
        if (rounding == Rounding::NearestEven && !(flags & ~Ftz))
          return {D::format.exponentBits == 8 ? toBF16(s) : toF16(s)};
      return {static_cast<uint16_t>(encode<D::format>(
          s, flags & Integral ? Rounding::NearestEven : rounding, finish))};
    } else {
      D result;
      if constexpr (sizeof(D) < sizeof(S))
        result = rounding == Rounding::NearestEven || (flags & Integral)
                     ? static_cast<D>(s)
                     : toFloat(s, rounding);
      else
        result = static_cast<D>(s);
      if constexpr (sizeof(D) == 4)
        result = flags & Ftz ? flush(result) : result;
      if (flags & Sat)
        return saturate(result);
      if constexpr (sizeof(D) == 4)
        result = canonical(result);
      if (flags & Relu)
        result = result < 0 ? D(0) : result;
      return result;
    }
  }
}

template <typename Wide, typename T>
void narrow(const Wide *from, T *to) {
  for (unsigned l = 0; l < 32; ++l)
    std::memcpy(&to[l], &from[l], sizeof(T)); // the low bytes
}
template <typename T, typename Wide>
void widen(uint32_t mask, const T *from, Wide *to) {
  forLanes(
      mask, to,
      [](T t) {
        if constexpr (isHalf<T>)
          return static_cast<Wide>(t.bits);
        else if constexpr (std::is_integral_v<T>)
          return static_cast<Wide>(t);
        else
          return static_cast<Wide>(
              std::bit_cast<
                  std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>(t));
      },
      from);
}

/// kind is the rounding; lane[0], lane[1] are the widths of the registers.
template <typename S, typename D>
Flow convert(Warp &w, const Instruction &i, uint32_t mask) {
  alignas(64) S narrowed[32];
  const S *from = w.at<S>(i.a);
  if (i.lane[1] != sizeof(S)) {
    from = narrowed;
    if (i.lane[1] == 2)
      narrow(w.at<uint16_t>(i.a), narrowed);
    else if (i.lane[1] == 4)
      narrow(w.at<uint32_t>(i.a), narrowed);
    else
      narrow(w.at<uint64_t>(i.a), narrowed);
  }
  auto rounding = static_cast<Rounding>(i.kind);
  uint8_t flags = i.flags;
  if (i.lane[0] == sizeof(D)) {
    if (rounding == Rounding::NearestEven && flags == 0)
      forLanes(
          mask, w.at<D>(i.d),
          [](S s) { return convertOne<S, D>(s, Rounding::NearestEven, 0); },
          from);
    else
      forLanes(
          mask, w.at<D>(i.d),
          [=](S s) { return convertOne<S, D>(s, rounding, flags); }, from);
    return Flow::Next;
  }
  alignas(64) D result[32];
  forLanes(
      kAllLanes, result,
      [=](S s) { return convertOne<S, D>(s, rounding, flags); }, from);
  if (i.lane[0] == 2)
    widen(mask, result, w.at<uint16_t>(i.d));
  else if (i.lane[0] == 4)
    widen(mask, result, w.at<uint32_t>(i.d));
  else
    widen(mask, result, w.at<uint64_t>(i.d));
  return Flow::Next;
}

template <typename S>
Handler convertTo(Type type) {
  switch (type) {
  case Type::U8:
    return convert<S, uint8_t>;
  case Type::S8:
    return convert<S, int8_t>;
  case Type::U16:
    return convert<S, uint16_t>;
  case Type::S16:
    return convert<S, int16_t>;
  case Type::U32:
    return convert<S, uint32_t>;
  case Type::S32:
    return convert<S, int32_t>;
  case Type::U64:
    return convert<S, uint64_t>;
  case Type::S64:
    return convert<S, int64_t>;
  case Type::F16:
    return convert<S, HalfBits<F16>>;
  case Type::BF16:
    return convert<S, HalfBits<BF16>>;
  case Type::F32:
    return convert<S, float>;
  case Type::F64:
    return convert<S, double>;
  default:
    return nullptr;
  }
}
Handler convertHandler(Type from, Type to) {
  switch (from) {
  case Type::U8:
    return convertTo<uint8_t>(to);
  case Type::S8:
    return convertTo<int8_t>(to);
  case Type::U16:
    return convertTo<uint16_t>(to);
  case Type::S16:
    return convertTo<int16_t>(to);
  case Type::U32:
    return convertTo<uint32_t>(to);
  case Type::S32:
    return convertTo<int32_t>(to);
  case Type::U64:
    return convertTo<uint64_t>(to);
  case Type::S64:
    return convertTo<int64_t>(to);
  case Type::F16:
    return convertTo<HalfBits<F16>>(to);
  case Type::BF16:
    return convertTo<HalfBits<BF16>>(to);
  case Type::F32:
    return convertTo<float>(to);
  case Type::F64:
    return convertTo<double>(to);
  default:
    return nullptr;
  }
}

// -- Pairs: the first operand goes to the upper half.

Finish finishOf(const Instruction &i) {
  return {(i.flags & SatFinite) != 0, (i.flags & Relu) != 0,
          (i.flags & Sat) != 0};
}

template <Format F>
Flow packHalves(Warp &w, const Instruction &i, uint32_t mask) {
  auto rounding = static_cast<Rounding>(i.kind);
  Finish finish = finishOf(i);
  const float *a = w.at<float>(i.a), *b = w.at<float>(i.b);
  uint32_t *to = w.at<uint32_t>(i.d);
  if (rounding == Rounding::NearestEven && i.flags == 0)
    forLanes(
        mask, to,
        [](float a, float b) {
          if constexpr (F.exponentBits == 8)
            return uint32_t(toBF16(a)) << 16 | toBF16(b);
          else
            return uint32_t(toF16(a)) << 16 | toF16(b);
        },
        a, b);
  else
    forLanes(
        mask, to,
        [=](float a, float b) {
          return encode<F>(a, rounding, finish) << 16 |
                 encode<F>(b, rounding, finish);
        },
        a, b);
  return Flow::Next;
}
template <Format F>
Flow packSmall(Warp &w, const Instruction &i, uint32_t mask) {
  Finish finish = finishOf(i);
  forLanes(
      mask, w.at<uint16_t>(i.d),
      [=](float a, float b) {
        return uint16_t(encode<F>(a, Rounding::NearestEven, finish) << 8 |
                        encode<F>(b, Rounding::NearestEven, finish));
      },
      w.at<float>(i.a), w.at<float>(i.b));
  return Flow::Next;
}
template <Format F, Format H>
Flow packSmallFromHalves(Warp &w, const Instruction &i, uint32_t mask) {
  Finish finish = finishOf(i);
  forLanes(
      mask, w.at<uint16_t>(i.d),
      [=](uint32_t a) {
        float high = decodeHalf<H>(uint16_t(a >> 16)),
              low = decodeHalf<H>(uint16_t(a));
        return uint16_t(encode<F>(high, Rounding::NearestEven, finish) << 8 |
                        encode<F>(low, Rounding::NearestEven, finish));
      },
      w.at<uint32_t>(i.a));
  return Flow::Next;
}
template <Format F>
Flow unpackSmall(Warp &w, const Instruction &i, uint32_t mask) {
  Finish finish = finishOf(i);
  forLanes(
      mask, w.at<uint32_t>(i.d),
      [=](uint16_t a) {
        return encode<F16>(decode<F>(a >> 8), Rounding::NearestEven, finish)
                   << 16 |
               encode<F16>(decode<F>(a & 255), Rounding::NearestEven, finish);
      },
      w.at<uint16_t>(i.a));
  return Flow::Next;
}
Flow toTensorFloat(Warp &w, const Instruction &i, uint32_t mask) {
  auto rounding = static_cast<Rounding>(i.kind);
  Finish finish = finishOf(i);
  forLanes(
      mask, w.at<uint32_t>(i.d),
      [=](float a) { return toTF32(a, rounding, finish); }, w.at<float>(i.a));
  return Flow::Next;
}

void decodePair(Decoder &d, Type to, Type from) {
  bool satFinite = d.out.flags & SatFinite;
  if (from == Type::F32) {
    d.expectOperands(3);
    d.out.d = d.destination(0, to);
    d.out.a = d.source(1, from);
    d.out.b = d.source(2, from);
    bool small = to == Type::E4M3x2 || to == Type::E5M2x2;
    if (small && !satFinite)
      d.refuse("expected '.satfinite'");
    d.out.handler = to == Type::F16x2    ? packHalves<F16>
                    : to == Type::BF16x2 ? packHalves<BF16>
                    : to == Type::E4M3x2 ? packSmall<E4M3>
                                         : packSmall<E5M2>;
    return;
  }
  d.expectOperands(2);
  d.out.d = d.destination(0, to);
  d.out.a = d.source(1, from);
  if (to == Type::F16x2 && from == Type::E4M3x2)
    d.out.handler = unpackSmall<E4M3>;
  else if (to == Type::F16x2 && from == Type::E5M2x2)
    d.out.handler = unpackSmall<E5M2>;
  else if (from == Type::F16x2 && to == Type::E4M3x2)
    d.out.handler = packSmallFromHalves<E4M3, F16>;
  else if (from == Type::F16x2 && to == Type::E5M2x2)
    d.out.handler = packSmallFromHalves<E5M2, F16>;
  else
    d.refuse("this conversion of pairs is not supported");
}

/// cvt.pack.sat: imm is the width of a part; count 3 has the old parts in c.
template <typename Part>
Flow packSaturated(Warp &w, const Instruction &i, uint32_t mask) {
  constexpr unsigned width = 8 * sizeof(Part);
  bool old = i.count == 3;
  forLanes(
      mask, w.at<uint32_t>(i.d),
      [=](int32_t a, int32_t b, uint32_t c) {
        auto part = [](int32_t x) {
          return uint32_t(std::make_unsigned_t<Part>(
              convertOne<int32_t, Part>(x, Rounding::NearestEven, Sat)));
        };
        return (old ? c << (2 * width % 32) : 0) | part(a) << width | part(b);
      },
      w.at<int32_t>(i.a), w.at<int32_t>(i.b), w.at<uint32_t>(i.c));
  return Flow::Next;
}
void decodePack(Decoder &d) {
  d.require("sat");
  Type to = d.takeType();
  d.require("s32");
  bool bytes = to == Type::U8 || to == Type::S8;
  if (bytes)
    d.require("b32");
  d.expectOperands(bytes ? 4 : 3);
  d.out.d = d.destinationBytes(0, 4);
  d.out.a = d.sourceBytes(1, 4);
  d.out.b = d.sourceBytes(2, 4);
  d.out.c = bytes ? d.sourceBytes(3, 4) : d.out.b;
  d.out.count = bytes ? 3 : 2;
  switch (to) {
  case Type::U16:
    d.out.handler = packSaturated<uint16_t>;
    return;
  case Type::S16:
    d.out.handler = packSaturated<int16_t>;
    return;
  case Type::U8:
    d.out.handler = packSaturated<uint8_t>;
    return;
  case Type::S8:
    d.out.handler = packSaturated<int8_t>;
    return;
  default:
    d.refuseType(to);
  }
}

void decodeCvt(Decoder &d) {
  d.out.cls = InstructionClass::Convert;
  if (d.take("pack"))
    return decodePack(d);
  using R = Rounding;
  R rounding = R::NearestEven;
  bool integral = false, rounds = d.takeRounding(rounding);
  for (auto &[name, value] : {std::pair{"rni", R::NearestEven},
                              {"rzi", R::TowardZero},
                              {"rmi", R::Down},
                              {"rpi", R::Up}})
    if (!rounds && d.take(name))
      rounding = value, integral = rounds = true;
  if (!rounds && d.take("rna"))
    rounding = R::NearestAway, rounds = true;
  if (d.take("ftz"))
    d.out.flags |= Ftz;
  if (d.take("sat"))
    d.out.flags |= Sat;
  if (d.take("relu"))
    d.out.flags |= Relu;
  if (d.take("satfinite"))
    d.out.flags |= SatFinite;
  d.out.kind = static_cast<uint8_t>(rounding);
  Type to = d.takeType(), from = d.takeType();
  auto isPair = [](Type t) {
    return t == Type::F16x2 || t == Type::BF16x2 || t == Type::E4M3x2 ||
           t == Type::E5M2x2;
  };
  if (isPair(to) || isPair(from))
    return decodePair(d, to, from);
  d.expectOperands(2);
  if (to == Type::TF32) {
    if (from != Type::F32 || !rounds)
      d.refuse("tf32 is rounded from f32");
    d.out.d = d.destinationBytes(0, 4);
    d.out.a = d.source(1, from);
    d.out.handler = toTensorFloat;
    return;
  }
  if (rounding == R::NearestAway)
    d.refuse("'.rna' is for tf32");
  bool toFloat = ptx::isFloat(to), fromFloat = ptx::isFloat(from);
  if (fromFloat && !toFloat && !integral)
    d.refuse("expected .rni, .rzi, .rmi or .rpi");
  if (!fromFloat && toFloat && (!rounds || integral))
    d.refuse("expected .rn, .rz, .rm or .rp");
  if (integral && fromFloat && toFloat)
    d.out.flags |= Integral;
  d.out.d = d.destinationWide(d.operand(0), ptx::bytesOf(to), d.out.lane[0]);
  d.out.a = d.sourceWide(d.operand(1), ptx::bytesOf(from), d.out.lane[1], from);
  d.out.handler = convertHandler(from, to);
  if (!d.out.handler)
    d.refuseType(from);
}

} // namespace

void addConvert(Opcodes &all) { all["cvt"] = decodeCvt; }

} // namespace moec::cudasim
