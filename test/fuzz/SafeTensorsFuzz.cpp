//===- SafeTensorsFuzz.cpp - Files and indices of tensors -----------------===//
//
// An input that begins with '{' is the index of a folder of two good shards,
// any other is a file.
//
//===----------------------------------------------------------------------===//

#include "support/SafeTensors.h"
#include "test/fuzz/MemoryFile.h"

#include <filesystem>
#include <fstream>

using namespace moec;

namespace {

/// A folder of shards that is filled once and goes with the process.
class Shards {
public:
  Shards() {
    std::string name =
        (std::filesystem::temp_directory_path() / "moec-fuzz-XXXXXX").string();
    path = mkdtemp(name.data());
    for (std::string shard : {"a", "b"})
      if (!writeSafeTensors(path + "/" + shard + ".safetensors",
                            {{shard, TensorData::fromFloats({2}, {1, 2})}})
               .ok())
        std::abort();
  }
  ~Shards() { std::filesystem::remove_all(path); }

  std::string path;
};

/// What a reader does with a tensor.
void readTensor(const TensorView &tensor) {
  if (tensor.numElements() < 0)
    std::abort();
  Result<std::vector<float>> floats = readFloats(tensor);
  Result<std::vector<int64_t>> ints = readInts(tensor);
  size_t count = tensor.numElements();
  if ((floats.ok() && floats->size() != count) ||
      (ints.ok() && ints->size() != count))
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size && data[0] == '{') {
    static Shards shards;
    std::ofstream(shards.path + "/model.safetensors.index.json",
                  std::ios::binary)
        .write(reinterpret_cast<const char *>(data), std::streamsize(size));
    Result<SafeTensorsFolder> folder = SafeTensorsFolder::open(shards.path);
    if (folder.ok())
      for (const auto &[name, tensor] : folder->tensors())
        readTensor(tensor);
    return 0;
  }
  fuzz::MemoryFile input(data, size);
  Result<SafeTensorsFile> file = SafeTensorsFile::open(input.path());
  if (file.ok())
    for (const auto &[name, tensor] : file->tensors())
      readTensor(tensor);
  return 0;
}
