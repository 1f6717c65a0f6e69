//===- Launch.h - Validates and runs launches -----------------------------===//
//
// A launch is checked as the driver and the hardware would, with its errors and
// a line on stderr that names the value and the limit. A grid holds the part of
// its device that its resident blocks need for as long as it runs, so that grids
// of several streams share multiprocessors as they would on hardware.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_SIMULATOR_DRIVER_LAUNCH_H
#define MOEC_SIMULATOR_DRIVER_LAUNCH_H

#include "simulator/driver/Driver.h"

namespace moec::cudasim {

struct LaunchShape {
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  uint32_t dynamicSharedBytes = 0;
  bool cooperative = false;

  uint64_t blocks() const { return uint64_t(grid[0]) * grid[1] * grid[2]; }
  uint64_t threads() const { return uint64_t(block[0]) * block[1] * block[2]; }
};

/// What the driver answers to a launch. On an error `why` names the actual and
/// the largest value.
CUresult checkLaunch(const DeviceProperties &device,
                     const LoadedFunction &function, const LaunchShape &shape,
                     std::string &why);

/// The parameter block out of `kernelParams` or `extra`.
CUresult packParameters(const LoadedFunction &function, void *const *pointers,
                        void *const *extra, std::vector<std::byte> &block,
                        std::string &why);

/// Of a launch that was checked.
std::unique_ptr<Operation> makeLaunch(const LoadedFunction &function,
                                      const LaunchShape &shape,
                                      std::vector<std::byte> parameters);

/// What a failed kernel leaves in its context.
CUresult errorOf(const Diagnosis &diagnosis);

} // namespace moec::cudasim

#endif // MOEC_SIMULATOR_DRIVER_LAUNCH_H
