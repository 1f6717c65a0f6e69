// RUN: moe-opt %s --moe-round-activations --cse --canonicalize | FileCheck %s
// RUN: moe-opt %s --moe-round-activations --cse --canonicalize | moe-opt --moe-round-activations | FileCheck %s

// What several matrices multiply is rounded once; the router gets f32; rows are rounded before they are dispatched.
// CHECK-LABEL: func @attention
// CHECK: moe.attention {{.*}} scale 3.500000e-01 rounded
func.func @attention(%q: tensor<?x64xf32>, %batch: !moe.batch, %cache: !moe.cache<[32, 32], f32>) -> tensor<?x64xf32> {
  %o = moe.attention %q, %cache of %batch heads 8 kv_heads 4 keys 1 value 1 scale 0.35
      : (tensor<?x64xf32>, !moe.cache<[32, 32], f32>) -> tensor<?x64xf32>
  return %o : tensor<?x64xf32>
}

// CHECK-LABEL: func @layer
// CHECK-SAME: (%[[X:[a-z0-9]+]]: tensor<?x64xf32>
func.func @layer(%x: tensor<?x64xf32>, %wq: tensor<32x64xbf16>, %wk: tensor<16x64xbf16>, %heads: tensor<2x8x16xbf16>,
    %router: tensor<8x64xbf16>, %experts: tensor<8x24x64xbf16>) -> (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x24xf32>) {
  // CHECK: %[[R:.*]] = moe.round %[[X]] : tensor<?x64xf32> -> tensor<?x64xbf16>
  // CHECK: %[[Q:.*]] = moe.linear %[[R]], %{{.*}} : (tensor<?x64xbf16>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  %q = moe.linear %x, %wq : (tensor<?x64xf32>, tensor<32x64xbf16>) -> tensor<?x32xf32>
  // CHECK: moe.linear %[[R]], %{{.*}} : (tensor<?x64xbf16>, tensor<16x64xbf16>) -> tensor<?x16xf32>
  %k = moe.linear %x, %wk : (tensor<?x64xf32>, tensor<16x64xbf16>) -> tensor<?x16xf32>
  // CHECK: %[[QR:.*]] = moe.round %[[Q]] : tensor<?x32xf32> -> tensor<?x32xbf16>
  // CHECK: moe.head_linear %[[QR]]
  %h = moe.head_linear %q, %heads : (tensor<?x32xf32>, tensor<2x8x16xbf16>) -> tensor<?x16xf32>
  // CHECK: moe.linear %[[X]], %{{.*}} : (tensor<?x64xf32>, tensor<8x64xbf16>) -> tensor<?x8xf32>
  %logits = moe.linear %x, %router : (tensor<?x64xf32>, tensor<8x64xbf16>) -> tensor<?x8xf32>
  %r = moe.route softmax %logits scale 1.0 : (tensor<?x8xf32>) -> !moe.routing<experts = 8, top_k = 2>
  // CHECK: %[[D:.*]] = moe.dispatch %[[R]] to %{{.*}} : tensor<?x64xbf16>
  %d = moe.dispatch %x to %r : tensor<?x64xf32>, !moe.routing<experts = 8, top_k = 2>
  // CHECK: moe.expert_linear %[[D]]
  // CHECK-NOT: moe.round
  %e = moe.expert_linear %d, %experts of %r
      : (tensor<?x64xf32>, tensor<8x24x64xbf16>, !moe.routing<experts = 8, top_k = 2>) -> tensor<?x24xf32>
  return %k, %h, %e : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x24xf32>
}
