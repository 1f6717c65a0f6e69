//===- FamilyKeys.h - The keys that a family understands ------------------===//
#ifndef MOEC_FRONTEND_FAMILYKEYS_H
#define MOEC_FRONTEND_FAMILYKEYS_H

#include "frontend/Family.h"

#include <map>
#include <string>

namespace moec {

/// What the family asks a configuration for, found by describing some: an empty
/// one, and those that make descriptions ask for more. Keys that concern all
/// models (Import.h) are not among them.
std::map<std::string, KeyUse> familyKeys(const Family &family,
                                         mlir::MLIRContext &context);

} // namespace moec

#endif // MOEC_FRONTEND_FAMILYKEYS_H
