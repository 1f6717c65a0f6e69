//===- Parser.h - Recursive descent over PTX --------------------*- C++ -*-===//
#ifndef MOEC_SIMULATOR_PTX_PARSER_H
#define MOEC_SIMULATOR_PTX_PARSER_H

#include "simulator/ptx/Lexer.h"
#include "simulator/ptx/Module.h"

#include <deque>
#include <unordered_map>

namespace moec::cudasim::ptx {

class Parser {
public:
  Parser(std::string_view text, std::string_view name, Module &module)
      : lex(text, name), module(module) {}
  /// Throws SyntaxError.
  void parseModule();

private:
  struct Linkage {
    bool isExtern = false, isVisible = false;
  };
  /// A name of a scope; registers of `%r<N>` are found by their prefix.
  struct Entry {
    OperandKind kind;
    uint32_t index;
    uint32_t count = 0; ///< of registers with a prefix
  };
  struct Scope {
    Scope *parent = nullptr;
    std::unordered_map<std::string, Entry> names, prefixes, labels;
  };

  Linkage parseLinkage();
  void parseFile();
  void skipSection();
  void parseFunction(bool isKernel, Linkage linkage);
  void parseParameters(Function &function, Scope &scope,
                       std::vector<uint32_t> &indices,
                       std::vector<bool> &isRegister);
  void parseFunctionDirectives(Function &function);
  void parseBody(Function &function, Scope &scope);
  void parseBlock(Function &function, Scope &scope, unsigned depth);
  void parseBodyDirective(Function &function, Scope &scope);
  void parseRegisters(Function &function, Scope &scope);
  void parseLocation();
  void parseTable(Function &function, Scope &scope, const std::string &label);
  void parseInstruction(Function &function, Scope &scope);
  Operand parseOperand(const Scope &scope, unsigned depth = 0);
  Operand parsePrimary(const Scope &scope, unsigned depth);
  Operand parseNamed(const Scope &scope, const std::string &word);
  void resolveLabels(Function &function);
  void resolveLabels(Operand &operand, const Scope &scope);

  bool atSpace() const;
  Space parseSpace();
  /// `.align 8 .v2 .f32 name[3] = {…}` behind its space; one or several names up to ';'.
  std::vector<Variable> parseVariables(Space space, Linkage linkage,
                                       bool isParameter);
  void parseInitializer(Variable &variable, uint64_t elementBytes);
  void parseInitializerList(Variable &variable, uint64_t elementBytes,
                            const std::vector<uint64_t> &dimensions,
                            unsigned dimension, uint64_t offset);
  void parseInitializerValue(Variable &variable, uint64_t elementBytes,
                             uint64_t offset);
  void parseTriple(uint32_t (&values)[3]);
  Type expectType();

  Lexer lex;
  Module &module;
  Location location;
  std::deque<Scope> scopes;              ///< of the function being parsed
  std::vector<Scope *> instructionScope; ///< of each instruction
  std::vector<std::vector<std::string>> tableLabels;
  std::vector<Scope *> tableScope;
};

} // namespace moec::cudasim::ptx

#endif // MOEC_SIMULATOR_PTX_PARSER_H
