//===- KernelCompiler.cpp - Units of CUDA C++ to device code ------------------===//

#include "codegen/cuda/KernelCompiler.h"
#include "support/TemporaryFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/Threading.h"

#include <ctime>
#include <mutex>

using namespace moec;
using namespace moec::cuda;
using llvm::StringRef;

const std::vector<Header> &cuda::deviceHeaders() {
  static const std::vector<Header> headers = {
#include "codegen/cuda/DeviceHeaders.inc"
  };
  return headers;
}

//===--------------------------------------------------------------------------===//
// Cache
//===--------------------------------------------------------------------------===//

namespace {

/// Results by key; a folder that cannot be written is no error, only slower.
class Cache {
public:
  Cache() {
    llvm::SmallString<128> path;
    if (!llvm::sys::path::cache_directory(path))
      return;
    llvm::sys::path::append(path, "moec", "cuda");
    if (!llvm::sys::fs::create_directories(path))
      folder = std::string(path);
  }

  bool load(const std::string &key, Binary &binary) const {
    return !folder.empty() && read(key + ".ptx", binary.ptx) &&
           read(key + ".cubin", binary.cubin) && read(key + ".log", binary.log);
  }

  void store(const std::string &key, const Binary &binary) const {
    if (folder.empty())
      return;
    write(key + ".ptx", binary.ptx);
    write(key + ".cubin", binary.cubin);
    write(key + ".log", binary.log);
  }

private:
  bool read(const std::string &name, std::string &text) const {
    auto file = llvm::MemoryBuffer::getFile(folder + "/" + name);
    if (!file)
      return false;
    text = (*file)->getBuffer().str();
    return true;
  }
  void write(const std::string &name, const std::string &text) const {
    Result<TemporaryFile> file = TemporaryFile::create(folder + "/" + name);
    if (!file.ok())
      return;
    file->write(text);
    (void)file->commit();
  }

  std::string folder;
};

std::string cacheKey(const Nvrtc &nvrtc, const Unit &unit,
                     const std::string &arch) {
  llvm::SHA256 hash;
  auto add = [&](StringRef text) {
    hash.update(text);
    hash.update(StringRef("\0", 1));
  };
  add(nvrtc.version());
  for (const std::string &option : Nvrtc::options(arch))
    add(option);
  for (const Header &header : deviceHeaders()) {
    add(header.name);
    add(header.text);
  }
  add(unit.name);
  add(unit.source);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

} // namespace

//===--------------------------------------------------------------------------===//
// Compilation
//===--------------------------------------------------------------------------===//

/// Processor time of this thread, which other programs do not stretch.
static double threadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

Result<std::vector<CompiledUnit>>
cuda::compileUnits(const std::vector<Unit> &units,
                   const std::vector<std::string> &architectures) {
  MOEC_ASSIGN_OR_RETURN(std::unique_ptr<Nvrtc> nvrtc, Nvrtc::load());
  const Cache cache;
  std::vector<CompiledUnit> compiled(units.size());
  Status firstError = Status::success();
  std::mutex lock;
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency());
  for (auto [unit, result] : llvm::zip_equal(units, compiled)) {
    result.name = unit.name;
    for (const std::string &arch : architectures)
      result.binaries.emplace_back(arch, Binary());
    result.seconds.resize(architectures.size());
    for (auto [slot, seconds] :
         llvm::zip_equal(result.binaries, result.seconds))
      pool.async([&, unit = &unit, slot = &slot, seconds = &seconds] {
        const std::string key = cacheKey(*nvrtc, *unit, slot->first);
        if (cache.load(key, slot->second))
          return;
        const double begin = threadSeconds();
        Result<Binary> binary = nvrtc->compile(unit->name, unit->source,
                                               deviceHeaders(), slot->first);
        const double spent = threadSeconds() - begin;
        if (binary.ok()) {
          cache.store(key, *binary);
          slot->second = std::move(*binary);
        }
        *seconds = spent;
        std::lock_guard<std::mutex> guard(lock);
        if (!binary.ok() && firstError.ok())
          firstError = binary.status();
      });
  }
  pool.wait();
  MOEC_RETURN_IF_ERROR(firstError);
  return compiled;
}

//===--------------------------------------------------------------------------===//
// Resources
//===--------------------------------------------------------------------------===//

/// The number before `what` in a line like "0 bytes stack frame, 8 bytes spill stores".
static int64_t numberBefore(StringRef line, StringRef what) {
  size_t at = line.find(what);
  if (at == StringRef::npos)
    return 0;
  StringRef before = line.take_front(at).rtrim();
  size_t begin = before.find_last_not_of("0123456789");
  int64_t value = 0;
  before.drop_front(begin == StringRef::npos ? 0 : begin + 1)
      .getAsInteger(10, value);
  return value;
}

std::vector<Resources> cuda::readResources(const std::string &log) {
  std::vector<Resources> all;
  llvm::SmallVector<StringRef> lines;
  StringRef(log).split(lines, '\n');
  for (StringRef line : lines) {
    StringRef entry = line;
    if (size_t at = entry.find("Compiling entry function '");
        at != StringRef::npos) {
      Resources resources;
      resources.kernel = entry.drop_front(entry.find('\'') + 1)
                             .take_until([](char c) { return c == '\''; })
                             .str();
      all.push_back(resources);
    }
    if (all.empty())
      continue;
    Resources &current = all.back();
    if (line.contains("bytes stack frame")) {
      current.stackBytes = numberBefore(line, "bytes stack frame");
      current.spillBytes = numberBefore(line, "bytes spill stores") +
                           numberBefore(line, "bytes spill loads");
    }
    if (line.contains("registers")) {
      current.registers = numberBefore(line, "registers");
      current.sharedBytes = numberBefore(line, "bytes smem");
    }
  }
  return all;
}

int64_t cuda::residentBlocks(const std::string &arch, int64_t threads,
                             const Resources &resources) {
  // Compute capabilities, CUDA programming guide: threads, blocks and shared memory of a multiprocessor.
  struct Limits {
    StringRef arch;
    int64_t threads, blocks, sharedBytes;
  };
  static constexpr int64_t KiB = 1024, registers = 65536;
  static const Limits table[] = {
      {"sm_80", 2048, 32, 164 * KiB},  {"sm_86", 1536, 16, 100 * KiB},
      {"sm_87", 1536, 16, 164 * KiB},  {"sm_89", 1536, 24, 100 * KiB},
      {"sm_90", 2048, 32, 228 * KiB},  {"sm_100", 2048, 32, 228 * KiB},
      {"sm_103", 2048, 32, 228 * KiB}, {"sm_120", 1536, 24, 100 * KiB}};
  StringRef name = StringRef(arch).rtrim("af");
  const Limits *limits =
      llvm::find_if(table, [&](const Limits &l) { return l.arch == name; });
  if (limits == std::end(table))
    return 0;
  // Registers are given to warps in units of 256; the system takes 1 KiB of shared memory a block.
  int64_t warps = llvm::divideCeil(threads, 32);
  int64_t ofWarp = llvm::alignTo(resources.registers * 32, 256);
  int64_t blocks = std::min(limits->blocks, limits->threads / (warps * 32));
  if (ofWarp)
    blocks = std::min(blocks, registers / ofWarp / warps);
  return std::min(blocks, limits->sharedBytes / (resources.sharedBytes + KiB));
}
