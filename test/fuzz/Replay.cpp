//===- Replay.cpp - Runs a fuzz target on stored inputs -------------------===//
//
//   TARGET FILE|FOLDER...     every file, those of a folder in order of name
//
// Takes the place of libFuzzer's main() where a build has none, so that what
// was found once is tried by every test run.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
  namespace fs = std::filesystem;
  std::vector<fs::path> inputs;
  for (int i = 1; i < argc; ++i) {
    if (!fs::is_directory(argv[i])) {
      inputs.emplace_back(argv[i]);
      continue;
    }
    const auto first = static_cast<std::ptrdiff_t>(inputs.size());
    for (const fs::directory_entry &entry : fs::directory_iterator(argv[i]))
      inputs.push_back(entry.path());
    std::sort(inputs.begin() + first, inputs.end());
  }
  for (const fs::path &path : inputs) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "error: cannot read '%s'\n", path.c_str());
      return 1;
    }
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    // What crashes comes last in the output.
    std::fprintf(stderr, "%s: %zu bytes\n", path.c_str(), bytes.size());
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()),
                           bytes.size());
  }
  std::printf("%zu inputs\n", inputs.size());
  return inputs.empty() ? 1 : 0;
}
