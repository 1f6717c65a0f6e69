//===- KernelBufferize.cpp - One-shot bufferization of kernels ----------------===//

#include "dialects/kernel/Kernel.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace moec::kernel;

namespace {

/// The same kernel over the buffers of its operands; its results are the buffers of its inits.
template <typename Op>
struct KernelBufferization
    : DstBufferizableOpInterfaceExternalModel<KernelBufferization<Op>, Op> {
  /// `rows` only counts: a kernel that works in place on what counts its rows does not read it.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    auto rowwise = dyn_cast<RowwiseOp>(op);
    return !rowwise || &operand != &rowwise.getRowsMutable();
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        operands.push_back(operand);
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
    }
    OperationState kernel(op->getLoc(), op->getName(), operands, TypeRange(),
                          op->getDiscardableAttrDictionary().getValue());
    kernel.propertiesAttr = op->getPropertiesAsAttribute();
    for (unsigned i = 0; i < op->getNumRegions(); ++i)
      kernel.addRegion();
    Operation *bufferized = rewriter.create(kernel);
    for (auto [from, to] :
         llvm::zip(op->getRegions(), bufferized->getRegions()))
      to.takeBody(from);
    auto inits = cast<DestinationStyleOpInterface>(bufferized).getDpsInits();
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};

} // namespace

void moec::kernel::registerBufferizationModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, KernelDialect *) {
    GemmOp::attachInterface<KernelBufferization<GemmOp>>(*context);
    RowReduceOp::attachInterface<KernelBufferization<RowReduceOp>>(*context);
    RowwiseOp::attachInterface<KernelBufferization<RowwiseOp>>(*context);
    AttentionOp::attachInterface<KernelBufferization<AttentionOp>>(*context);
    RouteOp::attachInterface<KernelBufferization<RouteOp>>(*context);
    GroupOp::attachInterface<KernelBufferization<GroupOp>>(*context);
    CombineOp::attachInterface<KernelBufferization<CombineOp>>(*context);
  });
}
