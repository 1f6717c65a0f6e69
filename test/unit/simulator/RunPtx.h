//===- RunPtx.h - Runs small PTX texts ------------------------------------===//
#ifndef MOEC_TEST_UNIT_SIMULATOR_RUNPTX_H
#define MOEC_TEST_UNIT_SIMULATOR_RUNPTX_H

#include "simulator/machine/Grid.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace moec::cudasim::test {

/// One device with memory, one module.
class Simulation {
public:
  Simulation() { memory.addDevice(uint64_t(1) << 30); }

  /// Parses and decodes; the message of an error is in `error`.
  bool load(const std::string &text) {
    auto module = ptx::parse(text, "test.ptx");
    if (!module.ok())
      return error = module.message(), false;
    auto decoded = decode(**module, memory, 0);
    if (!decoded.ok())
      return error = decoded.message(), false;
    program = std::move(*decoded);
    return true;
  }

  template <typename T>
  uint64_t upload(const std::vector<T> &values) {
    uint64_t address = *memory.allocate(0, values.size() * sizeof(T));
    Allocation *allocation = memory.find(address);
    std::memcpy(allocation->data, values.data(), values.size() * sizeof(T));
    GlobalMemory::markWritten(*allocation, 0, allocation->bytes);
    return address;
  }
  uint64_t allocate(uint64_t bytes) { return *memory.allocate(0, bytes); }
  template <typename T>
  std::vector<T> download(uint64_t address, size_t count) {
    std::vector<T> values(count);
    std::memcpy(values.data(), memory.find(address)->data, count * sizeof(T));
    return values;
  }

  struct Shape {
    uint32_t grid[3] = {1, 1, 1}, block[3] = {32, 1, 1};
    uint32_t dynamicShared = 0, resident = 4;
    bool cooperative = false;
  };

  /// Runs a kernel to its end; `grid` stays for its failure and counters.
  Grid::State run(const std::string &name, const Shape &shape,
                  const std::vector<uint64_t> &arguments) {
    const Kernel *kernel = program->findKernel(name);
    EXPECT_NE(kernel, nullptr) << name;
    if (!kernel)
      return Grid::State::Failed;
    Launch launch;
    launch.program = program.get();
    launch.kernel = kernel;
    std::copy_n(shape.grid, 3, launch.grid);
    std::copy_n(shape.block, 3, launch.block);
    launch.dynamicSharedBytes = shape.dynamicShared;
    launch.residentBlocks = shape.resident;
    launch.cooperative = shape.cooperative;
    launch.multiprocessors = 4;
    launch.parameters.resize(kernel->parameterBytes);
    EXPECT_EQ(arguments.size(), kernel->parameters.size());
    for (size_t i = 0; i < arguments.size() && i < kernel->parameters.size();
         ++i)
      std::memcpy(launch.parameters.data() + kernel->parameters[i].offset,
                  &arguments[i],
                  std::min<size_t>(8, kernel->parameters[i].bytes));
    grid = std::make_unique<Grid>(launch, memory, options);
    Grid::State state;
    while ((state = grid->advance(1000000)) == Grid::State::Running) {
    }
    return state;
  }
  std::string failure() const {
    return grid && grid->failure() ? grid->failure()->text() : "";
  }
  std::string failureKind() const {
    return grid && grid->failure() ? grid->failure()->kind : "";
  }

  GlobalMemory memory;
  Options options;
  std::unique_ptr<Program> program;
  std::unique_ptr<Grid> grid;
  std::string error;
};

inline std::string module(const std::string &body,
                          const std::string &target = "sm_90a") {
  return ".version 9.0\n.target " + target + "\n.address_size 64\n" + body;
}

/// A kernel of one warp whose lane l runs `body` on %a<k> (32 bits), %A<k> (64 bits), loaded from in[l] (64 bits each, `inputs` arrays),
/// and leaves its result in %d (32 bits) or %D (64 bits).
inline std::string laneKernel(const std::string &body, unsigned inputs,
                              bool wide, const std::string &declarations = "") {
  std::string text = ".visible .entry k(.param .u64 in, .param .u64 out) {\n"
                     ".reg .pred %p<8>; .reg .b16 %h<16>; .reg .b32 %a<8>, %d, "
                     "%t<16>; .reg .b64 %A<8>, %D, %T<8>, %i, %o, %x;\n" +
                     declarations +
                     "\nld.param.u64 %i, [in];\nld.param.u64 %o, "
                     "[out];\nmov.u32 %t0, %tid.x;\nmul.wide.u32 %x, %t0, 8;\n"
                     "add.s64 %i, %i, %x;\nadd.s64 %o, %o, %x;\nmov.u64 %D, "
                     "0;\nmov.u32 %d, 0;\n";
  for (unsigned k = 0; k < inputs; ++k)
    text += "ld.global.u64 %A" + std::to_string(k) + ", [%i+" +
            std::to_string(256 * k) + "];\ncvt.u32.u64 %a" + std::to_string(k) +
            ", %A" + std::to_string(k) + ";\n";
  text += body + "\n";
  text += wide ? "st.global.u64 [%o], %D;\n"
               : "cvt.u64.u32 %D, %d;\nst.global.u64 [%o], %D;\n";
  return module(text + "ret;\n}\n");
}

/// Runs laneKernel over up to 32 rows of inputs; the results, one per row.
inline std::vector<uint64_t>
evaluate(const std::string &body,
         const std::vector<std::vector<uint64_t>> &rows, bool wide = false,
         const std::string &declarations = "") {
  Simulation simulation;
  unsigned inputs = rows.empty() ? 0 : static_cast<unsigned>(rows[0].size());
  if (!simulation.load(laneKernel(body, inputs, wide, declarations))) {
    ADD_FAILURE() << simulation.error;
    return {};
  }
  std::vector<uint64_t> in(32 * std::max(1u, inputs), 0);
  for (size_t row = 0; row < 32; ++row)
    for (unsigned k = 0; k < inputs; ++k)
      in[32 * k + row] = rows[std::min(row, rows.size() - 1)][k];
  uint64_t out = simulation.allocate(256);
  EXPECT_EQ(simulation.run("k", {}, {simulation.upload(in), out}),
            Grid::State::Finished)
      << simulation.failure() << "\n"
      << body;
  std::vector<uint64_t> all = simulation.download<uint64_t>(out, 32);
  all.resize(rows.empty() ? 32 : rows.size());
  return all;
}

/// Why a kernel with this body is refused; empty if it is not.
inline std::string refusal(const std::string &body,
                           const std::string &declarations = "") {
  Simulation simulation;
  return simulation.load(laneKernel(body, 2, false, declarations))
             ? ""
             : simulation.error;
}

} // namespace moec::cudasim::test

#endif // MOEC_TEST_UNIT_SIMULATOR_RUNPTX_H
