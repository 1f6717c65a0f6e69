//===- Nvrtc.h - NVIDIA's run-time compiler, loaded when it is needed ---------===//
//
// moec is built without CUDA. The compiler library is opened when the first kernel is compiled, so that a machine without a
// toolkit can do everything but that.
//
//===------------------------------------------------------------------------===//
#ifndef MOEC_CODEGEN_CUDA_NVRTC_H
#define MOEC_CODEGEN_CUDA_NVRTC_H

#include "support/Status.h"

#include <memory>
#include <string>
#include <vector>

namespace moec::cuda {

/// A file that `#include "name"` finds.
struct Header {
  const char *name;
  const char *text;
};

/// One translation unit for one architecture.
struct Binary {
  std::string ptx;
  std::string cubin;
  /// What the compiler and the assembler said: registers, spills, …
  std::string log;
};

class Nvrtc {
public:
  /// Opens $MOEC_NVRTC, or the library of the toolkit in $CUDA_HOME, on the library path or in /usr/local/cuda.
  static Result<std::unique_ptr<Nvrtc>> load();
  ~Nvrtc();

  /// "13.0".
  const std::string &version() const { return versionText; }
  /// Compiles CUDA C++ for an architecture ("sm_90a"). `name` stands in messages and line tables. Any thread may call it.
  Result<Binary> compile(const std::string &name, const std::string &source,
                         const std::vector<Header> &headers,
                         const std::string &arch) const;
  /// The options that `compile` passes for `arch`.
  static std::vector<std::string> options(const std::string &arch);

private:
  struct Functions;
  Nvrtc();

  std::unique_ptr<Functions> functions;
  std::string versionText;
};

} // namespace moec::cuda

#endif // MOEC_CODEGEN_CUDA_NVRTC_H
