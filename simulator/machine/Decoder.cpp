//===- Decoder.cpp - Instructions and their operands ----------------------===//
#include "simulator/machine/Decoder.h"

#include "simulator/machine/Control.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace moec::cudasim {

using ptx::OperandKind;
using ptx::Type;

Decoder::Decoder(const ptx::Module &module, GlobalMemory &memory, int device,
                 Program &program)
    : program(program), module(module), memory(memory), device(device) {}

static const Opcodes &opcodes() {
  static const Opcodes table = [] {
    Opcodes all;
    addInteger(all);
    addBits(all);
    addCompare(all);
    addFloat(all);
    addHalf(all);
    addConvert(all);
    addMove(all);
    addMemory(all);
    addAtomics(all);
    addControl(all);
    addWarpSync(all);
    addMatrix(all);
    addWmma(all);
    addAsync(all);
    return all;
  }();
  return table;
}

void Decoder::run() {
  program.name = module.name;
  program.device = device;
  program.text = module.lines;
  program.files = module.files;
  out.guard = constantPredicate(true); // constant 0: "always"
  placeGlobals();
  initializeGlobals();
  layoutFunctions();
  layoutShared();
  for (uint32_t i = 0; i < states.size(); ++i)
    if (states[i].source->hasBody)
      decodeFunction(i);
  computeStacks();
  program.alignConstants();
}

void Decoder::decodeFunction(uint32_t index) {
  current = &states[index];
  currentIndex = index;
  Function &function = program.functions[index];
  uint32_t last = current->source->line;
  for (const ptx::Instruction &instruction : current->source->code) {
    decodeInstruction(instruction);
    last = instruction.line;
  }
  // Falling off the end returns.
  program.code.push_back(returnInstruction(function.isKernel));
  program.lines.push_back({last, {}, index});
  function.frameBytes = (current->frame + 63) & ~63u;
}

/// One opcode means different things for integers, floats and halves: these are "add", "add.f" and "add.h" in the table.
static const char *suffixOf(const ptx::Instruction &instruction) {
  for (const std::string &modifier : instruction.modifiers)
    switch (ptx::parseType(modifier)) {
    case Type::None:
      continue;
    case Type::F32:
    case Type::F64:
      return ".f";
    case Type::F16:
    case Type::F16x2:
    case Type::BF16:
    case Type::BF16x2:
      return ".h";
    default:
      return "";
    }
  return "";
}

void Decoder::decodeInstruction(const ptx::Instruction &instruction) {
  in = &instruction;
  out = Instruction();
  taken.assign(instruction.modifiers.size(), false);
  const Opcodes &all = opcodes();
  auto decode = all.find(instruction.opcode + suffixOf(instruction));
  if (decode == all.end())
    decode = all.find(instruction.opcode);
  if (decode == all.end())
    refuse("the simulator does not know '" + instruction.opcode + "'");
  if (instruction.guard != ptx::None) {
    if (current->source->registers[instruction.guard].type != Type::Pred)
      refuse("the guard is no predicate");
    out.guard = place(*current, instruction.guard);
    out.guard.code |= instruction.guardNegated ? Operand::kNegate : 0;
  }
  decode->second(*this);
  for (size_t i = 0; i < taken.size(); ++i)
    if (!taken[i])
      refuse("the simulator does not know '." + instruction.modifiers[i] +
             "' of '" + instruction.opcode + "'");
  program.code.push_back(out);
  program.lines.push_back(
      {instruction.line, instruction.location, currentIndex});
}

void Decoder::refuse(const std::string &why) const {
  std::string text;
  if (in && in->line && in->line <= module.lines.size()) {
    text = module.lines[in->line - 1];
    text.erase(0, text.find_first_not_of(" \t"));
    text = ": `" + text + "`";
  }
  throw DecodeError(module.name + (in ? ":" + std::to_string(in->line) : "") +
                    ": " + why + text);
}

void Decoder::refuseType(Type type) const {
  refuse("'" + in->opcode + "' of type ." + std::string(ptx::nameOf(type)) +
         " is not supported");
}

bool Decoder::take(std::string_view modifier) {
  for (size_t i = 0; i < taken.size(); ++i)
    if (!taken[i] && in->modifiers[i] == modifier)
      return taken[i] = true;
  return false;
}

void Decoder::require(std::string_view modifier) {
  if (!take(modifier))
    refuse("expected '." + std::string(modifier) + "'");
}

Type Decoder::takeTypeOrNone() {
  for (size_t i = 0; i < taken.size(); ++i)
    if (!taken[i])
      if (Type type = ptx::parseType(in->modifiers[i]); type != Type::None)
        return taken[i] = true, type;
  return Type::None;
}

Type Decoder::takeType() {
  Type type = takeTypeOrNone();
  if (type == Type::None)
    refuse("expected a type");
  return type;
}

bool Decoder::takeRounding(Rounding &rounding) {
  using R = Rounding;
  for (auto &[name, value] : {std::pair{"rn", R::NearestEven},
                              {"rz", R::TowardZero},
                              {"rm", R::Down},
                              {"rp", R::Up}})
    if (take(name))
      return rounding = value, true;
  return false;
}

ptx::Space Decoder::takeSpace() {
  using S = ptx::Space;
  return takeOne<S>({{"global", S::Global},
                     {"shared", S::Shared},
                     {"shared::cta", S::Shared},
                     {"local", S::Local},
                     {"const", S::Const},
                     {"param", S::Param},
                     {"param::entry", S::Param},
                     {"param::func", S::Param}},
                    S::Generic);
}

Scope Decoder::takeScope(Scope otherwise) {
  return takeOne<Scope>({{"cta", Scope::Block},
                         {"cluster", Scope::Cluster},
                         {"gpu", Scope::Device},
                         {"sys", Scope::System}},
                        otherwise);
}

void Decoder::expectOperands(size_t least, size_t most) {
  if (operands() < least || operands() > most)
    refuse("expected " + std::to_string(least) +
           (most > least ? " to " + std::to_string(most) : "") +
           " operands, found " + std::to_string(operands()));
}

/// 8-bit registers are kept as 16 bits: only ld, st and cvt touch them, and these know the width of lanes.
static unsigned laneBytes(Type type) {
  return std::max(2u, ptx::bytesOf(type));
}

bool Decoder::isPredicate(const ptx::Operand &operand) const {
  return operand.kind == OperandKind::Register &&
         current->source->registers[operand.index].type == Type::Pred;
}

unsigned Decoder::registerBytes(const ptx::Operand &operand) const {
  if (operand.kind != OperandKind::Register || isPredicate(operand))
    refuse("expected a register");
  return laneBytes(current->source->registers[operand.index].type);
}

uint32_t Decoder::allocateFrame(State &state, uint32_t bytes) {
  uint32_t at = (state.frame + 63) & ~63u;
  state.frame = at + bytes;
  return at;
}

Operand Decoder::place(State &state, uint32_t index) {
  uint32_t &code = state.registers[index];
  if (code != kUnplaced)
    return {code};
  Type type = state.source->registers[index].type;
  if (type == Type::Pred) {
    if (state.predicates == state.predicatesEnd) {
      state.predicates = allocateFrame(state, 64);
      state.predicatesEnd = state.predicates + 64;
    }
    code = state.predicates | Operand::kFrame;
    state.predicates += kPredicateSlot;
  } else {
    code =
        allocateFrame(state, laneArrayBytes(laneBytes(type))) | Operand::kFrame;
  }
  return {code};
}

Operand Decoder::scratch(unsigned bytes) {
  return {allocateFrame(*current, laneArrayBytes(std::max(2u, bytes))) |
          Operand::kFrame};
}

Operand Decoder::registerOperand(uint32_t index) {
  return place(*current, index);
}

uint64_t Decoder::convertLiteral(const ptx::Operand &operand, unsigned bytes,
                                 Type type) {
  uint64_t bits = operand.bits;
  if (operand.kind == OperandKind::Float64 && (type == Type::F32 || bytes == 4))
    return std::bit_cast<uint32_t>(
        static_cast<float>(std::bit_cast<double>(bits)));
  if (operand.kind == OperandKind::Float32 && type == Type::F64)
    return std::bit_cast<uint64_t>(
        static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits))));
  return bytes >= 8 ? bits : bits & ((uint64_t(1) << (8 * bytes)) - 1);
}

Operand Decoder::source(const ptx::Operand &operand, unsigned bytes,
                        Type type) {
  switch (operand.kind) {
  case OperandKind::Register: {
    if (unsigned found = registerBytes(operand); found != std::max(2u, bytes))
      refuse("register '" + operand.symbol + "' has " +
             std::to_string(8 * found) + " bits, expected " +
             std::to_string(8 * bytes));
    if (operand.negated)
      refuse("'!' belongs before a predicate");
    return place(*current, operand.index);
  }
  case OperandKind::Special:
    return special(operand.symbol, bytes);
  case OperandKind::Integer:
    if (type == Type::F32 || type == Type::F64)
      refuse("expected a floating-point literal (0f…, 0d…)");
    [[fallthrough]];
  case OperandKind::Float32:
  case OperandKind::Float64:
    return constant(convertLiteral(operand, bytes, type), bytes);
  case OperandKind::Symbol: {
    ptx::Space space;
    return constant(symbolAddress(operand, space), bytes);
  }
  default:
    refuse("expected a register or a literal");
  }
}

Operand Decoder::sourceWide(const ptx::Operand &operand, unsigned bytes,
                            uint8_t &lane, Type type) {
  if (operand.kind != OperandKind::Register) {
    lane = static_cast<uint8_t>(std::max(2u, bytes));
    return source(operand, lane, type);
  }
  lane = static_cast<uint8_t>(registerBytes(operand));
  if (lane < bytes)
    refuse("register '" + operand.symbol + "' has fewer than " +
           std::to_string(8 * bytes) + " bits");
  return place(*current, operand.index);
}

Operand Decoder::destination(const ptx::Operand &operand, unsigned bytes) {
  if (operand.kind == OperandKind::Sink)
    return scratch(bytes);
  if (operand.kind != OperandKind::Register)
    refuse("expected a register as destination");
  return source(operand, bytes);
}

Operand Decoder::destinationWide(const ptx::Operand &operand, unsigned bytes,
                                 uint8_t &lane) {
  if (operand.kind == OperandKind::Sink) {
    lane = static_cast<uint8_t>(std::max(2u, bytes));
    return scratch(lane);
  }
  if (operand.kind != OperandKind::Register)
    refuse("expected a register as destination");
  return sourceWide(operand, bytes, lane);
}

Operand Decoder::sourcePredicate(const ptx::Operand &operand) {
  Operand result;
  if (operand.kind == OperandKind::Integer)
    result = constantPredicate(operand.bits != 0);
  else if (isPredicate(operand))
    result = place(*current, operand.index);
  else
    refuse("expected a predicate");
  result.code |= operand.negated ? Operand::kNegate : 0;
  return result;
}

Operand Decoder::destinationPredicate(const ptx::Operand &operand) {
  if (operand.kind == OperandKind::Sink)
    return scratch(2);
  if (!isPredicate(operand) || operand.negated)
    refuse("expected a predicate as destination");
  return place(*current, operand.index);
}

uint64_t Decoder::literal(const ptx::Operand &operand, const char *what) const {
  if (operand.kind != OperandKind::Integer)
    refuse(std::string("expected a literal: ") + what);
  return operand.bits;
}

Operand Decoder::constant(uint64_t bits, unsigned bytes) {
  bytes = std::max(2u, bytes);
  auto [found, isNew] = constants.try_emplace(
      {bits, bytes}, static_cast<uint32_t>(program.constants.size()));
  if (isNew) {
    program.constants.resize(program.constants.size() + laneArrayBytes(bytes));
    for (unsigned lane = 0; lane < 32; ++lane) {
      std::byte *to = program.constants.data() + found->second + lane * bytes;
      std::memset(to, 0, bytes);
      std::memcpy(to, &bits, std::min(bytes, 8u));
    }
  }
  return {found->second | Operand::kConstant};
}

Operand Decoder::constantPredicate(bool value) {
  // All lanes as one word: the 64-byte array of 16-bit lanes serves as well as any.
  return constant(value ? 0xffff : 0, 2);
}

uint32_t Decoder::keep(const std::vector<Operand> &list) {
  auto at = static_cast<uint32_t>(program.operands.size());
  program.operands.insert(program.operands.end(), list.begin(), list.end());
  return at;
}

Operand Decoder::special(const std::string &name, unsigned bytes) {
  using S = Special;
  static const std::unordered_map<std::string_view, Special> table = {
      {"%tid.x", S::TidX},
      {"%tid.y", S::TidY},
      {"%tid.z", S::TidZ},
      {"%ntid.x", S::NtidX},
      {"%ntid.y", S::NtidY},
      {"%ntid.z", S::NtidZ},
      {"%ctaid.x", S::CtaidX},
      {"%ctaid.y", S::CtaidY},
      {"%ctaid.z", S::CtaidZ},
      {"%nctaid.x", S::NctaidX},
      {"%nctaid.y", S::NctaidY},
      {"%nctaid.z", S::NctaidZ},
      {"%laneid", S::LaneId},
      {"%warpid", S::WarpId},
      {"%nwarpid", S::NwarpId},
      {"%smid", S::SmId},
      {"%nsmid", S::NsmId},
      {"%gridid", S::GridId},
      {"%lanemask_eq", S::LanemaskEq},
      {"%lanemask_le", S::LanemaskLe},
      {"%lanemask_lt", S::LanemaskLt},
      {"%lanemask_ge", S::LanemaskGe},
      {"%lanemask_gt", S::LanemaskGt},
      {"%dynamic_smem_size", S::DynamicSmemSize},
      {"%total_smem_size", S::TotalSmemSize},
      {"%aggr_smem_size", S::AggrSmemSize},
      {"%reserved_smem_offset_begin", S::ReservedSmemBegin},
      {"%reserved_smem_offset_end", S::ReservedSmemEnd},
      {"%reserved_smem_offset_cap", S::ReservedSmemCap},
      {"%reserved_smem_offset_0", S::ReservedSmem0},
      {"%reserved_smem_offset_1", S::ReservedSmem1},
      {"%envreg1", S::EnvReg1},
      {"%envreg2", S::EnvReg2},
      {"WARP_SZ", S::WarpSize},
      {"%clusterid.x", S::ClusterIdX},
      {"%clusterid.y", S::ClusterIdY},
      {"%clusterid.z", S::ClusterIdZ},
      {"%nclusterid.x", S::NclusterIdX},
      {"%nclusterid.y", S::NclusterIdY},
      {"%nclusterid.z", S::NclusterIdZ},
      {"%cluster_ctaid.x", S::ClusterCtaidX},
      {"%cluster_ctaid.y", S::ClusterCtaidY},
      {"%cluster_ctaid.z", S::ClusterCtaidZ},
      {"%cluster_nctaid.x", S::ClusterNctaidX},
      {"%cluster_nctaid.y", S::ClusterNctaidY},
      {"%cluster_nctaid.z", S::ClusterNctaidZ},
      {"%cluster_ctarank", S::ClusterCtarank},
      {"%cluster_nctarank", S::ClusterNctarank}};
  auto found = table.find(name);
  if (found == table.end())
    refuse("the simulator does not know '" + name + "' here");
  unsigned width = found->second == S::GridId ? 8 : 4;
  if (bytes != width)
    refuse("'" + name + "' has " + std::to_string(8 * width) +
           " bits, expected " + std::to_string(8 * bytes));
  auto [slot, isNew] =
      specialOffset.try_emplace(found->second, program.specialBytes);
  if (isNew) {
    program.specials.push_back({found->second, program.specialBytes});
    program.specialBytes += laneArrayBytes(width);
  }
  return {slot->second | Operand::kSpecial};
}

uint64_t Decoder::symbolAddress(const ptx::Operand &operand,
                                ptx::Space &space) {
  if (operand.index != ptx::None) {
    const ptx::Variable &variable = function().variables[operand.index];
    space = variable.space;
    if (space == ptx::Space::Param && !function().isKernel)
      refuse("the address of parameter '" + variable.name +
             "' of a function is not supported");
    if (space == ptx::Space::Local && !function().isKernel &&
        in->opcode != "mov" && in->opcode != "ld" && in->opcode != "st")
      refuse("the address of '" + variable.name +
             "' is only supported in mov, ld and st");
    return current->variables[operand.index] + operand.bits;
  }
  if (auto found = globalAddress.find(operand.symbol);
      found != globalAddress.end()) {
    space = ptx::Space::Global;
    return found->second + operand.bits;
  }
  if (auto found = current->moduleShared.find(operand.symbol);
      found != current->moduleShared.end()) {
    space = ptx::Space::Shared;
    return found->second + operand.bits;
  }
  refuse("'" + operand.symbol + "' is no variable of this module");
}

void Decoder::address(const ptx::Operand &operand) {
  if (operand.kind != OperandKind::Address || operand.parts.size() != 1)
    refuse("expected an address in brackets");
  const ptx::Operand &base = operand.parts[0];
  switch (base.kind) {
  case OperandKind::Register:
    out.lane[2] = static_cast<uint8_t>(registerBytes(base));
    if (out.lane[2] != 4 && out.lane[2] != 8)
      refuse("an address has 32 or 64 bits");
    out.a = place(*current, base.index);
    out.imm = static_cast<int64_t>(base.bits);
    return;
  case OperandKind::Integer:
    out.imm = static_cast<int64_t>(base.bits);
    return;
  case OperandKind::Symbol: {
    ptx::Space space;
    out.imm = static_cast<int64_t>(symbolAddress(base, space));
    if (out.space == ptx::Space::Generic)
      out.space = space;
    else if (out.space != space &&
             !(out.space == ptx::Space::Const && space == ptx::Space::Global))
      refuse("'" + base.symbol + "' is not in the space of the access");
    return;
  }
  default:
    refuse("expected a register, a variable or a literal as address");
  }
}

Decoder::ParameterSpace Decoder::parameterVariable(uint32_t of,
                                                   uint32_t variable) {
  State &state = states[of];
  const ptx::Variable &declared = state.source->variables[variable];
  auto stride = static_cast<uint32_t>((declared.bytes + 15) & ~uint64_t(15));
  return {{static_cast<uint32_t>(state.variables[variable]) | Operand::kFrame},
          stride,
          static_cast<uint32_t>(declared.bytes)};
}

Operand Decoder::formalRegister(uint32_t of, uint32_t index) {
  return place(states[of], index);
}

uint32_t Decoder::pcOf(uint32_t instruction) const {
  return program.functions[currentIndex].entry + instruction;
}

const ptx::Function *Decoder::findFunction(const std::string &name,
                                           uint32_t &index) const {
  const ptx::Function *found = module.findFunction(name);
  if (found)
    index = static_cast<uint32_t>(found - module.functions.data());
  return found;
}

Result<std::unique_ptr<Program>> decode(const ptx::Module &module,
                                        GlobalMemory &memory, int device) {
  auto program = std::make_unique<Program>();
  try {
    Decoder(module, memory, device, *program).run();
  } catch (const DecodeError &error) {
    for (const GlobalVariable &variable : program->globals)
      (void)memory.free(variable.address);
    return Status::error(error.what());
  }
  return program;
}

} // namespace moec::cudasim
