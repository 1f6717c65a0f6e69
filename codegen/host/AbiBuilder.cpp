//===- AbiBuilder.cpp - Constants of the runtime's ABI ------------------------===//

#include "codegen/host/AbiBuilder.h"

using namespace mlir;
using namespace moec::host;

AbiBuilder::AbiBuilder(ModuleOp module, Location loc)
    : module(module), builder(module.getContext()), loc(loc) {}

LLVM::LLVMStructType AbiBuilder::typeOf(const Fields &fields) {
  SmallVector<Type> types;
  for (const Field &field : fields)
    switch (field.kind) {
    case Field::Int32:
      types.push_back(builder.getI32Type());
      break;
    case Field::Int64:
      types.push_back(builder.getI64Type());
      break;
    case Field::Address:
    case Field::String:
      types.push_back(LLVM::LLVMPointerType::get(builder.getContext()));
      break;
    }
  return LLVM::LLVMStructType::getLiteral(builder.getContext(), types);
}

/// Opens the initialiser of a global; the caller fills what is returned and ends it with llvm.return.
Value AbiBuilder::startGlobal(StringRef name, Type type, bool exported) {
  builder.setInsertionPointToEnd(module.getBody());
  auto linkage = exported ? LLVM::Linkage::External : LLVM::Linkage::Internal;
  auto global = LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true,
                                       linkage, name, Attribute());
  builder.createBlock(&global.getInitializerRegion());
  return LLVM::PoisonOp::create(builder, loc, type);
}

std::string AbiBuilder::addString(StringRef text) {
  auto [entry, inserted] = strings.try_emplace(text);
  if (!inserted)
    return entry->second;
  entry->second = ("moec.string." + Twine(strings.size() - 1)).str();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  std::string terminated = text.str() + '\0';
  LLVM::GlobalOp::create(
      builder, loc,
      LLVM::LLVMArrayType::get(builder.getI8Type(), terminated.size()),
      /*isConstant=*/true, LLVM::Linkage::Internal, entry->second,
      builder.getStringAttr(terminated));
  return entry->second;
}

Value AbiBuilder::materialize(const Field &field) {
  auto pointer = LLVM::LLVMPointerType::get(builder.getContext());
  switch (field.kind) {
  case Field::Int32:
    return LLVM::ConstantOp::create(builder, loc, builder.getI32Type(),
                                    builder.getI32IntegerAttr(field.number));
  case Field::Int64:
    return LLVM::ConstantOp::create(builder, loc, builder.getI64Type(),
                                    builder.getI64IntegerAttr(field.number));
  case Field::Address:
    if (field.text.empty())
      return LLVM::ZeroOp::create(builder, loc, pointer);
    return LLVM::AddressOfOp::create(builder, loc, pointer, field.text);
  case Field::String:
    return LLVM::AddressOfOp::create(builder, loc, pointer,
                                     addString(field.text));
  }
  llvm_unreachable("unknown kind of field");
}

Value AbiBuilder::build(Value into, const Fields &fields,
                        ArrayRef<int64_t> at) {
  for (auto [i, field] : llvm::enumerate(fields)) {
    SmallVector<int64_t> position(at);
    position.push_back(i);
    into = LLVM::InsertValueOp::create(builder, loc, into, materialize(field),
                                       position);
  }
  return into;
}

void AbiBuilder::structure(StringRef name, const Fields &fields,
                           bool exported) {
  Value value = startGlobal(name, typeOf(fields), exported);
  LLVM::ReturnOp::create(builder, loc, build(value, fields, {}));
}

Field AbiBuilder::array(StringRef name, const std::vector<Fields> &elements) {
  if (elements.empty())
    return Field::null();
  Type type =
      LLVM::LLVMArrayType::get(typeOf(elements.front()), elements.size());
  Value value = startGlobal(name, type, /*exported=*/false);
  for (auto [i, fields] : llvm::enumerate(elements))
    value = build(value, fields, {int64_t(i)});
  LLVM::ReturnOp::create(builder, loc, value);
  return Field::address(name);
}
