//===- Lanes.h - Loops over the lanes of a warp -----------------*- C++ -*-===//
#ifndef MOEC_SIMULATOR_MACHINE_LANES_H
#define MOEC_SIMULATOR_MACHINE_LANES_H

#include "simulator/machine/Warp.h"

#include <bit>

/// Registers are the same or do not overlap: the loop carries nothing.
#ifdef __clang__
#define MOEC_LANES _Pragma("clang loop vectorize(assume_safety)")
#else
#define MOEC_LANES _Pragma("GCC ivdep")
#endif

namespace moec::cudasim {

constexpr uint32_t kAllLanes = 0xffffffffu;

/// d[l] = f(s[l]…) for the lanes of `mask`; the others keep what they have. `f` is computed for all of them, so it must be
/// defined for any value.
template <typename D, typename F, typename... S>
inline void forLanes(uint32_t mask, D *d, F f, const S *...s) {
  if (mask == kAllLanes) {
    MOEC_LANES
    for (unsigned l = 0; l < 32; ++l)
      d[l] = f(s[l]...);
  } else {
    MOEC_LANES
    for (unsigned l = 0; l < 32; ++l) {
      D value = f(s[l]...);
      d[l] = mask >> l & 1 ? value : d[l];
    }
  }
}

/// The same with one call per active lane, for what costs more than a few instructions.
template <typename F>
inline void forEachLane(uint32_t mask, F f) {
  for (; mask; mask &= mask - 1)
    f(static_cast<unsigned>(std::countr_zero(mask)));
}

/// A lane mask of a predicate over lanes.
template <typename F, typename... S>
inline uint32_t lanesWhere(F f, const S *...s) {
  uint32_t bits = 0;
  for (unsigned l = 0; l < 32; ++l)
    bits |= uint32_t(f(s[l]...)) << l;
  return bits;
}

// Handlers of one, two, three operands: F is a stateless function object.
template <typename D, typename S, typename F>
Flow unary(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(mask, w.at<D>(i.d), F(), w.at<S>(i.a));
  return Flow::Next;
}
template <typename D, typename S, typename F>
Flow binary(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(mask, w.at<D>(i.d), F(), w.at<S>(i.a), w.at<S>(i.b));
  return Flow::Next;
}
template <typename D, typename S, typename F, typename C = S>
Flow ternary(Warp &w, const Instruction &i, uint32_t mask) {
  forLanes(mask, w.at<D>(i.d), F(), w.at<S>(i.a), w.at<S>(i.b), w.at<C>(i.c));
  return Flow::Next;
}

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_LANES_H
