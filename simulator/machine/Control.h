//===- Control.h - Instructions that the decoder itself adds ----*- C++ -*-===//
#ifndef MOEC_SIMULATOR_MACHINE_CONTROL_H
#define MOEC_SIMULATOR_MACHINE_CONTROL_H

#include "simulator/machine/Program.h"

namespace moec::cudasim {

/// What stands behind the last instruction of a function.
Instruction returnInstruction(bool isKernel);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_MACHINE_CONTROL_H
