//===- Atomics.cpp - atom, red, fences ------------------------------------===//
#include "simulator/arithmetic/Float.h"
#include "simulator/machine/Decoder.h"
#include "simulator/machine/MemoryAccess.h"

#include <cstring>
#include <type_traits>

namespace moec::cudasim {

using ptx::Space;
using ptx::Type;

namespace {

struct Add {
  template <typename T>
  T operator()(T old, T b, T) const {
    if constexpr (std::is_integral_v<T>)
      return T(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(b));
    else
      return add<Mode{}>(old, b);
  }
};
/// add.f32 of global memory flushes subnormals, that of shared memory does not.
struct AddFlushed {
  float operator()(float old, float b, float) const {
    return add<Mode{Rounding::NearestEven, true}>(old, b);
  }
};
template <Format F, unsigned Count>
struct AddHalves {
  template <typename T>
  T operator()(T old, T b, T) const {
    T result = 0;
    for (unsigned k = 0; k < Count; ++k)
      result |= T(T(Half<F>::add(uint16_t(old >> (16 * k)),
                                 uint16_t(b >> (16 * k)), HalfMode{}))
                  << (16 * k));
    return result;
  }
};
struct Min {
  template <typename T>
  T operator()(T old, T b, T) const {
    return b < old ? b : old;
  }
};
struct Max {
  template <typename T>
  T operator()(T old, T b, T) const {
    return b > old ? b : old;
  }
};
struct And {
  template <typename T>
  T operator()(T old, T b, T) const {
    return old & b;
  }
};
struct Or {
  template <typename T>
  T operator()(T old, T b, T) const {
    return old | b;
  }
};
struct Xor {
  template <typename T>
  T operator()(T old, T b, T) const {
    return old ^ b;
  }
};
struct Exch {
  template <typename T>
  T operator()(T, T b, T) const {
    return b;
  }
};
struct Cas {
  template <typename T>
  T operator()(T old, T b, T c) const {
    return old == b ? c : old;
  }
};
struct Inc {
  template <typename T>
  T operator()(T old, T b, T) const {
    return old >= b ? 0 : old + 1;
  }
};
struct Dec {
  template <typename T>
  T operator()(T old, T b, T) const {
    return old == 0 || old > b ? b : old - 1;
  }
};

/// The lanes one after the other, in an order that the seed decides.
template <typename T, typename Op, bool Returns>
Flow atomic(Warp &w, const Instruction &i, uint32_t mask) {
  MemoryAccess access;
  uint32_t inShared = 0; // of lanes with generic addresses
  if constexpr (std::is_same_v<Op, AddFlushed>)
    if (i.space == Space::Generic) {
      computeAddresses(w, i, access.address);
      inShared =
          lanesWhere([](uint64_t a) { return windowOf(a) == Window::Shared; },
                     access.address);
    }
  if (!resolve(w, i, mask, sizeof(T),
               Returns ? Touch::Atomic : Touch::Reduction, access, sizeof(T)))
    return Flow::Fail;
  LaunchState &state = w.block->state;
  ++state.counters.events(w.group.pc).atomics;
  w.ranStrongLoad = true;
  unsigned first = state.options.seed ? unsigned(state.next() & 31) : 0;
  const T *b = w.at<T>(i.b), *c = w.at<T>(i.c);
  T *to = w.at<T>(i.d);
  bool changed = false;
  for (unsigned n = 0; n < 32; ++n) {
    unsigned l = (first + n) & 31;
    if (!(mask >> l & 1))
      continue;
    std::byte *at = access.contiguous ? access.contiguous + l * sizeof(T)
                                      : access.pointer[l];
    T old;
    std::memcpy(&old, at, sizeof(T));
    T value = Op()(old, b[l], c[l]);
    if constexpr (std::is_same_v<Op, AddFlushed>)
      value = inShared >> l & 1 ? Add()(old, b[l], c[l]) : value;
    changed |= std::memcmp(&value, &old, sizeof(T)) != 0;
    std::memcpy(at, &value, sizeof(T));
    if constexpr (Returns)
      to[l] = old;
  }
  state.changes += changed;
  return Flow::Next;
}

template <typename T, typename Op>
Handler handlerOf(bool returns) {
  return returns ? atomic<T, Op, true> : atomic<T, Op, false>;
}

template <typename Op>
Handler integerOf(Type type, bool r) {
  switch (type) {
  case Type::U32:
    return handlerOf<uint32_t, Op>(r);
  case Type::S32:
    return handlerOf<int32_t, Op>(r);
  case Type::U64:
    return handlerOf<uint64_t, Op>(r);
  case Type::S64:
    return handlerOf<int64_t, Op>(r);
  default:
    return nullptr;
  }
}
template <typename Op>
Handler bitsOf(Type type, bool r) {
  switch (type) {
  case Type::B32:
    return handlerOf<uint32_t, Op>(r);
  case Type::B64:
    return handlerOf<uint64_t, Op>(r);
  default:
    return nullptr;
  }
}

Handler addHandler(Decoder &d, Type type, bool r) {
  bool half = type == Type::F16 || type == Type::F16x2 || type == Type::BF16 ||
              type == Type::BF16x2;
  if (half)
    d.require("noftz");
  switch (type) {
  case Type::F32:
    return d.out.space == Space::Shared ? handlerOf<float, Add>(r)
                                        : handlerOf<float, AddFlushed>(r);
  case Type::F64:
    return handlerOf<double, Add>(r);
  case Type::F16:
    return handlerOf<uint16_t, AddHalves<F16, 1>>(r);
  case Type::F16x2:
    return handlerOf<uint32_t, AddHalves<F16, 2>>(r);
  case Type::BF16:
    return handlerOf<uint16_t, AddHalves<BF16, 1>>(r);
  case Type::BF16x2:
    return handlerOf<uint32_t, AddHalves<BF16, 2>>(r);
  default:
    return integerOf<Add>(type, r);
  }
}

void decodeAtomic(Decoder &d, bool returns) {
  d.take("relaxed");
  bool acquires = d.take("acquire"), releases = d.take("release");
  if (d.take("acq_rel"))
    acquires = releases = true;
  d.out.ordering = {releases, acquires};
  d.out.scope = d.takeScope(Scope::Device);
  d.out.space = d.takeSpace();
  bool hint = d.take("L2::cache_hint");
  std::string op;
  for (const char *name :
       {"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"})
    if (op.empty() && d.take(name))
      op = name;
  Type type = d.takeType();
  Handler handler = nullptr;
  if (op == "add")
    handler = addHandler(d, type, returns);
  else if (op == "min")
    handler = integerOf<Min>(type, returns);
  else if (op == "max")
    handler = integerOf<Max>(type, returns);
  else if (op == "and")
    handler = bitsOf<And>(type, returns);
  else if (op == "or")
    handler = bitsOf<Or>(type, returns);
  else if (op == "xor")
    handler = bitsOf<Xor>(type, returns);
  else if (op == "exch" && returns)
    handler = bitsOf<Exch>(type, true);
  else if (op == "cas" && returns)
    handler = type == Type::B16 ? handlerOf<uint16_t, Cas>(true)
                                : bitsOf<Cas>(type, true);
  else if (op == "inc" && type == Type::U32)
    handler = handlerOf<uint32_t, Inc>(returns);
  else if (op == "dec" && type == Type::U32)
    handler = handlerOf<uint32_t, Dec>(returns);
  if (!handler)
    d.refuse("this atomic operation is not supported");
  size_t at = returns ? 1 : 0, sources = op == "cas" ? 2 : 1;
  d.expectOperands(at + 1 + sources + hint);
  d.address(d.operand(at));
  d.out.b = d.source(at + 1, type);
  d.out.c = sources == 2 ? d.source(at + 2, type) : d.out.b;
  d.out.d = returns ? d.destination(0, type) : d.out.b;
  d.out.cls = InstructionClass::Atomic;
  d.out.handler = handler;
}
void decodeAtom(Decoder &d) { decodeAtomic(d, true); }
void decodeRed(Decoder &d) { decodeAtomic(d, false); }

// -- Fences.

Flow fence(Warp &w, const Instruction &i, uint32_t mask) {
  if (w.race)
    w.block->state.races->fence(w.race, mask, i.scope, i.ordering);
  return Flow::Next;
}
Flow nothing(Warp &, const Instruction &, uint32_t) { return Flow::Next; }

void decodeFence(Decoder &d) {
  d.out.cls = InstructionClass::Fence;
  d.expectOperands(0);
  if (d.take("proxy")) {
    // Everything that the simulator executes so far is of the generic proxy.
    if (!d.take("alias") && !d.take("async") && !d.take("async::generic"))
      d.refuse("this proxy is not supported");
    d.takeSpace();
    d.out.handler = nothing;
    return;
  }
  if (d.take("mbarrier_init")) {
    d.require("release");
    d.require("cluster");
    d.out.scope = Scope::Cluster;
    d.out.ordering = {true, false};
    d.out.handler = fence;
    return;
  }
  d.out.ordering = {true, true};
  if (d.take("acquire"))
    d.out.ordering = {false, true};
  else if (d.take("release"))
    d.out.ordering = {true, false};
  else if (!d.take("sc"))
    d.take("acq_rel");
  d.out.scope = d.takeScope(Scope::None);
  if (d.out.scope == Scope::None)
    d.refuse("expected a scope");
  d.out.handler = fence;
}

void decodeMembar(Decoder &d) {
  d.expectOperands(0);
  d.out.scope = d.takeOne<Scope>(
      {{"cta", Scope::Block}, {"gl", Scope::Device}, {"sys", Scope::System}},
      Scope::None);
  if (d.out.scope == Scope::None)
    d.refuse("expected .cta, .gl or .sys");
  d.out.ordering = {true, true};
  d.out.cls = InstructionClass::Fence;
  d.out.handler = fence;
}

} // namespace

void addAtomics(Opcodes &all) {
  all["atom"] = decodeAtom;
  all["red"] = decodeRed;
  all["fence"] = decodeFence;
  all["membar"] = decodeMembar;
}

} // namespace moec::cudasim
