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

  bool at(const Group &other) const {
    return pc == other.pc && frame == other.frame && local == other.local;
  }
};

/// Where a lane returns to.
struct ReturnPoint {
  uint32_t pc, frame, local;
};

/// Memory for arrays of lanes.
class AlignedBytes {
public:
  void resize(size_t bytes);
  std::byte *data() {
    return reinterpret_cast<std::byte *>(
        (reinterpret_cast<uintptr_t>(memory.data()) + 63) & ~uintptr_t(63));
  }

private:
  std::vector<std::byte> memory;
};

class Warp {
public:
  Warp(Block &block, uint32_t index) : block(&block), index(index) {}

  /// Starts at the kernel's entry with the lanes of `mask`.
  void start(uint32_t mask);

  enum class Status : uint8_t { Ready, Spinning, Waiting, Done, Failed };
  /// Executes at most `budget` instructions.
  Status run(uint64_t budget);
  uint64_t remaining = 0; ///< of the budget

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
  const Operand *list(const Instruction &instruction) const {
    return program->operands.data() + instruction.list;
  }

  /// Lanes `mask` of the running group wait at the current instruction; its other lanes go on behind it.
  void park(uint32_t mask, Wait wait, uint8_t barrier = 0);
  /// Lanes of `mask` go on at `pc` as a group of their own.
  void split(uint32_t mask, uint32_t pc);
  /// Lanes of `mask` exit.
  void retire(uint32_t mask);
  /// Whether all lanes that `member` names and that have not exited are in `mask`, the lanes executing; otherwise parks
  /// them until the rest arrives (the handler returns Schedule).
  bool gather(uint32_t mask, uint32_t member);
  /// The block released barrier `number`: its groups go on behind their instruction.
  void release(unsigned number, uint32_t reduced);
  /// Lanes of groups that wait at barrier `number`.
  uint32_t lanesAt(unsigned number) const;
  /// Whether a backward branch is part of a spin and the group should give way.
  bool spins();

  /// Fails the grid. `lane` -1: none in particular.
  Flow fail(std::string kind, std::string message, int lane = -1);
  uint32_t line() const { return program->lines[group.pc].line; }

  std::byte *localAt(uint32_t lane, uint64_t offset) {
    return localMemory.data() + lane * localStride + offset;
  }

  /// "pc, line, lanes and reason" of every group.
  std::string describe() const;

  std::array<std::byte *, 3> banks{};
  const Program *program = nullptr;
  Block *block;
  uint32_t index; ///< in the block
  Group group;    ///< what runs; its mask is empty when nothing can
  uint32_t live = 0;
  std::vector<Group> parked;
  bool ranStrongLoad = false; ///< since the last backward branch
  uint32_t carry = 0; ///< condition code of addc, subc, madc: a bit a lane
  std::vector<std::byte> localMemory;
  std::vector<uint64_t> localWritten; ///< a bit a byte
  uint64_t localStride = 0;           ///< of a lane, a multiple of 64
  RaceDetector::Warp *race = nullptr;
  std::vector<std::array<ReturnPoint, 32>> returns; ///< by depth
  std::array<uint32_t, 32> depths{};                ///< calls a lane is in

  /// Points the banks at the running group's frame.
  void enterFrame() { banks[Operand::kFrame] = frames.data() + group.frame; }
  /// Takes in groups at the same pc and runs the lowest.
  void choose();

private:
  void setSpecials();

  AlignedBytes frames, specials;
  uint32_t switchPc = UINT32_MAX; ///< the next pc where another group is parked
  uint32_t spinCount = 0, backEdges = 0, spinTurns = 0;
  bool failed = false;
};

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_WARP_H
