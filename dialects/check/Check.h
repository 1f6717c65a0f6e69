//===- Check.h - The check dialect ----------------------------------------===//
//
// Inputs and expectations of tests that are interpreted. Check.td says what
// they mean.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_DIALECTS_CHECK_CHECK_H
#define MOEC_DIALECTS_CHECK_CHECK_H

#include "dialects/moe/Moe.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/check/CheckDialect.h.inc"

#define GET_OP_CLASSES
#include "dialects/check/CheckOps.h.inc"

#endif // MOEC_DIALECTS_CHECK_CHECK_H
