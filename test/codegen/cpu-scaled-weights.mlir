// RUN: moe-opt %s --cpu-lower-tasks | FileCheck %s
// RUN: sed 's/,+avx512f//' %s | moe-opt --cpu-lower-tasks | FileCheck %s --check-prefixes=NARROW

// How stored elements become f32 while they are streamed. Scales are loaded once for a block.

module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>, moe.target = #moe.cpu<"skylake-avx512", "+avx2,+avx512f,+f16c,+fma">} {
func.func @layer(%x: memref<?x64xf32>, %q8: memref<4x64x16x!moe.scaled<i8, 1x32, bf16>>, %q4: memref<4x64x16x!moe.scaled<i4, 1x32, bf16>>,
    %f8: memref<4x64x16x!moe.scaled<f8E4M3FN, 1x128, f32>>, %o: memref<?x64xf32>) {
  kernel.graph @layer {
    // 4 panels of 2 blocks of 16 scales of 2 bytes and 32 x 16 bytes.
    // CHECK-LABEL: llvm.func internal @layer.0.gemm
    // CHECK: %[[S:.*]] = vector.load %{{.*}} : memref<4352xi8>, vector<32xi8>
    // CHECK: %[[B:.*]] = vector.bitcast %[[S]] : vector<32xi8> to vector<16xbf16>
    // CHECK: %[[D:.*]] = arith.extf %[[B]]
    // CHECK: scf.for
    // CHECK: %[[Q:.*]] = vector.load %{{.*}} : memref<4352xi8>, vector<16xi8>
    // CHECK: %[[F:.*]] = arith.sitofp %[[Q]] : vector<16xi8> to vector<16xf32>
    // CHECK: %[[W:.*]] = arith.mulf %[[F]], %[[D]] : vector<16xf32>
    // CHECK: math.fma %{{.*}}, %[[W]], %{{.*}}
    kernel.gemm ins(%x, %q8 : memref<?x64xf32>, memref<4x64x16x!moe.scaled<i8, 1x32, bf16>>) prologue []() {} epilogue []() {}
        outs(%o : memref<?x64xf32>) {tiles = array<i64: 256, 128>, waits = []}
    // A word holds 8 steps; AVX-512 looks an element up by its lowest bits, others put it into a mantissa.
    // CHECK-LABEL: llvm.func internal @layer.1.gemm
    // CHECK: %[[TABLE:.*]] = arith.constant dense<[0.000000e+00, 1.000000e+00, {{.*}}, -8.000000e+00, {{.*}}, -1.000000e+00]>
    // CHECK: %[[L:.*]] = vector.load %{{.*}} : memref<2304xi8>, vector<64xi8>
    // CHECK: %[[WORD:.*]] = vector.bitcast %[[L]] : vector<64xi8> to vector<16xi32>
    // CHECK: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%{{.*}}, %[[WORD]])
    // CHECK: %[[NEXT:.*]] = arith.shrui %[[WORD]], %{{.*}}
    // CHECK: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%{{.*}}, %[[NEXT]])
    // NARROW-LABEL: llvm.func internal @layer.1.gemm
    // NARROW-NOT: llvm.call_intrinsic
    // NARROW: %[[NEAR:.*]] = arith.shli
    // NARROW: %[[MASKED:.*]] = arith.andi %[[NEAR]]
    // NARROW: %[[BITS:.*]] = arith.xori %[[MASKED]]
    // NARROW: %[[F:.*]] = arith.bitcast %[[BITS]] : vector<16xi32> to vector<16xf32>
    // NARROW: %[[D:.*]] = arith.mulf
    // NARROW: %[[OFFSET:.*]] = arith.mulf
    // NARROW: math.fma %[[F]], %[[D]], %[[OFFSET]]
    kernel.gemm ins(%x, %q4 : memref<?x64xf32>, memref<4x64x16x!moe.scaled<i4, 1x32, bf16>>) prologue []() {} epilogue []() {}
        outs(%o : memref<?x64xf32>) {tiles = array<i64: 256, 128>, waits = []}
    // 64 steps of a block of 128: the rest is padding. E4M3 by way of f16, its exponent made up for by the scale.
    // CHECK-LABEL: llvm.func internal @layer.2.gemm
    // CHECK: %[[S:.*]] = vector.load %{{.*}} : memref<8448xi8>, vector<64xi8>
    // CHECK: %[[B:.*]] = vector.bitcast %[[S]] : vector<64xi8> to vector<16xf32>
    // CHECK: %[[D:.*]] = arith.mulf %[[B]], %{{.*}}
    // CHECK: %[[Q:.*]] = vector.load %{{.*}} : memref<8448xi8>, vector<16xi8>
    // CHECK: %[[E:.*]] = arith.extsi %[[Q]] : vector<16xi8> to vector<16xi16>
    // CHECK: %[[SHIFTED:.*]] = arith.shli %[[E]]
    // CHECK: %[[MASKED:.*]] = arith.andi %[[SHIFTED]]
    // CHECK: %[[H:.*]] = vector.bitcast %[[MASKED]] : vector<16xi16> to vector<16xf16>
    // CHECK: %[[F:.*]] = arith.extf %[[H]]
    // CHECK: arith.mulf %[[F]], %[[D]] : vector<16xf32>
    kernel.gemm ins(%x, %f8 : memref<?x64xf32>, memref<4x64x16x!moe.scaled<f8E4M3FN, 1x128, f32>>) prologue []() {} epilogue []() {}
        outs(%o : memref<?x64xf32>) {tiles = array<i64: 256, 128>, waits = []}
  }
  return
}
}
