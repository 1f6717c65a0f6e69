//===- Matrix.h - What all matrix instructions share ------------*- C++ -*-===//
#ifndef MOEC_SIMULATOR_MACHINE_MATRIX_H
#define MOEC_SIMULATOR_MACHINE_MATRIX_H

#include "simulator/machine/Decoder.h"
#include "simulator/machine/Warp.h"

namespace moec::cudasim {

/// .aligned: all lanes that have not exited, and for matrices that is the whole warp. False: `flow` is what the handler returns.
bool wholeWarp(Warp &w, uint32_t mask, Flow &flow);

/// The next type, if matrices may have it.
MatrixType takeMatrixType(Decoder &d);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_MATRIX_H
