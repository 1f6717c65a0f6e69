//===- CudaTest.cpp - Fatbins and what the assembler says ---------------------===//

#include "codegen/cuda/Fatbin.h"
#include "codegen/cuda/KernelCompiler.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace moec;
using namespace moec::cuda;

template <typename T>
static T at(const std::string &image, size_t offset) {
  T value;
  std::memcpy(&value, image.data() + offset, sizeof value);
  return value;
}

/// Field by field what CUDA 13.0's `fatbinary --create --compress=false -64 --image3=kind=elf,sm=90a,… --image3=kind=ptx,sm=90a,…`
/// wrote for payloads of these sizes.
TEST(Fatbin, IsTheToolkits) {
  Binary binary;
  binary.cubin = std::string(3568, 'E');
  binary.ptx = ".version 9.0\n.target sm_90a\n";
  binary.ptx.resize(383, ' '); // 384 with the zero that ends it
  std::string image = makeFatbin({{"sm_90a", binary}});
  ASSERT_EQ(image.size(), 16u + 64 + 3568 + 80 + 384);
  EXPECT_EQ(at<uint32_t>(image, 0), 0xBA55ED50u);
  EXPECT_EQ(at<uint16_t>(image, 4), 1);
  EXPECT_EQ(at<uint16_t>(image, 6), 16);
  EXPECT_EQ(at<uint64_t>(image, 8), image.size() - 16);
  const uint32_t elf[] = {0x01010002, 64, 3568, 0, 0, 0, 0x00010008, 90,
                          0,          0,  0x00100011, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < std::size(elf); ++i)
    EXPECT_EQ(at<uint32_t>(image, 16 + 4 * i), elf[i]) << i;
  EXPECT_EQ(image.substr(80, 3568), binary.cubin);
  const uint32_t ptx[] = {0x01010001, 80, 384, 0, 0, 0x40, 0x00090000,
                          90, 0, 0, 0x00100011, 0, 0, 0, 0, 0, 0x48, 0, 0, 0};
  for (size_t i = 0; i < std::size(ptx); ++i)
    EXPECT_EQ(at<uint32_t>(image, 3648 + 4 * i), ptx[i]) << i;
  EXPECT_EQ(image.substr(3728, 383), binary.ptx);
  EXPECT_EQ(image.back(), '\0');
}

/// An architecture without a suffix has no such flag; payloads begin at multiples of 8.
TEST(Fatbin, PadsAndTellsArchitecturesApart) {
  Binary binary{".version 8.7\n", "ELF", ""};
  std::string image = makeFatbin({{"sm_80", binary}, {"sm_120a", binary}});
  EXPECT_EQ(at<uint32_t>(image, 16 + 28), 80u);
  EXPECT_EQ(at<uint32_t>(image, 16 + 40), 0x00000011u);
  EXPECT_EQ(at<uint64_t>(image, 16 + 8), 8u);
  size_t ptx = 16 + 64 + 8;
  EXPECT_EQ(at<uint16_t>(image, ptx + 24), 7);
  EXPECT_EQ(at<uint16_t>(image, ptx + 26), 8);
  EXPECT_EQ(at<uint64_t>(image, ptx + 8), 16u);
  EXPECT_EQ(at<uint32_t>(image, ptx + 80 + 16 + 28), 120u);
}

TEST(Resources, OfEachKernel) {
  auto all = readResources(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'a' for 'sm_90a'\n"
      "ptxas info    : Function properties for a\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 124 registers, used 1 barriers, 1024 bytes smem\n"
      "ptxas info    : Compile time = 72.092 ms\n"
      "ptxas info    : Compiling entry function 'b' for 'sm_90a'\n"
      "ptxas info    : Function properties for b\n"
      "    16 bytes stack frame, 12 bytes spill stores, 20 bytes spill loads\n"
      "ptxas info    : Used 32 registers, used 0 barriers\n");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kernel, "a");
  EXPECT_EQ(all[0].registers, 124);
  EXPECT_EQ(all[0].sharedBytes, 1024);
  EXPECT_EQ(all[0].spillBytes, 0);
  EXPECT_EQ(all[1].kernel, "b");
  EXPECT_EQ(all[1].registers, 32);
  EXPECT_EQ(all[1].sharedBytes, 0);
  EXPECT_EQ(all[1].stackBytes, 16);
  EXPECT_EQ(all[1].spillBytes, 32);
}

/// By hand: 65,536 registers, given to a warp in units of 256; shared memory and 1 KiB a block; threads and blocks.
TEST(Resources, BlocksOfAMultiprocessor) {
  Resources kernel;
  kernel.registers = 128; // 4096 a warp: 16 warps
  EXPECT_EQ(residentBlocks("sm_90a", 128, kernel), 4);
  kernel.registers = 33; // 1056 are 1280 a warp: 51 warps, 12 blocks of 4
  EXPECT_EQ(residentBlocks("sm_80", 128, kernel), 12);
  kernel.registers = 16;
  EXPECT_EQ(residentBlocks("sm_80", 128, kernel), 16);   // 2048 threads
  EXPECT_EQ(residentBlocks("sm_120a", 128, kernel), 12); // 1536 threads
  EXPECT_EQ(residentBlocks("sm_100a", 32, kernel), 32);  // blocks
  kernel.sharedBytes = 43264;                            // and 1024: 44,288 of 167,936, of 233,472, of 102,400
  EXPECT_EQ(residentBlocks("sm_80", 128, kernel), 3);
  EXPECT_EQ(residentBlocks("sm_90", 128, kernel), 5);
  EXPECT_EQ(residentBlocks("sm_86", 128, kernel), 2);
  EXPECT_EQ(residentBlocks("sm_75", 128, kernel), 0); // not known
}

/// A kernel that does not compile names its unit, the architecture and the line.
TEST(KernelCompiler, SaysWhatDoesNotCompile) {
  if (!Nvrtc::load().ok())
    GTEST_SKIP() << "NVRTC was not found";
  auto compiled = compileUnits({{"broken", "__global__ void k() { nothing; }"}},
                               {"sm_90a"});
  ASSERT_FALSE(compiled.ok());
  EXPECT_NE(compiled.message().find("broken does not compile for sm_90a"),
            std::string::npos)
      << compiled.message();
  EXPECT_NE(compiled.message().find("/broken.cu(1): error: identifier "
                                    "\"nothing\" is undefined"),
            std::string::npos)
      << compiled.message();
}
