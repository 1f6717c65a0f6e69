//===- Parser.cpp - Modules, functions and variables ----------------------===//
#include "simulator/ptx/Parser.h"

#include <bit>
#include <cstring>

namespace moec::cudasim::ptx {

/// Bounds on what a text may declare; far above what compilers emit.
constexpr uint64_t kMaxVariableBytes = uint64_t(1) << 36;
constexpr unsigned kMaxParameters = 4096;

Type Parser::expectType() {
  if (lex.peek().kind == TokenKind::DotWord)
    if (Type type = parseType(lex.peek().text); type != Type::None)
      return lex.next(), type;
  lex.fail("expected a type, found " + lex.found());
}

bool Parser::atSpace() const {
  for (const char *name : {"global", "const", "shared", "local", "param"})
    if (lex.atDot(name))
      return true;
  return false;
}

Space Parser::parseSpace() {
  if (lex.acceptDot("global"))
    return Space::Global;
  if (lex.acceptDot("const"))
    return Space::Const;
  if (lex.acceptDot("shared"))
    return Space::Shared;
  if (lex.acceptDot("local"))
    return Space::Local;
  if (lex.acceptDot("param"))
    return Space::Param;
  lex.fail("expected a state space, found " + lex.found());
}

Parser::Linkage Parser::parseLinkage() {
  Linkage linkage;
  for (;;) {
    if (lex.acceptDot("extern"))
      linkage.isExtern = true;
    else if (lex.acceptDot("visible") || lex.acceptDot("weak") ||
             lex.acceptDot("common"))
      linkage.isVisible = true;
    else
      return linkage;
  }
}

void Parser::parseModule() {
  while (lex.peek().kind != TokenKind::End) {
    if (lex.acceptDot("version")) {
      if (lex.peek().kind != TokenKind::Float64)
        lex.fail("expected a version such as 9.0, found " + lex.found());
      module.version = lex.next().text;
    } else if (lex.acceptDot("target")) {
      module.target = lex.expectWord("a target");
      while (lex.accept(','))
        lex.expectWord("an option of the target");
    } else if (lex.acceptDot("address_size")) {
      if (uint64_t bits = lex.expectInteger("the size of addresses");
          bits != 64)
        lex.fail("addresses of " + std::to_string(bits) +
                 " bits; only 64 are supported");
    } else if (lex.acceptDot("file")) {
      parseFile();
    } else if (lex.acceptDot("section")) {
      skipSection();
    } else if (lex.acceptDot("loc")) {
      parseLocation();
    } else if (lex.acceptDot("pragma")) {
      do
        lex.next();
      while (lex.accept(','));
      lex.expect(';');
    } else {
      Linkage linkage = parseLinkage();
      if (lex.acceptDot("entry"))
        parseFunction(true, linkage);
      else if (lex.acceptDot("func"))
        parseFunction(false, linkage);
      else if (atSpace())
        for (Variable &variable : parseVariables(parseSpace(), linkage, false))
          module.variables.push_back(std::move(variable));
      else
        lex.fail("expected a directive of a module, found " + lex.found());
    }
  }
  if (module.version.empty())
    lex.fail("no .version: this is no PTX module");
}

void Parser::parseFile() {
  uint64_t index = lex.expectInteger("the number of the file");
  if (lex.peek().kind != TokenKind::String)
    lex.fail("expected the name of the file, found " + lex.found());
  module.files[static_cast<uint32_t>(index)] = lex.next().text;
  while (lex.accept(','))
    lex.expectInteger("a time stamp or size");
}

void Parser::skipSection() {
  lex.next(); // its name
  lex.expect('{');
  for (unsigned depth = 1; depth;) {
    if (lex.peek().kind == TokenKind::End)
      lex.fail("this section has no end");
    if (lex.at('{'))
      ++depth;
    else if (lex.at('}'))
      --depth;
    lex.next();
  }
}

void Parser::parseTriple(uint32_t (&values)[3]) {
  values[0] = values[1] = values[2] = 1;
  for (unsigned i = 0; i < 3; ++i) {
    values[i] = static_cast<uint32_t>(lex.expectInteger("a number"));
    if (!lex.accept(','))
      break;
  }
}

void Parser::parseFunctionDirectives(Function &function) {
  for (;;) {
    if (lex.acceptDot("maxntid")) {
      parseTriple(function.maxThreads);
    } else if (lex.acceptDot("reqntid")) {
      parseTriple(function.requiredThreads);
    } else if (lex.acceptDot("reqnctapercluster")) {
      parseTriple(function.requiredCluster);
    } else if (lex.acceptDot("explicitcluster")) {
      function.explicitCluster = true;
    } else if (lex.acceptDot("minnctapersm") || lex.acceptDot("maxnctapersm") ||
               lex.acceptDot("maxnreg") || lex.acceptDot("maxclusterrank") ||
               lex.acceptDot("abi_preserve") ||
               lex.acceptDot("abi_preserve_control")) {
      lex.expectInteger("a number");
    } else if (lex.acceptDot("noreturn") ||
               lex.acceptDot("blocksareclusters")) {
    } else if (lex.acceptDot("pragma")) {
      do
        lex.next();
      while (lex.accept(','));
      lex.expect(';');
    } else {
      return;
    }
  }
}

void Parser::parseParameters(Function &function, Scope &scope,
                             std::vector<uint32_t> &indices,
                             std::vector<bool> &isRegister) {
  lex.expect('(');
  while (!lex.at(')')) {
    if (indices.size() >= kMaxParameters)
      lex.fail("more than " + std::to_string(kMaxParameters) + " parameters");
    if (lex.acceptDot("reg")) {
      Type type = expectType();
      std::string name(lex.expectWord("a register"));
      scope.names[name] = {OperandKind::Register,
                           static_cast<uint32_t>(function.registers.size())};
      indices.push_back(static_cast<uint32_t>(function.registers.size()));
      isRegister.push_back(true);
      function.registers.push_back({type});
    } else {
      uint32_t line = lex.peek().line;
      if (!lex.acceptDot("param"))
        lex.fail("expected a parameter, found " + lex.found());
      for (Variable &variable : parseVariables(Space::Param, {}, true)) {
        variable.line = line;
        indices.push_back(static_cast<uint32_t>(function.variables.size()));
        isRegister.push_back(false);
        function.variables.push_back(std::move(variable));
      }
    }
    if (!lex.accept(','))
      break;
  }
  lex.expect(')');
}

void Parser::parseFunction(bool isKernel, Linkage) {
  scopes.clear();
  instructionScope.clear();
  tableLabels.clear();
  tableScope.clear();
  Function function;
  function.isKernel = isKernel;
  function.line = lex.peek().line;
  Scope &scope = scopes.emplace_back();
  if (lex.at('('))
    parseParameters(function, scope, function.results,
                    function.resultIsRegister);
  location = Location();
  function.name = lex.expectWord("the name of a function");
  if (lex.at('('))
    parseParameters(function, scope, function.parameters,
                    function.parameterIsRegister);
  parseFunctionDirectives(function);
  if (!lex.accept(';'))
    parseBody(function, scope);
  module.functions.push_back(std::move(function));
}

std::vector<Variable> Parser::parseVariables(Space space, Linkage linkage,
                                             bool isParameter) {
  unsigned alignment = 0, width = 1;
  Type type = Type::None;
  for (;;) {
    if (lex.acceptDot("align")) {
      uint64_t value = lex.expectInteger("an alignment");
      if (!std::has_single_bit(value) || value > 65536)
        lex.fail("alignment " + std::to_string(value) +
                 " is no power of two up to 65536");
      alignment = static_cast<unsigned>(value);
    } else if (lex.acceptDot("ptr")) {
      // What the parameter points to; its own alignment is that of its type.
      if (atSpace())
        parseSpace();
      if (lex.acceptDot("align"))
        lex.expectInteger("an alignment");
    } else if (lex.acceptDot("v2")) {
      width = 2;
    } else if (lex.acceptDot("v4")) {
      width = 4;
    } else if (lex.acceptDot("v8")) {
      width = 8;
    } else if (lex.atDot("attribute")) {
      lex.fail(".attribute is not supported");
    } else if (type == Type::None && lex.peek().kind == TokenKind::DotWord) {
      type = expectType();
    } else {
      break;
    }
  }
  if (type == Type::None)
    lex.fail("expected the type of a variable, found " + lex.found());
  uint64_t elementBytes = bytesOf(type) * width;
  std::vector<Variable> variables;
  do {
    Variable variable;
    variable.line = lex.peek().line;
    variable.name = lex.expectWord("the name of a variable");
    variable.space = space;
    variable.type = type;
    variable.isExtern = linkage.isExtern;
    variable.isVisible = linkage.isVisible;
    variable.alignment =
        alignment ? alignment : static_cast<unsigned>(elementBytes);
    uint64_t count = 1;
    std::vector<uint64_t> dimensions;
    while (lex.accept('[')) {
      if (lex.accept(']')) {
        if (!dimensions.empty())
          lex.fail("only the first extent of an array may be open");
        variable.isUnsized = true;
        dimensions.push_back(0);
        continue;
      }
      uint64_t extent = lex.expectInteger("the extent of an array");
      lex.expect(']');
      if (extent > kMaxVariableBytes || count * extent > kMaxVariableBytes)
        lex.fail("array '" + variable.name + "' is too large");
      dimensions.push_back(extent);
      count *= extent;
    }
    variable.bytes = variable.isUnsized ? 0 : count * elementBytes;
    if (lex.accept('=')) {
      if (dimensions.empty())
        dimensions.push_back(width); // a scalar or one vector
      else if (width > 1)
        dimensions.push_back(width);
      uint64_t scalarBytes = bytesOf(type);
      if (lex.at('{'))
        parseInitializerList(variable, scalarBytes, dimensions, 0, 0);
      else
        parseInitializerValue(variable, scalarBytes, 0);
      if (variable.isUnsized) {
        for (const Initializer &part : variable.initializers)
          variable.bytes = std::max<uint64_t>(
              variable.bytes,
              part.offset +
                  std::max<uint64_t>(part.bytes.size(), part.symbolBytes));
        variable.isUnsized = false;
      }
    }
    variables.push_back(std::move(variable));
  } while (!isParameter && lex.accept(','));
  if (!isParameter)
    lex.expect(';');
  return variables;
}

void Parser::parseInitializerList(Variable &variable, uint64_t elementBytes,
                                  const std::vector<uint64_t> &dimensions,
                                  unsigned dimension, uint64_t offset) {
  lex.expect('{');
  uint64_t stride = elementBytes;
  for (size_t i = dimension + 1; i < dimensions.size(); ++i)
    stride *= dimensions[i];
  for (uint64_t i = 0; !lex.at('}'); ++i) {
    if (dimension < dimensions.size() && dimensions[dimension] &&
        i >= dimensions[dimension])
      lex.fail("more values than '" + variable.name + "' has elements");
    if (lex.at('{')) {
      if (dimension + 1 >= dimensions.size())
        lex.fail("'" + variable.name +
                 "' has fewer dimensions than its initialiser");
      parseInitializerList(variable, elementBytes, dimensions, dimension + 1,
                           offset + i * stride);
    } else {
      // Without inner braces, values follow each other element by element.
      parseInitializerValue(variable, elementBytes,
                            offset + i * (dimension + 1 < dimensions.size()
                                              ? elementBytes
                                              : stride));
    }
    if (!lex.accept(','))
      break;
  }
  lex.expect('}');
}

void Parser::parseInitializerValue(Variable &variable, uint64_t elementBytes,
                                   uint64_t offset) {
  bool negative = lex.accept('-');
  Token token = lex.next();
  Initializer part;
  part.offset = offset;
  if (token.kind == TokenKind::Word && !negative) {
    if (token.text == "generic") {
      part.generic = true;
      lex.expect('(');
      part.symbol = lex.expectWord("a variable");
      lex.expect(')');
    } else {
      part.symbol = token.text;
    }
    part.symbolBytes = static_cast<unsigned>(elementBytes);
    if (lex.accept('+'))
      part.addend = static_cast<int64_t>(lex.expectInteger("an offset"));
    else if (lex.accept('-'))
      part.addend = -static_cast<int64_t>(lex.expectInteger("an offset"));
    variable.initializers.push_back(std::move(part));
    return;
  }
  uint64_t bits = token.bits;
  if (token.kind == TokenKind::Integer) {
    bits = negative ? -bits : bits;
  } else if (token.kind == TokenKind::Float32 && elementBytes == 4) {
    bits ^= negative ? 0x80000000u : 0;
  } else if (token.kind == TokenKind::Float64 && isFloat(variable.type)) {
    double value = std::bit_cast<double>(bits);
    value = negative ? -value : value;
    bits = elementBytes == 4
               ? std::bit_cast<uint32_t>(static_cast<float>(value))
               : std::bit_cast<uint64_t>(value);
  } else if (!(token.kind == TokenKind::Float64 && elementBytes == 8)) {
    lex.failAt(token.line, "expected the value of an initialiser, found '" +
                               std::string(token.text) + "'");
  }
  // Neighbouring values make one part.
  if (variable.initializers.empty() ||
      !variable.initializers.back().symbol.empty() ||
      variable.initializers.back().offset +
              variable.initializers.back().bytes.size() !=
          offset)
    variable.initializers.push_back(std::move(part));
  std::vector<std::byte> &bytes = variable.initializers.back().bytes;
  for (uint64_t i = 0; i < elementBytes; ++i)
    bytes.push_back(static_cast<std::byte>(i < 8 ? bits >> (8 * i) : 0));
}

void Parser::parseLocation() {
  location.file =
      static_cast<uint32_t>(lex.expectInteger("the file of a location"));
  location.line =
      static_cast<uint32_t>(lex.expectInteger("the line of a location"));
  lex.expectInteger("the column of a location");
  while (lex.accept(',')) {
    std::string_view word = lex.expectWord("function_name or inlined_at");
    if (word == "function_name") {
      lex.expectWord("a label");
      if (lex.accept('+'))
        lex.expectInteger("an offset");
    } else if (word == "inlined_at") {
      for (int i = 0; i < 3; ++i)
        lex.expectInteger("a location");
    } else {
      lex.fail("unknown attribute '" + std::string(word) + "' of .loc");
    }
  }
}

Result<std::unique_ptr<Module>> parse(std::string_view text,
                                      std::string_view name) {
  auto module = std::make_unique<Module>();
  module->name = name;
  if (size_t end = text.find('\0'); end != std::string_view::npos)
    text = text.substr(0, end);
  try {
    Parser(text, name, *module).parseModule();
  } catch (const SyntaxError &error) {
    return Status::error(error.what());
  }
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    module->lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return module;
}

} // namespace moec::cudasim::ptx
