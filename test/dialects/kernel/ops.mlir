// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt --mlir-print-op-generic %s | moe-opt | FileCheck %s

// Every kernel over tensors and over memrefs, with and without what is optional.

#id = affine_map<(d0, d1) -> (d0, d1)>
#gather = affine_map<(d0, d1)[s0] -> (s0, d1)>
#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#first = affine_map<(d0, d1, d2) -> (d0, d1 * 16 + d2)>
#second = affine_map<(d0, d1, d2) -> (d0, d1 * 16 + d2 + 8)>
#cos = affine_map<(d0, d1, d2) -> (d0, d2)>

// A plain product, nothing fused.
// CHECK-LABEL: func @gemm
func.func @gemm(%x: tensor<?x64xf32>, %w: tensor<6x64x16xbf16>, %e: tensor<?x96xf32>) -> tensor<?x96xf32> {
  // CHECK: kernel.gemm ins(%{{.*}}, %{{.*}} : tensor<?x64xf32>, tensor<6x64x16xbf16>) prologue []() {
  // CHECK-NEXT: } epilogue []() {
  // CHECK-NEXT: } outs(%{{.*}} : tensor<?x96xf32>) -> tensor<?x96xf32>
  %0 = kernel.gemm ins(%x, %w : tensor<?x64xf32>, tensor<6x64x16xbf16>) prologue []() {} epilogue []() {}
      outs(%e : tensor<?x96xf32>) -> tensor<?x96xf32>
  return %0 : tensor<?x96xf32>
}

// A gathered product by expert with both regions, and two parts.
// CHECK-LABEL: func @gemm_experts
func.func @gemm_experts(%x: memref<?x64xf32>, %w: memref<4x6x64x16xbf16>, %rows: memref<?xi32>, %tiles: memref<?x3xi32>,
    %inv: memref<?xf32>, %g: memref<64xbf16>, %r: memref<?x48xf32>, %o: memref<?x48xf32>) {
  // CHECK: kernel.gemm ins(%{{.*}}, %{{.*}} : memref<?x64xf32>, memref<4x6x64x16xbf16>) gather(%{{.*}} : memref<?xi32>) groups(%{{.*}} : memref<?x3xi32>)
  // CHECK-SAME: prologue [#kernel.access<row>, #kernel.access<column>](%{{.*}}, %{{.*}} : memref<?xf32>, memref<64xbf16>) {
  // CHECK: } epilogue [#kernel.access<element>](%{{.*}} : memref<?x48xf32>) {
  // CHECK: } outs(%{{.*}} : memref<?x48xf32>) {parts = 2 : i64}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x6x64x16xbf16>) gather(%rows : memref<?xi32>)
      groups(%tiles : memref<?x3xi32>)
      prologue [#kernel.access<row>, #kernel.access<column>](%inv, %g : memref<?xf32>, memref<64xbf16>) {
    ^bb0(%a: f32, %b: f32, %c: bf16):
      %0 = arith.mulf %a, %b : f32
      %1 = arith.extf %c : bf16 to f32
      %2 = arith.mulf %0, %1 : f32
      kernel.yield %2 : f32
  } epilogue [#kernel.access<element>](%r : memref<?x48xf32>) {
    ^bb0(%gate: f32, %up: f32, %c: f32):
      %0 = arith.mulf %gate, %up : f32
      %1 = arith.addf %0, %c : f32
      kernel.yield %1 : f32
  } outs(%o : memref<?x48xf32>) {parts = 2}
  return
}

// A product by head that reads some columns of each head.
// CHECK-LABEL: func @gemm_heads
func.func @gemm_heads(%x: memref<?x192xf32>, %w: memref<4x4x32x16xbf16>, %o: memref<?x256xf32>) {
  // CHECK: outs(%{{.*}} : memref<?x256xf32>) {heads = 4 : i64, in = #kernel.columns<begin = 16, stride = 48>, tiles = array<i64: 48, 64>}
  kernel.gemm ins(%x, %w : memref<?x192xf32>, memref<4x4x32x16xbf16>) prologue []() {} epilogue []() {}
      outs(%o : memref<?x256xf32>) {heads = 4, in = #kernel.columns<begin = 16, stride = 48>, tiles = array<i64: 48, 64>}
  return
}

// One number for each row, and one for each head.
// CHECK-LABEL: func @row_reduce
func.func @row_reduce(%x: tensor<?x64xf32>, %e: tensor<?xf32>, %m: memref<?x64xf32>, %o: memref<?x4xf32>) -> tensor<?xf32> {
  // CHECK: kernel.row_reduce sum_squares ins(%{{.*}} : tensor<?x64xf32>) {
  // CHECK: } outs(%{{.*}} : tensor<?xf32>) -> tensor<?xf32>
  %0 = kernel.row_reduce sum_squares ins(%x : tensor<?x64xf32>) {
    ^bb0(%s: f32):
      %1 = math.sqrt %s : f32
      kernel.yield %1 : f32
  } outs(%e : tensor<?xf32>) -> tensor<?xf32>
  // CHECK: kernel.row_reduce sum_squares ins(%{{.*}} : memref<?x64xf32>) heads 4 {
  kernel.row_reduce sum_squares ins(%m : memref<?x64xf32>) heads 4 {
    ^bb0(%s: f32):
      kernel.yield %s : f32
  } outs(%o : memref<?x4xf32>)
  return %0 : tensor<?xf32>
}

// Rows of a table by token.
// CHECK-LABEL: func @rowwise
func.func @rowwise(%table: tensor<768x160xbf16>, %tokens: tensor<?xi32>, %e: tensor<?x160xf32>) -> tensor<?x160xf32> {
  // CHECK: kernel.rowwise [160] rows(%{{.*}} : tensor<?x160xf32>) indices(%{{.*}} : tensor<?xi32>) ins(%{{.*}} : tensor<768x160xbf16>)
  // CHECK-SAME: maps [#{{.*}}] outs(%{{.*}} : tensor<?x160xf32>) maps [#{{.*}}] {
  %0 = kernel.rowwise [160] rows(%e : tensor<?x160xf32>) indices(%tokens : tensor<?xi32>) ins(%table : tensor<768x160xbf16>)
      maps [#gather] outs(%e : tensor<?x160xf32>) maps [#here] {
    ^bb0(%v: bf16):
      %1 = arith.extf %v : bf16 to f32
      kernel.yield %1 : f32
  } -> tensor<?x160xf32>
  return %0 : tensor<?x160xf32>
}

// A rotation in place: two results, two more arguments; and a fill without inputs.
// CHECK-LABEL: func @rowwise_in_place
func.func @rowwise_in_place(%x: memref<?x64xf32>, %cs: memref<?x8xf32>) {
  // CHECK: kernel.rowwise [4, 8] {{.*}} in_place outs(%{{.*}} : memref<?x64xf32>) maps [#{{.*}}, #{{.*}}] {
  // CHECK-NEXT: (%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32):
  kernel.rowwise [4, 8] rows(%x : memref<?x64xf32>) ins(%cs : memref<?x8xf32>) maps [#cos] in_place
      outs(%x : memref<?x64xf32>) maps [#first, #second] {
    ^bb0(%c: f32, %a: f32, %b: f32):
      %0 = arith.mulf %a, %c : f32
      %1 = arith.mulf %b, %c : f32
      kernel.yield %0, %1 : f32, f32
  }
  // CHECK: kernel.rowwise [64] rows(%{{.*}} : memref<?x64xf32>) ins() maps [] outs(
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins() maps [] outs(%x : memref<?x64xf32>) maps [#id] {
      %0 = arith.constant 0.0 : f32
      kernel.yield %0 : f32
  }
  return
}

// CHECK-LABEL: func @attention
func.func @attention(%q: tensor<?x320xf32>, %cache: tensor<4096x80xf32>, %p: tensor<?xi32>, %r: tensor<?xi32>,
    %e: tensor<?x256xf32>, %mq: memref<?x64xf32>, %mc: memref<4096x64xf32>, %mp: memref<?xi32>, %mo: memref<?x64xf32>)
    -> tensor<?x256xf32> {
  // CHECK: kernel.attention ins(%{{.*}} : tensor<?x320xf32>, tensor<4096x80xf32>, tensor<?xi32>, tensor<?xi32>) heads 4 kv_heads 1 key 80 from 0 value 64 from 0 scale 2.500000e-01 outs(%{{.*}} : tensor<?x256xf32>) -> tensor<?x256xf32>
  %0 = kernel.attention ins(%q, %cache, %p, %r : tensor<?x320xf32>, tensor<4096x80xf32>, tensor<?xi32>, tensor<?xi32>)
      heads 4 kv_heads 1 key 80 from 0 value 64 from 0 scale 0.25 outs(%e : tensor<?x256xf32>) -> tensor<?x256xf32>
  // CHECK: kernel.attention ins(%{{.*}} : memref<?x64xf32>, {{.*}}) heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 2.500000e-01 outs(%{{.*}} : memref<?x64xf32>)
  kernel.attention ins(%mq, %mc, %mp, %mp : memref<?x64xf32>, memref<4096x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 0.25 outs(%mo : memref<?x64xf32>)
  return %0 : tensor<?x256xf32>
}

// Routing, ordering and summing of experts.
// CHECK-LABEL: func @experts
func.func @experts(%l: tensor<?x16xf32>, %b: tensor<16xf32>, %ei: tensor<?x4xi32>, %ef: tensor<?x4xf32>,
    %rows: tensor<?xi32>, %rw: tensor<?xf32>, %tiles: tensor<?x3xi32>, %y: tensor<?x160xf32>, %x: tensor<?x160xf32>,
    %e: tensor<?x160xf32>) -> tensor<?x160xf32> {
  // CHECK: kernel.route sigmoid ins(%{{.*}} : tensor<?x16xf32>) bias(%{{.*}} : tensor<16xf32>) top_k 4 groups 4 keep 2 by_top2_sum renormalize scale 2.500000e+00 outs(%{{.*}}, %{{.*}} : tensor<?x4xi32>, tensor<?x4xf32>)
  %e0, %w0 = kernel.route sigmoid ins(%l : tensor<?x16xf32>) bias(%b : tensor<16xf32>) top_k 4 groups 4 keep 2
      by_top2_sum renormalize scale 2.5 outs(%ei, %ef : tensor<?x4xi32>, tensor<?x4xf32>) -> tensor<?x4xi32>, tensor<?x4xf32>
  // CHECK: kernel.group ins(%{{.*}}, %{{.*}} : tensor<?x4xi32>, tensor<?x4xf32>) experts 16 outs(
  %g:5 = kernel.group ins(%e0, %w0 : tensor<?x4xi32>, tensor<?x4xf32>) experts 16
      outs(%rows, %rw, %ei, %ei, %tiles : tensor<?xi32>, tensor<?xf32>, tensor<?x4xi32>, tensor<?x4xi32>, tensor<?x3xi32>)
      -> tensor<?xi32>, tensor<?xf32>, tensor<?x4xi32>, tensor<?x4xi32>, tensor<?x3xi32>
  // CHECK: kernel.combine ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x160xf32>, tensor<?x4xi32>, tensor<?x4xi32>) epilogue [#kernel.access<element>](%{{.*}} : tensor<?x160xf32>) {
  %0 = kernel.combine ins(%y, %g#2, %g#3 : tensor<?x160xf32>, tensor<?x4xi32>, tensor<?x4xi32>)
      epilogue [#kernel.access<element>](%x : tensor<?x160xf32>) {
    ^bb0(%s: f32, %v: f32):
      %1 = arith.addf %v, %s : f32
      kernel.yield %1 : f32
  } outs(%e : tensor<?x160xf32>) -> tensor<?x160xf32>
  return %0 : tensor<?x160xf32>
}

// The same over memrefs, without what is optional, in a graph.
// CHECK-LABEL: func @graph
func.func @graph(%l: memref<?x16xf32>, %ei: memref<?x4xi32>, %ef: memref<?x4xf32>, %rows: memref<?xi32>, %rw: memref<?xf32>,
    %places: memref<?x4xi32>, %merges: memref<?x4xi32>, %tiles: memref<?x3xi32>, %y: memref<?x160xf32>, %o: memref<?x160xf32>) {
  // CHECK: kernel.weight @w : memref<6x64x16xbf16>
  %w = kernel.weight @w : memref<6x64x16xbf16>
  // CHECK: kernel.graph @layer {
  kernel.graph @layer {
    // CHECK-NEXT: kernel.route softmax ins(%{{.*}} : memref<?x16xf32>) top_k 4 scale 1.000000e+00 outs(%{{.*}}, %{{.*}} : memref<?x4xi32>, memref<?x4xf32>) {waits = []}
    kernel.route softmax ins(%l : memref<?x16xf32>) top_k 4 scale 1.0
        outs(%ei, %ef : memref<?x4xi32>, memref<?x4xf32>) {waits = []}
    // CHECK-NEXT: kernel.group {{.*}} experts 16 row_tile 24 outs({{.*}}) {waits = [#kernel.wait<0, all>]}
    kernel.group ins(%ei, %ef : memref<?x4xi32>, memref<?x4xf32>) experts 16 row_tile 24
        outs(%rows, %rw, %places, %merges, %tiles : memref<?xi32>, memref<?xf32>, memref<?x4xi32>, memref<?x4xi32>, memref<?x3xi32>)
        {waits = [#kernel.wait<0, all>]}
    // CHECK-NEXT: kernel.combine {{.*}} epilogue []() {
    // CHECK-NEXT: } outs(%{{.*}} : memref<?x160xf32>) {waits = [#kernel.wait<1, all>, #kernel.wait<0, rows>]}
    kernel.combine ins(%y, %places, %merges : memref<?x160xf32>, memref<?x4xi32>, memref<?x4xi32>) epilogue []() {}
        outs(%o : memref<?x160xf32>) {waits = [#kernel.wait<1, all>, #kernel.wait<0, rows>]}
  // CHECK-NEXT: }
  }
  return
}
