//===- Program.h - A decoded module -----------------------------*- C++ -*-===//
//
// What the machine executes: one array of instructions for all functions of a module, each with a handler that was chosen
// for its operation and type. Operands are arrays of 32 lanes in one of three banks (registers of the frame, constants,
// special registers), so that handlers have no branches on what an operand is.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_MACHINE_PROGRAM_H
#define MOEC_SIMULATOR_MACHINE_PROGRAM_H

#include "simulator/arithmetic/Mma.h"
#include "simulator/check/RaceDetector.h"
#include "simulator/count/Counters.h"
#include "simulator/memory/GlobalMemory.h"
#include "simulator/ptx/Module.h"
#include "support/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moec::cudasim {

class Warp;
struct Instruction;

/// What the warp does after an instruction.
enum class Flow : uint8_t {
  Next,     ///< the next instruction
  Jump,     ///< pc was set
  Schedule, ///< lanes were parked, merged or retired: choose a group
  Yield,    ///< choose another group, and another warp: nothing to do but wait
  Fail,     ///< the grid failed; the diagnosis is set
};
using Handler = Flow (*)(Warp &, const Instruction &, uint32_t mask);

/// Where the 32 lanes of an operand lie: offset in its bank, a multiple of 8, with the bank in the low two bits. Bit 2
/// negates a predicate.
struct Operand {
  static constexpr uint32_t kFrame = 0, kConstant = 1, kSpecial = 2,
                            kNegate = 4;
  uint32_t code = 0;

  uint32_t bank() const { return code & 3; }
  uint32_t offset() const { return code & ~7u; }
};

/// Address of the first byte of a block's shared memory in its window: what is below is nobody's, so that null is caught.
constexpr uint32_t kSharedBase = 1024;
/// What the system keeps for itself in front of a block's shared memory, where a program asks for its place (%reserved_smem_offset_…).
constexpr uint32_t kReservedShared = 1024;
constexpr unsigned kMaxRecursion = 32;

/// Size of a register of each width: 32 lanes; of a predicate, 32 bits in 8 bytes.
constexpr uint32_t kPredicateSlot = 8;
constexpr uint32_t laneArrayBytes(unsigned bytesPerLane) {
  return 32 * bytesPerLane;
}

struct Instruction {
  Handler handler = nullptr;
  Operand guard{Operand::kConstant}; ///< constant 0 is "always"
  Operand d, d2;
  Operand a, b, c, e;
  uint32_t list = 0;   ///< further operands: Program::operands[list …]
  uint32_t target = 0; ///< pc of a branch; function of a call; table of brx
  int64_t imm = 0;     ///< offset of an address and other literals
  uint8_t bytes = 0;   ///< of a memory element
  uint8_t count = 0;   ///< elements of a vector, operands of a list
  uint8_t lane[3] =
      {}; ///< bytes a lane of destination and sources, where it differs from the type
  ptx::Space space = ptx::Space::Generic;
  uint8_t kind = 0;          ///< of the family: its own enumeration
  uint8_t flags = 0;         ///< of the family
  Scope scope = Scope::None; ///< of memory operations that are strong
  Ordering ordering;
  InstructionClass cls = InstructionClass::Other;
};

struct SourceLine {
  uint32_t line = 0; ///< in the PTX text
  ptx::Location location;
  uint32_t function = 0;
};

/// A parameter of a kernel in its parameter block.
struct Parameter {
  uint32_t offset = 0, bytes = 0, alignment = 1;
};

struct Function {
  std::string name;
  bool isKernel = false;
  uint32_t entry = 0, end = 0; ///< instructions
  uint32_t frameBytes = 0;     ///< registers of one activation
  uint32_t localBytes = 0;     ///< of a thread, of one activation
  uint64_t frameStack = 0,
           localStack = 0; ///< with all it calls; recursion up to kMaxRecursion
  std::vector<uint32_t> callees;
  uint32_t parameterBytes = 0;
  std::vector<Parameter> parameters;
  uint32_t maxThreads[3] = {}, requiredThreads[3] = {},
           requiredCluster[3] = {}; ///< 0: not given
  uint32_t staticSharedBytes = 0;   ///< of the variables the kernel can reach
  uint32_t dynamicSharedOffset =
      0; ///< first byte of extern .shared arrays: staticSharedBytes, aligned
};
/// Functions that are launched.
using Kernel = Function;

/// What a call does with its arguments: where they lie in the frames of caller and callee.
struct CallMove {
  Operand from, to;
  uint32_t bytes; ///< of a lane; 0: a predicate
};
struct CallSite {
  uint32_t function = 0;
  std::vector<CallMove> arguments, results;
};

/// A .global or .const variable.
struct GlobalVariable {
  std::string name;
  uint64_t address = 0, bytes = 0;
};

enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NwarpId,
  SmId,
  NsmId,
  GridId,
  LanemaskEq,
  LanemaskLe,
  LanemaskLt,
  LanemaskGe,
  LanemaskGt,
  DynamicSmemSize,
  TotalSmemSize,
  AggrSmemSize,
  ReservedSmemBegin,
  ReservedSmemEnd,
  ReservedSmemCap,
  ReservedSmem0,
  ReservedSmem1,
  EnvReg1,
  EnvReg2,
  EnvRegOther,
  ClusterIdX,
  ClusterIdY,
  ClusterIdZ,
  NclusterIdX,
  NclusterIdY,
  NclusterIdZ,
  ClusterCtaidX,
  ClusterCtaidY,
  ClusterCtaidZ,
  ClusterNctaidX,
  ClusterNctaidY,
  ClusterNctaidZ,
  ClusterCtarank,
  ClusterNctarank,
  IsExplicitCluster,
  WarpSize,
  // Read when they are read: not in the bank.
  Clock,
  ClockHi,
  Clock64,
  GlobalTimer,
  GlobalTimerLo,
  GlobalTimerHi,
};

/// A special register that the program reads: its offset in the bank.
struct SpecialSlot {
  Special special;
  uint32_t offset;
};

struct Program {
  std::string name;
  int device = 0;
  std::vector<Instruction> code;
  std::vector<SourceLine> lines; ///< of each instruction
  std::vector<Function> functions;
  std::vector<Operand> operands;
  std::vector<CallSite> calls;
  std::vector<Mma> mma;                      ///< shapes of mma instructions
  std::vector<std::vector<uint32_t>> tables; ///< of brx.idx
  std::vector<std::byte> constants;          ///< see constantBank()
  std::vector<SpecialSlot> specials;
  uint32_t specialBytes = 0;
  uint32_t reservedSharedBytes = 0; ///< kReservedShared or 0
  std::vector<GlobalVariable> globals;
  std::vector<std::string> text; ///< lines of the PTX, for messages
  std::map<uint32_t, std::string> files;

  const Kernel *findKernel(std::string_view kernel) const;
  const GlobalVariable *findGlobal(std::string_view variable) const;
  /// The constants, aligned for vector code.
  const std::byte *constantBank() const;
  void alignConstants();
  /// "file:line" of the instruction's .loc, or "".
  std::string source(uint32_t pc) const;
};

/// Decodes a module for a device: allocates and initialises its variables in `memory` (the caller frees them through
/// `globals`) and refuses, with line and text, every instruction it does not know to the last modifier. On an error
/// nothing stays allocated.
Result<std::unique_ptr<Program>> decode(const ptx::Module &module,
                                        GlobalMemory &memory, int device);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_PROGRAM_H
