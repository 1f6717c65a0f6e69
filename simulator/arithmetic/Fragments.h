//===- Fragments.h - Which lane holds which element -------------*- C++ -*-===//
//
// Layouts of the matrix fragments of mma, ldmatrix, stmatrix and movmatrix. PTX ISA 9.0, "Matrix fragments for mma".
//
// All of them are one rule. A 32-bit register of a warp, seen as 32 words in lane order, is a block of 8 rows of 4 words: lane l holds word l & 3 of
// row l >> 2, with the lower column in the lower bits. A fragment is a grid of such blocks. Blocks of A run down the 16 rows first, then along K; those of B
// hold columns of B as their rows and run along K. Accumulators of 32 bits come in pairs of registers, whose words interleave; f64 does likewise with
// registers of 64 bits.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_ARITHMETIC_FRAGMENTS_H
#define MOEC_SIMULATOR_ARITHMETIC_FRAGMENTS_H

#include <cstddef>
#include <cstdint>

namespace moec::cudasim {

constexpr unsigned WarpSize = 32;

struct Position {
  unsigned row, column;
  bool operator==(const Position &) const = default;
};

/// Element `i` of lane `lane`, counted through its registers, of A (rows × K; 8 or 16 rows), with `perRegister` elements in a register (1, 2 or 4).
constexpr Position fragmentA(unsigned rows, unsigned perRegister, unsigned lane,
                             unsigned i) {
  unsigned block = i / perRegister, down = rows / 8;
  return {8 * (block % down) + lane / 4, 4 * perRegister * (block / down) +
                                             lane % 4 * perRegister +
                                             i % perRegister};
}
/// Of B (K × 8): row k, column n.
constexpr Position fragmentB(unsigned perRegister, unsigned lane, unsigned i) {
  return {4 * perRegister * (i / perRegister) + lane % 4 * perRegister +
              i % perRegister,
          lane / 4};
}
/// Of C and D (8 or 16 rows × 8).
constexpr Position fragmentC(unsigned lane, unsigned i) {
  return {8 * (i / 2) + lane / 4, lane % 4 * 2 + i % 2};
}

/// ldmatrix: one 8x8 matrix of 16-bit elements, whose row r is the 16 bytes at rows[r], as the register of 32 lanes.
void loadMatrix(const std::byte *const rows[8], bool transposed,
                uint32_t *lanes);
/// stmatrix, the inverse.
void storeMatrix(const uint32_t *lanes, bool transposed,
                 std::byte *const rows[8]);
/// `movmatrix.sync.aligned.m8n8.trans.b16`. `source` may be `result`.
void transposeMatrix(const uint32_t *source, uint32_t *result);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_ARITHMETIC_FRAGMENTS_H
