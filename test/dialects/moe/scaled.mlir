// RUN: moe-opt %s | moe-opt | FileCheck %s

// Weights of quantised elements, and what they are in panels.

// CHECK: moe.weight @fp8 : tensor<192x160x!moe.scaled<f8E4M3FN, 128x128, f32>> from [#moe.part<"w" scale "w_scale_inv">]
moe.weight @fp8 : tensor<192x160x!moe.scaled<f8E4M3FN, 128x128, f32>> from [#moe.part<"w" scale "w_scale_inv">]
// CHECK: moe.weight @w_uk : tensor<4x32x64x!moe.scaled<f8E4M3FN, 128x128, f32>> from [#moe.part<"kv_b" scale "kv_b_scale_inv", heads = 4, end = 32>]
moe.weight @w_uk : tensor<4x32x64x!moe.scaled<f8E4M3FN, 128x128, f32>> from [#moe.part<"kv_b" scale "kv_b_scale_inv", heads = 4, end = 32>]

// CHECK-LABEL: func @panels
func.func @panels(%fp8: tensor<192x160x!moe.scaled<f8E4M3FN, 128x128, f32>>, %q4: tensor<96x160x!moe.scaled<i4, 1x32, bf16>>,
    %heads: tensor<4x32x64x!moe.scaled<f8E4M3FN, 128x128, f32>>) {
  // Each row of a panel has its own scales.
  // CHECK: moe.pack %{{.*}} <width = 16> : {{.*}} -> tensor<12x160x16x!moe.scaled<f8E4M3FN, 1x128, f32>>
  %0 = moe.pack %fp8 <width = 16> : tensor<192x160x!moe.scaled<f8E4M3FN, 128x128, f32>>
      -> tensor<12x160x16x!moe.scaled<f8E4M3FN, 1x128, f32>>
  // CHECK: moe.pack %{{.*}} <width = 16, parts = 2> : {{.*}} -> tensor<6x160x16x!moe.scaled<i4, 1x32, bf16>>
  %1 = moe.pack %q4 <width = 16, parts = 2> : tensor<96x160x!moe.scaled<i4, 1x32, bf16>>
      -> tensor<6x160x16x!moe.scaled<i4, 1x32, bf16>>
  // Transposed, a panel runs along the 32 rows of a head, all of which lie in one block.
  // CHECK: moe.pack %{{.*}} <width = 16, transpose = true> : {{.*}} -> tensor<4x4x32x16x!moe.scaled<f8E4M3FN, 1x32, f32>>
  %2 = moe.pack %heads <width = 16, transpose = true> : tensor<4x32x64x!moe.scaled<f8E4M3FN, 128x128, f32>>
      -> tensor<4x4x32x16x!moe.scaled<f8E4M3FN, 1x32, f32>>
  return
}
