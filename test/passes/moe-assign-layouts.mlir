// RUN: moe-opt %s --split-input-file --moe-assign-layouts --verify-diagnostics | FileCheck %s

// A pack in a layer moves through its argument to the weights of both calls.
// CHECK: moe.weight @w0 : tensor<96x64xbf16> from [#moe.part<"w0">] layout <width = 16>
moe.weight @w0 : tensor<96x64xbf16> from [#moe.part<"w0">]
// CHECK: moe.weight @w1 : tensor<96x64xbf16> from [#moe.part<"w1">] layout <width = 16>
moe.weight @w1 : tensor<96x64xbf16> from [#moe.part<"w1">]
// A weight that nobody packs keeps its shape.
// CHECK: moe.weight @norm : tensor<64xbf16> from [#moe.part<"norm">]{{$}}
moe.weight @norm : tensor<64xbf16> from [#moe.part<"norm">]
// CHECK: func private @layer(%{{.*}}: tensor<64xbf16>, %[[W:.*]]: tensor<6x64x16xbf16>) -> tensor<6x64x16xbf16>
// CHECK-NEXT: return %[[W]]
func.func private @layer(%n: tensor<64xbf16>, %w: tensor<96x64xbf16>) -> tensor<6x64x16xbf16> {
  %p = moe.pack %w <width = 16> : tensor<96x64xbf16> -> tensor<6x64x16xbf16>
  return %p : tensor<6x64x16xbf16>
}
// CHECK-LABEL: func @step
func.func @step() {
  // CHECK: %[[N:.*]] = moe.get_weight @norm : tensor<64xbf16>
  %n = moe.get_weight @norm : tensor<64xbf16>
  // CHECK: %[[W0:.*]] = moe.get_weight @w0 : tensor<6x64x16xbf16>
  %w0 = moe.get_weight @w0 : tensor<96x64xbf16>
  // CHECK: call @layer(%[[N]], %[[W0]])
  %0 = call @layer(%n, %w0) : (tensor<64xbf16>, tensor<96x64xbf16>) -> tensor<6x64x16xbf16>
  // CHECK: %[[W1:.*]] = moe.get_weight @w1 : tensor<6x64x16xbf16>
  %w1 = moe.get_weight @w1 : tensor<96x64xbf16>
  // CHECK: call @layer(%[[N]], %[[W1]])
  %1 = call @layer(%n, %w1) : (tensor<64xbf16>, tensor<96x64xbf16>) -> tensor<6x64x16xbf16>
  // CHECK-NOT: moe.pack
  // CHECK: return
  return
}

// -----

#gather = affine_map<(d0, d1)[s0] -> (s0, d1)>
#here = affine_map<(d0, d1)[s0] -> (d0, d1)>

// Tied embeddings: row n is gathered from panel n / 16, place n mod 16.
// CHECK: #[[$PANEL:.*]] = affine_map<(d0, d1)[s0] -> (s0 floordiv 16, d1, s0 mod 16)>
// CHECK: moe.weight @embed : tensor<96x64xbf16> from [#moe.part<"embed">] layout <width = 16>
moe.weight @embed : tensor<96x64xbf16> from [#moe.part<"embed">]
// CHECK-LABEL: func @step
func.func @step(%tokens: tensor<?xi32>, %e: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<6x64x16xbf16>) {
  // CHECK: %[[W:.*]] = moe.get_weight @embed : tensor<6x64x16xbf16>
  %w = moe.get_weight @embed : tensor<96x64xbf16>
  // CHECK: kernel.rowwise [64] {{.*}} ins(%[[W]] : tensor<6x64x16xbf16>) maps [#[[$PANEL]]]
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) indices(%tokens : tensor<?xi32>) ins(%w : tensor<96x64xbf16>) maps [#gather] outs(%e : tensor<?x64xf32>) maps [#here] {
    ^bb0(%v: bf16):
      %1 = arith.extf %v : bf16 to f32
      kernel.yield %1 : f32
  } -> tensor<?x64xf32>
  // A second use by its own get_weight is the same weight in the same layout.
  // CHECK: %[[V:.*]] = moe.get_weight @embed : tensor<6x64x16xbf16>
  %v = moe.get_weight @embed : tensor<96x64xbf16>
  %p = moe.pack %v <width = 16> : tensor<96x64xbf16> -> tensor<6x64x16xbf16>
  // CHECK: return %{{.*}}, %[[V]]
  return %0, %p : tensor<?x64xf32>, tensor<6x64x16xbf16>
}

// -----

// A weight has one layout.
moe.weight @w : tensor<64x64xbf16> from [#moe.part<"w">]
func.func @step() -> (tensor<4x64x16xbf16>, tensor<4x64x16xbf16>) {
  %w = moe.get_weight @w : tensor<64x64xbf16>
  // expected-error-re @below {{packs a weight as {{.*}} that is also packed as {{.*}}}}
  %p = moe.pack %w <width = 16> : tensor<64x64xbf16> -> tensor<4x64x16xbf16>
  %q = moe.pack %w <width = 16, parts = 2> : tensor<64x64xbf16> -> tensor<4x64x16xbf16>
  return %p, %q : tensor<4x64x16xbf16>, tensor<4x64x16xbf16>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Rows cannot be gathered from a transposed matrix.
moe.weight @w : tensor<64x64xf32> from [#moe.part<"w">]
func.func @step(%e: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<4x64x16xf32>) {
  %w = moe.get_weight @w : tensor<64x64xf32>
  // expected-error @below {{cannot read a weight from its panels}}
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) ins(%w : tensor<64x64xf32>) maps [#id] outs(%e : tensor<?x64xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  } -> tensor<?x64xf32>
  %p = moe.pack %w <width = 16, transpose = true> : tensor<64x64xf32> -> tensor<4x64x16xf32>
  return %0, %p : tensor<?x64xf32>, tensor<4x64x16xf32>
}

// -----

// Each function has its own value of a weight.
// CHECK-LABEL: func @first
// CHECK: %[[A:.*]] = moe.get_weight @w : tensor<4x64x16xbf16>
// CHECK: return %[[A]]
// CHECK-LABEL: func @second
// CHECK: %[[B:.*]] = moe.get_weight @w : tensor<4x64x16xbf16>
// CHECK: return %[[B]]
moe.weight @w : tensor<64x64xbf16> from [#moe.part<"w">]
func.func @first() -> tensor<4x64x16xbf16> {
  %w = moe.get_weight @w : tensor<64x64xbf16>
  %p = moe.pack %w <width = 16> : tensor<64x64xbf16> -> tensor<4x64x16xbf16>
  return %p : tensor<4x64x16xbf16>
}
func.func @second() -> tensor<4x64x16xbf16> {
  %w = moe.get_weight @w : tensor<64x64xbf16>
  %p = moe.pack %w <width = 16> : tensor<64x64xbf16> -> tensor<4x64x16xbf16>
  return %p : tensor<4x64x16xbf16>
}
