// RUN: moe-opt %s --split-input-file --kernel-fuse-epilogues | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// The residual is added to the accumulator; the sum goes where the sum went.
// CHECK-LABEL: func @residual
// CHECK-SAME: (%[[H:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<2x64x16xbf16>, %[[X:.*]]: tensor<?x32xf32>, %{{.*}}: tensor<?x32xf32>, %[[F:.*]]: tensor<?x32xf32>)
func.func @residual(%h: tensor<?x64xf32>, %w: tensor<2x64x16xbf16>, %x: tensor<?x32xf32>, %e: tensor<?x32xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK-NEXT: %[[R:.*]] = kernel.gemm ins(%[[H]], %[[W]] : {{.*}} prologue []() {
  // CHECK-NEXT: } epilogue [#kernel.access<element>](%[[X]] : tensor<?x32xf32>) {
  // CHECK-NEXT: (%[[ACC:.*]]: f32, %[[RES:.*]]: f32):
  // CHECK-NEXT: %[[S:.*]] = arith.addf %[[RES]], %[[ACC]] : f32
  // CHECK-NEXT: kernel.yield %[[S]]
  // CHECK-NEXT: } outs(%[[F]] : tensor<?x32xf32>)
  // CHECK-NEXT: return %[[R]]
  %0 = kernel.gemm ins(%h, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %1 = kernel.rowwise [32] rows(%f : tensor<?x32xf32>) ins(%x, %0 : tensor<?x32xf32>, tensor<?x32xf32>) maps [#id, #id] outs(%f : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#column = affine_map<(d0, d1) -> (d1)>

// Two readers in a row: the bias of the column first, then the residual.
// CHECK-LABEL: func @bias_then_residual
// CHECK-SAME: (%{{.*}}: tensor<?x64xf32>, %{{.*}}: tensor<2x64x16xbf16>, %[[B:.*]]: tensor<32xbf16>, %[[X:.*]]: tensor<?x32xf32>, %{{.*}}: tensor<?x32xf32>)
func.func @bias_then_residual(%h: tensor<?x64xf32>, %w: tensor<2x64x16xbf16>, %bias: tensor<32xbf16>, %x: tensor<?x32xf32>, %e: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK-NEXT: kernel.gemm {{.*}} prologue []() {
  // CHECK-NEXT: } epilogue [#kernel.access<column>, #kernel.access<element>](%[[B]], %[[X]] : tensor<32xbf16>, tensor<?x32xf32>) {
  // CHECK-NEXT: (%[[ACC:.*]]: f32, %[[BIAS:.*]]: bf16, %[[RES:.*]]: f32):
  // CHECK-NEXT: %[[BF:.*]] = arith.extf %[[BIAS]]
  // CHECK-NEXT: %[[S:.*]] = arith.addf %[[ACC]], %[[BF]]
  // CHECK-NEXT: arith.addf %[[RES]], %[[S]]
  // CHECK-NOT: kernel.rowwise
  // CHECK: return
  %0 = kernel.gemm ins(%h, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %1 = kernel.rowwise [32] rows(%e : tensor<?x32xf32>) ins(%0, %bias : tensor<?x32xf32>, tensor<32xbf16>) maps [#id, #column] outs(%e : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32, %b: bf16):
      %f = arith.extf %b : bf16 to f32
      %s = arith.addf %a, %f : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  %2 = kernel.rowwise [32] rows(%e : tensor<?x32xf32>) ins(%x, %1 : tensor<?x32xf32>, tensor<?x32xf32>) maps [#id, #id] outs(%e : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#up = affine_map<(d0, d1) -> (d0, d1 + 32)>
#row = affine_map<(d0, d1) -> (d0)>

// A gated linear unit reads both halves of a row: the weight is packed in two parts, so that both are at hand. What reads
// the result then follows in the same epilogue.
// CHECK-LABEL: func @glu
// CHECK-SAME: (%[[H:.*]]: tensor<?x64xf32>, %[[W:.*]]: tensor<4x64x64xbf16>, %[[G:.*]]: tensor<?x3xi32>, %[[RW:.*]]: tensor<?xf32>,
func.func @glu(%h: tensor<?x64xf32>, %w: tensor<4x64x64xbf16>, %g: tensor<?x3xi32>, %rw: tensor<?xf32>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  // CHECK: %[[P:.*]] = moe.pack %[[W]] <width = 16, parts = 2> : tensor<4x64x64xbf16> -> tensor<4x4x64x16xbf16>
  // CHECK-NEXT: kernel.gemm ins(%[[H]], %[[P]] : {{.*}}) groups(%[[G]] : tensor<?x3xi32>) prologue []() {
  // CHECK-NEXT: } epilogue [#kernel.access<row>](%[[RW]] : tensor<?xf32>)
  // CHECK-NEXT: (%[[GATE:.*]]: f32, %[[UP:.*]]: f32, %[[ROW:.*]]: f32):
  // CHECK-NEXT: %[[M:.*]] = arith.mulf %[[GATE]], %[[UP]]
  // CHECK-NEXT: arith.mulf %[[M]], %[[ROW]]
  // CHECK: outs(%{{.*}} : tensor<?x32xf32>) {parts = 2 : i64}
  // CHECK-NOT: kernel.rowwise
  // CHECK: return
  %p = moe.pack %w <width = 16> : tensor<4x64x64xbf16> -> tensor<4x4x64x16xbf16>
  %0 = kernel.gemm ins(%h, %p : tensor<?x64xf32>, tensor<4x4x64x16xbf16>) groups(%g : tensor<?x3xi32>) prologue []() {} epilogue []() {} outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = kernel.rowwise [32] rows(%f : tensor<?x32xf32>) ins(%0, %0 : tensor<?x64xf32>, tensor<?x64xf32>) maps [#id, #up] outs(%f : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.mulf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  %2 = kernel.rowwise [32] rows(%f : tensor<?x32xf32>) ins(%1, %rw : tensor<?x32xf32>, tensor<?xf32>) maps [#id, #row] outs(%f : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.mulf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// The sum of routed and shared experts belongs to the combine, not to the shared expert's gemm, which would then have to
// wait for the routed ones.
// CHECK-LABEL: func @combine_first
// CHECK: %[[SHARED:.*]] = kernel.gemm {{.*}} prologue []() {
// CHECK-NEXT: } epilogue []() {
// CHECK-NEXT: } outs
// CHECK-NEXT: kernel.combine {{.*}} epilogue [#kernel.access<element>](%[[SHARED]] : tensor<?x32xf32>) {
// CHECK-NOT: kernel.rowwise
// CHECK: return
func.func @combine_first(%y: tensor<?x32xf32>, %places: tensor<?x2xi32>, %h: tensor<?x64xf32>, %w: tensor<2x64x16xbf16>, %e: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = kernel.combine ins(%y, %places, %places : tensor<?x32xf32>, tensor<?x2xi32>, tensor<?x2xi32>) epilogue []() {} outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %1 = kernel.gemm ins(%h, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %2 = kernel.rowwise [32] rows(%e : tensor<?x32xf32>) ins(%0, %1 : tensor<?x32xf32>, tensor<?x32xf32>) maps [#id, #id] outs(%e : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Should not fuse because somebody else reads what the gemm gives.
// CHECK-LABEL: func @two_readers
// CHECK: kernel.gemm {{.*}} prologue []() {
// CHECK-NEXT: } epilogue []() {
// CHECK-NEXT: }
// CHECK: kernel.rowwise
func.func @two_readers(%h: tensor<?x64xf32>, %w: tensor<2x64x16xbf16>, %e: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  %0 = kernel.gemm ins(%h, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%e : tensor<?x32xf32>) -> tensor<?x32xf32>
  %1 = kernel.rowwise [32] rows(%e : tensor<?x32xf32>) ins(%0 : tensor<?x32xf32>) maps [#id] outs(%e : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32):
      %s = arith.negf %a : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %0, %1 : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Should not fuse because an epilogue's operands are not told by head.
// CHECK-LABEL: func @heads
// CHECK: kernel.gemm {{.*}} prologue []() {
// CHECK-NEXT: } epilogue []() {
// CHECK-NEXT: }
// CHECK: kernel.rowwise
func.func @heads(%h: tensor<?x64xf32>, %w: tensor<2x1x32x16xbf16>, %e: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = kernel.gemm ins(%h, %w : tensor<?x64xf32>, tensor<2x1x32x16xbf16>) prologue []() {} epilogue []() {} outs(%e : tensor<?x32xf32>) {heads = 2} -> tensor<?x32xf32>
  %1 = kernel.rowwise [32] rows(%e : tensor<?x32xf32>) ins(%0 : tensor<?x32xf32>) maps [#id] outs(%e : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32):
      %s = arith.negf %a : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#other = affine_map<(d0, d1) -> (d0, d1 + 16)>

// Should not fuse because the reader takes columns that are not those of the accumulators, nor two halves.
// CHECK-LABEL: func @other_columns
// CHECK: kernel.gemm {{.*}} prologue []() {
// CHECK-NEXT: } epilogue []() {
// CHECK-NEXT: }
// CHECK: kernel.rowwise [32]
func.func @other_columns(%h: tensor<?x64xf32>, %w: tensor<64x64xbf16>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %p = moe.pack %w <width = 16> : tensor<64x64xbf16> -> tensor<4x64x16xbf16>
  %0 = kernel.gemm ins(%h, %p : tensor<?x64xf32>, tensor<4x64x16xbf16>) prologue []() {} epilogue []() {} outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = kernel.rowwise [32] rows(%f : tensor<?x32xf32>) ins(%0 : tensor<?x64xf32>) maps [#other] outs(%f : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32):
      %s = arith.negf %a : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#up = affine_map<(d0, d1) -> (d0, d1 + 32)>
#column = affine_map<(d0, d1) -> (d1)>

// Should not fuse because the bias of the whole row is already an epilogue: its parts are not those of the unit.
// CHECK-LABEL: func @glu_after_bias
// CHECK: kernel.gemm {{.*}} prologue []() {
// CHECK-NEXT: } epilogue [#kernel.access<column>]
// CHECK: kernel.rowwise [32]
func.func @glu_after_bias(%h: tensor<?x64xf32>, %w: tensor<64x64xbf16>, %b: tensor<64xf32>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %p = moe.pack %w <width = 16> : tensor<64x64xbf16> -> tensor<4x64x16xbf16>
  %0 = kernel.gemm ins(%h, %p : tensor<?x64xf32>, tensor<4x64x16xbf16>) prologue []() {} epilogue []() {} outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  %1 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) ins(%0, %b : tensor<?x64xf32>, tensor<64xf32>) maps [#id, #column] outs(%e : tensor<?x64xf32>) maps [#id] {
    ^bb0(%x: f32, %y: f32):
      %s = arith.addf %x, %y : f32
      kernel.yield %s : f32
  } -> tensor<?x64xf32>
  %2 = kernel.rowwise [32] rows(%f : tensor<?x32xf32>) ins(%1, %1 : tensor<?x64xf32>, tensor<?x64xf32>) maps [#id, #up] outs(%f : tensor<?x32xf32>) maps [#id] {
    ^bb0(%x: f32, %y: f32):
      %s = arith.mulf %x, %y : f32
      kernel.yield %s : f32
  } -> tensor<?x32xf32>
  return %2 : tensor<?x32xf32>
}
