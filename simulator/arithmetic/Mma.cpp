//===- Mma.cpp - Matrix multiply-accumulate of a warp ---------------------===//
//
// Fragments are spread into matrices of f32, s32 or f64 once; then rows of 8 results are vectors. Fragments.h says why registers are blocks of rows.
//
//===----------------------------------------------------------------------===//
#include "simulator/arithmetic/Mma.h"
#include "simulator/arithmetic/Float.h"
#include "simulator/arithmetic/Fragments.h"
#include "simulator/arithmetic/Vector.h"

#include <algorithm>

namespace moec::cudasim {

/// Elements in one register of a fragment of A or B.
static unsigned perRegister(MatrixType type) {
  switch (type) {
  case MatrixType::F16:
  case MatrixType::BF16:
    return 2;
  case MatrixType::E4M3:
  case MatrixType::E5M2:
  case MatrixType::S8:
  case MatrixType::U8:
    return 4;
  default:
    return 1;
  }
}

bool MmaShape::supported() const {
  auto is = [&](unsigned rows, std::initializer_list<unsigned> depths) {
    return m == rows && n == 8 &&
           std::find(depths.begin(), depths.end(), k) != depths.end();
  };
  bool f32 = accumulator == MatrixType::F32,
       f16 = accumulator == MatrixType::F16;
  if (saturateFinite && accumulator != MatrixType::S32)
    return false;
  auto fp8 = [](MatrixType type) {
    return type == MatrixType::E4M3 || type == MatrixType::E5M2;
  };
  auto int8 = [](MatrixType type) {
    return type == MatrixType::S8 || type == MatrixType::U8;
  };
  if (fp8(a) && fp8(b))
    return (f32 || f16) && is(16, {16, 32});
  if (int8(a) && int8(b))
    return accumulator == MatrixType::S32 && (is(8, {16}) || is(16, {16, 32}));
  if (a != b)
    return false;
  switch (a) {
  case MatrixType::F16:
    return (f32 || f16) && is(16, {8, 16});
  case MatrixType::BF16:
    return f32 && is(16, {8, 16});
  case MatrixType::TF32:
    return f32 && is(16, {4, 8});
  case MatrixType::F64:
    return accumulator == MatrixType::F64 && (is(8, {4}) || is(16, {4, 8, 16}));
  default:
    return false;
  }
}

unsigned MmaShape::registersA() const {
  return m * k / (WarpSize * perRegister(a));
}
unsigned MmaShape::registersB() const {
  return k * n / (WarpSize * perRegister(b));
}
unsigned MmaShape::registersC() const {
  return m * n / (WarpSize * (accumulator == MatrixType::F16 ? 2 : 1));
}

namespace {

/// The exact values of eight patterns of a small format; NaNs are quiet.
template <Format F>
Float8 values(UInt8 patterns) {
  UInt8 sign = (patterns & F.signBit())
               << (31 - F.exponentBits - F.mantissaBits);
  UInt8 magnitude = patterns & (F.signBit() - 1);
  // As `decode`, which is this for one.
  Float8 scaled = (Float8)(magnitude << (23 - F.mantissaBits)) *
                  std::bit_cast<float>(uint32_t(254 - F.bias()) << 23);
  UInt8 bits = (UInt8)scaled;
  if constexpr (F.hasInfinity) {
    bits = magnitude >= F.infinity()
               ? magnitude << (23 - F.mantissaBits) | 0x7f800000
               : bits;
  } else {
    bits = magnitude == F.nan() ? UInt8{} + CanonicalNaN32 : bits;
  }
  return (Float8)(bits | sign);
}

// One element of a 32-bit word, by type: its width, and the values of eight.
template <MatrixType>
struct Element;
template <>
struct Element<MatrixType::F16> {
  using Bits = uint16_t;
  using Packed = uint16_t __attribute__((vector_size(16)));
  static Float8 values(UInt8 bits) { return cudasim::values<F16>(bits); }
};
template <>
struct Element<MatrixType::BF16> {
  using Bits = uint16_t;
  using Packed = uint16_t __attribute__((vector_size(16)));
  static Float8 values(UInt8 bits) { return (Float8)(bits << 16); }
};
template <>
struct Element<MatrixType::TF32> {
  using Bits = uint32_t;
  using Packed = uint32_t __attribute__((vector_size(32)));
  static Float8 values(UInt8 bits) { return (Float8)(bits & 0xffffe000); }
};
template <>
struct Element<MatrixType::E4M3> {
  using Bits = uint8_t;
  using Packed = uint8_t __attribute__((vector_size(8)));
  static Float8 values(UInt8 bits) { return cudasim::values<E4M3>(bits); }
};
template <>
struct Element<MatrixType::E5M2> {
  using Bits = uint8_t;
  using Packed = uint8_t __attribute__((vector_size(8)));
  static Float8 values(UInt8 bits) { return cudasim::values<E5M2>(bits); }
};
template <>
struct Element<MatrixType::S8> {
  using Bits = uint8_t;
  using Packed = uint8_t __attribute__((vector_size(8)));
  static Int8 values(UInt8 bits) { return (Int8)(bits << 24) >> 24; }
};
template <>
struct Element<MatrixType::U8> {
  using Bits = uint8_t;
  using Packed = uint8_t __attribute__((vector_size(8)));
  static Int8 values(UInt8 bits) { return (Int8)bits; }
};

constexpr unsigned MaxDepth = 32;

/// A row by row; rows below `depth` elements long.
template <MatrixType Type, class Value>
void spreadA(const uint32_t *const *registers, unsigned rows, unsigned count,
             Value (&matrix)[16][MaxDepth]) {
  using Bits = typename Element<Type>::Bits;
  using Packed = typename Element<Type>::Packed;
  constexpr unsigned Width = 16 / sizeof(Bits);
  for (unsigned r = 0; r < count; ++r) {
    unsigned row = rows == 16 ? 8 * (r % 2) : 0,
             column = Width * (rows == 16 ? r / 2 : r);
    auto *bytes = reinterpret_cast<const std::byte *>(registers[r]);
    for (unsigned i = 0; i < 8 * Width; i += 8) {
      auto packed = loadVector<Packed>(bytes + i * sizeof(Bits));
      auto value =
          Element<Type>::values(__builtin_convertvector(packed, UInt8));
      constexpr unsigned Run = Width < 8 ? Width : 8;
      for (unsigned part = 0; part < 8; part += Run)
        std::memcpy(
            &matrix[row + (i + part) / Width][column + (i + part) % Width],
            reinterpret_cast<const Value *>(&value) + part,
            Run * sizeof(Value));
    }
  }
}

/// B row by row: 8 columns each.
template <MatrixType Type, class Value>
void spreadB(const uint32_t *const *registers, unsigned count,
             Value (&matrix)[MaxDepth]) {
  using Bits = typename Element<Type>::Bits;
  constexpr unsigned PerWord = 4 / sizeof(Bits);
  for (unsigned r = 0; r < count; ++r)
    for (unsigned t = 0; t < 4; ++t) {
      const uint32_t *lane = registers[r] + t;
      UInt8 words = {lane[0],  lane[4],  lane[8],  lane[12],
                     lane[16], lane[20], lane[24], lane[28]};
      for (unsigned e = 0; e < PerWord; ++e)
        matrix[4 * PerWord * r + t * PerWord + e] = Element<Type>::values(
            words >> (8 * sizeof(Bits) * e) & uint32_t(Bits(~Bits(0))));
    }
}

/// Accumulators of 32 bits: registers 2i and 2i + 1 hold the even and odd columns of rows 8i….
template <class Value>
void gatherC(const uint32_t *const *registers, unsigned rows,
             Value (&matrix)[16]) {
  using Four = uint32_t __attribute__((vector_size(16)));
  for (unsigned row = 0; row < rows; ++row) {
    auto even = loadVector<Four>(registers[row / 8 * 2] + row % 8 * 4);
    auto odd = loadVector<Four>(registers[row / 8 * 2 + 1] + row % 8 * 4);
    matrix[row] =
        (Value)__builtin_shufflevector(even, odd, 0, 4, 1, 5, 2, 6, 3, 7);
  }
}
template <class Value>
void scatterD(const Value (&matrix)[16], unsigned rows,
              uint32_t *const *registers) {
  for (unsigned row = 0; row < rows; ++row) {
    UInt8 bits = (UInt8)matrix[row];
    storeVector(registers[row / 8 * 2] + row % 8 * 4,
                __builtin_shufflevector(bits, bits, 0, 2, 4, 6));
    storeVector(registers[row / 8 * 2 + 1] + row % 8 * 4,
                __builtin_shufflevector(bits, bits, 1, 3, 5, 7));
  }
}

/// f16 accumulators: two columns in a register.
using Half8 = uint16_t __attribute__((vector_size(16)));
void gatherHalfC(const uint32_t *const *registers, Float8 (&matrix)[16]) {
  for (unsigned row = 0; row < 16; ++row)
    matrix[row] = values<F16>(__builtin_convertvector(
        loadVector<Half8>(registers[row / 8] + row % 8 * 4), UInt8));
}
void scatterHalfD(const Float8 (&matrix)[16], uint32_t *const *registers) {
  for (unsigned row = 0; row < 16; ++row) {
    uint16_t halves[8];
    for (unsigned n = 0; n < 8; ++n)
      halves[n] = toF16(matrix[row][n]);
    std::memcpy(registers[row / 8] + row % 8 * 4, halves, sizeof(halves));
  }
}

/// The arithmetic of one architecture's mma.sync: how sums are fused, and into how many chained parts K is cut.
struct Hardware {
  FusedSum sum;
  unsigned parts = 1;
};

int smallestExponent(MatrixType type) {
  switch (type) {
  case MatrixType::F16:
    return 1 - F16.bias();
  case MatrixType::E4M3:
    return 1 - E4M3.bias();
  case MatrixType::E5M2:
    return 1 - E5M2.bias();
  default:
    return 1 - BF16.bias();
  }
}

Hardware hardware(const Mma &mma) {
  const MmaShape &shape = mma.shape;
  Hardware result;
  result.sum.smallestA = smallestExponent(shape.a);
  result.sum.smallestB = smallestExponent(shape.b);
  result.sum.half = shape.accumulator == MatrixType::F16;
  if (mma.architecture >= 90)
    return result;
  result.sum.fraction = 24;
  bool fp8 = perRegister(shape.a) == 4;
  if (fp8)
    result.sum.fraction = result.sum.kept = 13;
  unsigned wide = 8 * perRegister(shape.a);
  result.parts = shape.k == wide && mma.architecture >= 80 ? 2 : 1;
  return result;
}

/// Rows of 8 results at a time, so that they stay in registers.
template <class Vector, class Value, class Fma>
void multiplyRows(const Value (*left)[MaxDepth], const Vector *right,
                  unsigned depth, Vector *sums, Fma fma) {
  Vector sum[8];
  for (unsigned row = 0; row < 8; ++row)
    sum[row] = sums[row];
  for (unsigned k = 0; k < depth; ++k)
    for (unsigned row = 0; row < 8; ++row)
      sum[row] = fma(left[row][k], right[k], sum[row]);
  for (unsigned row = 0; row < 8; ++row)
    sums[row] = sum[row];
}

template <MatrixType A, MatrixType B>
void multiplyFloat(const Mma &mma, const uint32_t *const *a,
                   const uint32_t *const *b, const uint32_t *const *c,
                   uint32_t *const *d) {
  const MmaShape &shape = mma.shape;
  alignas(64) float left[16][MaxDepth];
  alignas(64) Float8 right[MaxDepth], sums[16];
  spreadA<A>(a, 16, shape.registersA(), left);
  spreadB<B>(b, shape.registersB(), right);
  bool half = shape.accumulator == MatrixType::F16;
  if (half)
    gatherHalfC(c, sums);
  else
    gatherC(c, 16, sums);

  if (mma.arithmetic == MmaArithmetic::InOrder) {
    for (unsigned row = 0; row < 16; row += 8)
      multiplyRows(left + row, right, shape.k, sums + row, fma8);
    for (Float8 &sum : sums)
      sum = sum == sum ? sum : Float8{} + std::bit_cast<float>(CanonicalNaN32);
  } else {
    Hardware model = hardware(mma);
    unsigned depth = shape.k / model.parts;
    for (unsigned n = 0; n < 8; ++n) {
      float column[MaxDepth];
      for (unsigned k = 0; k < shape.k; ++k)
        column[k] = right[k][n];
      for (unsigned row = 0; row < 16; ++row)
        for (unsigned k = 0; k < shape.k; k += depth)
          sums[row][n] =
              model.sum(left[row] + k, column + k, depth, sums[row][n]);
    }
  }
  if (half)
    scatterHalfD(sums, d);
  else
    scatterD(sums, 16, d);
}

template <MatrixType A, MatrixType B>
void multiplyInteger(const Mma &mma, const uint32_t *const *a,
                     const uint32_t *const *b, const uint32_t *const *c,
                     uint32_t *const *d) {
  const MmaShape &shape = mma.shape;
  alignas(64) int32_t left[16][MaxDepth];
  alignas(64) Int8 right[MaxDepth], sums[16], products[16] = {};
  spreadA<A>(a, shape.m, shape.registersA(), left);
  spreadB<B>(b, shape.registersB(), right);
  gatherC(c, shape.m, sums);
  // At most 32 products of 16 bits: their sum does not overflow; only adding c can.
  for (unsigned row = 0; row < shape.m; row += 8)
    multiplyRows(left + row, right, shape.k, products + row,
                 [](int32_t x, Int8 y, Int8 sum) { return x * y + sum; });
  for (unsigned row = 0; row < shape.m; ++row)
    for (unsigned n = 0; n < 8; ++n) {
      int64_t exact = int64_t(sums[row][n]) + products[row][n];
      if (shape.saturateFinite)
        exact = std::clamp<int64_t>(exact, INT32_MIN, INT32_MAX);
      sums[row][n] = int32_t(uint32_t(exact));
    }
  scatterD(sums, shape.m, d);
}

} // namespace

Mma::Mma(const MmaShape &shape, MmaArithmetic arithmetic, unsigned architecture)
    : shape(shape), arithmetic(arithmetic), architecture(architecture) {
  using enum MatrixType;
  struct Entry {
    MatrixType a, b;
    Execute execute;
  };
  static constexpr Entry entries[] = {
      {F16, F16, multiplyFloat<F16, F16>},
      {BF16, BF16, multiplyFloat<BF16, BF16>},
      {TF32, TF32, multiplyFloat<TF32, TF32>},
      {E4M3, E4M3, multiplyFloat<E4M3, E4M3>},
      {E4M3, E5M2, multiplyFloat<E4M3, E5M2>},
      {E5M2, E4M3, multiplyFloat<E5M2, E4M3>},
      {E5M2, E5M2, multiplyFloat<E5M2, E5M2>},
      {S8, S8, multiplyInteger<S8, S8>},
      {S8, U8, multiplyInteger<S8, U8>},
      {U8, S8, multiplyInteger<U8, S8>},
      {U8, U8, multiplyInteger<U8, U8>},
  };
  for (const Entry &entry : entries)
    if (entry.a == shape.a && entry.b == shape.b)
      execute = entry.execute;
}

void Mma::operator()(const double *const *a, const double *const *b,
                     const double *const *c, double *const *d) const {
  double left[16][16], right[16][8], sums[16][8];
  for (unsigned lane = 0; lane < WarpSize; ++lane) {
    for (unsigned i = 0; i < shape.registersA(); ++i) {
      Position p = fragmentA(shape.m, 1, lane, i);
      left[p.row][p.column] = a[i][lane];
    }
    for (unsigned i = 0; i < shape.registersB(); ++i) {
      Position p = fragmentB(1, lane, i);
      right[p.row][p.column] = b[i][lane];
    }
    for (unsigned i = 0; i < shape.registersC(); ++i) {
      Position p = fragmentC(lane, i);
      sums[p.row][p.column] = c[i][lane];
    }
  }
  for (unsigned row = 0; row < shape.m; ++row)
    for (unsigned k = 0; k < shape.k; ++k)
      for (unsigned n = 0; n < 8; ++n)
        sums[row][n] = std::fma(left[row][k], right[k][n], sums[row][n]);
  for (unsigned lane = 0; lane < WarpSize; ++lane)
    for (unsigned i = 0; i < shape.registersC(); ++i) {
      Position p = fragmentC(lane, i);
      d[i][lane] = sums[p.row][p.column];
    }
}

float FusedSum::operator()(const float *a, const float *b, unsigned count,
                           float c) const {
  // What is not finite decides alone.
  double special = c;
  bool finite = std::isfinite(c);
  for (unsigned i = 0; i < count; ++i) {
    double product = double(a[i]) * double(b[i]);
    finite &= std::isfinite(product);
    special += std::isfinite(product) ? 0 : product;
  }
  if (!finite)
    return isNaN(special) ? std::bit_cast<float>(CanonicalNaN32)
                          : float(special);

  auto exponentOf = [](float x, int smallest) {
    return x == 0 ? -126
                  : std::max(int(std::bit_cast<uint32_t>(x) >> 23 & 0xff) - 127,
                             smallest);
  };
  int largest = exponentOf(c, half ? 1 - F16.bias() : -126);
  for (unsigned i = 0; i < count; ++i)
    largest = std::max(largest, exponentOf(a[i], smallestA) +
                                    exponentOf(b[i], smallestB));
  // Of a last place of 2^place; every multiple and every product is exact in f64.
  int place = largest - fraction;
  double scale = std::bit_cast<double>(uint64_t(1023 - place) << 52);
  int64_t sum = int64_t(c * scale);
  for (unsigned i = 0; i < count; ++i)
    sum += int64_t(double(a[i]) * double(b[i]) * scale);

  // |sum| < 2^(fraction + 8): exact in f64.
  double exact = std::scalbn(double(sum), place);
  if (half)
    return fromF16(uint16_t(encode<F16>(exact, Rounding::NearestEven)));
  if (std::fabs(exact) > std::numeric_limits<float>::max())
    return std::copysign(INFINITY, float(exact));
  auto bits = std::bit_cast<uint32_t>(toFloat(exact, Rounding::TowardZero));
  return std::bit_cast<float>(bits & ~((1u << (23 - kept)) - 1));
}

} // namespace moec::cudasim
