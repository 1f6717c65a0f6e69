//===- PlanArena.cpp - All buffers of a step in one arena ---------------------===//
//
//   func.func private @layer(%x: memref<?x64xf32>) { %b = memref.alloc(%t) : memref<?x96xf32> … }
// becomes
//   func.func private @layer(%arena: memref<?xi8>, %x: memref<?x64xf32>) {
//     %b = memref.view %arena[%c4096][%t] {kernel.bytes = 196608} : memref<?xi8> to memref<?x96xf32>
//
//===------------------------------------------------------------------------===//

#include "dialects/moe/Moe.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"

namespace moec {
#define GEN_PASS_DEF_PLANARENAPASS
#include "passes/Passes.h.inc"
} // namespace moec

using namespace mlir;
using namespace moec;

static constexpr int64_t kBufferAlignment = 64;

namespace {

/// A buffer and the operations between which it holds something.
struct Buffer {
  memref::AllocOp alloc;
  int64_t bytes;
  unsigned first, last;
  int64_t offset = 0;
};

struct PlanArenaPass : moec::impl::PlanArenaPassBase<PlanArenaPass> {
  moe::LimitsAttr limits;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    limits = module->getAttrOfType<moe::LimitsAttr>(moe::kLimitsAttr);
    if (!limits) {
      module.emitError() << "expected '" << moe::kLimitsAttr
                         << "' on the module";
      return signalPassFailure();
    }
    addArenaArguments(module);
    int64_t stepBytes = 0, layerBytes = 0;
    auto plan = [&](bool isStep) -> LogicalResult {
      for (auto func : module.getOps<func::FuncOp>()) {
        if (func.isDeclaration() ||
            (func.getName() == moe::kStepFunction) != isStep)
          continue;
        FailureOr<int64_t> end = planFunction(func, isStep ? 0 : stepBytes);
        if (failed(end))
          return failure();
        (isStep ? stepBytes : layerBytes) =
            std::max(isStep ? stepBytes : layerBytes, *end);
      }
      return success();
    };
    // Of the layer functions one runs at a time, behind what the step itself holds.
    if (failed(plan(true)) || failed(plan(false)))
      return signalPassFailure();
    module->setAttr(kArenaBytesAttr, Builder(module).getI64IntegerAttr(
                                         std::max(stepBytes, layerBytes)));
  }

  /// Every function gets the arena as its first argument and hands it on.
  static void addArenaArguments(ModuleOp module) {
    auto type = MemRefType::get({ShapedType::kDynamic},
                                IntegerType::get(module.getContext(), 8));
    for (auto func : module.getOps<func::FuncOp>()) {
      if (func.isDeclaration())
        continue;
      (void)func.insertArgument(0, type, {}, func.getLoc());
      func.walk([&](func::CallOp call) {
        SmallVector<Value> operands{func.getArgument(0)};
        llvm::append_range(operands, call.getOperands());
        call->setOperands(operands);
      });
    }
  }

  /// An upper bound of an extent: rows of a step are at most `tokens`.
  FailureOr<int64_t> bound(Value extent) {
    APInt constant;
    if (matchPattern(extent, m_ConstantInt(&constant)))
      return constant.getSExtValue();
    if (auto product = extent.getDefiningOp<arith::MulIOp>()) {
      FailureOr<int64_t> lhs = bound(product.getLhs());
      FailureOr<int64_t> rhs = bound(product.getRhs());
      if (failed(lhs) || failed(rhs))
        return failure();
      return checked(extent.getLoc(), *lhs, *rhs);
    }
    if (auto dim = extent.getDefiningOp<memref::DimOp>()) {
      if (isa<BlockArgument>(dim.getSource()))
        return limits.getTokens();
      if (auto alloc = dim.getSource().getDefiningOp<memref::AllocOp>())
        return bound(alloc.getDynamicSizes()[0]);
    }
    return emitError(extent.getLoc())
           << "cannot bound the extent " << extent << " of a buffer";
  }

  /// The product, if buffers of so many bits can still be placed one behind the
  /// other.
  static FailureOr<int64_t> checked(Location loc, int64_t lhs, int64_t rhs) {
    constexpr int64_t mostBits = int64_t(1) << 48;
    int64_t result;
    if (lhs < 0 || rhs < 0 || llvm::MulOverflow(lhs, rhs, result) ||
        result > mostBits)
      return emitError(loc) << "expected buffers of at most 2^48 bits, got "
                            << lhs << " * " << rhs;
    return result;
  }

  FailureOr<SmallVector<Buffer>> collect(func::FuncOp func) {
    DenseMap<Operation *, unsigned> order;
    for (auto [i, op] : llvm::enumerate(func.getBody().front()))
      order[&op] = i;
    SmallVector<Buffer> buffers;
    for (auto alloc : func.getOps<memref::AllocOp>()) {
      MemRefType type = alloc.getType();
      SmallVector<int64_t> extents;
      for (int64_t size : type.getShape())
        extents.push_back(ShapedType::isDynamic(size) ? 1 : size);
      for (Value size : alloc.getDynamicSizes()) {
        FailureOr<int64_t> most = bound(size);
        if (failed(most))
          return failure();
        extents.push_back(*most);
      }
      FailureOr<int64_t> bits = int64_t(type.getElementTypeBitWidth());
      for (int64_t extent : extents) {
        bits = checked(alloc.getLoc(), *bits, extent);
        if (failed(bits))
          return failure();
      }
      Buffer buffer{alloc, *bits / 8, UINT_MAX, 0};
      for (Operation *user : alloc->getUsers()) {
        buffer.first = std::min(buffer.first, order[user]);
        buffer.last = std::max(buffer.last, order[user]);
      }
      buffers.push_back(buffer);
    }
    return buffers;
  }

  /// Places the buffers of `func` from `base` on, the largest first at the lowest offset that is free during its life;
  /// returns where they end.
  FailureOr<int64_t> planFunction(func::FuncOp func, int64_t base) {
    FailureOr<SmallVector<Buffer>> collected = collect(func);
    if (failed(collected))
      return failure();
    SmallVector<Buffer> &buffers = *collected;
    llvm::stable_sort(buffers, [](const Buffer &a, const Buffer &b) {
      return a.bytes > b.bytes;
    });
    int64_t end = base;
    SmallVector<Buffer *> placed; // by offset
    for (Buffer &buffer : buffers) {
      buffer.offset = base;
      for (Buffer *other : placed) {
        bool together =
            other->first <= buffer.last && buffer.first <= other->last;
        bool overlaps = other->offset < buffer.offset + buffer.bytes &&
                        buffer.offset < other->offset + other->bytes;
        if (together && overlaps)
          buffer.offset =
              llvm::alignTo(other->offset + other->bytes, kBufferAlignment);
      }
      placed.insert(llvm::upper_bound(placed, &buffer,
                                      [](const Buffer *a, const Buffer *b) {
                                        return a->offset < b->offset;
                                      }),
                    &buffer);
      end = std::max<int64_t>(
          end, llvm::alignTo(buffer.offset + buffer.bytes, kBufferAlignment));
      OpBuilder b(buffer.alloc);
      Value at = arith::ConstantIndexOp::create(b, buffer.alloc.getLoc(),
                                                buffer.offset);
      auto view = memref::ViewOp::create(
          b, buffer.alloc.getLoc(), buffer.alloc.getType(), func.getArgument(0),
          at, buffer.alloc.getDynamicSizes());
      view->setAttr(kBufferBytesAttr, b.getI64IntegerAttr(buffer.bytes));
      buffer.alloc.replaceAllUsesWith(view.getResult());
      buffer.alloc.erase();
    }
    return end;
  }
};

} // namespace
