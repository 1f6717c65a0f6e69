//===- GlobalMemoryTest.cpp -----------------------------------------------===//
#include "simulator/memory/GlobalMemory.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace moec::cudasim;

namespace {

struct GlobalMemoryTest : ::testing::Test {
  GlobalMemoryTest() {
    memory.addDevice(1 << 20);
    memory.addDevice(1 << 20);
  }
  uint64_t allocate(int device, uint64_t bytes, uint64_t alignment = 256) {
    auto address = memory.allocate(device, bytes, alignment);
    EXPECT_TRUE(address.ok()) << address.message();
    return *address;
  }

  GlobalMemory memory;
};

TEST_F(GlobalMemoryTest, AddressesLieInTheRangeOfTheirDevice) {
  uint64_t a = allocate(0, 100), b = allocate(1, 100);
  EXPECT_EQ(deviceOfAddress(a), 0);
  EXPECT_EQ(deviceOfAddress(b), 1);
  // The range of device 1 starts at 2^48 + 2^44.
  EXPECT_GE(b, 0x1100000000000u);
  EXPECT_LT(a, 0x1100000000000u);
}

TEST_F(GlobalMemoryTest, NothingIsMoreAlignedThanAsked) {
  for (uint64_t alignment : {256, 512, 4096}) {
    uint64_t address = allocate(0, 10, alignment);
    EXPECT_EQ(address % alignment, 0u);
    EXPECT_NE(address % (2 * alignment), 0u);
  }
  EXPECT_EQ(allocate(0, 10, 1) % 256, 0u);
}

TEST_F(GlobalMemoryTest, FindsEveryByteAndNoOther) {
  uint64_t a = allocate(0, 100), b = allocate(0, 1), c = allocate(0, 3);
  for (uint64_t start : {c, a, b})
    ASSERT_NE(memory.find(start), nullptr);
  EXPECT_EQ(memory.find(a + 99)->address, a);
  EXPECT_EQ(memory.find(a + 100), nullptr);
  EXPECT_EQ(memory.find(a - 1), nullptr);
  EXPECT_EQ(memory.find(b + 1), nullptr);
  EXPECT_EQ(memory.find(c + 2)->address, c);
  EXPECT_EQ(memory.find(0), nullptr);
}

TEST_F(GlobalMemoryTest, FreedMemoryIsGoneAndItsAddressDoesNotComeBack) {
  uint64_t a = allocate(0, 100);
  uint64_t generation = memory.generation();
  ASSERT_TRUE(memory.find(a));
  ASSERT_TRUE(memory.free(a).ok());
  EXPECT_NE(memory.generation(), generation);
  EXPECT_EQ(memory.find(a), nullptr);
  EXPECT_NE(allocate(0, 100), a);
  EXPECT_EQ(memory.free(a).message(),
            "this is not the start of an allocation but byte 0 of allocation 1 "
            "(100 bytes, device 0, freed)");
}

TEST_F(GlobalMemoryTest, OnlyTheStartIsFreed) {
  uint64_t a = allocate(0, 100);
  EXPECT_EQ(memory.free(a + 4).message(),
            "this is not the start of an allocation but byte 4 of allocation 1 "
            "(100 bytes, device 0)");
  EXPECT_TRUE(memory.free(a).ok());
}

TEST_F(GlobalMemoryTest, CapacityIsKept) {
  uint64_t a = allocate(0, 1 << 19);
  EXPECT_EQ(memory.used(0), 1u << 19);
  EXPECT_FALSE(memory.allocate(0, (1 << 19) + 1).ok());
  EXPECT_TRUE(memory.allocate(1, 1 << 20).ok());
  EXPECT_FALSE(memory.allocate(1, UINT64_MAX).ok());
  ASSERT_TRUE(memory.free(a).ok());
  EXPECT_EQ(memory.used(0), 0u);
  EXPECT_TRUE(memory.allocate(0, 1 << 20).ok());
}

TEST_F(GlobalMemoryTest, DescribesAddresses) {
  uint64_t a = allocate(0, 4096);
  EXPECT_EQ(memory.describe(a + 7),
            "byte 7 of allocation 1 (4096 bytes, device 0)");
  EXPECT_EQ(memory.describe(a + 4096 + 12),
            "12 bytes past the end of allocation 1 (4096 bytes, device 0)");
  EXPECT_EQ(memory.describe(a + 4096),
            "the end of allocation 1 (4096 bytes, device 0)");
  EXPECT_EQ(memory.describe(a - 8),
            "8 bytes before the start of allocation 1 (4096 bytes, device 0)");
  EXPECT_EQ(memory.describe(0), "a null pointer");
  EXPECT_EQ(memory.describe(16), "null plus 16 bytes");
  EXPECT_EQ(memory.describe(kDeviceBase + kDeviceSpan + 5),
            "no allocation of device 1");
  EXPECT_EQ(memory.describe(kSharedWindow + 40), "byte 40 of shared memory");
  int local;
  EXPECT_EQ(memory.describe(reinterpret_cast<uint64_t>(&local)),
            "a host pointer that is not pinned memory");
  auto variable = memory.allocate(
      1, {.bytes = 8, .kind = MemoryKind::Variable, .name = "table"});
  ASSERT_TRUE(variable.ok());
  EXPECT_EQ(memory.describe(*variable),
            "byte 0 of variable table (8 bytes, device 1)");
}

TEST_F(GlobalMemoryTest, StartsAsPoisonThatNobodyWrote) {
  // Below and above the size from which memory is mapped.
  for (uint64_t bytes : {uint64_t(1000), uint64_t(40) << 20}) {
    GlobalMemory large;
    large.addDevice(uint64_t(1) << 30);
    Allocation *allocation = large.find(*large.allocate(0, bytes));
    ASSERT_NE(allocation, nullptr);
    EXPECT_EQ(allocation->data[0], std::byte(0xff));
    EXPECT_EQ(allocation->data[bytes - 1], std::byte(0xff));
    EXPECT_EQ(GlobalMemory::firstUnwritten(*allocation, 0, bytes), 0u);
    allocation->data[bytes - 1] = std::byte(1); // copy on write
    Allocation *other = large.find(*large.allocate(0, bytes));
    EXPECT_EQ(other->data[bytes - 1], std::byte(0xff));
  }
}

TEST_F(GlobalMemoryTest, RemembersWhatWasWritten) {
  Allocation &allocation = *memory.find(allocate(0, 300));
  GlobalMemory::markWritten(allocation, 3, 200);
  EXPECT_EQ(GlobalMemory::firstUnwritten(allocation, 0, 300), 0u);
  EXPECT_EQ(GlobalMemory::firstUnwritten(allocation, 3, 200), std::nullopt);
  EXPECT_EQ(GlobalMemory::firstUnwritten(allocation, 3, 201), 203u);
  EXPECT_EQ(GlobalMemory::firstUnwritten(allocation, 2, 1), 2u);
  EXPECT_EQ(GlobalMemory::firstUnwritten(allocation, 203, 97), 203u);
}

TEST_F(GlobalMemoryTest, CopiesCarryWhatWasWritten) {
  Allocation &from = *memory.find(allocate(0, 300));
  Allocation &to = *memory.find(allocate(0, 300));
  GlobalMemory::markWritten(from, 10, 130);
  GlobalMemory::markWritten(to, 0, 300);
  // Every offset within a word of bits, against a loop over bytes.
  for (uint64_t shift = 0; shift < 70; ++shift) {
    GlobalMemory::markWritten(to, 0, 300);
    GlobalMemory::copyWritten(to, shift, from, 5, 150);
    for (uint64_t i = 0; i < 150; ++i) {
      bool written = 5 + i >= 10 && 5 + i < 140;
      ASSERT_EQ(!GlobalMemory::firstUnwritten(to, shift + i, 1), written)
          << shift << " " << i;
    }
    ASSERT_FALSE(GlobalMemory::firstUnwritten(to, shift + 150, 10));
  }
}

TEST_F(GlobalMemoryTest, PeersMustBeEnabled) {
  Allocation &other = *memory.find(allocate(1, 8));
  EXPECT_TRUE(memory.canAccess(1, other));
  EXPECT_FALSE(memory.canAccess(0, other));
  memory.setPeerAccess(0, 1, true);
  EXPECT_TRUE(memory.canAccess(0, other));
  EXPECT_FALSE(memory.canAccess(1, *memory.find(allocate(0, 8))));
  memory.setPeerAccess(0, 1, false);
  EXPECT_FALSE(memory.canAccess(0, other));
}

TEST_F(GlobalMemoryTest, PinnedMemoryIsTheHosts) {
  auto address =
      memory.allocateHost({.bytes = 100, .kind = MemoryKind::Pinned});
  ASSERT_TRUE(address.ok());
  Allocation &pinned = *memory.find(*address + 99);
  EXPECT_EQ(reinterpret_cast<uint64_t>(pinned.data), *address);
  EXPECT_EQ(pinned.device, kHostDevice);
  EXPECT_TRUE(memory.canAccess(0, pinned));
  EXPECT_FALSE(GlobalMemory::firstUnwritten(pinned, 0, 100));
  EXPECT_EQ(memory.describe(*address + 101),
            "1 bytes past the end of allocation 1 (100 bytes, pinned host "
            "memory)");
  EXPECT_TRUE(memory.free(*address).ok());
  EXPECT_EQ(memory.find(*address), nullptr);
}

TEST_F(GlobalMemoryTest, RegisteredMemoryMayNotOverlap) {
  std::vector<char> bytes(1000);
  ASSERT_TRUE(memory.registerHost(bytes.data() + 100, {.bytes = 100}).ok());
  EXPECT_FALSE(memory.registerHost(bytes.data() + 199, {.bytes = 1}).ok());
  EXPECT_FALSE(memory.registerHost(bytes.data(), {.bytes = 101}).ok());
  EXPECT_TRUE(memory.registerHost(bytes.data() + 200, {.bytes = 1}).ok());
  EXPECT_FALSE(
      memory.registerHost(reinterpret_cast<void *>(kDeviceBase), {.bytes = 1})
          .ok());
}

} // namespace
