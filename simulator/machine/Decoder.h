//===- Decoder.h - From parsed to decoded instructions ----------*- C++ -*-===//
//
// The families of instructions (Integer.cpp, Float.cpp, …) each bring their decoding functions and handlers. A decoding
// function takes every modifier and every operand, or refuses; what it leaves over is refused for it.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_MACHINE_DECODER_H
#define MOEC_SIMULATOR_MACHINE_DECODER_H

#include "simulator/arithmetic/Formats.h"
#include "simulator/machine/Program.h"

#include <initializer_list>
#include <map>
#include <stdexcept>
#include <unordered_map>

namespace moec::cudasim {

struct DecodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Decoder {
public:
  Decoder(const ptx::Module &module, GlobalMemory &memory, int device,
          Program &program);
  /// Throws DecodeError.
  void run();

  // -- The instruction being decoded.
  const ptx::Instruction *in = nullptr;
  Instruction out;

  [[noreturn]] void refuse(const std::string &why) const;

  // -- Modifiers: each is taken once.
  bool take(std::string_view modifier);
  void require(std::string_view modifier);
  /// The first that is there, or `otherwise`.
  template <typename T>
  T takeOne(std::initializer_list<std::pair<std::string_view, T>> table,
            T otherwise) {
    for (auto &[name, value] : table)
      if (take(name))
        return value;
    return otherwise;
  }
  /// The next modifier that is a type; refuses if there is none.
  ptx::Type takeType();
  ptx::Type takeTypeOrNone();
  /// `.rn .rz .rm .rp` or none.
  bool takeRounding(Rounding &rounding);
  /// `.global`, `.shared::cta` …; Generic if none is written.
  ptx::Space takeSpace();
  Scope takeScope(Scope otherwise);
  [[noreturn]] void refuseType(ptx::Type type) const;

  // -- Operands.
  size_t operands() const { return in->operands.size(); }
  void expectOperands(size_t least, size_t most);
  void expectOperands(size_t count) { expectOperands(count, count); }
  const ptx::Operand &operand(size_t index) const {
    return in->operands[index];
  }
  bool isPredicate(const ptx::Operand &operand) const;
  unsigned registerBytes(const ptx::Operand &operand) const;

  /// A register or literal of exactly `bytes` per lane. Literals of type `type` are converted where it is a float.
  Operand source(const ptx::Operand &operand, unsigned bytes,
                 ptx::Type type = ptx::Type::None);
  Operand source(size_t index, ptx::Type type) {
    return source(operand(index), ptx::bytesOf(type), type);
  }
  Operand sourceBytes(size_t index, unsigned bytes) {
    return source(operand(index), bytes);
  }
  /// A register of at least `bytes` per lane, or a literal; `lane` becomes its bytes per lane.
  Operand sourceWide(const ptx::Operand &operand, unsigned bytes, uint8_t &lane,
                     ptx::Type type = ptx::Type::None);
  Operand destination(const ptx::Operand &operand, unsigned bytes);
  Operand destination(size_t index, ptx::Type type) {
    return destination(operand(index), ptx::bytesOf(type));
  }
  Operand destinationBytes(size_t index, unsigned bytes) {
    return destination(operand(index), bytes);
  }
  Operand destinationWide(const ptx::Operand &operand, unsigned bytes,
                          uint8_t &lane);
  Operand sourcePredicate(const ptx::Operand &operand);
  Operand destinationPredicate(const ptx::Operand &operand);
  uint64_t literal(const ptx::Operand &operand, const char *what) const;

  /// The address in brackets: `out.a` (8 bytes a lane) + `out.imm`; 32-bit registers are extended by the handler, whose
  /// lane width is `out.lane[2]`. A constant address has lane width 0. Sets out.space for symbols of generic accesses.
  void address(const ptx::Operand &operand);
  /// Address of a variable inside its space.
  uint64_t symbolAddress(const ptx::Operand &operand, ptx::Space &space);

  Operand constant(uint64_t bits, unsigned bytes);
  Operand constantPredicate(bool value);
  /// Operands of a list, kept in the program.
  uint32_t keep(const std::vector<Operand> &operands);
  Operand registerOperand(uint32_t index);
  /// Memory of the frame for things without a register.
  Operand scratch(unsigned bytes);

  const ptx::Function &function() const { return *current->source; }
  uint32_t functionIndex() const { return currentIndex; }
  Function &decodedFunction() { return program.functions[currentIndex]; }
  /// The call-site or formal parameter variable: 32 lanes of `stride` bytes each.
  struct ParameterSpace {
    Operand at;
    uint32_t stride, bytes;
  };
  ParameterSpace parameterVariable(uint32_t function, uint32_t variable);
  Operand formalRegister(uint32_t function, uint32_t index);
  /// pc of an instruction of the function being decoded.
  uint32_t pcOf(uint32_t instruction) const;
  const ptx::Function *findFunction(const std::string &name,
                                    uint32_t &index) const;

  Program &program;
  const ptx::Module &module;
  GlobalMemory &memory;

private:
  struct State {
    const ptx::Function *source = nullptr;
    std::vector<uint32_t> registers; ///< Operand::code of each, or kUnplaced
    std::vector<uint64_t>
        variables; ///< address in its space, or the frame offset of a .param
    uint32_t frame = 0, predicates = 0, predicatesEnd = 0;
    std::map<std::string, uint64_t>
        moduleShared; ///< addresses of module-scope shared variables
  };
  static constexpr uint32_t kUnplaced = UINT32_MAX;

  void placeGlobals();
  void initializeGlobals();
  void layoutFunctions();
  void layoutShared();
  void layoutKernelParameters(State &state, Function &function);
  uint32_t allocateFrame(State &state, uint32_t bytes);
  Operand place(State &state, uint32_t index);
  void decodeFunction(uint32_t index);
  void decodeInstruction(const ptx::Instruction &instruction);
  void computeStacks();
  Operand special(const std::string &name, unsigned bytes);
  static uint64_t convertLiteral(const ptx::Operand &operand, unsigned bytes,
                                 ptx::Type type);

  int device;
  std::vector<State> states;
  State *current = nullptr;
  uint32_t currentIndex = 0;
  std::vector<bool> taken; ///< modifiers
  std::map<std::pair<uint64_t, unsigned>, uint32_t> constants;
  std::map<std::string, uint64_t> globalAddress;
  std::map<Special, uint32_t> specialOffset;
};

using DecodeFunction = void (*)(Decoder &);
/// By opcode; what is particular to f32 and f64 has ".f" behind it, what is to f16 and bf16 ".h".
using Opcodes = std::unordered_map<std::string, DecodeFunction>;

void addInteger(Opcodes &);
void addBits(Opcodes &);
void addCompare(Opcodes &);
void addFloat(Opcodes &);
void addHalf(Opcodes &);
void addConvert(Opcodes &);
void addMove(Opcodes &);
void addMemory(Opcodes &);
void addAtomics(Opcodes &);
void addControl(Opcodes &);
void addWarpSync(Opcodes &);
void addMatrix(Opcodes &);
void addWmma(Opcodes &);
void addAsync(Opcodes &);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_DECODER_H
