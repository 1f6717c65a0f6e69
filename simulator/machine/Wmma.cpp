//===- Wmma.cpp - wmma.load, wmma.store, wmma.mma -------------------------===//
//
// The ISA does not say which element of a matrix a lane holds in a fragment. Here element i of lane l, counted through its
// registers, is element (32 i + l) mod (rows x columns), row by row: fragments of f16 have more room than some matrices have
// elements and hold copies. The arithmetic is that of Mma.h's `InOrder`.
//
//===----------------------------------------------------------------------===//
#include "simulator/arithmetic/Float.h"
#include "simulator/machine/Matrix.h"
#include "simulator/machine/MemoryAccess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace moec::cudasim {

using ptx::OperandKind;
using ptx::Space;
using ptx::Type;

namespace {

enum class Matrix : uint8_t { A, B, C };

constexpr unsigned kMaxElements = 32 * 16;

/// The form of one fragment.
struct Fragment {
  unsigned rows, columns, bytes /* of an element */, registers;

  unsigned perRegister() const { return bytes < 4 ? 4 / bytes : 1; }
  unsigned perLane() const { return registers * perRegister(); }
  /// Row by row.
  unsigned indexOf(unsigned lane, unsigned element) const {
    return (32 * element + lane) % (rows * columns);
  }
};

unsigned bytesOf(MatrixType type) {
  switch (type) {
  case MatrixType::S8:
  case MatrixType::U8:
    return 1;
  case MatrixType::F16:
  case MatrixType::BF16:
    return 2;
  case MatrixType::F64:
    return 8;
  default:
    return 4;
  }
}

Fragment fragmentOf(const MmaShape &shape, Matrix matrix, MatrixType type) {
  Fragment result{matrix == Matrix::B ? shape.k : shape.m,
                  matrix == Matrix::A ? shape.k : shape.n, bytesOf(type), 0};
  result.registers =
      type == MatrixType::F16 && matrix != Matrix::C
          ? 8
          : result.rows * result.columns / (32 * result.perRegister());
  return result;
}

/// The element's place in a lane's register.
std::byte *elementAt(Warp &w, const Operand *registers,
                     const Fragment &fragment, unsigned lane, unsigned i) {
  unsigned per = fragment.perRegister(), width = per * fragment.bytes;
  return w.at<std::byte>(registers[i / per]) + lane * width +
         i % per * fragment.bytes;
}

/// kind: the matrix; flags bit 0: by columns; b: the stride, in elements; lane[0]: bytes of an element; target: the shape.
template <bool Load>
Flow moveFragment(Warp &w, const Instruction &i, uint32_t mask) {
  Flow flow;
  if (!wholeWarp(w, mask, flow))
    return flow;
  const MmaShape &shape = w.program->mma[i.target].shape;
  auto matrix = static_cast<Matrix>(i.kind);
  Fragment fragment = fragmentOf(shape, matrix,
                                 matrix == Matrix::A   ? shape.a
                                 : matrix == Matrix::B ? shape.b
                                                       : shape.accumulator);
  uint64_t base[32];
  computeAddresses(w, i, base);
  const uint32_t *strides = w.at<uint32_t>(i.b);
  for (unsigned l = 0; l < 32; ++l) {
    if (base[l] != base[0] || strides[l] != strides[0])
      return w.fail("warp-sync",
                    "lanes of one warp name different matrices or strides",
                    static_cast<int>(l));
  }
  uint64_t stride = uint64_t(strides[0]) * fragment.bytes;
  bool isShared =
      i.space == Space::Shared ||
      (i.space == Space::Generic && windowOf(base[0]) == Window::Shared);
  uint64_t start =
      isShared && i.space == Space::Generic ? sharedAddress(base[0]) : base[0];
  if ((start | stride) & 15)
    return w.fail("misaligned",
                  "the matrix at an address of " + std::to_string(start & 15) +
                      " mod 16 with a stride of " + std::to_string(stride) +
                      " bytes; both must be multiples of 16",
                  0);
  const Operand *registers = w.list(i);
  for (unsigned e = 0; e < fragment.perLane(); ++e) {
    MemoryAccess access;
    for (unsigned l = 0; l < 32; ++l) {
      unsigned index = fragment.indexOf(l, e), row = index / fragment.columns,
               column = index % fragment.columns;
      access.address[l] = start + (i.flags & 1 ? column : row) * stride +
                          uint64_t(i.flags & 1 ? row : column) * fragment.bytes;
    }
    Touch touch = Load ? Touch::Read : Touch::Write;
    if (!(isShared ? resolveShared(w, i, mask, fragment.bytes, touch, access,
                                   fragment.bytes, true)
                   : resolveGlobal(w, i, mask, fragment.bytes, touch, access,
                                   fragment.bytes, true)))
      return Flow::Fail;
    for (unsigned l = 0; l < 32; ++l) {
      std::byte *memory = access.contiguous
                              ? access.contiguous + l * fragment.bytes
                              : access.pointer[l];
      std::byte *element = elementAt(w, registers, fragment, l, e);
      if (Load)
        std::memcpy(element, memory, fragment.bytes);
      else
        std::memcpy(memory, element, fragment.bytes);
    }
  }
  return Flow::Next;
}

/// The value of a pattern; integers are exact in double.
double valueOf(MatrixType type, const std::byte *at) {
  uint64_t bits = 0;
  std::memcpy(&bits, at, bytesOf(type));
  switch (type) {
  case MatrixType::F16:
    return fromF16(uint16_t(bits));
  case MatrixType::BF16:
    return fromBF16(uint16_t(bits));
  case MatrixType::TF32:
    return std::bit_cast<float>(uint32_t(bits) & 0xffffe000);
  case MatrixType::F32:
    return std::bit_cast<float>(uint32_t(bits));
  case MatrixType::S8:
    return int8_t(bits);
  case MatrixType::U8:
    return uint8_t(bits);
  case MatrixType::S32:
    return int32_t(bits);
  default:
    return std::bit_cast<double>(bits);
  }
}

/// c + a b; products of all types but f64 are exact in double.
double accumulate(MatrixType sums, double a, double b, double c) {
  switch (sums) {
  case MatrixType::S32:
    return c + a * b;
  case MatrixType::F64:
    return std::fma(a, b, c);
  default:
    return std::fma(float(a), float(b), float(c));
  }
}

void store(MatrixType type, double value, bool saturate, std::byte *to) {
  uint64_t bits;
  switch (type) {
  case MatrixType::F16:
    bits = toF16(float(value));
    break;
  case MatrixType::F32:
    bits = std::bit_cast<uint32_t>(canonical(float(value)));
    break;
  case MatrixType::S32:
    bits = uint32_t(uint64_t(
        saturate ? int64_t(std::clamp<double>(value, INT32_MIN, INT32_MAX))
                 : int64_t(value)));
    break;
  default:
    bits = std::bit_cast<uint64_t>(value);
  }
  std::memcpy(to, &bits, bytesOf(type));
}

/// flags bit 0: C is f16. The list is D, A, B, C. target: the shape.
Flow multiplyFragments(Warp &w, const Instruction &i, uint32_t mask) {
  Flow flow;
  if (!wholeWarp(w, mask, flow))
    return flow;
  const MmaShape &shape = w.program->mma[i.target].shape;
  Events &events = w.block->state.counters.events(w.group.pc);
  ++events.mma;
  events.mmaFlop += shape.flop();
  MatrixType sums = shape.accumulator,
             addends = sums == MatrixType::F16 || sums == MatrixType::F32
                           ? (i.flags & 1 ? MatrixType::F16 : MatrixType::F32)
                           : sums;
  Fragment d = fragmentOf(shape, Matrix::C, sums),
           a = fragmentOf(shape, Matrix::A, shape.a),
           b = fragmentOf(shape, Matrix::B, shape.b),
           c = fragmentOf(shape, Matrix::C, addends);
  const Operand *next = w.list(i), *to = next;
  next += d.registers;
  double left[kMaxElements], right[kMaxElements], sum[kMaxElements];
  auto gather = [&](const Fragment &fragment, MatrixType type, double *values) {
    for (unsigned e = 0; e < fragment.perLane(); ++e)
      for (unsigned l = 0; l < 32; ++l)
        values[fragment.indexOf(l, e)] =
            valueOf(type, elementAt(w, next, fragment, l, e));
    next += fragment.registers;
  };
  gather(a, shape.a, left);
  gather(b, shape.b, right);
  gather(c, addends, sum);
  for (unsigned row = 0; row < shape.m; ++row)
    for (unsigned column = 0; column < shape.n; ++column)
      for (unsigned k = 0; k < shape.k; ++k) {
        double &value = sum[row * shape.n + column];
        value = accumulate(sums, left[row * shape.k + k],
                           right[k * shape.n + column], value);
      }
  for (unsigned e = 0; e < d.perLane(); ++e)
    for (unsigned l = 0; l < 32; ++l)
      store(sums, sum[d.indexOf(l, e)], shape.saturateFinite,
            elementAt(w, to, d, l, e));
  return Flow::Next;
}

// -- Decoding.

void takeShape(Decoder &d, MmaShape &shape) {
  struct Shape {
    const char *name;
    unsigned m, n, k;
  };
  for (const Shape &known : {Shape{"m16n16k16", 16, 16, 16},
                             {"m32n8k16", 32, 8, 16},
                             {"m8n32k16", 8, 32, 16},
                             {"m16n16k8", 16, 16, 8},
                             {"m8n8k4", 8, 8, 4}})
    if (d.take(known.name)) {
      shape.m = known.m, shape.n = known.n, shape.k = known.k;
      return;
    }
  d.refuse("this shape of wmma is not supported");
}

/// Whether matrices A and B of this type come in that shape.
bool fits(const MmaShape &shape, MatrixType type) {
  switch (type) {
  case MatrixType::TF32:
    return shape.m == 16 && shape.k == 8;
  case MatrixType::F64:
    return shape.k == 4;
  case MatrixType::F16:
  case MatrixType::BF16:
  case MatrixType::S8:
  case MatrixType::U8:
    return shape.k == 16;
  default:
    return false;
  }
}
bool fitsSum(const MmaShape &shape, MatrixType type) {
  switch (type) {
  case MatrixType::F16:
  case MatrixType::S32:
    return shape.k == 16;
  case MatrixType::F32:
    return shape.k != 4;
  case MatrixType::F64:
    return shape.k == 4;
  default:
    return false;
  }
}

/// `.row` or `.col`: whether it is the latter. Of two, the first that is written comes first.
bool takeByColumns(Decoder &d, bool second = false) {
  for (const auto &modifier : d.in->modifiers)
    if (modifier == "row" || modifier == "col") {
      if (second) {
        second = false;
        continue;
      }
      d.require(modifier);
      return modifier == "col";
    }
  d.refuse("expected .row or .col");
}

void addRegisters(Decoder &d, size_t index, const Fragment &fragment,
                  bool isDestination, std::vector<Operand> &list) {
  const ptx::Operand &vector = d.operand(index);
  size_t parts = vector.kind == OperandKind::Vector ? vector.parts.size() : 1;
  if (parts != fragment.registers)
    d.refuse("operand " + std::to_string(index) + " has " +
             std::to_string(fragment.registers) + " registers, found " +
             std::to_string(parts));
  unsigned bytes = fragment.bytes == 8 ? 8 : 4;
  for (size_t k = 0; k < parts; ++k) {
    const ptx::Operand &part =
        vector.kind == OperandKind::Vector ? vector.parts[k] : vector;
    list.push_back(isDestination ? d.destination(part, bytes)
                                 : d.source(part, bytes));
  }
}

void keepShape(Decoder &d, const MmaShape &shape) {
  d.out.target = static_cast<uint32_t>(d.program.mma.size());
  d.program.mma.emplace_back(shape);
}

template <bool Load>
void decodeMove(Decoder &d) {
  auto matrix = Matrix::C;
  if (Load)
    matrix = d.takeOne<Matrix>({{"a", Matrix::A}, {"b", Matrix::B}}, matrix);
  if (matrix == Matrix::C)
    d.require(Load ? "c" : "d");
  d.require("sync");
  d.require("aligned");
  bool byColumns = takeByColumns(d);
  d.out.flags = byColumns;
  MmaShape shape;
  takeShape(d, shape);
  d.out.space = d.takeSpace();
  if (d.out.space != Space::Shared && d.out.space != Space::Global &&
      d.out.space != Space::Generic)
    d.refuse("matrices are in global or shared memory");
  MatrixType type = takeMatrixType(d);
  if (matrix == Matrix::C ? !fitsSum(shape, type) : !fits(shape, type))
    d.refuse("no matrix of this shape has elements of this type");
  shape.a = shape.b = shape.accumulator = type;
  Fragment fragment = fragmentOf(shape, matrix, type);
  d.expectOperands(2, 3);
  std::vector<Operand> list;
  addRegisters(d, Load ? 0 : 1, fragment, Load, list);
  d.address(d.operand(Load ? 1 : 0));
  d.out.b = d.operands() == 3
                ? d.sourceBytes(2, 4)
                : d.constant(byColumns ? fragment.rows : fragment.columns, 4);
  d.out.kind = static_cast<uint8_t>(matrix);
  d.out.list = d.keep(list);
  keepShape(d, shape);
  d.out.cls = InstructionClass::MatrixMove;
  d.out.handler = moveFragment<Load>;
}

void decodeMultiply(Decoder &d) {
  d.require("sync");
  d.require("aligned");
  // What is in the registers does not depend on how it was loaded.
  takeByColumns(d);
  takeByColumns(d, true);
  MmaShape shape;
  takeShape(d, shape);
  shape.saturateFinite = d.take("satfinite");
  d.take("rn"); // of f64: the only rounding that is supported
  shape.accumulator = takeMatrixType(d);
  MatrixType second = takeMatrixType(d), addends = second;
  bool sumsOfHalves = second == MatrixType::F16 || second == MatrixType::F32;
  if (sumsOfHalves) { // .dtype.ctype: A and B are f16
    shape.a = shape.b = MatrixType::F16;
  } else {
    shape.a = second;
    shape.b = takeMatrixType(d);
    addends = takeMatrixType(d);
  }
  MatrixType wanted = shape.a == MatrixType::F64 ? MatrixType::F64
                      : bytesOf(shape.a) == 1    ? MatrixType::S32
                      : sumsOfHalves             ? shape.accumulator
                                                 : MatrixType::F32;
  bool isHalf = wanted == MatrixType::F16 || wanted == MatrixType::F32;
  if (shape.a != shape.b || !fits(shape, shape.a) ||
      shape.accumulator != wanted ||
      (sumsOfHalves ? !isHalf : addends != wanted) ||
      (shape.saturateFinite && wanted != MatrixType::S32))
    d.refuse("this wmma is not supported");
  d.expectOperands(4);
  d.out.flags = addends == MatrixType::F16;
  std::vector<Operand> list;
  addRegisters(d, 0, fragmentOf(shape, Matrix::C, wanted), true, list);
  addRegisters(d, 1, fragmentOf(shape, Matrix::A, shape.a), false, list);
  addRegisters(d, 2, fragmentOf(shape, Matrix::B, shape.b), false, list);
  addRegisters(d, 3, fragmentOf(shape, Matrix::C, addends), false, list);
  d.out.list = d.keep(list);
  keepShape(d, shape);
  d.out.cls = InstructionClass::Matrix;
  d.out.handler = multiplyFragments;
}

void decodeWmma(Decoder &d) {
  if (d.take("load"))
    return decodeMove<true>(d);
  if (d.take("store"))
    return decodeMove<false>(d);
  d.require("mma");
  decodeMultiply(d);
}

} // namespace

void addWmma(Opcodes &all) { all["wmma"] = decodeWmma; }

} // namespace moec::cudasim
