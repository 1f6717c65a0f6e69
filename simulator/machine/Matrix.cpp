//===- Matrix.cpp - ldmatrix, stmatrix, movmatrix, mma --------------------===//
#include "simulator/machine/Matrix.h"
#include "simulator/arithmetic/Fragments.h"
#include "simulator/machine/MemoryAccess.h"

#include <algorithm>
#include <cstring>

namespace moec::cudasim {

using ptx::OperandKind;
using ptx::Space;
using ptx::Type;

bool wholeWarp(Warp &w, uint32_t mask, Flow &flow) {
  if (!w.gather(mask, w.live)) {
    flow = Flow::Schedule;
    return false;
  }
  if (mask != kAllLanes) {
    flow = w.fail("warp-sync", "a matrix instruction needs all 32 lanes");
    return false;
  }
  return true;
}

MatrixType takeMatrixType(Decoder &d) {
  Type type = d.takeType();
  switch (type) {
  case Type::F16:
    return MatrixType::F16;
  case Type::BF16:
    return MatrixType::BF16;
  case Type::TF32:
    return MatrixType::TF32;
  case Type::E4M3:
    return MatrixType::E4M3;
  case Type::E5M2:
    return MatrixType::E5M2;
  case Type::S8:
    return MatrixType::S8;
  case Type::U8:
    return MatrixType::U8;
  case Type::F64:
    return MatrixType::F64;
  case Type::F32:
    return MatrixType::F32;
  case Type::S32:
    return MatrixType::S32;
  default:
    d.refuseType(type);
  }
}

namespace {

/// flags bit 0: transposed. count: matrices.
template <bool Load>
Flow moveMatrices(Warp &w, const Instruction &i, uint32_t mask) {
  Flow flow;
  if (!wholeWarp(w, mask, flow))
    return flow;
  MemoryAccess access;
  computeAddresses(w, i, access.address);
  if (i.space == Space::Generic)
    for (uint64_t &address : access.address)
      address = sharedAddress(address);
  uint32_t lanes = i.count == 4 ? kAllLanes : (1u << (8 * i.count)) - 1;
  if (!resolveShared(w, i, lanes, 16, Load ? Touch::Read : Touch::Write, access,
                     16, false))
    return Flow::Fail;
  if (access.contiguous)
    for (unsigned l = 0; l < 32; ++l)
      access.pointer[l] = access.contiguous + 16 * l;
  LaunchState &state = w.block->state;
  if (state.options.counters)
    state.counters.matrix(w.group.pc,
                          Load ? Counters::Direction::Load
                               : Counters::Direction::Store,
                          access.address, i.count);
  const Operand *registers = w.list(i);
  for (unsigned k = 0; k < i.count; ++k) {
    if constexpr (Load)
      loadMatrix(access.pointer + 8 * k, i.flags & 1,
                 w.at<uint32_t>(registers[k]));
    else
      storeMatrix(w.at<uint32_t>(registers[k]), i.flags & 1,
                  access.pointer + 8 * k);
  }
  return Flow::Next;
}

template <bool Load>
void decodeMatrixMove(Decoder &d) {
  d.require("sync");
  d.require("aligned");
  d.require("m8n8");
  d.out.count = static_cast<uint8_t>(
      d.takeOne<unsigned>({{"x1", 1}, {"x2", 2}, {"x4", 4}}, 0));
  if (!d.out.count)
    d.refuse("expected .x1, .x2 or .x4");
  d.out.flags = d.take("trans");
  d.out.space = d.takeSpace();
  if (d.out.space != Space::Shared && d.out.space != Space::Generic)
    d.refuse("matrices are in shared memory");
  d.require("b16");
  d.expectOperands(2);
  d.address(d.operand(Load ? 1 : 0));
  const ptx::Operand &vector = d.operand(Load ? 0 : 1);
  std::vector<const ptx::Operand *> parts;
  if (vector.kind == OperandKind::Vector)
    for (const ptx::Operand &part : vector.parts)
      parts.push_back(&part);
  else
    parts.push_back(&vector);
  if (parts.size() != d.out.count)
    d.refuse("expected " + std::to_string(d.out.count) + " registers");
  std::vector<Operand> list;
  for (const ptx::Operand *part : parts)
    list.push_back(Load ? d.destination(*part, 4) : d.source(*part, 4));
  d.out.list = d.keep(list);
  d.out.cls = InstructionClass::MatrixMove;
  d.out.handler = moveMatrices<Load>;
}

Flow transpose(Warp &w, const Instruction &i, uint32_t mask) {
  Flow flow;
  if (!wholeWarp(w, mask, flow))
    return flow;
  transposeMatrix(w.at<uint32_t>(i.a), w.at<uint32_t>(i.d));
  return Flow::Next;
}

void decodeMovmatrix(Decoder &d) {
  for (const char *word : {"sync", "aligned", "m8n8", "trans", "b16"})
    d.require(word);
  d.expectOperands(2);
  d.out.d = d.destinationBytes(0, 4);
  d.out.a = d.sourceBytes(1, 4);
  d.out.cls = InstructionClass::MatrixMove;
  d.out.handler = transpose;
}

/// target: into Program::mma; the list is D, A, B, C.
Flow multiply(Warp &w, const Instruction &i, uint32_t mask) {
  Flow flow;
  if (!wholeWarp(w, mask, flow))
    return flow;
  const Mma &mma = w.program->mma[i.target];
  const MmaShape &shape = mma.shape;
  const Operand *next = w.list(i);
  Events &events = w.block->state.counters.events(w.group.pc);
  ++events.mma;
  events.mmaFlop += shape.flop();
  auto lanes = [&](auto **to, unsigned count) {
    using T = std::remove_const_t<
        std::remove_pointer_t<std::remove_pointer_t<decltype(to)>>>;
    for (unsigned k = 0; k < count; ++k)
      to[k] = w.at<T>(*next++);
  };
  if (shape.accumulator == MatrixType::F64) {
    double *d[8];
    const double *a[8], *b[8], *c[8];
    lanes(d, shape.registersC());
    lanes(a, shape.registersA());
    lanes(b, shape.registersB());
    lanes(c, shape.registersC());
    mma(a, b, c, d);
    return Flow::Next;
  }
  uint32_t *d[8];
  const uint32_t *a[8], *b[8], *c[8];
  lanes(d, shape.registersC());
  lanes(a, shape.registersA());
  lanes(b, shape.registersB());
  lanes(c, shape.registersC());
  mma(a, b, c, d);
  return Flow::Next;
}

void decodeMma(Decoder &d) {
  d.require("sync");
  d.require("aligned");
  MmaShape shape;
  bool found = false;
  for (unsigned m : {8u, 16u})
    for (unsigned k : {4u, 8u, 16u, 32u})
      if (!found && d.take("m" + std::to_string(m) + "n8k" + std::to_string(k)))
        shape.m = m, shape.k = k, found = true;
  if (!found)
    d.refuse("this shape of mma is not supported");
  d.require("row");
  d.require("col");
  shape.saturateFinite = d.take("satfinite");
  shape.accumulator = takeMatrixType(d);
  shape.a = takeMatrixType(d);
  shape.b = takeMatrixType(d);
  if (takeMatrixType(d) != shape.accumulator)
    d.refuse("accumulators of two types are not supported");
  if (!shape.supported())
    d.refuse("this mma is not supported");
  d.expectOperands(4);
  unsigned bytes = shape.accumulator == MatrixType::F64 ? 8 : 4;
  std::vector<Operand> list;
  auto add = [&](size_t index, unsigned count, bool isDestination) {
    const ptx::Operand &vector = d.operand(index);
    size_t parts = vector.kind == OperandKind::Vector ? vector.parts.size() : 1;
    if (parts != count)
      d.refuse("operand " + std::to_string(index) + " has " +
               std::to_string(count) + " registers, found " +
               std::to_string(parts));
    for (size_t k = 0; k < count; ++k) {
      const ptx::Operand &part =
          vector.kind == OperandKind::Vector ? vector.parts[k] : vector;
      list.push_back(isDestination ? d.destination(part, bytes)
                                   : d.source(part, bytes));
    }
  };
  add(0, shape.registersC(), true);
  add(1, shape.registersA(), false);
  add(2, shape.registersB(), false);
  add(3, shape.registersC(), false);
  d.out.list = d.keep(list);
  d.out.target = static_cast<uint32_t>(d.program.mma.size());
  d.program.mma.emplace_back(shape);
  d.out.cls = InstructionClass::Matrix;
  d.out.handler = multiply;
}

} // namespace

void addMatrix(Opcodes &all) {
  all["ldmatrix"] = decodeMatrixMove<true>;
  all["stmatrix"] = decodeMatrixMove<false>;
  all["movmatrix"] = decodeMovmatrix;
  all["mma"] = decodeMma;
}

} // namespace moec::cudasim
