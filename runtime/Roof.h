//===- Roof.h - How fast this machine reads and multiplies ----------------===//
//
// Measured beside every benchmark, since a shared machine is not the same from
// one minute to the next. What is measured is what a program could reach: reads
// in several streams with and without prefetching, and fused multiply-adds from
// registers alone.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_ROOF_H
#define MOEC_RUNTIME_ROOF_H

#include "support/Status.h"

#include <string>

namespace moec {

/// Of some number of threads together, or of a device; 0 where it cannot be
/// measured.
struct Roof {
  double bytesPerSecond = 0;
  /// Two operations for each multiply-add; on the CPU in FP32.
  double operationsPerSecond = 0;

  bool known() const { return bytesPerSecond > 0 || operationsPerSecond > 0; }
  /// The better of two measurements, each figure for itself.
  Roof best(const Roof &other) const;
};

/// Widest vectors in which FP32 multiply-adds are done.
enum class VectorUnit { None, Avx2, Avx512 };
const char *vectorUnitName(VectorUnit unit);

/// What code may use that was compiled for `features` (moert_model), and this
/// processor has.
VectorUnit vectorUnit(const std::string &features);

/// Takes a second or two and 1 GiB of memory, which is more than caches hold.
Result<Roof> measureRoof(unsigned threads, VectorUnit unit);

} // namespace moec

#endif // MOEC_RUNTIME_ROOF_H
