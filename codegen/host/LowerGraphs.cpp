//===- LowerGraphs.cpp - Graphs become submissions to the runtime -------------===//
//
//   func.func private @layer(%arena: memref<?xi8>, %x: memref<?x64xf32>) { kernel.graph "layer" { … } }
// becomes
//   llvm.mlir.global internal constant @layer.graph …
//   func.func private @layer(%ctx: !llvm.ptr, %weights: !llvm.ptr, %arena: memref<?xi8>, %x: memref<?x64xf32>) {
//     … pointers and extents into an array …
//     llvm.call @moert_graph_submit(%ctx, @layer.graph, %args)
//   }
//
//===------------------------------------------------------------------------===//

#include "codegen/cpu/Passes.h"
#include "codegen/cuda/Passes.h"
#include "codegen/host/AbiBuilder.h"
#include "codegen/host/GraphArguments.h"
#include "codegen/host/Passes.h"
#include "codegen/host/StepCost.h"
#include "codegen/host/Target.h"
#include "codegen/host/VerifyStep.h"
#include "dialects/moe/Moe.h"
#include "passes/Passes.h"
#include "runtime/moert_abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace moec::host {
#define GEN_PASS_DEF_HOSTLOWERGRAPHSPASS
#include "codegen/host/Passes.h.inc"
} // namespace moec::host

using namespace mlir;
using namespace moec;
using namespace moec::host;
using namespace moec::kernel;

static constexpr llvm::StringLiteral kSubmit = "moert_graph_submit";
static constexpr llvm::StringLiteral kEntry = "moec_step";
static constexpr llvm::StringLiteral kModel = "moec_model";

//===--------------------------------------------------------------------------===//
// Graph descriptors
//===--------------------------------------------------------------------------===//

/// The moert_launch of a kernel; null on the CPU. `modules` tells the number of a translation unit.
static Field describeLaunch(AbiBuilder &abi, const std::string &name,
                            TaskInterface op,
                            const llvm::StringMap<int64_t> &modules) {
  auto launch = op->getAttrOfType<LaunchAttr>(TaskInterface::kLaunch);
  if (!launch)
    return Field::null();
  std::vector<Fields> kernels, parameters;
  for (EntryAttr entry : launch.getEntries())
    kernels.push_back(
        {Field::string(entry.getName()),
         Field::i32(modules.lookup(entry.getUnit())),
         Field::i32(entry.getMostRows()), Field::i32(entry.getThreads()),
         Field::i32(entry.getRowTile()), Field::i32(entry.getColumnTiles()),
         Field::i32(entry.getPositionTile())});
  for (ParameterAttr parameter : launch.getParameters())
    parameters.push_back({Field::i32(int64_t(parameter.getKind())),
                          Field::i32(parameter.getBytes()),
                          Field::i64(parameter.getValue())});
  Field kernelArray = abi.array(name + ".kernels", kernels);
  Field parameterArray = abi.array(name + ".parameters", parameters);
  abi.structure(name + ".launch",
                {Field::i32(kernels.size()), Field::i32(parameters.size()),
                 kernelArray, parameterArray},
                /*exported=*/false);
  return Field::address(name + ".launch");
}

/// moert_node of a kernel.
static Fields describeNode(AbiBuilder &abi, GraphOp graph, TaskInterface op,
                           size_t index, const GraphArguments &arguments,
                           const llvm::StringMap<int64_t> &modules) {
  std::vector<Fields> waits;
  for (WaitAttr wait : op->getAttrOfType<ArrayAttr>(TaskInterface::kWaits)
                           .getAsRange<WaitAttr>())
    waits.push_back(
        {Field::i32(wait.getProducer()),
         Field::i32(wait.getForm() == WaitForm::All ? MOERT_WAIT_ALL
                                                    : MOERT_WAIT_ROWS)});
  std::string name = (graph.getName() + "." + Twine(index)).str();
  Field waitArray = abi.array(name + ".waits", waits);
  auto task = op->getAttrOfType<FlatSymbolRefAttr>(cpu::kTaskAttr);
  Field launch = describeLaunch(abi, name, op, modules);
  Value extent = op.getRowExtent();
  int64_t experts = op.getRoutedExperts();
  int64_t rows = !extent   ? MOERT_ROWS_ONE
                 : experts ? MOERT_ROWS_ROUTED
                           : MOERT_ROWS_EXTENT;
  ArrayRef<int64_t> tiles = op.getTileSizes();
  return {Field::string(name + "." + op->getName().stripDialect().str()),
          task ? Field::address(task.getValue()) : Field::null(),
          Field::i32(rows),
          Field::i32(tiles[0]),
          Field::i32(op.getColumnTiles(tiles[1])),
          Field::i32(extent ? arguments.extentSlotOf(extent) : 0),
          Field::i32(experts),
          Field::i32(waits.size()),
          waitArray,
          launch};
}

/// The moert_graph of `graph`; returns its symbol.
static std::string describeGraph(AbiBuilder &abi, GraphOp graph,
                                 const GraphArguments &arguments,
                                 const llvm::StringMap<int64_t> &modules) {
  std::vector<Fields> nodes;
  for (auto [i, op] : llvm::enumerate(graph.getBody().front()))
    nodes.push_back(describeNode(abi, graph, cast<TaskInterface>(op), i,
                                 arguments, modules));
  std::string name = graph.getName().str() + ".graph";
  Field array = abi.array(name + ".nodes", nodes);
  abi.structure(name,
                {Field::string(graph.getName()), Field::i32(nodes.size()),
                 Field::i32(arguments.size()), array},
                /*exported=*/false);
  return name;
}

/// Replaces a graph by its submission.
static void submitGraph(GraphOp graph, Value context, AbiBuilder &abi,
                        const llvm::StringMap<int64_t> &modules) {
  GraphArguments arguments(graph);
  std::string descriptor = describeGraph(abi, graph, arguments, modules);
  ImplicitLocOpBuilder b(graph.getLoc(), graph);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value count = LLVM::ConstantOp::create(b, b.getI64Type(),
                                         b.getI64IntegerAttr(arguments.size()));
  Value array = LLVM::AllocaOp::create(b, pointer, b.getI64Type(), count);
  auto store = [&](Value value, int64_t slot) {
    Value asInteger = arith::IndexCastOp::create(b, b.getI64Type(), value);
    Value address = LLVM::GEPOp::create(b, pointer, b.getI64Type(), array,
                                        ArrayRef<LLVM::GEPArg>{int32_t(slot)});
    LLVM::StoreOp::create(b, asInteger, address);
  };
  for (Value buffer : arguments.getBuffers()) {
    int64_t slot = arguments.slotOf(buffer);
    store(memref::ExtractAlignedPointerAsIndexOp::create(b, buffer), slot);
    if (hasDynamicExtent(cast<MemRefType>(buffer.getType()))) {
      Value zero = arith::ConstantIndexOp::create(b, 0);
      store(memref::DimOp::create(b, buffer, zero), slot + 1);
    }
  }
  Value address = LLVM::AddressOfOp::create(b, pointer, descriptor);
  // A submission that fails is latched by the context, which then refuses the rest of the step.
  LLVM::CallOp::create(b, b.getI32Type(), kSubmit,
                       ValueRange{context, address, array});
  graph.erase();
}

//===--------------------------------------------------------------------------===//
// Model descriptor and entry
//===--------------------------------------------------------------------------===//

/// "cpu znver3" or "cuda sm_80 sm_90a".
static std::string describeTarget(ModuleOp module) {
  Attribute target = module->getAttr(moe::kTargetAttr);
  if (auto cpu = dyn_cast<moe::CpuTargetAttr>(target))
    return ("cpu " + cpu.getName()).str();
  std::string text = "cuda";
  for (StringAttr arch : cast<moe::CudaTargetAttr>(target).getArchitectures())
    text += (" " + arch.getValue()).str();
  return text;
}

/// A buffer of scaled elements as the bytes it stands in; others as they are.
static MemRefType storageType(MemRefType type) {
  if (!isa<moe::ScaledType>(type.getElementType()))
    return type;
  return MemRefType::get({moe::getStorageBytes(type)},
                         IntegerType::get(type.getContext(), 8));
}

namespace {

struct HostLowerGraphsPass
    : moec::host::impl::HostLowerGraphsPassBase<HostLowerGraphsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    step = module.lookupSymbol<func::FuncOp>(moe::kStepFunction);
    limits = module->getAttrOfType<moe::LimitsAttr>(moe::kLimitsAttr);
    if (!step || !limits) {
      module.emitError() << "expected a function @" << moe::kStepFunction
                         << " and '" << moe::kLimitsAttr << "'";
      return signalPassFailure();
    }
    if (failed(verifyStep(step)))
      return signalPassFailure();
    // While the graphs are still there.
    StepCost cost = computeStepCost(step);
    Location loc = step.getLoc();
    AbiBuilder abi(module, loc);
    declareSubmit(loc);
    if (failed(collectWeights(module)) || failed(checkKernels(module)))
      return signalPassFailure();
    for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (hostFunctions.contains(func))
        lowerFunction(func, abi);
    if (failed(describeModel(abi, cost)))
      return signalPassFailure();
    buildEntry();
  }

  void declareSubmit(Location loc) {
    OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    LLVM::LLVMFuncOp::create(b, loc, kSubmit,
                             LLVM::LLVMFunctionType::get(
                                 b.getI32Type(), {pointer, pointer, pointer}));
  }

  /// Numbers the weights, and finds the functions of the host: @step and what it calls.
  LogicalResult collectWeights(ModuleOp module) {
    DenseMap<StringAttr, int64_t> bytesOf;
    for (auto [i, weight] : llvm::enumerate(module.getOps<moe::WeightOp>())) {
      weightIndex[weight.getSymNameAttr()] = i;
      bytesOf[weight.getSymNameAttr()] =
          moe::getStorageBytes(weight.getPackedType());
    }
    WalkResult checked = module.walk([&](WeightOp op) -> WalkResult {
      auto bytes = bytesOf.find(op.getWeightAttr().getAttr());
      if (bytes == bytesOf.end())
        return op.emitOpError() << "no moe.weight named " << op.getWeightAttr();
      int64_t found =
          moe::getStorageBytes(cast<ShapedType>(op.getResult().getType()));
      if (found != bytes->second)
        return op.emitOpError() << "expected the " << bytes->second
                                << " bytes of the weight, got " << found;
      return WalkResult::advance();
    });
    if (checked.wasInterrupted())
      return failure();
    hostFunctions.insert(step);
    step.walk([&](func::CallOp call) {
      hostFunctions.insert(module.lookupSymbol<func::FuncOp>(call.getCallee()));
    });
    return success();
  }

  /// Numbers the modules of device code. Each kernel must have its task or its launch.
  LogicalResult checkKernels(ModuleOp module) {
    modules.clear();
    deviceCode.clear();
    for (auto global : module.getOps<LLVM::GlobalOp>())
      if (auto unit = global->getAttrOfType<StringAttr>(cuda::kUnitAttr)) {
        modules[unit.getValue()] = deviceCode.size();
        deviceCode.push_back(global);
      }
    WalkResult checked = module.walk([&](TaskInterface op) -> WalkResult {
      if (!op->getParentOfType<GraphOp>())
        return WalkResult::advance();
      auto launch = op->getAttrOfType<LaunchAttr>(TaskInterface::kLaunch);
      if (!launch && !op->hasAttr(cpu::kTaskAttr))
        return op->emitOpError() << "expected a task or a launch "
                                    "(cpu-lower-tasks, cuda-plan-launches)";
      if (launch)
        for (EntryAttr entry : launch.getEntries())
          if (!modules.contains(entry.getUnit()))
            return op->emitOpError()
                   << "no device code of unit '" << entry.getUnit()
                   << "' (cuda-compile-kernels)";
      return WalkResult::advance();
    });
    return failure(checked.wasInterrupted());
  }

  /// Adds context and weights to the arguments of a function and its calls; lowers its graphs.
  void lowerFunction(func::FuncOp func, AbiBuilder &abi) {
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    for (int i = 0; i < 2; ++i)
      (void)func.insertArgument(0, pointer, {}, func.getLoc());
    Value context = func.getArgument(0), weights = func.getArgument(1);
    func.walk([&](func::CallOp call) {
      SmallVector<Value> operands{context, weights};
      llvm::append_range(operands, call.getOperands());
      call->setOperands(operands);
    });
    func.walk(
        [&](GraphOp graph) { submitGraph(graph, context, abi, modules); });
    // Nobody needs to know any more what a weight is made of.
    for (BlockArgument argument : func.getArguments())
      if (auto type = dyn_cast<MemRefType>(argument.getType()))
        argument.setType(storageType(type));
    func.setFunctionType(FunctionType::get(&getContext(),
                                           func.getBody().getArgumentTypes(),
                                           func.getResultTypes()));
    func.walk([&](WeightOp op) {
      ImplicitLocOpBuilder b(op.getLoc(), op);
      int64_t index = weightIndex.at(op.getWeightAttr().getAttr());
      Value address = loadElement(b, weights, index, pointer);
      op.replaceAllUsesWith(
          makeMemRef(b, storageType(op.getType()), address, Value()));
      op.erase();
    });
    func->setAttr("llvm.linkage", LLVM::LinkageAttr::get(
                                      &getContext(), LLVM::Linkage::Internal));
  }

  /// Types of the caches among the arguments of @step: behind context, weights, arena and the four vectors of the batch.
  ArrayRef<Type> cacheTypes() {
    return step.getArgumentTypes().drop_front(7).drop_back(1);
  }

  LogicalResult describeModel(AbiBuilder &abi, const StepCost &cost) {
    ModuleOp module = getOperation();
    auto model = module->getAttrOfType<DictionaryAttr>(moe::kModelAttr);
    auto text = [&](StringRef key) -> StringRef {
      auto value = model ? model.getAs<StringAttr>(key) : StringAttr();
      return value ? value.getValue() : StringRef();
    };
    auto number = [&](StringRef name) -> int64_t {
      auto value = module->getAttrOfType<IntegerAttr>(name);
      return value ? value.getInt() : 0;
    };
    FailureOr<std::string> features = requiredFeatures(module);
    if (failed(features))
      return failure();

    std::vector<Fields> caches, weights, costs, images;
    for (LLVM::GlobalOp global : deviceCode)
      images.push_back(
          {Field::string(
               global->getAttrOfType<StringAttr>(cuda::kUnitAttr).getValue()),
           Field::address(global.getSymName()),
           Field::i64(
               cast<LLVM::LLVMArrayType>(global.getType()).getNumElements())});
    for (auto [i, type] : llvm::enumerate(cacheTypes())) {
      auto memref = cast<MemRefType>(type);
      auto row =
          MemRefType::get({memref.getDimSize(1)}, memref.getElementType());
      caches.push_back({Field::string(("layers." + Twine(i)).str()),
                        Field::i64(moe::getStorageBytes(row))});
    }
    int64_t weightsBytes = 0;
    for (auto weight : module.getOps<moe::WeightOp>()) {
      int64_t bytes = moe::getStorageBytes(weight.getPackedType());
      int64_t offset = *weight.getOffset();
      weights.push_back({Field::string(weight.getName()), Field::i64(offset),
                         Field::i64(bytes)});
      weightsBytes = std::max(weightsBytes, offset + bytes);
    }
    for (const WeightUse &use : cost.weights)
      costs.push_back(
          {Field::i32(use.ofOutputs ? MOERT_COST_OUTPUTS : MOERT_COST_TOKENS),
           Field::i32(0), Field::i64(use.choices), Field::i64(use.chosen),
           Field::i64(use.bytes), Field::i64(use.multiplyAdds)});
    int64_t vocab =
        cast<MemRefType>(step.getArgumentTypes().back()).getDimSize(1);
    Field cacheArray = abi.array("moec.caches", caches);
    Field weightArray = abi.array("moec.weights", weights);
    Field costArray = abi.array("moec.costs", costs);
    Field imageArray = abi.array("moec.modules", images);
    abi.structure(
        kModel,
        {Field::i32(MOERT_ABI_VERSION),
         Field::i32(caches.size()),
         Field::i32(weights.size()),
         Field::i32(costs.size()),
         Field::string(text("name")),
         Field::string(text("type")),
         Field::string(describeTarget(module)),
         Field::string(*features),
         Field::string(text("id")),
         Field::i64(vocab),
         Field::i64(limits.getTokens()),
         Field::i64(limits.getSequences()),
         Field::i64(limits.getPositions()),
         Field::i64(number(kArenaBytesAttr)),
         Field::i64(number(kScratchBytesAttr)),
         Field::i64(weightsBytes),
         Field::i64(cost.attentionMultiplyAdds),
         Field::i64(cost.attentionBytes),
         cacheArray,
         weightArray,
         costArray,
         Field::address(kEntry),
         Field::i32(images.empty() ? MOERT_DEVICE_CPU : MOERT_DEVICE_CUDA),
         Field::i32(images.size()),
         imageArray},
        /*exported=*/true);
    return success();
  }

  /// moert_step_fn: unpacks the batch and calls @step.
  void buildEntry() {
    OpBuilder module = OpBuilder::atBlockEnd(getOperation().getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto entry = LLVM::LLVMFuncOp::create(
        module, step.getLoc(), kEntry,
        LLVM::LLVMFunctionType::get(module.getI32Type(),
                                    SmallVector<Type>(6, pointer)),
        LLVM::Linkage::Internal);
    ImplicitLocOpBuilder b(step.getLoc(), module);
    b.setInsertionPointToStart(entry.addEntryBlock(b));
    Value context = entry.getArgument(0), batch = entry.getArgument(1),
          arena = entry.getArgument(2), caches = entry.getArgument(3),
          weights = entry.getArgument(4), logits = entry.getArgument(5);
    ArrayRef<Type> types = step.getArgumentTypes();
    auto memref = [&](Type type, Value address, Value extent) {
      return makeMemRef(b, cast<MemRefType>(type), address, extent);
    };
    // moert_batch: num_tokens, num_outputs, tokens, positions, cache_rows, output_rows.
    Value tokens = loadElement(b, batch, 0, b.getI64Type());
    Value outputs = loadElement(b, batch, 1, b.getI64Type());
    Value arenaBytes = LLVM::ConstantOp::create(
        b, b.getI64Type(),
        getOperation()->getAttrOfType<IntegerAttr>(kArenaBytesAttr));
    SmallVector<Value> operands{context, weights,
                                memref(types[2], arena, arenaBytes)};
    for (int64_t i = 0; i < 4; ++i)
      operands.push_back(memref(types[3 + i],
                                loadElement(b, batch, 2 + i, pointer),
                                i == 3 ? outputs : tokens));
    for (auto [i, type] : llvm::enumerate(cacheTypes()))
      operands.push_back(
          memref(type, loadElement(b, caches, i, pointer), Value()));
    operands.push_back(memref(types.back(), logits, outputs));
    func::CallOp::create(b, step, operands);
    Value zero =
        LLVM::ConstantOp::create(b, b.getI32Type(), b.getI32IntegerAttr(0));
    LLVM::ReturnOp::create(b, zero);
  }

  func::FuncOp step;
  moe::LimitsAttr limits;
  DenseMap<StringAttr, int64_t> weightIndex;
  llvm::StringMap<int64_t> modules;
  SmallVector<LLVM::GlobalOp> deviceCode;
  DenseSet<func::FuncOp> hostFunctions;
};

} // namespace
