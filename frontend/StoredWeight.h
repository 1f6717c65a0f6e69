//===- StoredWeight.h - Where a weight's rows are in the checkpoint -------===//
//
// A weight seen as a stack of matrices (an expert, a head, or all of it) whose
// rows lie in tensors of the checkpoint. Parts, experts and heads are resolved
// and checked here, once; what follows only reads rows. Nothing of MLIR is left,
// so that threads may share it.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_STOREDWEIGHT_H
#define MOEC_FRONTEND_STOREDWEIGHT_H

#include "dialects/moe/Moe.h"
#include "support/SafeTensors.h"
#include "support/Status.h"

#include <optional>

namespace moec {

/// Rows [begin, end) of a tensor.
struct RowRange {
  const TensorView *tensor;
  /// The scales of its blocks, if it is published with some.
  const TensorView *scales;
  int64_t begin, end;
};

/// A row of a tensor.
struct StoredRow {
  const RowRange *range;
  int64_t index;

  const uint8_t *data() const {
    int64_t rows = range->tensor->shape[0];
    return range->tensor->data + range->tensor->bytes / rows * index;
  }
  DType dtype() const { return range->tensor->dtype; }
};

/// `!moe.scaled` of the weight.
struct ScaledFormat {
  /// Of a stored element: 8 or 4.
  unsigned bits;
  int64_t blockRows, blockColumns;
  DType scale;
  /// Whether the checkpoint has elements and scales; else they are made by the
  /// quantiser of BlockQuantizer.h.
  bool published;
};

class StoredWeight {
public:
  /// Everything is checked but the values of the elements.
  static Result<StoredWeight> resolve(moe::WeightOp weight,
                                      const SafeTensorsFolder &checkpoint);

  /// `count` matrices of `rows` x `columns`; the rows of a vector are its
  /// elements.
  int64_t count = 1, rows = 0, columns = 1;
  /// The type of the elements, of those that are not scaled.
  DType dtype = DType::F32;
  std::optional<ScaledFormat> scaled;

  llvm::ArrayRef<RowRange> ranges(int64_t matrix) const {
    return matrices[matrix];
  }
  StoredRow row(int64_t matrix, int64_t row) const;
  /// Scale of the block of a published row that holds `column`.
  float scale(StoredRow row, int64_t column) const;
  /// The values of a row as the model computes with them; an error if one cannot
  /// be quantised.
  Status readRow(StoredRow row, float *values) const;

  /// An error for an element of the row that is not finite.
  Status checkFinite(StoredRow row) const;
  /// An error for a row that quantizeBlock refused at column `begin`.
  Status unquantizable(StoredRow row, int64_t begin) const;
  /// An error unless the scale of the row at `column` keeps weights finite.
  Status checkScale(StoredRow row, int64_t column, float scale) const;

private:
  Status setType(moe::WeightOp weight);
  Status appendRows(moe::WeightOp weight, moe::PartAttr part, int64_t matrix,
                    const SafeTensorsFolder &checkpoint);
  Result<const TensorView *> findScales(const TensorView &tensor,
                                        moe::PartAttr part, int64_t matrix,
                                        const SafeTensorsFolder &checkpoint);

  std::vector<llvm::SmallVector<RowRange, 2>> matrices;
};

/// Elements as f32: F32, F16, BF16, F8_E4M3.
void toFloats(DType dtype, const uint8_t *data, int64_t count, float *values);

/// The bits that are all set in an element exactly when it is not finite.
uint32_t notFiniteBits(DType dtype);

/// Whether all elements are finite.
bool areFinite(DType dtype, const uint8_t *data, int64_t count);

} // namespace moec

#endif // MOEC_FRONTEND_STOREDWEIGHT_H
