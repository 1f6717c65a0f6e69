//===- Warp.h - 32 lanes and their divergence -------------------*- C++ -*-===//
//
// A warp runs one group of lanes with a common pc; the others are parked. The group with the lowest pc runs and takes in
// what it finds parked at its own pc, which needs no control flow graph. A group that waits (for lanes of a warp-wide
// instruction, for a barrier) stays parked until another group merges with it or the block releases it; a group that
// spins gives way to the others, so that lanes may wait for lanes of their own warp.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_MACHINE_WARP_H
#define MOEC_SIMULATOR_MACHINE_WARP_H

#include "simulator/machine/Program.h"

#include <array>
#include <vector>

namespace moec::cudasim {

class Block;

enum class Wait : uint8_t {
  None,        ///< can run
  Spin,        ///< gave way; runs again when all others gave way or wait
  Lanes,       ///< for other lanes of the warp at the same instruction
  Barrier,     ///< for other warps at a barrier
  AsyncCopies, ///< reserved for copies that complete by themselves
};

/// Lanes with a common pc and frame.
struct Group {
  uint32_t pc = 0;
  uint32_t mask = 0;
  uint32_t frame = 0; ///< byte offset of the activation's registers
  uint32_t local = 0; ///< byte offset of the activation's local memory
  Wait wait = Wait::None;
  uint8_t barrier = 0;

  bool at(const Group &other) const { return pc == other.pc && frame == other.frame && local == other.local; }
};

/// Where a lane returns to.
struct ReturnPoint {
  uint32_t pc, frame, local;
};

class Warp {
public:
  Warp(Block &block, uint32_t index) : block(&block), index(index) {}

  /// Starts at the kernel's entry with the lanes of `mask`.
  void start(const Kernel &kernel, uint32_t mask);

  enum class Status : uint8_t { Ready, Spinning, Waiting, Done, Failed };
  /// Executes at most `budget` instructions and takes off what it executed.
  Status run(uint64_t &budget);

  // -- For handlers.
  template <typename T>
  T *at(Operand operand) {
    return reinterpret_cast<T *>(banks[operand.bank()] + operand.offset());
  }
  uint32_t predicate(Operand operand) {
    uint32_t bits = *at<uint32_t>(operand);
    return operand.code & Operand::kNegate ? ~bits : bits;
  }
  void setPredicate(Operand operand, uint32_t mask, uint32_t bits) {
    uint32_t *to = at<uint32_t>(operand);
    *to = (*to & ~mask) | (bits & mask);
  }
  const Operand *list(const Instruction &instruction) const { return program->operands.data() + instruction.list; }

  /// Parks the active group at the current pc.
  void park(Wait wait, uint8_t barrier = 0);
  /// Leaves only `mask` active; the other lanes of the group go on at `pc`.
  void splitOff(uint32_t others, uint32_t pc);
  /// Lanes of `mask` exit.
  void retire(uint32_t mask);
  /// Whether all lanes that `member` names and that have not exited are in `mask`, the lanes executing; otherwise parks
  /// them until the rest arrives.
  bool gather(uint32_t mask, uint32_t member);
  /// The block released barrier `number`: its groups go on after their instruction.
  void release(uint8_t number, uint32_t reduced);
  /// A taken backward branch, or a load that may be part of a spin.
  void noteSpin() { ++spins; }

  /// Fails the grid. `lane` -1: none in particular.
  Flow fail(std::string kind, std::string message, int lane = -1);

  /// Bytes of local memory of a lane and whether each was written.
  std::byte *localAt(uint32_t lane, uint64_t offset) { return localMemory.data() + lane * localStride + offset; }

  /// "pc, line, lanes and reason" of every group.
  std::string describe() const;

  std::array<std::byte *, 3> banks{};
  const Program *program = nullptr;
  const Kernel *kernel = nullptr;
  Block *block;
  uint32_t index; ///< in the block
  Group group;    ///< what runs; its mask is empty when nothing can
  uint32_t live = 0;
  std::vector<Group> parked;
  uint32_t spins = 0;
  bool ranStrongLoad = false;
  uint32_t carry = 0; ///< condition code of addc, subc, madc
  // One bit of `localWritten` a byte.
  std::vector<std::byte> localMemory;
  std::vector<uint64_t> localWritten;
  uint64_t localStride = 0;
  uint32_t race = 0; ///< number of the warp in the grid, for the race detector
  std::vector<std::array<ReturnPoint, 32>> returns; ///< by depth; indexed through `depths`
  std::array<uint32_t, 32> depths{};                ///< calls a lane is in
  /// The frame's registers grow with calls.
  void enterFrame();
  std::vector<std::byte> frameMemory;
  std::vector<std::byte> specialMemory;

  /// Takes in groups at the same pc, runs the lowest pc.
  void choose();
  uint32_t switchPc = UINT32_MAX; ///< the next pc where another group is parked

private:
  void setActive(const Group &next);
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_WARP_H
