// RUN: moe-opt %s --moe-plan-weights | FileCheck %s

// Weights follow one another in the order of the module, each at a multiple of 64 bytes, with the size of their layout: 5 bf16
// take 10 bytes, 33 rows in panels of 16 take 48.
// CHECK: moe.weight @a : tensor<5xbf16> from [#moe.part<"a">] at 0
moe.weight @a : tensor<5xbf16> from [#moe.part<"a">]
// CHECK: moe.weight @b : tensor<33x4xbf16> from [#moe.part<"b">] layout <width = 16> at 64
moe.weight @b : tensor<33x4xbf16> from [#moe.part<"b">] layout <width = 16>
// CHECK: moe.weight @c : tensor<2x4x8xf32> from [#moe.part<"c.{expert}">] at 448
moe.weight @c : tensor<2x4x8xf32> from [#moe.part<"c.{expert}">]
// CHECK: moe.weight @d : tensor<1xf32> from [#moe.part<"d">] at 704
moe.weight @d : tensor<1xf32> from [#moe.part<"d">]

// A use reads the mapped file, which nothing writes.
// CHECK-LABEL: func @step
func.func @step() -> tensor<3x4x16xbf16> {
  // CHECK: %[[M:.*]] = kernel.weight @b : memref<3x4x16xbf16>
  // CHECK: %[[T:.*]] = bufferization.to_tensor %[[M]] restrict
  // CHECK-NOT: moe.get_weight
  // CHECK: return %[[T]]
  %w = moe.get_weight @b : tensor<3x4x16xbf16>
  return %w : tensor<3x4x16xbf16>
}
