//===- Register.h - Dialects and passes of the tools --------------------------===//

#ifndef MOEC_TOOLS_REGISTER_H
#define MOEC_TOOLS_REGISTER_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace moec {

/// Own dialects, the upstream ones that the pipeline uses, and the interfaces that tie them together.
void registerDialects(mlir::DialectRegistry &registry);

/// Own passes and pipelines, and upstream's, for pass pipelines in text.
void registerPasses();

} // namespace moec

#endif // MOEC_TOOLS_REGISTER_H
