// RUN: moe-opt %s --split-input-file --kernel-fuse-prologues | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#column = affine_map<(d0, d1) -> (d1)>

// The scaling of a norm goes to the loads of both its readers; the element comes first, wherever the kernel had it.
// CHECK-LABEL: func @norm
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[INV:.*]]: tensor<?xf32>, %[[G:.*]]: tensor<64xbf16>, %[[W:.*]]: tensor<2x64x16xbf16>,
func.func @norm(%x: tensor<?x64xf32>, %inv: tensor<?xf32>, %g: tensor<64xbf16>, %w: tensor<2x64x16xbf16>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?x32xf32>) {
  // CHECK-NEXT: kernel.gemm ins(%[[X]], %[[W]] : {{.*}}) prologue [#kernel.access<row>, #kernel.access<column>](%[[INV]], %[[G]] : tensor<?xf32>, tensor<64xbf16>) {
  // CHECK-NEXT: (%[[V:.*]]: f32, %[[I:.*]]: f32, %[[C:.*]]: bf16):
  // CHECK-NEXT: %[[S:.*]] = arith.mulf %[[V]], %[[I]]
  // CHECK-NEXT: %[[CF:.*]] = arith.extf %[[C]]
  // CHECK-NEXT: arith.mulf %[[S]], %[[CF]]
  // CHECK: kernel.gemm ins(%[[X]], %[[W]] : {{.*}}) prologue [#kernel.access<row>, #kernel.access<column>]
  // CHECK-NOT: kernel.rowwise
  // CHECK: return
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) ins(%inv, %x, %g : tensor<?xf32>, tensor<?x64xf32>, tensor<64xbf16>) maps [#row, #id, #column] outs(%e : tensor<?x64xf32>) maps [#id] {
    ^bb0(%b: f32, %a: f32, %c: bf16):
      %s = arith.mulf %a, %b : f32
      %d = arith.extf %c : bf16 to f32
      %t = arith.mulf %s, %d : f32
      kernel.yield %t : f32
  } -> tensor<?x64xf32>
  %1 = kernel.gemm ins(%0, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  %2 = kernel.gemm ins(%0, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1, %2 : tensor<?x32xf32>, tensor<?x32xf32>
}

// -----

#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#gather = affine_map<(d0, d1)[s0] -> (s0, d1)>
#row = affine_map<(d0, d1)[s0] -> (s0)>

// A gather becomes the gemm's, and the row operand is that of the gathered row.
// CHECK-LABEL: func @gather
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>, %[[INV:.*]]: tensor<?xf32>, %[[I:.*]]: tensor<?xi32>, %[[T:.*]]: tensor<?x3xi32>,
// CHECK-NEXT: kernel.gemm ins(%[[X]], %{{.*}}) gather(%[[I]] : tensor<?xi32>) groups(%[[T]] : tensor<?x3xi32>) prologue [#kernel.access<row>](%[[INV]] : tensor<?xf32>)
// CHECK-NOT: kernel.rowwise
// CHECK: return
func.func @gather(%x: tensor<?x64xf32>, %inv: tensor<?xf32>, %i: tensor<?xi32>, %t: tensor<?x3xi32>, %w: tensor<4x2x64x16xbf16>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) indices(%i : tensor<?xi32>) ins(%x, %inv : tensor<?x64xf32>, tensor<?xf32>) maps [#gather, #row] outs(%e : tensor<?x64xf32>) maps [#here] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.mulf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x64xf32>
  %1 = kernel.gemm ins(%0, %w : tensor<?x64xf32>, tensor<4x2x64x16xbf16>) groups(%t : tensor<?x3xi32>) prologue []() {} epilogue []() {} outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#part = affine_map<(d0, d1) -> (d0, d1 + 16)>

// Columns taken from a wider row become the gemm's `in`; there is nothing left to compute. The epilogue stays.
// CHECK-LABEL: func @slice
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>,
// CHECK-NEXT: kernel.gemm ins(%[[X]], %{{.*}} : tensor<?x64xf32>, tensor<2x32x16xbf16>) prologue []() {
// CHECK-NEXT: } epilogue []() {
// CHECK: arith.negf
// CHECK: {in = #kernel.columns<begin = 16, stride = 0>}
// CHECK-NOT: kernel.rowwise
// CHECK: return
func.func @slice(%x: tensor<?x64xf32>, %w: tensor<2x32x16xbf16>, %e: tensor<?x32xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = kernel.rowwise [32] rows(%e : tensor<?x32xf32>) ins(%x : tensor<?x64xf32>) maps [#part] outs(%e : tensor<?x32xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x32xf32>
  %1 = kernel.gemm ins(%0, %w : tensor<?x32xf32>, tensor<2x32x16xbf16>) prologue []() {} epilogue []() {
    ^bb0(%a: f32):
      %n = arith.negf %a : f32
      kernel.yield %n : f32
  } outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

#in = affine_map<(d0, d1, d2) -> (d0, d1 * 48 + d2 + 8)>
#out = affine_map<(d0, d1, d2) -> (d0, d1 * 32 + d2)>

// Columns of each head of a wider row become the `in` of a gemm by head.
// CHECK-LABEL: func @head_columns
// CHECK-SAME: (%[[X:.*]]: tensor<?x192xf32>,
// CHECK-NEXT: kernel.gemm ins(%[[X]], %{{.*}} : tensor<?x192xf32>, tensor<4x4x32x16xbf16>)
// CHECK: {heads = 4 : i64, in = #kernel.columns<begin = 8, stride = 48>}
// CHECK-NOT: kernel.rowwise
// CHECK: return
func.func @head_columns(%x: tensor<?x192xf32>, %w: tensor<4x4x32x16xbf16>, %e: tensor<?x128xf32>, %f: tensor<?x256xf32>) -> tensor<?x256xf32> {
  %0 = kernel.rowwise [4, 32] rows(%e : tensor<?x128xf32>) ins(%x : tensor<?x192xf32>) maps [#in] outs(%e : tensor<?x128xf32>) maps [#out] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x128xf32>
  %1 = kernel.gemm ins(%0, %w : tensor<?x128xf32>, tensor<4x4x32x16xbf16>) prologue []() {} epilogue []() {} outs(%f : tensor<?x256xf32>) {heads = 4} -> tensor<?x256xf32>
  return %1 : tensor<?x256xf32>
}

// -----

#in = affine_map<(d0, d1, d2) -> (d0, d1 * 48 + d2 + 8)>
#out = affine_map<(d0, d1, d2) -> (d0, d1 * 32 + d2)>
#id = affine_map<(d0, d1) -> (d0, d1)>

// What is done to the elements on the way becomes the prologue.
// CHECK-LABEL: func @rounded_heads
// CHECK-SAME: (%[[X:.*]]: tensor<?x192xf32>, %[[Y:.*]]: tensor<?x128xf32>,
// CHECK-NEXT: kernel.gemm ins(%[[X]], %{{.*}} : tensor<?x192xf32>, tensor<4x4x32x16xbf16>) prologue []() {
// CHECK-NEXT: ^bb0(%[[A:.*]]: f32):
// CHECK-NEXT: %[[R:.*]] = arith.truncf %[[A]] : f32 to bf16
// CHECK-NEXT: kernel.yield %[[R]] : bf16
// CHECK: in = #kernel.columns<begin = 8, stride = 48>
// CHECK: kernel.gemm ins(%[[Y]], %{{.*}} : tensor<?x128xf32>, tensor<4x4x32x16xbf16>) prologue []() {
// CHECK: arith.truncf
// CHECK: {heads = 4 : i64}
// CHECK-NOT: kernel.rowwise
// CHECK: return
func.func @rounded_heads(%x: tensor<?x192xf32>, %y: tensor<?x128xf32>, %w: tensor<4x4x32x16xbf16>, %e: tensor<?x128xbf16>,
                         %f: tensor<?x256xf32>, %g: tensor<?x256xf32>) -> (tensor<?x256xf32>, tensor<?x256xf32>) {
  %0 = kernel.rowwise [4, 32] rows(%e : tensor<?x128xbf16>) ins(%x : tensor<?x192xf32>) maps [#in] outs(%e : tensor<?x128xbf16>) maps [#out] {
    ^bb0(%a: f32):
      %r = arith.truncf %a : f32 to bf16
      kernel.yield %r : bf16
  } -> tensor<?x128xbf16>
  %1 = kernel.gemm ins(%0, %w : tensor<?x128xbf16>, tensor<4x4x32x16xbf16>) prologue []() {} epilogue []() {} outs(%f : tensor<?x256xf32>) {heads = 4} -> tensor<?x256xf32>
  %2 = kernel.rowwise [128] rows(%e : tensor<?x128xbf16>) ins(%y : tensor<?x128xf32>) maps [#id] outs(%e : tensor<?x128xbf16>) maps [#id] {
    ^bb0(%a: f32):
      %r = arith.truncf %a : f32 to bf16
      kernel.yield %r : bf16
  } -> tensor<?x128xbf16>
  %3 = kernel.gemm ins(%2, %w : tensor<?x128xbf16>, tensor<4x4x32x16xbf16>) prologue []() {} epilogue []() {} outs(%g : tensor<?x256xf32>) {heads = 4} -> tensor<?x256xf32>
  return %1, %3 : tensor<?x256xf32>, tensor<?x256xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Should not fuse because every column tile would repeat the exponential.
// CHECK-LABEL: func @exp
// CHECK: kernel.rowwise
// CHECK: kernel.gemm {{.*}} prologue []() {
func.func @exp(%x: tensor<?x64xf32>, %w: tensor<2x64x16xbf16>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) ins(%x : tensor<?x64xf32>) maps [#id] outs(%e : tensor<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      %s = math.exp %a : f32
      kernel.yield %s : f32
  } -> tensor<?x64xf32>
  %1 = kernel.gemm ins(%0, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Should not fuse because two inputs are read element by element, and a gemm loads one.
// CHECK-LABEL: func @two_elements
// CHECK: kernel.rowwise
// CHECK: kernel.gemm {{.*}} prologue []() {
func.func @two_elements(%x: tensor<?x64xf32>, %y: tensor<?x64xf32>, %w: tensor<2x64x16xbf16>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) ins(%x, %y : tensor<?x64xf32>, tensor<?x64xf32>) maps [#id, #id] outs(%e : tensor<?x64xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x64xf32>
  %1 = kernel.gemm ins(%0, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Should not fuse because the kernel changes its buffer in place.
// CHECK-LABEL: func @in_place
// CHECK: kernel.rowwise
// CHECK: kernel.gemm {{.*}} prologue []() {
func.func @in_place(%x: tensor<?x64xf32>, %w: tensor<2x64x16xbf16>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) ins(%x : tensor<?x64xf32>) maps [#id] in_place outs(%e : tensor<?x64xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      kernel.yield %s : f32
  } -> tensor<?x64xf32>
  %1 = kernel.gemm ins(%0, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {} outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}

// A body that gives something else than the element loaded is a prologue, even without arithmetic.
// CHECK-LABEL: func @passes_other
func.func @passes_other(%x: tensor<?x64xf32>, %v: tensor<?xf32>, %w: tensor<2x64x16xbf16>, %e: tensor<?x64xf32>, %f: tensor<?x32xf32>)
    -> tensor<?x32xf32> {
  %0 = kernel.rowwise [64] rows(%e : tensor<?x64xf32>) ins(%x, %v : tensor<?x64xf32>, tensor<?xf32>)
      maps [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>]
      outs(%e : tensor<?x64xf32>) maps [affine_map<(d0, d1) -> (d0, d1)>] {
    ^bb0(%a: f32, %b: f32):
      kernel.yield %b : f32
  } -> tensor<?x64xf32>
  // CHECK: prologue [#kernel.access<row>](%{{.*}} : tensor<?xf32>) {
  // CHECK-NEXT: ^bb0(%{{.*}}: f32, %[[B:.*]]: f32):
  // CHECK-NEXT: kernel.yield %[[B]] : f32
  %1 = kernel.gemm ins(%0, %w : tensor<?x64xf32>, tensor<2x64x16xbf16>) prologue []() {} epilogue []() {}
      outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %1 : tensor<?x32xf32>
}
