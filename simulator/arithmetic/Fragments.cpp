//===- Fragments.cpp - ldmatrix, stmatrix, movmatrix ----------------------===//
#include "simulator/arithmetic/Fragments.h"

#include <cstring>

namespace moec::cudasim {

namespace {
/// An 8x8 matrix of 16-bit elements. Row by row it is a register of 32 lanes.
struct Matrix {
  uint16_t at[8][8];

  Matrix transposed() const {
    Matrix result;
    for (unsigned row = 0; row < 8; ++row)
      for (unsigned column = 0; column < 8; ++column)
        result.at[column][row] = at[row][column];
    return result;
  }
};
static_assert(sizeof(Matrix) == WarpSize * sizeof(uint32_t));
} // namespace

void loadMatrix(const std::byte *const rows[8], bool transposed,
                uint32_t *lanes) {
  Matrix matrix;
  for (unsigned row = 0; row < 8; ++row)
    std::memcpy(matrix.at[row], rows[row], sizeof(matrix.at[row]));
  if (transposed)
    matrix = matrix.transposed();
  std::memcpy(lanes, &matrix, sizeof(matrix));
}

void storeMatrix(const uint32_t *lanes, bool transposed,
                 std::byte *const rows[8]) {
  Matrix matrix;
  std::memcpy(&matrix, lanes, sizeof(matrix));
  if (transposed)
    matrix = matrix.transposed();
  for (unsigned row = 0; row < 8; ++row)
    std::memcpy(rows[row], matrix.at[row], sizeof(matrix.at[row]));
}

void transposeMatrix(const uint32_t *source, uint32_t *result) {
  Matrix matrix;
  std::memcpy(&matrix, source, sizeof(matrix));
  matrix = matrix.transposed();
  std::memcpy(result, &matrix, sizeof(matrix));
}

} // namespace moec::cudasim
