// RUN: moe-opt %s --moe-absorb-mla | FileCheck %s

// The two halves of kv_b move to the query and to the result; attention reads the latent as one kv head.
// CHECK-LABEL: func @mla
// CHECK-SAME: (%[[Q:.*]]: tensor<?x192xf32>, %[[BATCH:.*]]: !moe.batch, %[[CACHE:.*]]: !moe.cache<[64, 16], f32>,
// CHECK-SAME: %[[UK:.*]]: tensor<4x32x64xbf16>, %[[UV:.*]]: tensor<4x24x64xbf16>)
func.func @mla(%q: tensor<?x192xf32>, %batch: !moe.batch, %cache: !moe.cache<[64, 16], f32>,
    %w_uk: tensor<4x32x64xbf16>, %w_uv: tensor<4x24x64xbf16>) -> tensor<?x96xf32> {
  // CHECK-DAG: %[[QN:.*]] = moe.slice %[[Q]] begin 0 heads 4 : tensor<?x192xf32> -> tensor<?x128xf32>
  // CHECK-DAG: %[[QR:.*]] = moe.slice %[[Q]] begin 32 heads 4 : tensor<?x192xf32> -> tensor<?x64xf32>
  // CHECK: %[[QL:.*]] = moe.head_linear %[[QN]], %[[UK]] transposed : (tensor<?x128xf32>, tensor<4x32x64xbf16>) -> tensor<?x256xf32>
  // CHECK: %[[QK:.*]] = moe.concat %[[QL]], %[[QR]] heads 4 : (tensor<?x256xf32>, tensor<?x64xf32>) -> tensor<?x320xf32>
  // CHECK: %[[O:.*]] = moe.attention %[[QK]], %[[CACHE]] of %[[BATCH]] heads 4 kv_heads 1 keys 2 value 0 scale 1.250000e-01
  // CHECK: %[[R:.*]] = moe.head_linear %[[O]], %[[UV]] : (tensor<?x256xf32>, tensor<4x24x64xbf16>) -> tensor<?x96xf32>
  // CHECK-NOT: moe.mla
  // CHECK: return %[[R]]
  %o = moe.mla %q, %cache, %w_uk, %w_uv of %batch scale 0.125
      : (tensor<?x192xf32>, !moe.cache<[64, 16], f32>, tensor<4x32x64xbf16>, tensor<4x24x64xbf16>) -> tensor<?x96xf32>
  return %o : tensor<?x96xf32>
}

// Attention over keys that stand in the cache as they are stays.
// CHECK-LABEL: func @attention
// CHECK-NEXT: moe.attention
// CHECK-NEXT: return
func.func @attention(%q: tensor<?x64xf32>, %batch: !moe.batch, %cache: !moe.cache<[32, 32], f32>) -> tensor<?x64xf32> {
  %o = moe.attention %q, %cache of %batch heads 8 kv_heads 4 keys 1 value 1 scale 0.35
      : (tensor<?x64xf32>, !moe.cache<[32, 32], f32>) -> tensor<?x64xf32>
  return %o : tensor<?x64xf32>
}
