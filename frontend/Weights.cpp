//===- Weights.cpp - From the tensors of a checkpoint to weights ----------===//
//
// Both directions go through one view of a weight: for an index along its
// leading dimension (an expert, a head; a plain matrix has one), the addresses
// of its rows in the mapped checkpoint. Parts, heads and experts are resolved
// there, so what follows only copies rows or transposes panels of them.
//
//===----------------------------------------------------------------------===//

#include "frontend/Weights.h"

#include "frontend/Tensors.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cstring>

using namespace moec;
using namespace mlir;

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

static RankedTensorType typeOf(moe::WeightOp weight) {
  return cast<RankedTensorType>(weight.getType());
}

static Status error(moe::WeightOp weight, const Twine &message) {
  return Status::error(
      ("weight '" + weight.getSymName() + "': " + message).str());
}

static std::string show(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << "'" << type << "'";
  return text;
}

namespace {

/// A weight seen as `count` matrices of `rows` x `columns`; the rows of a
/// vector are its elements.
struct MatrixStack {
  int64_t count;
  int64_t rows;
  int64_t columns;
  DType dtype;

  static Result<MatrixStack> of(moe::WeightOp weight);

  unsigned elementBytes() const { return dtypeBytes(dtype); }
  uint64_t rowBytes() const { return uint64_t(columns) * elementBytes(); }
};

using Rows = std::vector<const uint8_t *>;

} // namespace

Result<MatrixStack> MatrixStack::of(moe::WeightOp weight) {
  RankedTensorType type = typeOf(weight);
  ArrayRef<int64_t> shape = type.getShape();
  MatrixStack stack = {1, shape[0], 1, DType::F32};
  if (shape.size() > 1) {
    stack.count = shape.size() == 3 ? shape[0] : 1;
    stack.rows = shape[shape.size() - 2];
    stack.columns = shape.back();
  }
  for (DType dtype : {DType::F32, DType::F16, DType::BF16}) {
    stack.dtype = dtype;
    if (elementTypeOf(dtype, *type.getContext()) == type.getElementType())
      return stack;
  }
  return error(weight, "expected elements of f32, f16 or bf16, found " +
                           show(type.getElementType()));
}

/// Appends the rows that one part contributes to the matrix at `index`.
static Status appendRows(moe::WeightOp weight, moe::PartAttr part,
                         const MatrixStack &stack, int64_t index,
                         const SafeTensorsFolder &checkpoint, Rows &rows) {
  std::string name = tensorName(part.getTensor(), index);
  const TensorView *tensor = checkpoint.find(name);
  if (!tensor)
    return error(weight, "expected a tensor '" + name +
                             "' in the checkpoint, found none");
  auto fail = [&](const Twine &message) {
    return error(weight, tensor->file + ": tensor '" + name + "': " + message);
  };
  RankedTensorType type = typeOf(weight);
  if (tensor->dtype != stack.dtype)
    return fail("expected the element type of the weight, " +
                show(type.getElementType()) + ", found " +
                std::string(dtypeName(tensor->dtype)));
  bool isVector = type.getRank() == 1;
  if (isVector && tensor->shape.size() != 1)
    return fail("expected a vector, found shape " + showShape(tensor->shape));
  if (!isVector &&
      (tensor->shape.size() != 2 || tensor->shape[1] != stack.columns))
    return fail("expected rows of " + Twine(stack.columns) +
                " elements, found shape " + showShape(tensor->shape));

  int64_t begin = 0, end = tensor->shape[0];
  if (int64_t heads = part.getHeads()) {
    int64_t rowsOfHead = end / heads;
    if (end % heads || part.getEnd() > rowsOfHead)
      return fail("expected " + Twine(heads) + " heads of at least " +
                  Twine(part.getEnd()) + " rows, found " + Twine(end) +
                  " rows");
    begin = index * rowsOfHead + part.getBegin();
    end = index * rowsOfHead + part.getEnd();
  }
  for (int64_t row = begin; row < end; ++row)
    rows.push_back(tensor->data + row * stack.rowBytes());
  return Status::success();
}

/// The rows of the matrix at `index`.
static Result<Rows> rowsOf(moe::WeightOp weight, const MatrixStack &stack,
                           int64_t index, const SafeTensorsFolder &checkpoint) {
  Rows rows;
  for (moe::PartAttr part : weight.getParts().getAsRange<moe::PartAttr>())
    MOEC_RETURN_IF_ERROR(
        appendRows(weight, part, stack, index, checkpoint, rows));
  if (int64_t(rows.size()) != stack.rows)
    return error(weight, "expected " + Twine(stack.rows) +
                             " rows in its parts, found " + Twine(rows.size()));
  return rows;
}

Result<TensorData> moec::loadWeight(moe::WeightOp weight,
                                    const SafeTensorsFolder &checkpoint) {
  MOEC_ASSIGN_OR_RETURN(MatrixStack stack, MatrixStack::of(weight));
  TensorData data{stack.dtype, typeOf(weight).getShape().vec(), {}};
  for (int64_t index = 0; index < stack.count; ++index) {
    MOEC_ASSIGN_OR_RETURN(Rows rows, rowsOf(weight, stack, index, checkpoint));
    for (const uint8_t *row : rows)
      data.data.insert(data.data.end(), row, row + stack.rowBytes());
  }
  return data;
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// panel[k][j] = rows[j][k]; columns of the panel beyond the rows keep their
/// zeros.
template <typename Element>
static void transposePanel(ArrayRef<const uint8_t *> rows, int64_t columns,
                           int64_t width, uint8_t *panel) {
  for (int64_t k = 0; k < columns; ++k)
    for (auto [j, row] : llvm::enumerate(rows))
      std::memcpy(panel + (k * width + j) * sizeof(Element),
                  row + k * sizeof(Element), sizeof(Element));
}

static void transposePanel(unsigned elementBytes,
                           ArrayRef<const uint8_t *> rows, int64_t columns,
                           int64_t width, uint8_t *panel) {
  if (elementBytes == sizeof(uint16_t))
    transposePanel<uint16_t>(rows, columns, width, panel);
  else
    transposePanel<uint32_t>(rows, columns, width, panel);
}

/// Writes the matrix of these rows in panels.
static Status writePanels(const MatrixStack &stack, moe::PanelsAttr layout,
                          const Rows &rows, BundleWriter &writer) {
  int64_t width = layout.getWidth(), parts = layout.getParts();
  bool transposed = layout.getTranspose();
  // Of the packed matrix: its rows N are cut into panels, its columns K run
  // inside.
  int64_t n = (transposed ? stack.columns : stack.rows) / parts;
  int64_t k = transposed ? stack.rows : stack.columns;
  std::vector<uint8_t> panel(uint64_t(k) * width * stack.elementBytes());
  for (int64_t begin = 0; begin < n; begin += width) {
    int64_t filled = std::min(width, n - begin);
    for (int64_t part = 0; part < parts; ++part) {
      std::fill(panel.begin(), panel.end(), 0);
      if (transposed) {
        for (int64_t row = 0; row < k; ++row)
          std::memcpy(panel.data() + row * width * stack.elementBytes(),
                      rows[row] + begin * stack.elementBytes(),
                      filled * stack.elementBytes());
      } else {
        transposePanel(stack.elementBytes(),
                       ArrayRef(rows).slice(part * n + begin, filled), k, width,
                       panel.data());
      }
      MOEC_RETURN_IF_ERROR(writer.write(panel.data(), panel.size()));
    }
  }
  return Status::success();
}

static Status writeWeight(moe::WeightOp weight,
                          const SafeTensorsFolder &checkpoint,
                          BundleWriter &writer) {
  MOEC_ASSIGN_OR_RETURN(MatrixStack stack, MatrixStack::of(weight));
  std::optional<moe::PanelsAttr> layout = weight.getLayout();
  for (int64_t index = 0; index < stack.count; ++index) {
    MOEC_ASSIGN_OR_RETURN(Rows rows, rowsOf(weight, stack, index, checkpoint));
    if (layout) {
      MOEC_RETURN_IF_ERROR(writePanels(stack, *layout, rows, writer));
      continue;
    }
    for (const uint8_t *row : rows)
      MOEC_RETURN_IF_ERROR(writer.write(row, stack.rowBytes()));
  }
  return Status::success();
}

//===----------------------------------------------------------------------===//
// Weight file
//===----------------------------------------------------------------------===//

uint64_t moec::packedBytes(moe::WeightOp weight) {
  return moe::getStorageBytes(weight.getPackedType());
}

static int64_t offsetOf(moe::WeightOp weight) {
  return weight.getOffsetAttr().getInt();
}

/// The weights in the order of their places, each of which must be free.
static Result<std::vector<moe::WeightOp>> weightsByOffset(ModuleOp module) {
  auto all = module.getOps<moe::WeightOp>();
  std::vector<moe::WeightOp> weights(all.begin(), all.end());
  for (moe::WeightOp weight : weights) {
    if (!weight.getOffset())
      return error(weight, "expected a planned offset, found none");
    if (offsetOf(weight) % kWeightAlignment)
      return error(weight, "expected an offset that is a multiple of " +
                               Twine(kWeightAlignment) + ", found " +
                               Twine(offsetOf(weight)));
  }
  llvm::stable_sort(weights, [](moe::WeightOp lhs, moe::WeightOp rhs) {
    return offsetOf(lhs) < offsetOf(rhs);
  });
  uint64_t end = 0;
  for (moe::WeightOp weight : weights) {
    if (uint64_t(offsetOf(weight)) < end)
      return error(weight, "expected an offset of at least " + Twine(end) +
                               ", where the weight before it ends, found " +
                               Twine(offsetOf(weight)));
    end = offsetOf(weight) + packedBytes(weight);
  }
  return weights;
}

static Status writeZeros(uint64_t bytes, BundleWriter &writer) {
  static const std::vector<uint8_t> zeros(4096);
  for (; bytes > zeros.size(); bytes -= zeros.size())
    MOEC_RETURN_IF_ERROR(writer.write(zeros.data(), zeros.size()));
  return writer.write(zeros.data(), bytes);
}

Status moec::packWeights(ModuleOp module, const SafeTensorsFolder &checkpoint,
                         BundleWriter &writer, PackProgress progress) {
  MOEC_ASSIGN_OR_RETURN(std::vector<moe::WeightOp> weights,
                        weightsByOffset(module));
  MOEC_RETURN_IF_ERROR(writer.beginSection(kWeightsSection.str()));
  uint64_t total = weights.empty()
                       ? 0
                       : offsetOf(weights.back()) + packedBytes(weights.back());
  uint64_t written = 0;
  for (moe::WeightOp weight : weights) {
    MOEC_RETURN_IF_ERROR(writeZeros(offsetOf(weight) - written, writer));
    MOEC_RETURN_IF_ERROR(writeWeight(weight, checkpoint, writer));
    written = offsetOf(weight) + packedBytes(weight);
    if (progress)
      progress(written, total);
  }
  return Status::success();
}
