//===- LastError.h - The message of the last failed call, per thread ------===//
//
// Inside the runtime errors are Status values; at the C API they become an
// integer and a message that the caller asks for.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_LASTERROR_H
#define MOEC_RUNTIME_LASTERROR_H

#include "support/Status.h"

#include <cstdint>

namespace moec {

/// Zero for success; otherwise keeps the message for moert_last_error and
/// returns non-zero.
int32_t toStatusCode(const Status &status);

} // namespace moec

#endif // MOEC_RUNTIME_LASTERROR_H
