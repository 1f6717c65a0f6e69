//===- Interleave.h - Rows of a panel, element by element -----------------===//
#ifndef MOEC_FRONTEND_INTERLEAVE_H
#define MOEC_FRONTEND_INTERLEAVE_H

#include <cstdint>

namespace moec {

/// `out[k * width + j] = rows[j][k]` for k < count. Elements are of 1, 2 or 4
/// bytes, nothing is aligned. Returns whether no element has all of the bits
/// `notFinite` set; with 0 for them nothing is looked for.
bool interleaveRows(unsigned elementBytes, const uint8_t *const *rows,
                    int64_t width, int64_t count, uint32_t notFinite,
                    uint8_t *out);

} // namespace moec

#endif // MOEC_FRONTEND_INTERLEAVE_H
