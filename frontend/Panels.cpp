//===- Panels.cpp - Matrices in the order in which kernels read them ------===//

#include "frontend/Panels.h"

#include "frontend/BlockQuantizer.h"
#include "frontend/Interleave.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace moec;
using namespace mlir;

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

/// Scales of a transposed panel lie along the stored rows: steps that share one
/// must do so in the checkpoint.
static Status checkBlocksOfRows(const StoredWeight &stored, int64_t block) {
  for (int64_t matrix = 0; matrix < stored.count; ++matrix)
    for (int64_t begin = 0; begin < stored.rows; begin += block) {
      int64_t last = std::min(begin + block, stored.rows) - 1;
      StoredRow head = stored.row(matrix, begin);
      StoredRow tail = stored.row(matrix, last);
      int64_t blockRows = stored.scaled->blockRows;
      if (head.range == tail.range &&
          head.index / blockRows == tail.index / blockRows)
        continue;
      const TensorView &tensor = *head.range->tensor;
      return Status::error(
          tensor.file + ": tensor '" + tensor.name + "': expected rows " +
          std::to_string(head.index) + " to " + std::to_string(tail.index) +
          ", which the transposed matrix takes as one block, to lie in one "
          "block of " +
          std::to_string(blockRows) + " rows");
    }
  return Status::success();
}

Result<PackedWeight> PackedWeight::create(moe::WeightOp weight,
                                          StoredWeight stored) {
  auto fail = [&](const Twine &message) {
    return Status::error(
        ("weight '" + weight.getSymName() + "': " + message).str());
  };
  PackedWeight result(std::move(stored));
  const StoredWeight &source = result.stored;
  std::optional<moe::PanelsAttr> layout = weight.getLayout();
  if (!layout) {
    if (source.scaled)
      return fail("expected a layout in panels of its scaled elements");
    result.unitsOfMatrix = source.rows;
    result.bytes = uint64_t(source.columns) * dtypeBytes(source.dtype);
    return result;
  }
  result.width = layout->getWidth();
  result.parts = layout->getParts();
  result.transpose = layout->getTranspose();
  bool isMade = source.scaled && !source.scaled->published;
  if (isMade && result.transpose)
    return fail("cannot quantise a matrix that is packed transposed");
  RankedTensorType packed = weight.getPackedType();
  result.unitsOfMatrix = packed.getDimSize(packed.getRank() - 3);
  if (result.units() == 0)
    return result;
  result.bytes = moe::getStorageBytes(packed) / result.units();
  if (auto scaled = dyn_cast<moe::ScaledType>(packed.getElementType())) {
    result.block = scaled.getColumns();
    if (result.transpose)
      MOEC_RETURN_IF_ERROR(checkBlocksOfRows(source, result.block));
  }
  return result;
}

PackedWeight::Panel PackedWeight::panelOf(int64_t unit) const {
  int64_t rowsOfPart = (transpose ? stored.columns : stored.rows) / parts;
  int64_t panel = unit % unitsOfMatrix;
  int64_t begin = panel / parts * width;
  return {unit / unitsOfMatrix, panel % parts * rowsOfPart + begin,
          std::min(width, rowsOfPart - begin)};
}

Status PackedWeight::pack(int64_t begin, int64_t end, uint8_t *out) const {
  for (int64_t unit = begin; unit < end; ++unit, out += bytes) {
    if (!width) {
      MOEC_RETURN_IF_ERROR(packRow(unit, out));
      continue;
    }
    Panel panel = panelOf(unit);
    if (!stored.scaled)
      MOEC_RETURN_IF_ERROR(transpose ? packTransposed(panel, out)
                                     : packPlain(panel, out));
    else if (!stored.scaled->published)
      MOEC_RETURN_IF_ERROR(packQuantized(panel, out));
    else
      MOEC_RETURN_IF_ERROR(transpose ? packPublishedTransposed(panel, out)
                                     : packPublished(panel, out));
  }
  return Status::success();
}

void PackedWeight::visitSources(
    int64_t begin, int64_t end,
    function_ref<void(const uint8_t *, uint64_t)> visit) const {
  int64_t panelsOfPart = unitsOfMatrix / parts;
  int64_t rowsOfPart = stored.rows / parts, step = std::max<int64_t>(width, 1);
  auto visitRows = [&](int64_t matrix, int64_t first, int64_t last) {
    for (int64_t row = first; row < last;) {
      StoredRow from = stored.row(matrix, row);
      int64_t length = std::min(from.range->end - from.index, last - row);
      visit(from.data(),
            from.range->tensor->bytes / from.range->tensor->shape[0] * length);
      row += length;
    }
  };
  for (int64_t unit = begin; unit < end;) {
    int64_t matrix = unit / unitsOfMatrix, start = matrix * unitsOfMatrix;
    int64_t first = (unit - start) / parts;
    int64_t last =
        std::min(llvm::divideCeil(std::min(end - start, unitsOfMatrix), parts),
                 uint64_t(panelsOfPart));
    if (transpose)
      visitRows(matrix, 0, stored.rows);
    else
      for (int64_t part = 0; part < parts; ++part)
        visitRows(matrix, part * rowsOfPart + first * step,
                  part * rowsOfPart + std::min(last * step, rowsOfPart));
    unit = start + unitsOfMatrix;
  }
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// A row of padding.
static const uint8_t *zeroRow(uint64_t bytes) {
  thread_local std::vector<uint8_t> zeros;
  if (zeros.size() < bytes)
    zeros.resize(bytes);
  return zeros.data();
}

SmallVector<StoredRow> PackedWeight::rowsOf(const Panel &panel) const {
  SmallVector<StoredRow> rows;
  for (int64_t j = 0; j < panel.filled; ++j)
    rows.push_back(stored.row(panel.matrix, panel.begin + j));
  return rows;
}

/// Where the elements of `width` rows are, those of padding being zeros.
static SmallVector<const uint8_t *>
elementsOf(ArrayRef<StoredRow> rows, int64_t width, uint64_t rowBytes) {
  SmallVector<const uint8_t *> elements(width, zeroRow(rowBytes));
  for (auto [j, row] : llvm::enumerate(rows))
    elements[j] = row.data();
  return elements;
}

Status PackedWeight::packRow(int64_t unit, uint8_t *out) const {
  StoredRow row = stored.row(unit / stored.rows, unit % stored.rows);
  std::memcpy(out, row.data(), bytes);
  return stored.checkFinite(row);
}

Status PackedWeight::packPlain(const Panel &panel, uint8_t *out) const {
  SmallVector<StoredRow> rows = rowsOf(panel);
  unsigned elementBytes = dtypeBytes(stored.dtype);
  SmallVector<const uint8_t *> elements =
      elementsOf(rows, width, uint64_t(stored.columns) * elementBytes);
  if (!interleaveRows(elementBytes, elements.data(), width, stored.columns,
                      notFiniteBits(stored.dtype), out))
    for (StoredRow row : rows)
      MOEC_RETURN_IF_ERROR(stored.checkFinite(row));
  return Status::success();
}

Status PackedWeight::packTransposed(const Panel &panel, uint8_t *out) const {
  unsigned elementBytes = dtypeBytes(stored.dtype);
  std::memset(out, 0, bytes);
  for (int64_t k = 0; k < stored.rows; ++k) {
    StoredRow row = stored.row(panel.matrix, k);
    const uint8_t *elements = row.data() + panel.begin * elementBytes;
    if (!areFinite(stored.dtype, elements, panel.filled))
      return stored.checkFinite(row);
    std::memcpy(out + k * width * elementBytes, elements,
                panel.filled * elementBytes);
  }
  return Status::success();
}

Status PackedWeight::writeScale(StoredRow row, int64_t column,
                                uint8_t *out) const {
  float scale = stored.scale(row, column);
  MOEC_RETURN_IF_ERROR(stored.checkScale(row, column, scale));
  if (stored.scaled->scale == DType::F32) {
    std::memcpy(out, &scale, sizeof(scale));
  } else {
    uint16_t bits = floatToBf16(scale);
    std::memcpy(out, &bits, sizeof(bits));
  }
  return Status::success();
}

Status PackedWeight::packPublished(const Panel &panel, uint8_t *out) const {
  SmallVector<StoredRow> rows = rowsOf(panel);
  SmallVector<const uint8_t *> elements =
      elementsOf(rows, width, stored.columns);
  unsigned scaleBytes = dtypeBytes(stored.scaled->scale);
  std::memset(out, 0, bytes);
  for (int64_t begin = 0; begin < stored.columns; begin += block) {
    for (auto [j, row] : llvm::enumerate(rows))
      MOEC_RETURN_IF_ERROR(writeScale(row, begin, out + j * scaleBytes));
    out += width * scaleBytes;
    int64_t length = std::min(block, stored.columns - begin);
    if (!interleaveRows(1, elements.data(), width, length,
                        notFiniteBits(DType::F8_E4M3), out))
      for (StoredRow row : rows)
        MOEC_RETURN_IF_ERROR(stored.checkFinite(row));
    out += width * block;
    for (const uint8_t *&row : elements)
      row += length;
  }
  return Status::success();
}

Status PackedWeight::packPublishedTransposed(const Panel &panel,
                                             uint8_t *out) const {
  unsigned scaleBytes = dtypeBytes(stored.scaled->scale);
  std::memset(out, 0, bytes);
  for (int64_t begin = 0; begin < stored.rows; begin += block) {
    StoredRow first = stored.row(panel.matrix, begin);
    for (int64_t j = 0; j < panel.filled; ++j)
      MOEC_RETURN_IF_ERROR(
          writeScale(first, panel.begin + j, out + j * scaleBytes));
    out += width * scaleBytes;
    for (int64_t k = 0; k < std::min(block, stored.rows - begin); ++k) {
      StoredRow row = stored.row(panel.matrix, begin + k);
      const uint8_t *elements = row.data() + panel.begin;
      if (!areFinite(DType::F8_E4M3, elements, panel.filled))
        return stored.checkFinite(row);
      std::memcpy(out + k * width, elements, panel.filled);
    }
    out += width * block;
  }
  return Status::success();
}

/// The integers of a block as they are stored: bytes, or eight of 4 bits in a
/// word.
static void writeIntegers(const QuantizedBlock &quantized, unsigned bits,
                          uint8_t *out) {
  if (bits == 8) {
    std::memcpy(out, quantized.values, kQuantizedBlock);
    return;
  }
  // A word of eight is these four bytes on a machine of little endian.
  for (int64_t i = 0; i < kQuantizedBlock; i += 2)
    out[i / 2] = uint8_t((quantized.values[i] & 15) |
                         (quantized.values[i + 1] & 15) << 4);
}

Status PackedWeight::packQuantized(const Panel &panel, uint8_t *out) const {
  unsigned bits = stored.scaled->bits;
  int64_t blocks = llvm::divideCeil(stored.columns, kQuantizedBlock);
  int64_t blockBytes = kQuantizedBlock * bits / 8;
  std::vector<float> values(stored.columns);
  std::vector<uint8_t> integers(width * blocks * blockBytes);
  std::vector<uint16_t> scales(width * blocks);
  for (auto [j, row] : llvm::enumerate(rowsOf(panel))) {
    toFloats(row.dtype(), row.data(), stored.columns, values.data());
    for (int64_t b = 0; b < blocks; ++b) {
      int64_t begin = b * kQuantizedBlock;
      QuantizedBlock quantized;
      if (!quantizeBlock(bits, values.data() + begin,
                         std::min(kQuantizedBlock, stored.columns - begin),
                         quantized))
        return stored.unquantizable(row, begin);
      scales[b * width + j] = quantized.scale;
      writeIntegers(quantized, bits,
                    integers.data() + (j * blocks + b) * blockBytes);
    }
  }
  SmallVector<const uint8_t *> rows;
  for (int64_t j = 0; j < width; ++j)
    rows.push_back(integers.data() + j * blocks * blockBytes);
  // Elements of 4 bits move eight at a time.
  unsigned unitBytes = bits == 8 ? 1 : 4;
  for (int64_t b = 0; b < blocks; ++b) {
    std::memcpy(out, scales.data() + b * width, width * sizeof(uint16_t));
    out += width * sizeof(uint16_t);
    interleaveRows(unitBytes, rows.data(), width, blockBytes / unitBytes,
                   /*notFinite=*/0, out);
    out += width * blockBytes;
    for (const uint8_t *&row : rows)
      row += blockBytes;
  }
  return Status::success();
}
