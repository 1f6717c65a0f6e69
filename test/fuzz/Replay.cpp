//===- Replay.cpp - Runs a fuzz target over inputs that are there ---------===//
//
// Stands in for libFuzzer: each argument is a file, or a folder of files.
//
//===----------------------------------------------------------------------===//

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::string input((std::istreambuf_iterator<char>(file)), {});
  if (!file) {
    std::fprintf(stderr, "cannot read '%s'\n", path.c_str());
    return false;
  }
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(input.data()),
                         input.size());
  return true;
}

int main(int argc, char **argv) {
  size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      if (!replay(argv[i]))
        return 1;
      ++inputs;
      continue;
    }
    for (const auto &entry : std::filesystem::directory_iterator(argv[i])) {
      if (!replay(entry.path()))
        return 1;
      ++inputs;
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs ? 0 : 1;
}
