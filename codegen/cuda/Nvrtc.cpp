//===- Nvrtc.cpp - NVIDIA's run-time compiler, loaded when it is needed -------===//

#include "codegen/cuda/Nvrtc.h"

#include <cstdlib>
#include <dlfcn.h>

using namespace moec;
using namespace moec::cuda;

using Program = struct ProgramTag *;

/// The functions used of NVRTC, whose C interface is stable since CUDA 8. All but the last return 0 on success.
struct Nvrtc::Functions {
  int (*nvrtcVersion)(int *, int *);
  int (*nvrtcCreateProgram)(Program *, const char *, const char *, int,
                            const char *const *, const char *const *);
  int (*nvrtcDestroyProgram)(Program *);
  int (*nvrtcCompileProgram)(Program, int, const char *const *);
  int (*nvrtcGetProgramLogSize)(Program, size_t *);
  int (*nvrtcGetProgramLog)(Program, char *);
  int (*nvrtcGetPTXSize)(Program, size_t *);
  int (*nvrtcGetPTX)(Program, char *);
  int (*nvrtcGetCUBINSize)(Program, size_t *);
  int (*nvrtcGetCUBIN)(Program, char *);
  const char *(*nvrtcGetErrorString)(int);
};

Nvrtc::Nvrtc() : functions(std::make_unique<Functions>()) {}
Nvrtc::~Nvrtc() = default;

/// Where the library may be, the best guess first.
static std::vector<std::string> candidates() {
  if (const char *path = std::getenv("MOEC_NVRTC"))
    return {path};
  static constexpr const char *names[] = {"libnvrtc.so.13", "libnvrtc.so.12",
                                          "libnvrtc.so"};
  std::vector<std::string> folders;
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char *home = std::getenv(variable))
      for (const char *folder : {"/lib64/", "/lib/"})
        folders.push_back(std::string(home) + folder);
  folders.push_back("");
  folders.push_back("/usr/local/cuda/lib64/");
  folders.push_back("/usr/local/cuda/lib/");
  std::vector<std::string> paths;
  for (const std::string &folder : folders)
    for (const char *name : names)
      paths.push_back(folder + name);
  return paths;
}

Result<std::unique_ptr<Nvrtc>> Nvrtc::load() {
  void *library = nullptr;
  std::vector<std::string> paths = candidates();
  for (const std::string &path : paths)
    if ((library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)))
      break;
  if (!library)
    return Status::error(
        "cannot find " + (paths.size() == 1 ? paths[0] : "libnvrtc.so") +
        ", which compiles CUDA kernels: install the CUDA toolkit (12 or 13), "
        "or "
        "name its folder in CUDA_HOME or the library in MOEC_NVRTC; the CPU "
        "target (--target cpu) needs no CUDA");
  std::unique_ptr<Nvrtc> nvrtc(new Nvrtc());
  Functions &f = *nvrtc->functions;
  std::string missing;
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(
        dlsym(library, name));
    if (!function)
      missing = name;
  };
#define MOEC_FIND(name) find(f.name, #name)
  MOEC_FIND(nvrtcVersion);
  MOEC_FIND(nvrtcCreateProgram);
  MOEC_FIND(nvrtcDestroyProgram);
  MOEC_FIND(nvrtcCompileProgram);
  MOEC_FIND(nvrtcGetProgramLogSize);
  MOEC_FIND(nvrtcGetProgramLog);
  MOEC_FIND(nvrtcGetPTXSize);
  MOEC_FIND(nvrtcGetPTX);
  MOEC_FIND(nvrtcGetCUBINSize);
  MOEC_FIND(nvrtcGetCUBIN);
  MOEC_FIND(nvrtcGetErrorString);
#undef MOEC_FIND
  if (!missing.empty())
    return Status::error("the NVRTC library that was found has no " + missing +
                         ": CUDA 11.1 or newer is needed");
  int major = 0, minor = 0;
  f.nvrtcVersion(&major, &minor);
  nvrtc->versionText = std::to_string(major) + "." + std::to_string(minor);
  return nvrtc;
}

std::vector<std::string> Nvrtc::options(const std::string &arch) {
  return {"--gpu-architecture=" + arch, "--std=c++20",
          // A multiply-add is fused where the program says so and nowhere else.
          "--fmad=false", "--generate-line-info", "-Xptxas=-v"};
}

Result<Binary> Nvrtc::compile(const std::string &name,
                              const std::string &source,
                              const std::vector<Header> &headers,
                              const std::string &arch) const {
  const Functions &f = *functions;
  std::vector<const char *> texts, names;
  for (const Header &header : headers) {
    texts.push_back(header.text);
    names.push_back(header.name);
  }
  // A relative name would be completed with the working folder, and the result would depend on it.
  std::string path = "/" + name + ".cu";
  Program program = nullptr;
  if (int code =
          f.nvrtcCreateProgram(&program, source.c_str(), path.c_str(),
                               int(headers.size()), texts.data(), names.data()))
    return Status::error(name + ": NVRTC: " + f.nvrtcGetErrorString(code));
  struct Destroy {
    const Functions &f;
    Program program;
    ~Destroy() { f.nvrtcDestroyProgram(&program); }
  } destroy{f, program};

  std::vector<std::string> optionTexts = options(arch);
  std::vector<const char *> arguments;
  for (const std::string &option : optionTexts)
    arguments.push_back(option.c_str());
  int code =
      f.nvrtcCompileProgram(program, int(arguments.size()), arguments.data());
  auto fetch = [&](auto sizeOf, auto get) {
    size_t size = 0;
    sizeOf(program, &size);
    std::string text(size, '\0');
    get(program, text.data());
    return text;
  };
  Binary binary;
  binary.log = fetch(f.nvrtcGetProgramLogSize, f.nvrtcGetProgramLog).c_str();
  if (code)
    return Status::error(name + " does not compile for " + arch +
                         " with NVRTC " + versionText + ": " +
                         f.nvrtcGetErrorString(code) + "\n" + binary.log);
  binary.ptx = fetch(f.nvrtcGetPTXSize, f.nvrtcGetPTX).c_str();
  binary.cubin = fetch(f.nvrtcGetCUBINSize, f.nvrtcGetCUBIN);
  return binary;
}
