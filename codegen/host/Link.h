//===- Link.h - Linking the executable ----------------------------------------===//

#ifndef MOEC_CODEGEN_HOST_LINK_H
#define MOEC_CODEGEN_HOST_LINK_H

#include "support/Status.h"

#include <string>

namespace moec::host {

/// Links the object file of a model with the runtime, by lld in this process. `runtimeFolder` is the installed folder of the
/// runtime's archives and the start-up objects: neither compiler nor linker is needed on the machine.
Status linkExecutable(const std::string &object, const std::string &output,
                      const std::string &runtimeFolder);

/// The folder that belongs to the running program: `../lib/moec` beside its own.
std::string findRuntimeFolder();

} // namespace moec::host

#endif // MOEC_CODEGEN_HOST_LINK_H
