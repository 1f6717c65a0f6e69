//===- Panels.h - Matrices in the order in which kernels read them --------===//
#ifndef MOEC_FRONTEND_PANELS_H
#define MOEC_FRONTEND_PANELS_H

#include "frontend/StoredWeight.h"

namespace moec {

/// The bytes of a weight in the weight file: a sequence of units of one size,
/// panels (`#moe.panels` describes them) or, without a layout, rows. Any run of
/// them can be written by itself.
class PackedWeight {
public:
  /// An error if the weight cannot be packed so.
  static Result<PackedWeight> create(moe::WeightOp weight, StoredWeight stored);

  int64_t units() const { return stored.count * unitsOfMatrix; }
  uint64_t unitBytes() const { return bytes; }

  /// Writes the units [begin, end) to `out`; an error for an element or a scale
  /// that is not finite.
  Status pack(int64_t begin, int64_t end, uint8_t *out) const;

  /// Calls `visit` with the bytes of the checkpoint that pack reads for these
  /// units, or somewhat more.
  void
  visitSources(int64_t begin, int64_t end,
               llvm::function_ref<void(const uint8_t *, uint64_t)> visit) const;

private:
  PackedWeight(StoredWeight stored) : stored(std::move(stored)) {}

  /// The part of a matrix that becomes a panel.
  struct Panel {
    int64_t matrix;
    /// Its first row and the rows that exist of it, of the matrix that is
    /// packed: they are columns of the stored one if it is transposed.
    int64_t begin, filled;
  };
  Panel panelOf(int64_t unit) const;
  llvm::SmallVector<StoredRow> rowsOf(const Panel &panel) const;

  Status packRow(int64_t unit, uint8_t *out) const;
  Status packPlain(const Panel &panel, uint8_t *out) const;
  Status packTransposed(const Panel &panel, uint8_t *out) const;
  Status packPublished(const Panel &panel, uint8_t *out) const;
  Status packPublishedTransposed(const Panel &panel, uint8_t *out) const;
  Status packQuantized(const Panel &panel, uint8_t *out) const;
  Status writeScale(StoredRow row, int64_t column, uint8_t *out) const;

  StoredWeight stored;
  int64_t unitsOfMatrix = 0;
  uint64_t bytes = 0;
  /// 0 without a layout.
  int64_t width = 0;
  int64_t parts = 1;
  bool transpose = false;
  /// Steps along K that share their scales, in a panel.
  int64_t block = 0;
};

} // namespace moec

#endif // MOEC_FRONTEND_PANELS_H
