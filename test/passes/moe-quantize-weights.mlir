// RUN: moe-opt %s --split-input-file --moe-quantize-weights | FileCheck %s --check-prefixes=CHECK,Q8
// RUN: moe-opt %s --split-input-file --moe-quantize-weights=bits=4 | FileCheck %s --check-prefixes=CHECK,Q4
// RUN: not moe-opt %s --split-input-file --moe-quantize-weights=bits=5 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: error: expected 8 or 4 bits, got 5

// A tied embedding stays, and the head is a weight of its own, of 8 bits; the layers' matrices change in place.
// CHECK: moe.weight @embed : tensor<48x64xbf16> from [#moe.part<"e">]
// CHECK-NEXT: moe.weight @embed.q8 : tensor<48x64x!moe.scaled<i8, 1x32, bf16>> from [#moe.part<"e">]
moe.weight @embed : tensor<48x64xbf16> from [#moe.part<"e">]
// CHECK: moe.weight @norm.0 : tensor<64xbf16>
moe.weight @norm.0 : tensor<64xbf16> from [#moe.part<"n">]
// Q8: moe.weight @q.0 : tensor<32x64x!moe.scaled<i8, 1x32, bf16>>
// Q4: moe.weight @q.0 : tensor<32x64x!moe.scaled<i4, 1x32, bf16>>
moe.weight @q.0 : tensor<32x64xbf16> from [#moe.part<"q">]
// CHECK: moe.weight @bias.0 : tensor<32xbf16>
moe.weight @bias.0 : tensor<32xbf16> from [#moe.part<"b">]
// Q8: moe.weight @q.1 : tensor<32x64x!moe.scaled<i8, 1x32, bf16>>
// Q4: moe.weight @q.1 : tensor<32x64x!moe.scaled<i4, 1x32, bf16>>
moe.weight @q.1 : tensor<32x64xbf16> from [#moe.part<"q1">]

// Q8: func.func private @layer(%{{.*}}: tensor<?x64xf32>, %{{.*}}: tensor<64xbf16>, %{{.*}}: tensor<32x64x!moe.scaled<i8, 1x32, bf16>>, %{{.*}}: tensor<32xbf16>)
// Q4: func.func private @layer(%{{.*}}: tensor<?x64xf32>, %{{.*}}: tensor<64xbf16>, %{{.*}}: tensor<32x64x!moe.scaled<i4, 1x32, bf16>>, %{{.*}}: tensor<32xbf16>)
func.func private @layer(%x: tensor<?x64xf32>, %n: tensor<64xbf16>, %w: tensor<32x64xbf16>, %b: tensor<32xbf16>)
    -> tensor<?x32xf32> {
  %h = moe.rms_norm %x, %n eps 1.0e-06 : tensor<?x64xf32>, tensor<64xbf16>
  // Q8: moe.linear {{.*}} : (tensor<?x64xf32>, tensor<32x64x!moe.scaled<i8, 1x32, bf16>>, tensor<32xbf16>)
  %y = moe.linear %h, %w bias %b : (tensor<?x64xf32>, tensor<32x64xbf16>, tensor<32xbf16>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: func @step
func.func @step(%batch: !moe.batch) -> (tensor<?x48xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK: %[[E:.*]] = moe.get_weight @embed : tensor<48x64xbf16>
  // CHECK: moe.embedding %[[E]]
  %e = moe.get_weight @embed : tensor<48x64xbf16>
  %n = moe.get_weight @norm.0 : tensor<64xbf16>
  %q0 = moe.get_weight @q.0 : tensor<32x64xbf16>
  %b = moe.get_weight @bias.0 : tensor<32xbf16>
  %q1 = moe.get_weight @q.1 : tensor<32x64xbf16>
  %x = moe.embedding %e of %batch : tensor<48x64xbf16> -> tensor<?x64xf32>
  %y = call @layer(%x, %n, %q0, %b) : (tensor<?x64xf32>, tensor<64xbf16>, tensor<32x64xbf16>, tensor<32xbf16>) -> tensor<?x32xf32>
  %z = call @layer(%x, %n, %q1, %b) : (tensor<?x64xf32>, tensor<64xbf16>, tensor<32x64xbf16>, tensor<32xbf16>) -> tensor<?x32xf32>
  // CHECK: %[[H:.*]] = moe.get_weight @embed.q8 : tensor<48x64x!moe.scaled<i8, 1x32, bf16>>
  // CHECK: moe.linear %{{.*}}, %[[H]]
  %l = moe.linear %x, %e : (tensor<?x64xf32>, tensor<48x64xbf16>) -> tensor<?x48xf32>
  return %l, %y, %z : tensor<?x48xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

// Experts are quantised; what chooses them is not, nor the gate of whole rows, but a gate for each element is.
// CHECK: func.func @experts(%{{.*}}, %{{.*}}: tensor<4x64xf32>, %{{.*}}: tensor<4xf32>,
// Q8-SAME: %{{.*}}: tensor<4x32x64x!moe.scaled<i8, 1x32, bf16>>, %{{.*}}: tensor<1x64xf16>, %{{.*}}: tensor<64x64x!moe.scaled<i8, 1x32, bf16>>)
// Q4-SAME: %{{.*}}: tensor<4x32x64x!moe.scaled<i4, 1x32, bf16>>, %{{.*}}: tensor<1x64xf16>, %{{.*}}: tensor<64x64x!moe.scaled<i4, 1x32, bf16>>)
func.func @experts(%x: tensor<?x64xf32>, %router: tensor<4x64xf32>, %bias: tensor<4xf32>, %w: tensor<4x32x64xf32>,
    %gate: tensor<1x64xf16>, %wide: tensor<64x64xf32>) -> (tensor<?x32xf32>, tensor<?x64xf32>) {
  %s = moe.linear %x, %router : (tensor<?x64xf32>, tensor<4x64xf32>) -> tensor<?x4xf32>
  %r = moe.route sigmoid %s bias %bias : (tensor<?x4xf32>, tensor<4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  %d = moe.dispatch %x to %r : tensor<?x64xf32>, !moe.routing<experts = 4, top_k = 2>
  %y = moe.expert_linear %d, %w of %r : (tensor<?x64xf32>, tensor<4x32x64xf32>, !moe.routing<experts = 4, top_k = 2>) -> tensor<?x32xf32>
  %c = moe.combine %y of %r : tensor<?x32xf32>, !moe.routing<experts = 4, top_k = 2>
  %g = moe.linear %x, %gate : (tensor<?x64xf32>, tensor<1x64xf16>) -> tensor<?x1xf32>
  %h = moe.linear %x, %wide : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %u = moe.sigmoid_gate %x, %g : tensor<?x64xf32>, tensor<?x1xf32>
  %v = moe.sigmoid_gate %u, %h : tensor<?x64xf32>, tensor<?x64xf32>
  return %c, %v : tensor<?x32xf32>, tensor<?x64xf32>
}

// -----

// Of MLA the half of kv_b that is read transposed stays, before absorption and after it.
// CHECK: func.func @mla({{.*}}, %{{.*}}: tensor<4x32x64xbf16>,
// Q8-SAME: tensor<4x24x64x!moe.scaled<i8, 1x32, bf16>>)
// Q4-SAME: tensor<4x24x64x!moe.scaled<i4, 1x32, bf16>>)
func.func @mla(%q: tensor<?x192xf32>, %batch: !moe.batch, %cache: !moe.cache<[64, 16], f32>,
    %w_uk: tensor<4x32x64xbf16>, %w_uv: tensor<4x24x64xbf16>) -> tensor<?x96xf32> {
  %o = moe.mla %q, %cache, %w_uk, %w_uv of %batch scale 0.125
      : (tensor<?x192xf32>, !moe.cache<[64, 16], f32>, tensor<4x32x64xbf16>, tensor<4x24x64xbf16>) -> tensor<?x96xf32>
  return %o : tensor<?x96xf32>
}

// CHECK: func.func @absorbed({{.*}}, %{{.*}}: tensor<4x32x64xbf16>,
// Q8-SAME: tensor<4x24x64x!moe.scaled<i8, 1x32, bf16>>)
func.func @absorbed(%q: tensor<?x128xf32>, %w_uk: tensor<4x32x64xbf16>, %w_uv: tensor<4x24x64xbf16>) -> tensor<?x96xf32> {
  %l = moe.head_linear %q, %w_uk transposed : (tensor<?x128xf32>, tensor<4x32x64xbf16>) -> tensor<?x256xf32>
  %o = moe.head_linear %l, %w_uv : (tensor<?x256xf32>, tensor<4x24x64xbf16>) -> tensor<?x96xf32>
  return %o : tensor<?x96xf32>
}
