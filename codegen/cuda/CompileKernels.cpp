//===- CompileKernels.cpp - Device functions become fatbins -------------------===//
//
//   kernel.rowwise … {launch = #kernel.launch<[<"layer_rowwise" of "rows", …>], …>}
// adds
//   llvm.mlir.global internal constant @cuda.rows(dense_resource<…>) {cuda.unit = "rows"} : !llvm.array<9216 x i8>
//
//===------------------------------------------------------------------------===//

#include "codegen/cuda/Fatbin.h"
#include "codegen/cuda/KernelCompiler.h"
#include "codegen/cuda/Passes.h"
#include "codegen/cuda/Report.h"
#include "codegen/cuda/Units.h"
#include "dialects/moe/Moe.h"
#include "support/TemporaryFile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"

namespace moec::cuda {
#define GEN_PASS_DEF_CUDACOMPILEKERNELSPASS
#include "codegen/cuda/Passes.h.inc"
} // namespace moec::cuda

using namespace mlir;
using namespace moec;
using namespace moec::cuda;

static Status writeFile(const std::string &path, const std::string &text) {
  MOEC_ASSIGN_OR_RETURN(TemporaryFile file, TemporaryFile::create(path));
  file.write(text);
  return file.commit();
}

/// Everything that a person may want to read.
static Status dump(ModuleOp module, const std::string &folder,
                   ArrayRef<Unit> units, ArrayRef<CompiledUnit> compiled) {
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return Status::error("cannot create '" + folder + "': " + error.message());
  for (const Unit &unit : units)
    MOEC_RETURN_IF_ERROR(
        writeFile(folder + "/" + unit.name + ".cu", unit.source));
  for (const CompiledUnit &unit : compiled)
    for (const auto &[arch, binary] : unit.binaries) {
      std::string stem = folder + "/" + unit.name + "." + arch;
      MOEC_RETURN_IF_ERROR(writeFile(stem + ".ptx", binary.ptx));
      MOEC_RETURN_IF_ERROR(writeFile(stem + ".cubin", binary.cubin));
    }
  return writeFile(folder + "/kernels.txt", describeKernels(module, compiled));
}

static void addGlobal(OpBuilder &b, Location loc, const std::string &unit,
                      const std::string &image) {
  auto type = RankedTensorType::get({int64_t(image.size())}, b.getI8Type());
  auto bytes = DenseI8ResourceElementsAttr::get(
      type, "cuda." + unit,
      HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef(
          reinterpret_cast<const int8_t *>(image.data()), image.size())));
  auto global = LLVM::GlobalOp::create(
      b, loc, LLVM::LLVMArrayType::get(b.getI8Type(), image.size()),
      /*isConstant=*/true, LLVM::Linkage::Internal, "cuda." + unit, bytes,
      /*alignment=*/64);
  global->setAttr(kUnitAttr, b.getStringAttr(unit));
}

namespace {

struct CudaCompileKernelsPass
    : moec::cuda::impl::CudaCompileKernelsPassBase<CudaCompileKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = module->getAttrOfType<moe::CudaTargetAttr>(moe::kTargetAttr);
    if (!target)
      return;
    FailureOr<std::vector<Unit>> units = emitUnits(module);
    if (failed(units))
      return signalPassFailure();
    std::vector<std::string> architectures;
    for (StringAttr arch : target.getArchitectures())
      architectures.push_back(arch.str());
    if (Status status = compile(*units, architectures); !status.ok()) {
      module.emitError() << status.message();
      signalPassFailure();
    }
  }

  Status compile(const std::vector<Unit> &units,
                 const std::vector<std::string> &architectures) {
    ModuleOp module = getOperation();
    // What does not compile is what one wants to read most.
    if (!dumpFolder.empty())
      MOEC_RETURN_IF_ERROR(dump(module, dumpFolder, units, {}));
    MOEC_ASSIGN_OR_RETURN(auto compiled, compileUnits(units, architectures));
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    for (const CompiledUnit &unit : compiled)
      addGlobal(b, module.getLoc(), unit.name, makeFatbin(unit.binaries));
    if (!dumpFolder.empty())
      MOEC_RETURN_IF_ERROR(dump(module, dumpFolder, units, compiled));
    return Status::success();
  }
};

} // namespace
