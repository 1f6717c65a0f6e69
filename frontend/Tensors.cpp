//===- Tensors.cpp - The tensors of a checkpoint, as weights see them -----===//

#include "frontend/Tensors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace moec;
using namespace mlir;

Type moec::elementTypeOf(DType dtype, MLIRContext &context) {
  switch (dtype) {
  case DType::F32:
    return Float32Type::get(&context);
  case DType::F16:
    return Float16Type::get(&context);
  case DType::BF16:
    return BFloat16Type::get(&context);
  default:
    return {};
  }
}

std::string moec::tensorName(StringRef pattern, int64_t index) {
  auto [before, after] = pattern.split("{expert}");
  if (before.size() == pattern.size())
    return before.str();
  return (before + Twine(index) + after).str();
}

std::string moec::showShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "[";
  llvm::interleaveComma(shape, stream);
  stream << "]";
  return text;
}

static std::string name(DType dtype) { return std::string(dtypeName(dtype)); }

void TensorCatalog::fail(std::string message) {
  if (error.ok())
    error = Status::error(std::move(message));
}

const TensorView *TensorCatalog::take(const std::string &tensor,
                                      ArrayRef<int64_t> shape) {
  const TensorView *view = checkpoint->find(tensor);
  if (!view) {
    fail(folder + ": expected a tensor '" + tensor + "' of shape " +
         showShape(shape) + ", found none");
    return nullptr;
  }
  taken.insert(tensor);
  if (ArrayRef(view->shape) != shape)
    fail(view->file + ": tensor '" + tensor + "': expected shape " +
         showShape(shape) + ", found " + showShape(view->shape));
  return view;
}

Type TensorCatalog::elementType(ArrayRef<moe::PartAttr> parts, int64_t count,
                                ArrayRef<int64_t> shape, Type unlessStored) {
  if (!checkpoint)
    return unlessStored ? unlessStored : assumed;
  const TensorView *first = nullptr;
  for (int64_t index = 0; index < count && error.ok(); ++index) {
    for (moe::PartAttr part : parts) {
      const TensorView *view = take(tensorName(part.getTensor(), index), shape);
      if (!view)
        return assumed;
      if (!first)
        first = view;
      if (view->dtype != first->dtype)
        fail(view->file + ": tensor '" + view->name + "': expected dtype " +
             name(first->dtype) + " as of '" + first->name + "', found " +
             name(view->dtype));
    }
  }
  if (!first)
    return assumed;
  Type type = elementTypeOf(first->dtype, *assumed.getContext());
  if (!type)
    fail(first->file + ": tensor '" + first->name +
         "': expected dtype F32, F16 or BF16, found " + name(first->dtype));
  return type ? type : assumed;
}

void TensorCatalog::finish(function_ref<bool(const TensorView &)> mayIgnore) {
  if (!checkpoint)
    return;
  for (const auto &[tensor, view] : checkpoint->tensors())
    if (!taken.contains(tensor) && !mayIgnore(view))
      fail(view.file + ": tensor '" + tensor +
           "' belongs to no part of the model");
}
