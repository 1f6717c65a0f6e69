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

std::string moec::tensorName(StringRef name, int64_t index) {
  auto [before, after] = name.split("{expert}");
  if (before.size() == name.size())
    return before.str();
  return (before + Twine(index) + after).str();
}

std::vector<int64_t> moec::scaleShape(ArrayRef<int64_t> shape, int64_t rows,
                                      int64_t columns) {
  return {llvm::divideCeilSigned(shape[0], rows),
          llvm::divideCeilSigned(shape[1], columns)};
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

const TensorView *TensorCatalog::takeScales(const TensorView &tensor) {
  std::string scales = blocks ? scaleTensor(tensor.name) : "";
  if (scales.empty() || !checkpoint->find(scales)) {
    if (blocks && tensor.dtype == DType::F8_E4M3)
      fail(tensor.file + ": tensor '" + tensor.name +
           "': expected its scales in a tensor '" + tensor.name +
           "_scale_inv', found none");
    return nullptr;
  }
  const TensorView *view =
      take(scales, scaleShape(tensor.shape, blocks->rows, blocks->columns));
  if (tensor.dtype != DType::F8_E4M3)
    fail(tensor.file + ": tensor '" + tensor.name +
         "': expected dtype F8_E4M3, because there are scales '" + scales +
         "', found " + name(tensor.dtype));
  if (view->dtype != DType::F32 && view->dtype != DType::BF16)
    fail(view->file + ": tensor '" + view->name +
         "': expected scales of dtype F32 or BF16, found " + name(view->dtype));
  return view;
}

Type TensorCatalog::scaledType(MutableArrayRef<moe::PartAttr> parts,
                               Type scale) {
  MLIRContext *context = assumed.getContext();
  for (moe::PartAttr &part : parts)
    part = moe::PartAttr::get(
        context, part.getTensor(),
        StringAttr::get(context, scaleTensor(part.getTensor())),
        part.getHeads(), part.getBegin(), part.getEnd());
  return moe::ScaledType::get(context, Float8E4M3FNType::get(context),
                              blocks->rows, blocks->columns, scale);
}

Type TensorCatalog::announcedType(MutableArrayRef<moe::PartAttr> parts,
                                  ArrayRef<int64_t> shape) {
  if (!blocks || shape.size() != 2)
    return assumed;
  auto isCovered = [&](moe::PartAttr part) {
    return blocks->cover(part.getTensor());
  };
  for (moe::PartAttr part : parts)
    if (isCovered(part) != isCovered(parts.front()))
      fail(folder + ": expected the tensors '" +
           parts.front().getTensor().str() + "' and '" +
           part.getTensor().str() +
           "', which are one weight, to be quantised alike, found one of them "
           "in the key 'modules_to_not_convert'");
  return isCovered(parts.front())
             ? scaledType(parts, Float32Type::get(assumed.getContext()))
             : assumed;
}

Type TensorCatalog::elementType(MutableArrayRef<moe::PartAttr> parts,
                                int64_t count, ArrayRef<int64_t> shape,
                                Type unlessStored) {
  if (!checkpoint)
    return unlessStored ? unlessStored : announcedType(parts, shape);
  const TensorView *first = nullptr, *firstScales = nullptr;
  auto expectSame = [&](const TensorView &view, const TensorView &other) {
    if (view.dtype != other.dtype)
      fail(view.file + ": tensor '" + view.name + "': expected dtype " +
           name(other.dtype) + " as of '" + other.name + "', found " +
           name(view.dtype));
  };
  for (int64_t index = 0; index < count; ++index) {
    for (moe::PartAttr part : parts) {
      const TensorView *view = take(tensorName(part.getTensor(), index), shape);
      const TensorView *scales = view ? takeScales(*view) : nullptr;
      if (!view || !error.ok())
        return assumed;
      if (!first) {
        first = view;
        firstScales = scales;
      }
      expectSame(*view, *first);
      if (scales && firstScales)
        expectSame(*scales, *firstScales);
    }
  }
  if (!first || !error.ok())
    return assumed;
  MLIRContext *context = assumed.getContext();
  // Where types agree, scales do: exactly the matrices of F8_E4M3 have some.
  if (firstScales)
    return scaledType(parts, elementTypeOf(firstScales->dtype, *context));
  Type type = elementTypeOf(first->dtype, *context);
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
