//===- Layout.cpp - Where variables, parameters and frames lie ------------===//
#include "simulator/machine/Decoder.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

namespace moec::cudasim {

using ptx::OperandKind;
using ptx::Space;

/// Bounds on what a module may ask for; far above what devices have.
constexpr uint64_t kMaxParameterBytes = 32764;
constexpr uint64_t kMaxSharedBytes = uint64_t(1) << 20;
constexpr uint64_t kMaxLocalBytes = uint64_t(1) << 20;
constexpr uint64_t kMaxFrameBytes = uint64_t(1) << 28;

static uint64_t align(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

const Kernel *Program::findKernel(std::string_view kernel) const {
  for (const Function &function : functions)
    if (function.isKernel && function.end > function.entry &&
        function.name == kernel)
      return &function;
  return nullptr;
}

const GlobalVariable *Program::findGlobal(std::string_view variable) const {
  for (const GlobalVariable &global : globals)
    if (global.name == variable)
      return &global;
  return nullptr;
}

const std::byte *Program::constantBank() const {
  return reinterpret_cast<const std::byte *>(
      (reinterpret_cast<uintptr_t>(constants.data()) + 63) & ~uintptr_t(63));
}

void Program::alignConstants() {
  std::vector<std::byte> unaligned(constants.size() + 64);
  unaligned.swap(constants);
  std::copy(unaligned.begin(), unaligned.end(),
            const_cast<std::byte *>(constantBank()));
}

std::string Program::source(uint32_t pc) const {
  ptx::Location location = lines[pc].location;
  if (!location.file)
    return "";
  auto file = files.find(location.file);
  return (file == files.end() ? "file " + std::to_string(location.file)
                              : file->second) +
         ":" + std::to_string(location.line);
}

void Decoder::placeGlobals() {
  for (const ptx::Variable &variable : module.variables) {
    if (variable.space == Space::Shared || variable.isExtern || !variable.bytes)
      continue;
    GlobalMemory::Request request{variable.bytes,
                                  std::max(256u, variable.alignment),
                                  MemoryKind::Variable, variable.name};
    Result<uint64_t> address = memory.allocate(device, request);
    if (!address.ok())
      throw DecodeError(module.name + ":" + std::to_string(variable.line) +
                        ": variable '" + variable.name +
                        "': " + address.message());
    program.globals.push_back({variable.name, *address, variable.bytes});
    globalAddress[variable.name] = *address;
  }
}

void Decoder::initializeGlobals() {
  for (const ptx::Variable &variable : module.variables) {
    auto found = globalAddress.find(variable.name);
    if (found == globalAddress.end() || variable.isExtern)
      continue;
    Allocation *allocation = memory.find(found->second);
    std::memset(allocation->data, 0, variable.bytes);
    GlobalMemory::markWritten(*allocation, 0, variable.bytes);
    auto fail = [&](const std::string &why) {
      throw DecodeError(module.name + ":" + std::to_string(variable.line) +
                        ": initialiser of '" + variable.name + "': " + why);
    };
    for (const ptx::Initializer &part : variable.initializers) {
      uint64_t bytes =
          part.symbol.empty() ? part.bytes.size() : part.symbolBytes;
      if (part.offset > variable.bytes || bytes > variable.bytes - part.offset)
        fail("more values than the variable has bytes");
      if (part.symbol.empty()) {
        std::memcpy(allocation->data + part.offset, part.bytes.data(), bytes);
        continue;
      }
      auto symbol = globalAddress.find(part.symbol);
      if (symbol == globalAddress.end())
        fail("'" + part.symbol + "' is no variable of space .global or .const");
      if (bytes != 8)
        fail("an address needs an element of 64 bits");
      uint64_t value = symbol->second + part.addend;
      std::memcpy(allocation->data + part.offset, &value, bytes);
    }
  }
}

void Decoder::layoutKernelParameters(State &state, Function &function) {
  uint64_t offset = 0;
  for (size_t i = 0; i < state.source->parameters.size(); ++i) {
    if (state.source->parameterIsRegister[i])
      throw DecodeError(module.name + ":" + std::to_string(state.source->line) +
                        ": a kernel has no register parameters");
    const ptx::Variable &variable =
        state.source->variables[state.source->parameters[i]];
    offset = align(offset, variable.alignment);
    state.variables[state.source->parameters[i]] = offset;
    function.parameters.push_back({static_cast<uint32_t>(offset),
                                   static_cast<uint32_t>(variable.bytes),
                                   variable.alignment});
    offset += variable.bytes;
    if (offset > kMaxParameterBytes)
      throw DecodeError(module.name + ":" + std::to_string(variable.line) +
                        ": the parameters of '" + function.name +
                        "' take more than " +
                        std::to_string(kMaxParameterBytes) + " bytes");
  }
  function.parameterBytes = static_cast<uint32_t>(offset);
}

void Decoder::layoutFunctions() {
  uint32_t pc = 0;
  states.resize(module.functions.size());
  program.functions.resize(module.functions.size());
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const ptx::Function &source = module.functions[i];
    State &state = states[i];
    Function &function = program.functions[i];
    state.source = &source;
    state.registers.assign(source.registers.size(), kUnplaced);
    state.variables.assign(source.variables.size(), 0);
    function.name = source.name;
    function.isKernel = source.isKernel;
    function.entry = function.end = pc;
    std::copy_n(source.maxThreads, 3, function.maxThreads);
    std::copy_n(source.requiredThreads, 3, function.requiredThreads);
    std::copy_n(source.requiredCluster, 3, function.requiredCluster);
    if (!source.hasBody)
      continue;
    pc += static_cast<uint32_t>(source.code.size()) +
          1; // and the return at the end
    function.end = pc;
    if (source.isKernel)
      layoutKernelParameters(state, function);
    uint64_t local = 0;
    for (size_t v = 0; v < source.variables.size(); ++v) {
      const ptx::Variable &variable = source.variables[v];
      auto fail = [&](const std::string &why) {
        throw DecodeError(module.name + ":" + std::to_string(variable.line) +
                          ": variable '" + variable.name + "': " + why);
      };
      if (variable.space == Space::Local) {
        local = align(local, std::max(variable.alignment, 1u));
        state.variables[v] = local;
        local += variable.bytes;
        if (local > kMaxLocalBytes)
          fail("more than " + std::to_string(kMaxLocalBytes) +
               " bytes of local memory");
      } else if (variable.space == Space::Param &&
                 !(source.isKernel &&
                   std::find(source.parameters.begin(), source.parameters.end(),
                             v) != source.parameters.end())) {
        // Of a function, or of a call site: 32 lanes behind each other in the frame.
        if (variable.bytes > kMaxParameterBytes)
          fail("more than " + std::to_string(kMaxParameterBytes) +
               " bytes of parameters");
        state.variables[v] = allocateFrame(
            state, static_cast<uint32_t>(32 * align(variable.bytes, 16)));
      }
    }
    function.localBytes = static_cast<uint32_t>(align(local, 64));
  }
}

/// Visits all operands of one kind.
static void
forEachOperand(const std::vector<ptx::Operand> &operands, OperandKind kind,
               const std::function<void(const ptx::Operand &)> &visit) {
  for (const ptx::Operand &operand : operands) {
    if (operand.kind == kind)
      visit(operand);
    forEachOperand(operand.parts, kind, visit);
  }
}

void Decoder::layoutShared() {
  // Variables that functions use lie at the same addresses for all kernels, those of kernels behind them.
  uint64_t common = 0;
  for (const State &state : states)
    for (const ptx::Instruction &instruction : state.source->code)
      forEachOperand(instruction.operands, OperandKind::Special,
                     [&](const ptx::Operand &operand) {
                       if (operand.symbol.starts_with("%reserved_smem_offset_"))
                         program.reservedSharedBytes = kReservedShared;
                     });
  const uint64_t base = kSharedBase + program.reservedSharedBytes;
  auto layout = [&](State &state, Function &function, uint64_t begin,
                    std::map<std::string, uint64_t> moduleShared) {
    uint64_t end = begin, dynamicAlignment = 16;
    std::vector<uint64_t *> dynamic;
    auto put = [&](const ptx::Variable &variable, uint64_t &address) {
      if (variable.isUnsized || (variable.isExtern && !variable.bytes)) {
        if (!state.source->isKernel)
          throw DecodeError(
              module.name + ":" + std::to_string(state.source->line) +
              ": function '" + state.source->name +
              "' uses dynamic shared memory, which only kernels may");
        dynamicAlignment =
            std::max<uint64_t>(dynamicAlignment, variable.alignment);
        dynamic.push_back(&address);
        return;
      }
      end = align(end, std::max(variable.alignment, 1u));
      address = base + end;
      end += variable.bytes;
      if (end > kMaxSharedBytes)
        throw DecodeError(module.name + ":" + std::to_string(variable.line) +
                          ": variable '" + variable.name + "': more than " +
                          std::to_string(kMaxSharedBytes) +
                          " bytes of shared memory");
    };
    state.moduleShared = std::move(moduleShared);
    std::set<uint32_t> placed;
    for (const ptx::Instruction &instruction : state.source->code)
      forEachOperand(instruction.operands, OperandKind::Symbol,
                     [&](const ptx::Operand &operand) {
                       if (operand.index != ptx::None) {
                         const ptx::Variable &variable =
                             state.source->variables[operand.index];
                         if (variable.space == Space::Shared &&
                             placed.insert(operand.index).second)
                           put(variable, state.variables[operand.index]);
                       } else if (const ptx::Variable *variable =
                                      module.findVariable(operand.symbol);
                                  variable &&
                                  variable->space == Space::Shared &&
                                  !state.moduleShared.count(operand.symbol)) {
                         put(*variable, state.moduleShared[operand.symbol]);
                       }
                     });
    function.staticSharedBytes = static_cast<uint32_t>(end);
    function.dynamicSharedOffset =
        static_cast<uint32_t>(align(end, dynamicAlignment));
    for (uint64_t *address : dynamic)
      *address = base + function.dynamicSharedOffset;
    return end;
  };
  std::map<std::string, uint64_t> shared;
  for (size_t i = 0; i < states.size(); ++i)
    if (!states[i].source->isKernel && states[i].source->hasBody) {
      common = layout(states[i], program.functions[i], common, shared);
      shared = states[i].moduleShared;
    }
  for (size_t i = 0; i < states.size(); ++i)
    if (states[i].source->isKernel && states[i].source->hasBody)
      layout(states[i], program.functions[i], common, shared);
}

void Decoder::computeStacks() {
  // The deepest chain of calls; a function that is on the chain already counts kMaxRecursion times.
  std::vector<int> state(program.functions.size(), 0);
  std::function<void(uint32_t)> visit = [&](uint32_t index) {
    Function &function = program.functions[index];
    if (state[index])
      return;
    state[index] = 1;
    uint64_t frames = 0, locals = 0;
    bool recursive = false;
    for (uint32_t callee : function.callees) {
      recursive |= state[callee] == 1;
      visit(callee);
      frames = std::max(frames, program.functions[callee].frameStack);
      locals = std::max(locals, program.functions[callee].localStack);
    }
    uint64_t times = recursive ? kMaxRecursion : 1;
    function.frameStack = times * (function.frameBytes + frames);
    function.localStack = times * (function.localBytes + locals);
    if (function.frameStack > kMaxFrameBytes ||
        function.localStack > kMaxLocalBytes * kMaxRecursion)
      throw DecodeError(module.name + ": function '" + function.name +
                        "' and what it calls need too much stack");
    state[index] = 2;
  };
  for (uint32_t i = 0; i < program.functions.size(); ++i)
    visit(i);
}

} // namespace moec::cudasim
