//===- MemoryAccess.h - What a warp's access touches ------------*- C++ -*-===//
//
// The one place where addresses become bytes of the host: bounds, alignment, peers, initialisation, races and copies in
// flight are checked here for every instruction that touches memory, and counted.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_MACHINE_MEMORYACCESS_H
#define MOEC_SIMULATOR_MACHINE_MEMORYACCESS_H

#include "simulator/machine/Block.h"
#include "simulator/machine/Lanes.h"

namespace moec::cudasim {

struct MemoryAccess {
  /// Of each lane, within its space; device addresses for the global space.
  alignas(64) uint64_t address[32];
  /// Of each lane; of inactive lanes, bytes that may be read and written without effect.
  std::byte *pointer[32];
  /// Not null: all 32 lanes are active and lie behind each other from here.
  std::byte *contiguous = nullptr;
  /// Of a store: whether two lanes store the same value.
  bool (*sameValue)(Warp &, const Instruction &, unsigned, unsigned) = nullptr;
};

enum class Touch : uint8_t { Read, Write, Atomic, Reduction };

/// Addresses out.a + out.imm of the instruction, as Decoder::address left them.
void computeAddresses(Warp &w, const Instruction &i, uint64_t (&address)[32]);

/// Resolves `bytes` per lane (a power of two up to 32) at access.address in the instruction's space. False: the grid
/// failed. `elementBytes`: of one element of a vector.
bool resolve(Warp &w, const Instruction &i, uint32_t mask, unsigned bytes,
             Touch touch, MemoryAccess &access, unsigned elementBytes = 0);

/// The same for shared memory alone, without the address register: for ldmatrix, mbarrier, cp.async. `counted` false:
/// the caller counts.
bool resolveShared(Warp &w, const Instruction &i, uint32_t mask, unsigned bytes,
                   Touch touch, MemoryAccess &access, unsigned elementBytes,
                   bool counted);
bool resolveGlobal(Warp &w, const Instruction &i, uint32_t mask, unsigned bytes,
                   Touch touch, MemoryAccess &access, unsigned elementBytes,
                   bool counted);

/// A shared address from a 32-bit register or a generic one: what lies in the window is taken relative to it.
inline uint64_t sharedAddress(uint64_t address) {
  return windowOf(address) == Window::Shared ? address - kSharedWindow
                                             : address;
}

/// Modifiers of ld, st, atom, red that say how strong they are; sets out.scope and out.ordering.
class Decoder;
void takeCacheHints(Decoder &d);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_MEMORYACCESS_H
