//===- Counters.h - What a launch did ----------------------------*- C++ -*-===//
//
// Counted per decoded instruction while a launch runs, and summed by class and by source line afterwards. These are requested and
// compulsory sectors and modelled bank conflicts of the simulated program, never measurements of a memory system.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_COUNT_COUNTERS_H
#define MOEC_SIMULATOR_COUNT_COUNTERS_H

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace moec::cudasim {

enum class InstructionClass : uint8_t {
  Integer, ///< integer arithmetic, shifts, logic, bit fields
  Float32, ///< add, mul, fma, div, sqrt, min, max of f32
  Float16, ///< f16, bf16 and their packed forms
  Float64,
  Special,    ///< .approx functions
  Compare,    ///< setp, selp, set, slct
  Convert,    ///< cvt
  Move,       ///< mov, cvta, prmt-free packing, special registers
  Control,    ///< bra, call, ret, exit, trap, nanosleep
  Global,     ///< ld, st of global (or generic that hits it), prefetch
  Shared,     ///< ld, st of shared
  Local,      ///< ld, st of local
  Constant,   ///< ld of param and const
  Atomic,     ///< atom, red of any space
  Shuffle,    ///< shfl, vote, match, redux, activemask, elect
  Barrier,    ///< bar, barrier, bar.warp.sync, mbarrier
  Fence,      ///< fence, membar
  Matrix,     ///< mma, wgmma, tcgen05.mma
  MatrixMove, ///< ldmatrix, stmatrix, movmatrix
  AsyncCopy,  ///< cp.async and its groups
  Other,
};
constexpr unsigned InstructionClasses = unsigned(InstructionClass::Other) + 1;
/// "integer", "float32", …: the names in JSON.
const char *name(InstructionClass);

/// Sectors or wavefronts of one kind of access.
struct Traffic {
  uint64_t accesses = 0; ///< warp instructions with an active lane
  uint64_t bytes = 0;    ///< of the active lanes
  uint64_t used = 0;     ///< 32-byte sectors, or shared memory wavefronts
  uint64_t ideal = 0;    ///< what the same bytes need at least
  Traffic &operator+=(const Traffic &);
  bool operator==(const Traffic &) const = default;
};

/// Everything but the instruction counts themselves.
struct Events {
  Traffic globalLoad, globalStore, globalAtomic; ///< cp.async counts as a load
  Traffic sharedLoad, sharedStore, sharedAtomic; ///< ldmatrix as a load
  uint64_t mma = 0, mmaFlop = 0;                 ///< warp instructions; 2 M N K
  uint64_t barriers = 0; ///< arrivals of warps, not of bar.warp.sync
  uint64_t divergentBranches = 0, branches = 0;
  uint64_t atomics = 0, shuffles = 0; ///< warp instructions
  uint64_t asyncCopies = 0,
           asyncBytes =
               0; ///< lanes that copied; bytes written to shared memory
  Events &operator+=(const Events &);
  bool operator==(const Events &) const = default;
};

/// Of an instruction, a line or a launch.
struct Counts {
  uint64_t warpInstructions = 0, threadInstructions = 0;
  Events events;
  Counts &operator+=(const Counts &);
  bool operator==(const Counts &) const = default;
};

/// Distinct 32-byte sectors below any number of accesses.
class SectorSet {
public:
  /// Sectors of [address, address + bytes).
  void add(uint64_t address, uint64_t bytes);
  uint64_t count() const;
  void merge(const SectorSet &);

private:
  /// 2048 sectors: 64 KiB of addresses.
  using Page = std::array<uint64_t, 32>;
  Page &page(uint64_t number);
  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages;
  uint64_t lastNumber = ~0ull;
  Page *last = nullptr;
};

/// Distinct 32-byte sectors of one warp access of `bytes` (1…32) per active lane.
unsigned globalSectors(const uint64_t *addresses, uint32_t active,
                       uint32_t bytes);
/// Wavefronts of one warp access to shared memory: phases of 32 lanes (up to 4 bytes a lane), 16 (8 bytes) or 8 (16 bytes); in each, the
/// largest number of distinct words in one of 32 banks of 4 bytes. `ideal` is the number of phases with an active lane.
struct Wavefronts {
  unsigned used, ideal;
};
Wavefronts sharedWavefronts(const uint64_t *addresses, uint32_t active,
                            uint32_t bytes);
/// The same for `matrices` 8x8 matrices of ldmatrix/stmatrix, whose rows of 16 bytes are at the addresses of lanes 8k…8k+7.
Wavefronts matrixWavefronts(const uint64_t *addresses, unsigned matrices);

/// Counters of one launch, indexed by decoded instruction.
class Counters {
public:
  explicit Counters(size_t instructions) : byInstruction(instructions) {}

  /// An instruction is executed for the lanes in `active`.
  void issue(size_t instruction, uint32_t active) {
    Counts &counts = byInstruction[instruction];
    ++counts.warpInstructions;
    counts.threadInstructions += unsigned(std::popcount(active));
  }
  Events &events(size_t instruction) {
    return byInstruction[instruction].events;
  }

  enum class Direction : uint8_t { Load, Store, Atomic };
  void global(size_t instruction, Direction, const uint64_t *addresses,
              uint32_t active, uint32_t bytes);
  void shared(size_t instruction, Direction, const uint64_t *addresses,
              uint32_t active, uint32_t bytes);
  /// `ldmatrix` (Load), `stmatrix` (Store).
  void matrix(size_t instruction, Direction, const uint64_t *addresses,
              unsigned matrices);
  /// One `cp.async`: the lanes read `sourceBytes[lane]` bytes at `sources` and write `bytes` each to shared memory.
  void asyncCopy(size_t instruction, const uint64_t *sources,
                 const uint64_t *destinations, const uint32_t *sourceBytes,
                 uint32_t active, uint32_t bytes);

  const std::vector<Counts> &instructions() const { return byInstruction; }
  uint64_t uniqueLoadSectors() const { return loaded.count(); }
  uint64_t uniqueStoreSectors() const { return stored.count(); }

  /// Another launch of the same program: adds up.
  Counters &operator+=(const Counters &);

private:
  std::vector<Counts> byInstruction;
  SectorSet loaded, stored;
};

/// What the program knows of a decoded instruction.
struct InstructionInfo {
  InstructionClass kind = InstructionClass::Other;
  uint32_t ptxLine = 0;
  std::string source; ///< of `.loc`; may be empty
};

/// The counters of one launch, as they are written: sums by class and by line.
struct CounterReport {
  std::string kernel;
  std::array<uint32_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};
  uint64_t launches = 1;
  Counts total;
  std::array<Counts, InstructionClasses> classes;
  /// By source line, or `ptx:LINE` where there is none.
  std::map<std::string, Counts> lines;
  uint64_t uniqueLoadSectors = 0, uniqueStoreSectors = 0;

  /// `instructions[i]` describes instruction i of the counters.
  static CounterReport of(const Counters &,
                          const std::vector<InstructionInfo> &instructions);
  /// Adds a launch of the same kernel; unique sectors are of one launch each, so they add up, too.
  CounterReport &operator+=(const CounterReport &);
  /// An object of JSON; keys in a fixed order, zero counts left out in `lines` and `classes`, integers only: equal counts give equal text.
  std::string json() const;
};

/// A list of reports as one JSON document.
std::string json(const std::vector<CounterReport> &);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_COUNT_COUNTERS_H
