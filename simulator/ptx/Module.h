//===- Module.h - A parsed PTX module ---------------------------*- C++ -*-===//
//
// The text of a PTX module with its names resolved: registers are dense per function, labels are instruction indices.
// What an opcode and its modifiers mean is left to the machine's decoder. Sources: PTX ISA 9.0, sections 4 and 5.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_PTX_MODULE_H
#define MOEC_SIMULATOR_PTX_MODULE_H

#include "support/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moec::cudasim::ptx {

enum class Type : uint8_t {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  B128,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  F16x2,
  BF16,
  BF16x2,
  TF32,
  F32,
  F64,
  E4M3,
  E5M2,
  E4M3x2,
  E5M2x2,
  U16x2,
  S16x2,
  S4,
  U4,
  B1,
};

/// Bits of a value of the type; 0 for None, 1 for Pred.
unsigned bitsOf(Type type);
inline unsigned bytesOf(Type type) { return (bitsOf(type) + 7) / 8; }
bool isSigned(Type type);
bool isFloat(Type type);
/// The type a modifier such as "u32" names, or None.
Type parseType(std::string_view name);
std::string_view nameOf(Type type);

enum class Space : uint8_t {
  Generic,
  Register,
  Global,
  Const,
  Shared,
  Local,
  Param
};

constexpr uint32_t None = UINT32_MAX;

/// One part of an initialised variable: `bytes` at `offset`, or the address of `symbol` + `addend`.
struct Initializer {
  uint64_t offset = 0;
  std::vector<std::byte> bytes;
  std::string symbol;
  int64_t addend = 0;
  unsigned symbolBytes = 0;
  bool generic =
      false; ///< written generic(symbol): the generic address, not the one inside its space
};

struct Variable {
  std::string name;
  Space space = Space::Global;
  Type type = Type::None;
  unsigned alignment = 1;
  uint64_t bytes = 0;     ///< 0 with isUnsized
  bool isUnsized = false; ///< `extern .shared .b8 name[]`
  bool isExtern = false;
  bool isVisible = false;
  std::vector<Initializer> initializers;
  uint32_t line = 0;
};

struct Register {
  Type type = Type::None;
};

enum class OperandKind : uint8_t {
  Register, ///< index
  Special,  ///< symbol: "%tid.x", "WARP_SZ"
  Integer,  ///< bits
  Float32,  ///< bits: 0f…
  Float64,  ///< bits: 0d… or a decimal literal
  Symbol, ///< a variable or function `symbol`, + bits; local variables have `index`
  Address, ///< [parts[0] + bits]; further parts are tensor coordinates or other operands in the brackets
  Vector,  ///< {parts}
  Label,   ///< index: instruction
  Table,   ///< index into Function::tables: .branchtargets
  Sink,    ///< _
  List,    ///< (parts): arguments of a call
};

struct Operand {
  OperandKind kind = OperandKind::Sink;
  bool negated = false; ///< !p
  uint32_t index =
      None; ///< register, local variable (Function::variables), instruction, table
  uint64_t bits = 0; ///< literal, or offset of a symbol or address
  std::string symbol;
  std::vector<Operand>
      parts; ///< of Address, Vector, List; of a Register: the second destination of `d|p`
};

struct Location {
  uint32_t file = 0, line = 0;
};

struct Instruction {
  std::string opcode;                 ///< "ld"
  std::vector<std::string> modifiers; ///< "global", "v4", "f32"
  std::vector<Operand> operands;
  uint32_t guard = None; ///< predicate register
  bool guardNegated = false;
  uint32_t line = 0; ///< in the PTX text, from 1
  Location location; ///< of .loc; file 0: none
};

struct Function {
  std::string name;
  bool isKernel = false;
  bool hasBody = false;
  uint32_t line = 0;
  std::vector<Register> registers;
  std::vector<Variable>
      variables; ///< .shared, .local and .param variables of the body, parameters first
  std::vector<uint32_t>
      parameters; ///< into variables (space Param), or registers when isRegister
  std::vector<uint32_t> results;
  std::vector<bool> parameterIsRegister, resultIsRegister;
  std::vector<Instruction> code;
  std::vector<std::vector<uint32_t>>
      tables; ///< instruction indices of each .branchtargets
  uint32_t maxThreads[3] = {0, 0, 0}, requiredThreads[3] = {0, 0, 0},
           requiredCluster[3] = {0, 0, 0}; ///< 0: not given
  bool explicitCluster = false;
};

struct Module {
  std::string name;    ///< for messages
  std::string version; ///< "9.0"
  std::string target;  ///< "sm_90a"
  std::vector<Variable>
      variables; ///< .global, .const and .shared at module scope
  std::vector<Function> functions;
  std::map<uint32_t, std::string> files; ///< of .file
  std::vector<std::string> lines;        ///< the text, for messages

  const Function *findFunction(std::string_view function) const;
  const Variable *findVariable(std::string_view variable) const;
  /// "file:line" of .loc, or "".
  std::string describe(Location location) const;
};

/// Parses a module. `name` stands in messages: "NAME:LINE: what is wrong".
Result<std::unique_ptr<Module>> parse(std::string_view text,
                                      std::string_view name);

} // namespace moec::cudasim::ptx

#endif // MOEC_SIMULATOR_PTX_MODULE_H
