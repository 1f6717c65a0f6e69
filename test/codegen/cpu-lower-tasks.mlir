// RUN: moe-opt %s --cpu-lower-tasks | FileCheck %s
// RUN: sed 's/,+avx512f//' %s | moe-opt --cpu-lower-tasks | FileCheck %s --check-prefixes=NARROW

// A gemm with a prologue and an epilogue. Four rows at most are multiplied by streamed panels, four of them side by side; more
// rows by panels decoded to scratch, in register tiles of at most 6 rows and 4 panels with the 32 registers of AVX-512, one
// panel with 16 registers of half the width. Nothing is allocated.
// CHECK: module attributes {kernel.scratch_bytes = {{[0-9]+}} : i64
// CHECK: kernel.graph @layer {
// CHECK: kernel.task = @layer.0.gemm
// CHECK-LABEL: llvm.func internal @layer.0.gemm(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// CHECK-NOT: memref.{{alloc|copy}}
// Few rows: the prologue, a vector of columns at a time, then sums of 4 rows and 4 panels.
// CHECK: %[[FEW:.*]] = arith.cmpi ule
// CHECK: scf.if %[[FEW]] {
// CHECK: arith.mulf %{{.*}} : vector<16xf32>
// CHECK: %{{.*}}:16 = scf.for
// CHECK: memref.prefetch
// CHECK: %[[B:.*]] = vector.load %{{.*}} : memref<8192xi8>, vector<32xi8>
// CHECK: %[[W:.*]] = vector.bitcast %[[B]] : vector<32xi8> to vector<16xbf16>
// CHECK: arith.extf %[[W]] : vector<16xbf16> to vector<16xf32>
// CHECK-COUNT-64: math.fma %{{.*}} : vector<16xf32>
// CHECK: scf.yield
// CHECK: } else {
// More rows: the first panels copy them through the prologue.
// CHECK: arith.mulf %{{.*}} : vector<16xf32>
// What is decoded next is asked for.
// CHECK: memref.prefetch {{.*}} locality<2>
// Tiles of 3 to 6 rows; the default is the last.
// CHECK: scf.index_switch
// CHECK-COUNT-3: case {{[3-5]}} {
// CHECK: default {
// The first tile decodes some steps and multiplies them.
// CHECK: scf.if
// CHECK: %{{.*}}:24 = scf.for
// CHECK: arith.extf %{{.*}} : vector<16xbf16> to vector<16xf32>
// CHECK: vector.store
// CHECK: %{{.*}}:24 = scf.for
// CHECK-NOT: arith.extf
// CHECK-COUNT-24: math.fma %{{.*}} : vector<16xf32>
// CHECK-NEXT: scf.yield
// The others find them decoded.
// CHECK: } else {
// CHECK-NOT: arith.extf
// CHECK: %{{.*}}:24 = scf.for
// CHECK-NOT: arith.extf
// CHECK-COUNT-24: math.fma %{{.*}} : vector<16xf32>
// CHECK-NEXT: scf.yield
// The epilogue, on the sums.
// CHECK: arith.addf %{{.*}} : vector<16xf32>
// CHECK: vector.store %{{.*}} : memref<?x64xf32>, vector<16xf32>
// CHECK-NOT: memref.{{alloc|copy}}
// CHECK: llvm.return

// NARROW-LABEL: llvm.func internal @layer.0.gemm
// NARROW: } else {
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
    } outs(%o : memref<?x64xf32>) {tiles = array<i64: 256, 128>, waits = []}
  }
  return
}
}
