//===- Api.h - Prototypes of the simulated driver API ---------------------===//
#ifndef MOEC_SIMULATOR_DRIVER_API_H
#define MOEC_SIMULATOR_DRIVER_API_H

#include "simulator/driver/Cuda.h"

namespace moec::cudasim {
extern "C" {
#define CUDASIM_FUNCTION(name, exported, version, parameters)                  \
  __attribute__((visibility("default"))) CUresult exported parameters;
#include "simulator/driver/Functions.def"
#undef CUDASIM_FUNCTION
}
} // namespace moec::cudasim

/// Exports a function also under the name without a version, for programs that
/// look that up in the library.
#define CUDASIM_UNVERSIONED(name, exported)                                    \
  extern "C" __attribute__((visibility("default"),                             \
                            alias(#exported))) decltype(exported) name

#endif // MOEC_SIMULATOR_DRIVER_API_H
