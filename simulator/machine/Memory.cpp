//===- Memory.cpp - ld, st and hints --------------------------------------===//
#include "simulator/machine/Decoder.h"
#include "simulator/machine/MemoryAccess.h"

#include <algorithm>
#include <cstring>

namespace moec::cudasim {

using ptx::OperandKind;
using ptx::Space;
using ptx::Type;

namespace {

struct Bits128 {
  uint64_t low, high;
};

template <typename Lane, typename T>
Lane extend(T value) {
  if constexpr (std::is_same_v<Lane, T>)
    return value;
  else
    return static_cast<Lane>(value); // by the sign of T
}

/// T is the type in memory, Lane that of the register.
template <typename T, typename Lane>
Flow load(Warp &w, const Instruction &i, uint32_t mask) {
  MemoryAccess access;
  if (!resolve(w, i, mask, sizeof(T) * i.count, Touch::Read, access, sizeof(T)))
    return Flow::Fail;
  w.ranStrongLoad |= i.scope != Scope::None;
  const Operand *to = w.list(i);
  if (access.contiguous && i.count == 1) {
    // The pointer may be misaligned for the host only where it is for the device.
    const T *from = reinterpret_cast<const T *>(access.contiguous);
    forLanes(
        kAllLanes, w.at<Lane>(to[0]),
        [](T value) { return extend<Lane>(value); }, from);
    return Flow::Next;
  }
  if (access.contiguous)
    for (unsigned l = 0; l < 32; ++l)
      access.pointer[l] = access.contiguous + l * sizeof(T) * i.count;
  // Addresses are read before destinations are written: a destination may be the address.
  for (unsigned element = 0; element < i.count; ++element) {
    Lane *lanes = w.at<Lane>(to[element]);
    for (unsigned l = 0; l < 32; ++l) {
      T value;
      std::memcpy(&value, access.pointer[l] + element * sizeof(T), sizeof(T));
      lanes[l] = mask >> l & 1 ? extend<Lane>(value) : lanes[l];
    }
  }
  return Flow::Next;
}

template <typename T, typename Lane>
bool storesSame(Warp &w, const Instruction &i, unsigned a, unsigned b) {
  for (unsigned element = 0; element < i.count; ++element) {
    const Lane *lanes = w.at<Lane>(w.list(i)[element]);
    T first = extend<T>(lanes[a]), second = extend<T>(lanes[b]);
    if (std::memcmp(&first, &second, sizeof(T)) != 0)
      return false;
  }
  return true;
}

template <typename T, typename Lane>
Flow store(Warp &w, const Instruction &i, uint32_t mask) {
  MemoryAccess access;
  access.sameValue = storesSame<T, Lane>;
  if (!resolve(w, i, mask, sizeof(T) * i.count, Touch::Write, access,
               sizeof(T)))
    return Flow::Fail;
  const Operand *from = w.list(i);
  if (access.contiguous && i.count == 1) {
    T *to = reinterpret_cast<T *>(access.contiguous);
    const Lane *lanes = w.at<Lane>(from[0]);
    for (unsigned l = 0; l < 32; ++l)
      to[l] = extend<T>(lanes[l]);
    return Flow::Next;
  }
  if (access.contiguous)
    for (unsigned l = 0; l < 32; ++l)
      access.pointer[l] = access.contiguous + l * sizeof(T) * i.count;
  for (unsigned element = 0; element < i.count; ++element) {
    const Lane *lanes = w.at<Lane>(from[element]);
    for (unsigned l = 0; l < 32;
         ++l) { // in lane order: where lanes collide, the highest wins
      T value = extend<T>(lanes[l]);
      std::memcpy(access.pointer[l] + element * sizeof(T), &value, sizeof(T));
    }
  }
  return Flow::Next;
}

template <typename T>
Handler loadInto(unsigned lane) {
  if constexpr (sizeof(T) <= 2)
    if (lane == 2)
      return load<T, uint16_t>;
  if constexpr (sizeof(T) <= 4)
    if (lane == 4)
      return load<T, uint32_t>;
  return lane == 8 ? load<T, uint64_t> : nullptr;
}
Handler loadHandler(Type type, unsigned lane) {
  switch (ptx::bytesOf(type)) {
  case 1:
    return ptx::isSigned(type) ? loadInto<int8_t>(lane)
                               : loadInto<uint8_t>(lane);
  case 2:
    return ptx::isSigned(type) ? loadInto<int16_t>(lane)
                               : loadInto<uint16_t>(lane);
  case 4:
    return ptx::isSigned(type) ? loadInto<int32_t>(lane)
                               : loadInto<uint32_t>(lane);
  case 8:
    return loadInto<uint64_t>(lane);
  case 16:
    return lane == 16 ? load<Bits128, Bits128> : nullptr;
  default:
    return nullptr;
  }
}
template <typename T>
Handler storeFrom(unsigned lane) {
  if constexpr (sizeof(T) <= 2)
    if (lane == 2)
      return store<T, uint16_t>;
  if constexpr (sizeof(T) <= 4)
    if (lane == 4)
      return store<T, uint32_t>;
  return lane == 8 ? store<T, uint64_t> : nullptr;
}
Handler storeHandler(Type type, unsigned lane) {
  switch (ptx::bytesOf(type)) {
  case 1:
    return storeFrom<uint8_t>(lane);
  case 2:
    return storeFrom<uint16_t>(lane);
  case 4:
    return storeFrom<uint32_t>(lane);
  case 8:
    return storeFrom<uint64_t>(lane);
  case 16:
    return lane == 16 ? store<Bits128, Bits128> : nullptr;
  default:
    return nullptr;
  }
}

/// The parameter of a call, or of the function being decoded: in the frame, at an offset that is known.
bool decodeFrameParameter(Decoder &d, const ptx::Operand &address) {
  if (address.kind != OperandKind::Address || address.parts.size() != 1)
    return false;
  const ptx::Operand &base = address.parts[0];
  if (base.kind != OperandKind::Symbol || base.index == ptx::None)
    return false;
  const ptx::Function &function = d.function();
  if (function.variables[base.index].space != Space::Param ||
      (function.isKernel &&
       std::find(function.parameters.begin(), function.parameters.end(),
                 base.index) != function.parameters.end()))
    return false;
  Decoder::ParameterSpace parameter =
      d.parameterVariable(d.functionIndex(), base.index);
  uint64_t bytes = uint64_t(d.out.bytes) * d.out.count;
  if (base.bits > parameter.bytes || bytes > parameter.bytes - base.bits)
    d.refuse("'" + base.symbol + "' has " + std::to_string(parameter.bytes) +
             " bytes");
  d.out.space = Space::Register;
  d.out.a = parameter.at;
  d.out.target = parameter.stride;
  d.out.imm = static_cast<int64_t>(base.bits);
  return true;
}

void setClass(Decoder &d, bool isLoad) {
  switch (d.out.space) {
  case Space::Shared:
    d.out.cls = InstructionClass::Shared;
    return;
  case Space::Local:
    d.out.cls = InstructionClass::Local;
    return;
  case Space::Const:
  case Space::Param:
  case Space::Register:
    d.out.cls = isLoad ? InstructionClass::Constant : InstructionClass::Local;
    return;
  default:
    d.out.cls = InstructionClass::Global;
    return;
  }
}

unsigned takeWidth(Decoder &d) {
  return d.takeOne<unsigned>({{"v2", 2}, {"v4", 4}, {"v8", 8}}, 1);
}

/// .weak, .volatile, .relaxed, and .acquire or .release with their scopes.
void takeOrder(Decoder &d, const char *side) {
  d.take("weak");
  if (d.take("volatile")) {
    d.out.scope = Scope::System;
    return;
  }
  bool strong = d.take("relaxed");
  if (d.take(side)) {
    strong = true;
    d.out.ordering = {std::string_view(side) == "release",
                      std::string_view(side) == "acquire"};
  }
  Scope scope = d.takeScope(Scope::None);
  if (strong != (scope != Scope::None))
    d.refuse("a scope belongs to .relaxed, .acquire and .release, and they to "
             "a scope");
  d.out.scope = scope;
}

/// The vector or single operand of data; all in registers of one width.
void data(Decoder &d, const ptx::Operand &operand, bool isLoad) {
  std::vector<const ptx::Operand *> elements;
  if (operand.kind == OperandKind::Vector)
    for (const ptx::Operand &element : operand.parts)
      elements.push_back(&element);
  else
    elements.push_back(&operand);
  if (elements.size() != d.out.count)
    d.refuse("expected " + std::to_string(d.out.count) + " registers");
  unsigned width = 0;
  for (const ptx::Operand *element : elements)
    if (element->kind == OperandKind::Register) {
      unsigned bytes = d.registerBytes(*element);
      if (width && width != bytes)
        d.refuse("the registers of a vector differ in size");
      width = bytes;
    }
  if (!width)
    width = std::max<unsigned>(2, d.out.bytes);
  if (width < d.out.bytes)
    d.refuse("the register has fewer than " + std::to_string(8 * d.out.bytes) +
             " bits");
  std::vector<Operand> list;
  for (const ptx::Operand *element : elements)
    list.push_back(isLoad ? d.destination(*element, width)
                          : d.source(*element, width));
  d.out.list = d.keep(list);
  d.out.lane[0] = static_cast<uint8_t>(width);
}

void decodeLoadStore(Decoder &d, bool isLoad) {
  takeOrder(d, isLoad ? "acquire" : "release");
  d.out.space = d.takeSpace();
  takeCacheHints(d);
  bool hint = d.take("L2::cache_hint");
  d.out.count = static_cast<uint8_t>(takeWidth(d));
  Type type = d.takeType();
  d.out.bytes = static_cast<uint8_t>(ptx::bytesOf(type));
  if (d.out.bytes * d.out.count > 32)
    d.refuse("a vector has at most 32 bytes");
  d.expectOperands(hint ? 3 : 2);
  const ptx::Operand &at = d.operand(isLoad ? 1 : 0);
  if (!decodeFrameParameter(d, at))
    d.address(at);
  if (d.out.space == Space::Const && !isLoad)
    d.refuse("constants cannot be stored to");
  data(d, d.operand(isLoad ? 0 : 1), isLoad);
  setClass(d, isLoad);
  d.out.handler = isLoad ? loadHandler(type, d.out.lane[0])
                         : storeHandler(type, d.out.lane[0]);
  if (!d.out.handler)
    d.refuseType(type);
}
void decodeLd(Decoder &d) { decodeLoadStore(d, true); }
void decodeSt(Decoder &d) { decodeLoadStore(d, false); }
void decodeLdu(Decoder &d) { decodeLoadStore(d, true); }

Flow nothing(Warp &, const Instruction &, uint32_t) { return Flow::Next; }

/// Prefetches move nothing that can be seen, and may name any address.
void decodePrefetch(Decoder &d) {
  d.out.space = d.takeSpace();
  takeCacheHints(d);
  if (!d.take("L1") && !d.take("L2"))
    d.refuse("expected .L1 or .L2");
  d.expectOperands(1);
  d.address(d.operand(0));
  d.out.cls = InstructionClass::Global;
  d.out.handler = nothing;
}

/// A cache policy is a number that only hints take.
void decodeCreatePolicy(Decoder &d) {
  if (!d.take("fractional"))
    d.refuse("expected .fractional");
  for (const char *priority : {"L2::evict_last", "L2::evict_normal",
                               "L2::evict_first", "L2::evict_unchanged"})
    while (d.take(priority)) {
    }
  d.require("b64");
  d.expectOperands(1, 2);
  d.out.d = d.destinationBytes(0, 8);
  d.out.handler = [](Warp &w, const Instruction &i, uint32_t mask) {
    forLanes(
        mask, w.at<uint64_t>(i.d), [](uint64_t) { return uint64_t(0); },
        w.at<uint64_t>(i.d));
    return Flow::Next;
  };
  d.out.cls = InstructionClass::Other;
}

} // namespace

void takeCacheHints(Decoder &d) {
  for (const char *hint :
       {"ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "L1::evict_normal",
        "L1::evict_unchanged", "L1::evict_first", "L1::evict_last",
        "L1::no_allocate", "L2::evict_normal", "L2::evict_first",
        "L2::evict_last", "L2::64B", "L2::128B", "L2::256B"})
    d.take(hint);
}

void addMemory(Opcodes &all) {
  all["ld"] = decodeLd;
  all["ldu"] = decodeLdu;
  all["st"] = decodeSt;
  all["prefetch"] = decodePrefetch;
  all["prefetchu"] = decodePrefetch;
  all["createpolicy"] = decodeCreatePolicy;
}

} // namespace moec::cudasim
