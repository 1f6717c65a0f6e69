//===- StoredWeight.cpp - Where a weight's rows are in the checkpoint -----===//

#include "frontend/StoredWeight.h"

#include "frontend/BlockQuantizer.h"
#include "frontend/Tensors.h"

#include <cmath>
#include <cstring>

using namespace moec;
using namespace mlir;

static Status error(moe::WeightOp weight, const Twine &message) {
  return Status::error(
      ("weight '" + weight.getSymName() + "': " + message).str());
}

static Status error(const TensorView &tensor, const Twine &message) {
  return Status::error(
      (tensor.file + ": tensor '" + tensor.name + "': " + message).str());
}

static std::string show(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << "'" << type << "'";
  return text;
}

static std::string show(DType dtype) { return std::string(dtypeName(dtype)); }

//===----------------------------------------------------------------------===//
// Resolving
//===----------------------------------------------------------------------===//

Status StoredWeight::setType(moe::WeightOp weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  ArrayRef<int64_t> shape = type.getShape();
  rows = shape[0];
  if (shape.size() > 1) {
    count = shape.size() == 3 ? shape[0] : 1;
    rows = shape[shape.size() - 2];
    columns = shape.back();
  }
  if (auto element = dyn_cast<moe::ScaledType>(type.getElementType())) {
    bool published =
        llvm::any_of(weight.getParts().getAsRange<moe::PartAttr>(),
                     [](moe::PartAttr part) { return bool(part.getScale()); });
    Type stored = element.getStored();
    scaled = ScaledFormat{
        stored.getIntOrFloatBitWidth(), element.getRows(), element.getColumns(),
        element.getScale().isF32() ? DType::F32 : DType::BF16, published};
    bool made = !published && stored.isInteger() && element.getRows() == 1 &&
                element.getColumns() == kQuantizedBlock &&
                element.getScale().isBF16();
    if (published ? !isa<Float8E4M3FNType>(stored) : !made)
      return error(
          weight,
          "expected elements of '!moe.scaled<f8E4M3FN, …>' whose parts have "
          "scales, '!moe.scaled<i8, 1x32, bf16>' or '!moe.scaled<i4, 1x32, "
          "bf16>', found " +
              show(element));
    return Status::success();
  }
  for (DType candidate : {DType::F32, DType::F16, DType::BF16}) {
    dtype = candidate;
    if (elementTypeOf(candidate, *type.getContext()) == type.getElementType())
      return Status::success();
  }
  return error(weight, "expected elements of f32, f16 or bf16, found " +
                           show(type.getElementType()));
}

Result<const TensorView *>
StoredWeight::findScales(const TensorView &tensor, moe::PartAttr part,
                         int64_t matrix, const SafeTensorsFolder &checkpoint) {
  std::string name = tensorName(part.getScale().getValue(), matrix);
  const TensorView *scales = checkpoint.find(name);
  if (!scales)
    return error(tensor,
                 "expected its scales in a tensor '" + name + "', found none");
  if (scales->dtype != scaled->scale)
    return error(*scales, "expected the type of the scales, " +
                              show(scaled->scale) + ", found " +
                              show(scales->dtype));
  std::vector<int64_t> shape =
      scaleShape(tensor.shape, scaled->blockRows, scaled->blockColumns);
  if (scales->shape != shape)
    return error(*scales, "expected shape " + showShape(shape) +
                              ", a scale for each " + Twine(scaled->blockRows) +
                              "x" + Twine(scaled->blockColumns) + " block of " +
                              showShape(tensor.shape) + ", found " +
                              showShape(scales->shape));
  return scales;
}

/// Appends the rows that one part contributes to a matrix.
Status StoredWeight::appendRows(moe::WeightOp weight, moe::PartAttr part,
                                int64_t matrix,
                                const SafeTensorsFolder &checkpoint) {
  std::string name = tensorName(part.getTensor(), matrix);
  const TensorView *tensor = checkpoint.find(name);
  if (!tensor)
    return error(weight, "expected a tensor '" + name +
                             "' in the checkpoint, found none");
  auto fail = [&](const Twine &message) {
    return error(weight, error(*tensor, message).message());
  };
  auto type = cast<RankedTensorType>(weight.getType());
  if (scaled && !scaled->published) {
    // What the quantiser reads.
    if (!elementTypeOf(tensor->dtype, *type.getContext()))
      return fail("expected elements of F32, F16 or BF16 to quantise, found " +
                  show(tensor->dtype));
  } else if (tensor->dtype != (scaled ? DType::F8_E4M3 : dtype)) {
    return fail("expected the element type of the weight, " +
                show(type.getElementType()) + ", found " + show(tensor->dtype));
  }
  bool isVector = type.getRank() == 1;
  if (isVector && tensor->shape.size() != 1)
    return fail("expected a vector, found shape " + showShape(tensor->shape));
  if (!isVector && (tensor->shape.size() != 2 || tensor->shape[1] != columns))
    return fail("expected rows of " + Twine(columns) +
                " elements, found shape " + showShape(tensor->shape));

  int64_t begin = 0, end = tensor->shape[0];
  if (int64_t heads = part.getHeads()) {
    int64_t rowsOfHead = end / heads;
    if (end % heads || part.getEnd() > rowsOfHead)
      return fail("expected " + Twine(heads) + " heads of at least " +
                  Twine(part.getEnd()) + " rows, found " + Twine(end) +
                  " rows");
    begin = matrix * rowsOfHead + part.getBegin();
    end = matrix * rowsOfHead + part.getEnd();
  }
  const TensorView *scales = nullptr;
  if (scaled && scaled->published) {
    if (!part.getScale())
      return fail("expected scales of this part as of the others, found none");
    Result<const TensorView *> found =
        findScales(*tensor, part, matrix, checkpoint);
    if (!found.ok())
      return error(weight, found.message());
    scales = *found;
  }
  matrices.back().push_back({tensor, scales, begin, end});
  return Status::success();
}

Result<StoredWeight>
StoredWeight::resolve(moe::WeightOp weight,
                      const SafeTensorsFolder &checkpoint) {
  StoredWeight result;
  MOEC_RETURN_IF_ERROR(result.setType(weight));
  for (int64_t matrix = 0; matrix < result.count; ++matrix) {
    result.matrices.emplace_back();
    for (moe::PartAttr part : weight.getParts().getAsRange<moe::PartAttr>())
      MOEC_RETURN_IF_ERROR(result.appendRows(weight, part, matrix, checkpoint));
    int64_t rows = 0;
    for (const RowRange &range : result.matrices.back())
      rows += range.end - range.begin;
    if (rows != result.rows)
      return error(weight, "expected " + Twine(result.rows) +
                               " rows in its parts, found " + Twine(rows));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

StoredRow StoredWeight::row(int64_t matrix, int64_t row) const {
  const RowRange *range = matrices[matrix].begin();
  for (; row >= range->end - range->begin; ++range)
    row -= range->end - range->begin;
  return {range, range->begin + row};
}

float StoredWeight::scale(StoredRow row, int64_t column) const {
  const TensorView &scales = *row.range->scales;
  int64_t place = row.index / scaled->blockRows * scales.shape[1] +
                  column / scaled->blockColumns;
  float value;
  toFloats(scales.dtype, scales.data + place * dtypeBytes(scales.dtype), 1,
           &value);
  return value;
}

Status StoredWeight::readRow(StoredRow row, float *values) const {
  toFloats(row.dtype(), row.data(), columns, values);
  if (!scaled)
    return Status::success();
  if (scaled->published) {
    for (int64_t k = 0; k < columns; ++k)
      values[k] *= scale(row, k);
    return Status::success();
  }
  for (int64_t begin = 0; begin < columns; begin += kQuantizedBlock) {
    QuantizedBlock block;
    int64_t length = std::min(kQuantizedBlock, columns - begin);
    if (!quantizeBlock(scaled->bits, values + begin, length, block))
      return unquantizable(row, begin);
    for (int64_t i = 0; i < length; ++i)
      values[begin + i] = block.value(i);
  }
  return Status::success();
}

/// "[3, 17]", or "[17]" of a vector.
static std::string showPlace(const TensorView &tensor, int64_t row,
                             int64_t column) {
  return tensor.shape.size() == 1 ? showShape({row}) : showShape({row, column});
}

Status StoredWeight::checkFinite(StoredRow row) const {
  const TensorView &tensor = *row.range->tensor;
  if (areFinite(row.dtype(), row.data(), columns))
    return Status::success();
  unsigned bytes = dtypeBytes(row.dtype());
  int64_t column = 0;
  while (areFinite(row.dtype(), row.data() + column * bytes, 1))
    ++column;
  float value;
  toFloats(row.dtype(), row.data() + column * bytes, 1, &value);
  return error(tensor, "element " + showPlace(tensor, row.index, column) +
                           ": expected a finite number, found " +
                           (std::isnan(value) ? "NaN" : "an infinity"));
}

Status StoredWeight::unquantizable(StoredRow row, int64_t begin) const {
  MOEC_RETURN_IF_ERROR(checkFinite(row));
  return error(*row.range->tensor,
               "row " + Twine(row.index) +
                   ": expected magnitudes below 2^100 to quantise, found a "
                   "greater one from column " +
                   Twine(begin));
}

Status StoredWeight::checkScale(StoredRow row, int64_t column,
                                float scale) const {
  // The greatest element times the scale is a weight.
  if (std::isfinite(scale * 448))
    return Status::success();
  const TensorView &scales = *row.range->scales;
  return error(scales,
               "element " +
                   showPlace(scales, row.index / scaled->blockRows,
                             column / scaled->blockColumns) +
                   ": expected a finite scale that keeps 448 times it finite, "
                   "found " +
                   std::to_string(scale));
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

template <typename Bits, typename Convert>
static void convert(const uint8_t *data, int64_t count, float *values,
                    Convert toFloat) {
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
    values[i] = toFloat(bits);
  }
}

void moec::toFloats(DType dtype, const uint8_t *data, int64_t count,
                    float *values) {
  switch (dtype) {
  case DType::F32:
    std::memcpy(values, data, count * sizeof(float));
    return;
  case DType::BF16:
    return convert<uint16_t>(data, count, values, [](uint16_t bits) {
      // bf16ToFloat, where the compiler can see it.
      uint32_t wide = uint32_t(bits) << 16;
      float value;
      std::memcpy(&value, &wide, sizeof(value));
      return value;
    });
  case DType::F16:
    return convert<uint16_t>(data, count, values, f16ToFloat);
  case DType::F8_E4M3:
    return convert<uint8_t>(data, count, values, f8E4M3ToFloat);
  default:
    llvm_unreachable("no type of a weight");
  }
}

/// Whether no element has all of the bits `exponent`.
template <typename Bits>
static bool areFinite(const uint8_t *data, int64_t count, Bits exponent) {
  Bits found = 0;
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
    found |= Bits((bits & exponent) == exponent);
  }
  return !found;
}

uint32_t moec::notFiniteBits(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return 0x7f800000;
  case DType::F16:
    return 0x7c00;
  case DType::BF16:
    return 0x7f80;
  case DType::F8_E4M3:
    return 0x7f;
  default:
    llvm_unreachable("no type of a weight");
  }
}

bool moec::areFinite(DType dtype, const uint8_t *data, int64_t count) {
  uint32_t bits = notFiniteBits(dtype);
  switch (dtypeBytes(dtype)) {
  case 1:
    return ::areFinite<uint8_t>(data, count, bits);
  case 2:
    return ::areFinite<uint16_t>(data, count, bits);
  default:
    return ::areFinite<uint32_t>(data, count, bits);
  }
}
