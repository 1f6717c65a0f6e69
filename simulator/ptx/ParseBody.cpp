//===- ParseBody.cpp - Bodies of functions --------------------------------===//
//
// Names are resolved while parsing: inline assembly repeats the same names in nested scopes, so that an operand means what
// its own scope says. Labels may stand behind their use and are resolved at the end of the function.
//
//===----------------------------------------------------------------------===//
#include "simulator/ptx/Parser.h"

#include <algorithm>
#include <charconv>

namespace moec::cudasim::ptx {

constexpr size_t kMaxRegisters = 1 << 20;
constexpr unsigned kMaxDepth = 200;

void Parser::parseBody(Function &function, Scope &scope) {
  function.hasBody = true;
  for (uint32_t i = 0; i < function.variables.size(); ++i)
    scope.names[function.variables[i].name] = {OperandKind::Symbol, i};
  parseBlock(function, scope, 0);
  resolveLabels(function);
}

void Parser::parseBlock(Function &function, Scope &scope, unsigned depth) {
  if (depth > kMaxDepth)
    lex.fail("scopes are nested more than " + std::to_string(kMaxDepth) +
             " deep");
  lex.expect('{');
  while (!lex.at('}')) {
    if (lex.at('{')) {
      Scope &inner = scopes.emplace_back();
      inner.parent = &scope;
      parseBlock(function, inner, depth + 1);
    } else if (lex.peek().kind == TokenKind::DotWord) {
      parseBodyDirective(function, scope);
    } else if (!lex.accept(';')) {
      parseInstruction(function, scope);
    }
  }
  lex.expect('}');
}

void Parser::parseBodyDirective(Function &function, Scope &scope) {
  if (lex.acceptDot("reg"))
    return parseRegisters(function, scope);
  if (lex.acceptDot("loc"))
    return parseLocation();
  if (lex.acceptDot("pragma")) {
    do
      lex.next();
    while (lex.accept(','));
    return lex.expect(';');
  }
  Linkage linkage = parseLinkage();
  if (!atSpace())
    lex.fail("expected a directive of a function, found " + lex.found());
  Token first = lex.peek();
  Space space = parseSpace();
  for (Variable &variable : parseVariables(space, linkage, false)) {
    if (space == Space::Global || space == Space::Const)
      lex.failAt(first.line, "variables of space ." + std::string(first.text) +
                                 " inside functions are not supported");
    scope.names[variable.name] = {
        OperandKind::Symbol, static_cast<uint32_t>(function.variables.size())};
    function.variables.push_back(std::move(variable));
  }
}

void Parser::parseRegisters(Function &function, Scope &scope) {
  if (lex.atDot("v2") || lex.atDot("v4"))
    lex.fail("registers of vectors are not supported");
  Type type = expectType();
  do {
    std::string name(lex.expectWord("a register"));
    uint64_t count = 1;
    auto index = static_cast<uint32_t>(function.registers.size());
    if (lex.accept('<')) {
      count = lex.expectInteger("a number of registers");
      lex.expect('>');
      scope.prefixes[name] = {
          OperandKind::Register, index,
          static_cast<uint32_t>(std::min<uint64_t>(count, kMaxRegisters))};
    } else {
      scope.names[name] = {OperandKind::Register, index};
    }
    if (count > kMaxRegisters ||
        function.registers.size() + count > kMaxRegisters)
      lex.fail("a function may have " + std::to_string(kMaxRegisters) +
               " registers");
    function.registers.resize(function.registers.size() + count, {type});
  } while (lex.accept(','));
  lex.expect(';');
}

void Parser::parseTable(Function &function, Scope &scope,
                        const std::string &label) {
  std::vector<std::string> labels;
  do
    labels.emplace_back(lex.expectWord("a label"));
  while (lex.accept(','));
  lex.expect(';');
  scope.names[label] = {OperandKind::Table,
                        static_cast<uint32_t>(tableLabels.size())};
  tableLabels.push_back(std::move(labels));
  tableScope.push_back(&scope);
  function.tables.emplace_back();
}

void Parser::parseInstruction(Function &function, Scope &scope) {
  Instruction instruction;
  instruction.location = location;
  instruction.line = lex.peek().line;
  if (lex.accept('@')) {
    instruction.guardNegated = lex.accept('!');
    Operand guard =
        parseNamed(scope, std::string(lex.expectWord("a predicate")));
    if (guard.kind != OperandKind::Register)
      lex.fail("the guard of an instruction must be a predicate register");
    instruction.guard = guard.index;
  }
  instruction.opcode = lex.expectWord("an instruction");
  if (instruction.guard == None && lex.accept(':')) {
    // A label, perhaps of a table.
    if (lex.acceptDot("branchtargets"))
      return parseTable(function, scope, instruction.opcode);
    if (lex.atDot("callprototype") || lex.atDot("calltargets"))
      lex.fail("calls through function pointers are not supported");
    if (!scope.labels
             .try_emplace(instruction.opcode,
                          Entry{OperandKind::Label,
                                static_cast<uint32_t>(function.code.size())})
             .second)
      lex.failAt(instruction.line, "label '" + instruction.opcode +
                                       "' stands twice in this scope");
    return;
  }
  while (lex.peek().kind == TokenKind::DotWord)
    instruction.modifiers.emplace_back(lex.next().text);
  if (!lex.at(';'))
    do
      instruction.operands.push_back(parseOperand(scope));
    while (lex.accept(','));
  lex.expect(';');
  function.code.push_back(std::move(instruction));
  instructionScope.push_back(&scope);
}

Operand Parser::parseNamed(const Scope &scope, const std::string &word) {
  Operand operand;
  operand.symbol = word;
  size_t digits = word.size();
  while (digits > 0 && word[digits - 1] >= '0' && word[digits - 1] <= '9')
    --digits;
  uint32_t number = None;
  if (digits < word.size() &&
      (word[digits] != '0' || digits + 1 == word.size()))
    if (std::from_chars(word.data() + digits, word.data() + word.size(), number)
            .ec != std::errc())
      number = None;
  std::string prefix = word.substr(0, digits);
  for (const Scope *at = &scope; at; at = at->parent) {
    if (auto entry = at->names.find(word); entry != at->names.end()) {
      operand.kind = entry->second.kind;
      operand.index = entry->second.index;
      return operand;
    }
    // %r<4> declares %r0 … %r3; a prefix may itself end in digits (%r1<2> has %r10): try every cut.
    for (size_t cut = digits; number != None && cut < word.size(); ++cut) {
      auto entry =
          at->prefixes.find(cut == digits ? prefix : word.substr(0, cut));
      if (entry == at->prefixes.end())
        continue;
      uint32_t of = 0;
      std::from_chars(word.data() + cut, word.data() + word.size(), of);
      if (of < entry->second.count) {
        operand.kind = OperandKind::Register;
        operand.index = entry->second.index + of;
        return operand;
      }
    }
  }
  if (word[0] == '%' || word == "WARP_SZ") {
    operand.kind = OperandKind::Special;
    if (lex.peek().kind == TokenKind::DotWord && !lex.peek().spaceBefore)
      operand.symbol += "." + std::string(lex.next().text);
    return operand;
  }
  operand.kind =
      OperandKind::Label; // or a symbol of the module: known at the end
  return operand;
}

Operand Parser::parsePrimary(const Scope &scope, unsigned depth) {
  if (depth > kMaxDepth)
    lex.fail("operands are nested more than " + std::to_string(kMaxDepth) +
             " deep");
  Operand operand;
  if (lex.accept('!')) {
    operand = parsePrimary(scope, depth + 1);
    operand.negated = !operand.negated;
    return operand;
  }
  if (lex.accept('{') || lex.at('(')) {
    char end = lex.accept('(') ? ')' : '}';
    operand.kind = end == ')' ? OperandKind::List : OperandKind::Vector;
    while (!lex.at(end)) {
      operand.parts.push_back(parseOperand(scope, depth + 1));
      if (!lex.accept(','))
        break;
    }
    lex.expect(end);
    return operand;
  }
  if (lex.accept('[')) {
    operand.kind = OperandKind::Address;
    do
      operand.parts.push_back(parseOperand(scope, depth + 1));
    while (lex.accept(','));
    lex.expect(']');
    // The offset belongs to the address; without a base the literal is the address.
    Operand &base = operand.parts[0];
    if (base.kind == OperandKind::Register ||
        base.kind == OperandKind::Symbol || base.kind == OperandKind::Label)
      operand.bits = base.bits;
    return operand;
  }
  bool negative = lex.accept('-');
  if (!negative && lex.accept('~')) {
    operand = parsePrimary(scope, depth + 1);
    if (operand.kind != OperandKind::Integer)
      lex.fail("expected a number behind '~'");
    operand.bits = ~operand.bits;
    return operand;
  }
  Token token = lex.next();
  switch (token.kind) {
  case TokenKind::Integer:
    operand.kind = OperandKind::Integer;
    operand.bits = negative ? -token.bits : token.bits;
    return operand;
  case TokenKind::Float32:
    operand.kind = OperandKind::Float32;
    operand.bits = token.bits ^ (negative ? 0x80000000u : 0);
    return operand;
  case TokenKind::Float64:
    operand.kind = OperandKind::Float64;
    operand.bits = token.bits ^ (negative ? uint64_t(1) << 63 : 0);
    return operand;
  case TokenKind::Word:
    if (!negative) {
      if (token.text == "_")
        return operand;
      return parseNamed(scope, std::string(token.text));
    }
    [[fallthrough]];
  default:
    lex.failAt(token.line,
               "expected an operand, found '" + std::string(token.text) + "'");
  }
}

Operand Parser::parseOperand(const Scope &scope, unsigned depth) {
  Operand operand = parsePrimary(scope, depth);
  for (;;) {
    if (lex.accept('|')) {
      operand.parts.push_back(parsePrimary(scope, depth + 1));
    } else if (lex.at('+') || lex.at('-')) {
      bool minus = lex.next().text[0] == '-';
      uint64_t value = lex.expectInteger("an offset");
      operand.bits += minus ? -value : value;
    } else {
      return operand;
    }
  }
}

void Parser::resolveLabels(Operand &operand, const Scope &scope) {
  for (Operand &part : operand.parts)
    resolveLabels(part, scope);
  if (operand.kind != OperandKind::Label)
    return;
  for (const Scope *at = &scope; at; at = at->parent) {
    if (auto entry = at->labels.find(operand.symbol);
        entry != at->labels.end()) {
      operand.index = entry->second.index;
      return;
    }
    if (auto entry = at->names.find(operand.symbol);
        entry != at->names.end() && entry->second.kind == OperandKind::Table) {
      operand.kind = OperandKind::Table;
      operand.index = entry->second.index;
      return;
    }
  }
  operand.kind = OperandKind::Symbol;
}

void Parser::resolveLabels(Function &function) {
  for (size_t i = 0; i < function.code.size(); ++i)
    for (Operand &operand : function.code[i].operands)
      resolveLabels(operand, *instructionScope[i]);
  for (size_t table = 0; table < tableLabels.size(); ++table)
    for (const std::string &label : tableLabels[table]) {
      Operand operand;
      operand.kind = OperandKind::Label;
      operand.symbol = label;
      resolveLabels(operand, *tableScope[table]);
      if (operand.kind != OperandKind::Label)
        lex.fail("no label '" + label +
                 "' for the table of branch targets in '" + function.name +
                 "'");
      function.tables[table].push_back(operand.index);
    }
}

} // namespace moec::cudasim::ptx
