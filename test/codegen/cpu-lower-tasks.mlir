// RUN: moe-opt %s --cpu-lower-tasks | FileCheck %s
// RUN: sed 's/,+avx512f//' %s | moe-opt --cpu-lower-tasks | FileCheck %s --check-prefixes=NARROW

// A gemm with a prologue and an epilogue, in registers. With the 32 registers of AVX-512 a register tile is 6 rows of 4 panels;
// with 16 registers of half the width it is 6 rows of one panel. Rows are prepared in the worker's scratch, and nothing is
// allocated.
// CHECK: module attributes {kernel.scratch_bytes = 1536 : i64
// CHECK: kernel.graph @layer {
// CHECK: kernel.task = @layer.0.gemm
// CHECK-LABEL: llvm.func internal @layer.0.gemm(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// CHECK-NOT: memref.{{alloc|copy}}
// The prologue, a vector of columns at a time.
// CHECK: arith.mulf %{{.*}} : vector<16xf32>
// CHECK: %{{.*}}:24 = scf.for
// CHECK: %[[W:.*]] = vector.load %{{.*}} : memref<4x64x16xbf16>, vector<16xbf16>
// CHECK: arith.extf %[[W]] : vector<16xbf16> to vector<16xf32>
// CHECK-COUNT-24: math.fma %{{.*}} : vector<16xf32>
// CHECK: scf.yield
// The epilogue, on the accumulators.
// CHECK: arith.addf %{{.*}} : vector<16xf32>
// CHECK: vector.store %{{.*}} : memref<?x64xf32>, vector<16xf32>
// CHECK-NOT: memref.{{alloc|copy}}
// CHECK: llvm.return

// NARROW-LABEL: llvm.func internal @layer.0.gemm
// NARROW-NOT: :24 = scf.for
// NARROW: %{{.*}}:6 = scf.for
// NARROW-COUNT-6: math.fma %{{.*}} : vector<16xf32>
// NARROW-NEXT: scf.yield
module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>, moe.target = #moe.cpu<"skylake-avx512", "+avx2,+avx512f,+f16c,+fma">} {
func.func @layer(%x: memref<?x64xf32>, %inv: memref<?xf32>, %w: memref<4x64x16xbf16>, %r: memref<?x64xf32>, %o: memref<?x64xf32>) {
  kernel.graph @layer {
    kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xbf16>) prologue [#kernel.access<row>](%inv : memref<?xf32>) {
      ^bb0(%a: f32, %b: f32):
        %0 = arith.mulf %a, %b : f32
        kernel.yield %0 : f32
    } epilogue [#kernel.access<element>](%r : memref<?x64xf32>) {
      ^bb0(%a: f32, %b: f32):
        %0 = arith.addf %a, %b : f32
        kernel.yield %0 : f32
    } outs(%o : memref<?x64xf32>) {tiles = array<i64: 48, 64>, waits = []}
  }
  return
}
}
