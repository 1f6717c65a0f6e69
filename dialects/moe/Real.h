//===- Real.h - A double as an attribute parameter ----------------------------===//
//
// ODS prints and hashes attribute parameters by overload; a plain double has neither a hash nor a parser there.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_DIALECTS_MOE_REAL_H
#define MOEC_DIALECTS_MOE_REAL_H

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/bit.h"

namespace moec::moe {

struct Real {
  double value = 0;

  Real(double value) : value(value) {}
  operator double() const { return value; }

  /// Bitwise, so that equal attributes print the same.
  bool operator==(const Real &other) const {
    return llvm::bit_cast<uint64_t>(value) ==
           llvm::bit_cast<uint64_t>(other.value);
  }
};

inline llvm::hash_code hash_value(const Real &real) {
  return llvm::hash_value(llvm::bit_cast<uint64_t>(real.value));
}

inline mlir::AsmPrinter &operator<<(mlir::AsmPrinter &printer,
                                    const Real &real) {
  printer.printFloat(llvm::APFloat(real.value));
  return printer;
}

} // namespace moec::moe

template <>
struct mlir::FieldParser<moec::moe::Real> {
  static FailureOr<moec::moe::Real> parse(AsmParser &parser) {
    double value;
    if (parser.parseFloat(value))
      return failure();
    return moec::moe::Real(value);
  }
};

#endif // MOEC_DIALECTS_MOE_REAL_H
