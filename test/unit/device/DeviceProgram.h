//===- DeviceProgram.h - Device code compiled and run by a test ---------------===//
//
// Compiles a file of test/codegen/cuda with NVRTC and runs its kernels through a CUDA driver: the simulator, or what
// MOEC_CUDA_DRIVER names. Both are loaded at run time.
//
//===------------------------------------------------------------------------===//

#ifndef MOEC_TEST_UNIT_DEVICE_DEVICEPROGRAM_H
#define MOEC_TEST_UNIT_DEVICE_DEVICEPROGRAM_H

#include <array>
#include <cstdlib>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace moec::test {

/// What NVRTC makes of a source.
/// What device code is compiled for: every architecture in the full tests, else one of each of NVRTC's two front ends.
inline std::vector<std::string> testedArchitectures() {
  if (std::getenv("MOEC_TEST_FULL"))
    return {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"};
  return {"sm_80", "sm_100a"};
}

struct CompiledProgram {
  std::string ptx;
  std::string log; // with what ptxas says of registers and spills
};

/// Compiles test/codegen/cuda/`file` for an architecture ("sm_80"). Fails the test if that fails.
CompiledProgram compile(const std::string &file,
                        const std::string &architecture,
                        std::vector<std::string> options = {});

/// Fails unless the log of every kernel says: no spills, no stack, at most 48 KiB of shared memory.
void expectNoSpills(const std::string &log, const std::string &name);

/// Memory of the device with the contents of a vector; of 0 bytes: a null pointer.
class DeviceBuffer {
public:
  DeviceBuffer(const void *data, size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer &&other) noexcept
      : address(std::exchange(other.address, 0)), bytes(other.bytes) {}
  void read(void *to) const;

  uint64_t address, bytes;
};

template <class T>
DeviceBuffer upload(const std::vector<T> &data) {
  return DeviceBuffer(data.data(), data.size() * sizeof(T));
}
/// Memory whose contents nobody wrote.
template <class T>
DeviceBuffer reserve(size_t count) {
  return DeviceBuffer(nullptr, count * sizeof(T));
}
template <class T>
std::vector<T> download(const DeviceBuffer &buffer) {
  std::vector<T> result(buffer.bytes / sizeof(T));
  buffer.read(result.data());
  return result;
}

/// A module of kernels on the device.
class DeviceProgram {
public:
  /// Compiled for sm_80.
  explicit DeviceProgram(const std::string &file,
                         std::vector<std::string> options = {});

  /// Runs a kernel and waits for it. Arguments are buffers, int32_t and float.
  template <class... Arguments>
  void run(const std::string &kernel, std::array<unsigned, 3> grid,
           unsigned threads, const Arguments &...arguments) {
    launch(kernel, grid, threads, {pointerTo(arguments)...});
  }

private:
  static const void *pointerTo(const DeviceBuffer &buffer) {
    return &buffer.address;
  }
  static const void *pointerTo(const int32_t &value) { return &value; }
  static const void *pointerTo(const float &value) { return &value; }
  void launch(const std::string &kernel, std::array<unsigned, 3> grid,
              unsigned threads, std::vector<const void *> arguments);

  void *module = nullptr;
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_DEVICE_DEVICEPROGRAM_H
