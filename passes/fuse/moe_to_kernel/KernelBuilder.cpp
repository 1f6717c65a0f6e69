//===- KernelBuilder.cpp - Building kernels over tensors ----------------------===//

#include "passes/fuse/moe_to_kernel/KernelBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace moec;
using namespace moec::kernel;

Value KernelBuilder::rowCount(Value rows) {
  return tensor::DimOp::create(*this, rows, 0);
}

Value KernelBuilder::empty(Value count, ArrayRef<int64_t> columns,
                           Type elementType) {
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  shape.append(columns.begin(), columns.end());
  return tensor::EmptyOp::create(*this, shape, elementType, ValueRange{count});
}

void KernelBuilder::buildRegion(Region &region, TypeRange types,
                                BodyBuilder body) {
  OpBuilder::InsertionGuard guard(*this);
  SmallVector<Location> locations(types.size(), getLoc());
  Block *block = createBlock(&region, region.end(), types, locations);
  SmallVector<Value> results = body(*this, block->getArguments());
  YieldOp::create(*this, results);
}

Value KernelBuilder::rowwise(ArrayRef<int64_t> sizes,
                             ArrayRef<MappedValue> inputs, Value init,
                             ArrayRef<AffineMap> outputs,
                             const Rowwise &options, BodyBuilder body) {
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  SmallVector<Type> types;
  for (const MappedValue &input : inputs) {
    values.push_back(input.value);
    maps.push_back(input.map);
    types.push_back(cast<ShapedType>(input.value.getType()).getElementType());
  }
  if (options.inPlace)
    types.append(outputs.size(),
                 cast<ShapedType>(init.getType()).getElementType());
  auto op =
      RowwiseOp::create(*this, TypeRange{init.getType()}, sizes,
                        options.rows ? options.rows : init, options.indices,
                        values, ValueRange{init}, getAffineMapArrayAttr(maps),
                        getAffineMapArrayAttr(outputs), options.inPlace);
  buildRegion(op.getBody(), types, body);
  return op.getResults().front();
}

Value KernelBuilder::elementwise(Value count, int64_t columns,
                                 ArrayRef<MappedValue> inputs,
                                 BodyBuilder body) {
  return rowwise({columns}, inputs, empty(count, columns, getF32Type()),
                 {elementMap()}, {}, body);
}
