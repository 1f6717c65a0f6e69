//===- Family.h - The model families that can be imported -----------------===//
//
// To add a family, describe it in families/NAME.cpp in the vocabulary of
// Model.h, with the help of families/Readers.h, and add a row to the table in
// Family.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_FRONTEND_FAMILY_H
#define MOEC_FRONTEND_FAMILY_H

#include "frontend/Config.h"
#include "frontend/Model.h"

namespace moec {

struct Family {
  /// The value of the configuration's key 'model_type'.
  llvm::StringLiteral modelType;
  llvm::StringLiteral summary;
  /// Accounts for every key of the configuration, except those that concern all
  /// models. Errors are in the configuration.
  Model (*describe)(ConfigObject &config, mlir::MLIRContext &context);
};

llvm::ArrayRef<Family> families();

/// Null if there is none.
const Family *findFamily(llvm::StringRef modelType);

//===----------------------------------------------------------------------===//
// What the families' files define
//===----------------------------------------------------------------------===//

Model describeDeepseekMoe(ConfigObject &config, mlir::MLIRContext &context);
Model describeDeepseekV2(ConfigObject &config, mlir::MLIRContext &context);
Model describeDeepseekV3(ConfigObject &config, mlir::MLIRContext &context);
Model describeGlm4Moe(ConfigObject &config, mlir::MLIRContext &context);
Model describeLlama(ConfigObject &config, mlir::MLIRContext &context);
Model describeMixtral(ConfigObject &config, mlir::MLIRContext &context);
Model describeOlmoe(ConfigObject &config, mlir::MLIRContext &context);
Model describeQwen2(ConfigObject &config, mlir::MLIRContext &context);
Model describeQwen2Moe(ConfigObject &config, mlir::MLIRContext &context);
Model describeQwen3(ConfigObject &config, mlir::MLIRContext &context);
Model describeQwen3Moe(ConfigObject &config, mlir::MLIRContext &context);

} // namespace moec

#endif // MOEC_FRONTEND_FAMILY_H
