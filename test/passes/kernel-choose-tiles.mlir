// RUN: moe-opt %s --kernel-choose-tiles | FileCheck %s
// RUN: sed -e '/^#id/d' -e 's/#id/affine_map<(d0, d1) -> (d0, d1)>/g' -e '1i module attributes {moe.target = #moe.cuda<"sm_90a">} {' -e '$a }' %s | moe-opt --kernel-choose-tiles | FileCheck %s --check-prefix=CUDA

// A block on a GPU has 64 rows and 8 panels, whatever it multiplies.
// CUDA-LABEL: func @gemm
// CUDA: {tiles = array<i64: 64, 128>}
// CUDA: {parts = 2 : i64, tiles = array<i64: 64, 64>}
// CUDA: {tiles = array<i64: 64, 128>}
// CUDA: {tiles = array<i64: 64, 128>}
// CUDA: row_tile 64

#id = affine_map<(d0, d1) -> (d0, d1)>

// Eight panels for a task, of all parts together; twice as many for experts, and where that leaves many tasks.
// CHECK-LABEL: func @gemm
func.func @gemm(%x: memref<?x64xf32>, %ww: memref<256x64x16xbf16>, %q: memref<?x4096xf32>, %w: memref<8x64x16xbf16>, %we: memref<4x8x64x16xbf16>, %g: memref<?x3xi32>, %o: memref<?x128xf32>, %p: memref<?x64xf32>) {
  // CHECK: outs(%{{.*}} : memref<?x128xf32>) {tiles = array<i64: 256, 128>}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<8x64x16xbf16>) prologue []() {} epilogue []() {} outs(%o : memref<?x128xf32>)
  // CHECK: outs(%{{.*}} : memref<?x64xf32>) {parts = 2 : i64, tiles = array<i64: 256, 64>}
  kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<8x64x16xbf16>) prologue []() {} epilogue []() {
    ^bb0(%a: f32, %b: f32):
      kernel.yield %a : f32
  } outs(%p : memref<?x64xf32>) {parts = 2}
  // CHECK: outs(%{{.*}} : memref<?x128xf32>) {tiles = array<i64: 256, 256>}
  kernel.gemm ins(%x, %we : memref<?x64xf32>, memref<4x8x64x16xbf16>) groups(%g : memref<?x3xi32>) prologue []() {} epilogue []() {} outs(%o : memref<?x128xf32>)
  // CHECK: outs(%{{.*}} : memref<?x4096xf32>) {tiles = array<i64: 256, 256>}
  kernel.gemm ins(%x, %ww : memref<?x64xf32>, memref<256x64x16xbf16>) prologue []() {} epilogue []() {} outs(%q : memref<?x4096xf32>)
  return
}

// The rows of an expert's tile are those that the group cuts.
// CHECK-LABEL: func @group
func.func @group(%e: memref<?x2xi32>, %w: memref<?x2xf32>, %r: memref<?xi32>, %rw: memref<?xf32>, %t: memref<?x3xi32>) {
  // CHECK: kernel.group {{.*}} experts 4 row_tile 256 outs({{.*}}) {tiles = array<i64: 16, 1>}
  kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 4
      outs(%r, %rw, %e, %e, %t : memref<?xi32>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
  return
}

// A task of attention has the query heads that share a kv head, or up to 8 of those that read the one latent.
// CHECK-LABEL: func @attention
func.func @attention(%q: memref<?x64xf32>, %c: memref<64x64xf32>, %p: memref<?xi32>, %o: memref<?x64xf32>) {
  // CHECK: kernel.attention {{.*}} kv_heads 4 {{.*}} {tiles = array<i64: 8, 2>}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 4 key 8 from 0 value 8 from 32 scale 1.0 outs(%o : memref<?x64xf32>)
  // CHECK: kernel.attention {{.*}} kv_heads 1 {{.*}} {tiles = array<i64: 8, 8>}
  kernel.attention ins(%q, %c, %p, %p : memref<?x64xf32>, memref<64x64xf32>, memref<?xi32>, memref<?xi32>)
      heads 8 kv_heads 1 key 8 from 0 value 8 from 0 scale 1.0 outs(%o : memref<?x64xf32>)
  return
}

// Kernels that pass over rows take whole rows.
// CHECK-LABEL: func @rows
func.func @rows(%x: memref<?x64xf32>, %o: memref<?xf32>) {
  // CHECK: outs(%{{.*}} : memref<?xf32>) {tiles = array<i64: 16, 1>}
  kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } outs(%o : memref<?xf32>)
  // CHECK: kernel.yield
  // CHECK-NEXT: } {tiles = array<i64: 16, 1>}
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#id] outs(%x : memref<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  }
  return
}
