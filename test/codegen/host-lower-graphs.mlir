// RUN: moe-opt %s --cpu-lower-tasks --host-lower-graphs | FileCheck %s

// The values of moert_graph, moert_node, moert_wait, moert_weight and moert_model (runtime/moert_abi.h), field by field.

// Pointers and extents of the graph go to one array in the order of their first use: x 0 and 1, o 2 and 3, the weight 4 (its
// extents are static), p 5 and 6.
// CHECK-LABEL: func.func private @layer(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: memref<?xi8>
// CHECK-NEXT: %[[N:.*]] = llvm.mlir.constant(7 : i64) : i64
// CHECK-NEXT: %[[ARGS:.*]] = llvm.alloca %[[N]] x i64
// CHECK: llvm.getelementptr %[[ARGS]][6]
// CHECK: %[[GRAPH:.*]] = llvm.mlir.addressof @layer.graph
// CHECK: llvm.call @moert_graph_submit(%{{.*}}, %[[GRAPH]], %[[ARGS]])
// CHECK-NOT: kernel.graph

// A weight is loaded from the table that the runtime hands in.
// CHECK-LABEL: func.func @step(
// CHECK: %[[AT:.*]] = llvm.getelementptr %{{.*}}[0] : (!llvm.ptr) -> !llvm.ptr, i64
// CHECK: llvm.load %[[AT]] : !llvm.ptr -> !llvm.ptr
// CHECK-NOT: kernel.weight
// CHECK: call @layer(

// CHECK: llvm.func @moert_graph_submit(!llvm.ptr, !llvm.ptr, !llvm.ptr) -> i32

// The gemm waits for kernel 0, by rows (1).
// CHECK-LABEL: llvm.mlir.global internal constant @layer.1.waits
// CHECK: %[[V:.*]] = llvm.mlir.constant(0 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 0]
// CHECK: %[[V:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 1]

// rows EXTENT (1), 16 rows in a tile, 1 column tile, its extent in argument 3, no experts, no waits.
// CHECK-LABEL: llvm.mlir.global internal constant @layer.graph.nodes
// CHECK: %[[V:.*]] = llvm.mlir.addressof @layer.0.row_reduce
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 1]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 2]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(16 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 3]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 4]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(3 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 5]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(0 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 6]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(0 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 7]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.zero
// The gemm: 48 rows, 64 columns in 2 tiles of 32, its extent in argument 6, 1 wait.
// CHECK: llvm.mlir.addressof @layer.1.gemm
// CHECK: %[[V:.*]] = llvm.mlir.constant(48 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1, 3]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(2 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1, 4]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(6 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1, 5]
// CHECK: %[[V:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1, 7]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.addressof @layer.1.waits
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1, 8]

// Name, nodes, arguments.
// CHECK-LABEL: llvm.mlir.global internal constant @layer.graph()
// CHECK: %[[V:.*]] = llvm.mlir.constant(2 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(7 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[2]

// A cache row of 64 f32 has 256 bytes; 3 f32 behind 8192 bytes end at 8204.
// CHECK-LABEL: llvm.mlir.global internal constant @moec.caches
// CHECK: llvm.mlir.constant(256 : i64)
// CHECK-LABEL: llvm.mlir.global internal constant @moec.weights
// CHECK: %[[V:.*]] = llvm.mlir.constant(8192 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 2]
// CHECK: %[[V:.*]] = llvm.mlir.constant(8192 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1, 1]
// CHECK-NEXT: %[[V:.*]] = llvm.mlir.constant(12 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1, 2]
// The gemm's 64 x 64 weight in bf16, for each of the rows whose logits are wanted (1), all of it (1 of 1).
// CHECK-LABEL: llvm.mlir.global internal constant @moec.costs
// CHECK: %[[V:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 0]
// CHECK: %[[V:.*]] = llvm.mlir.constant(1 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 2]
// CHECK: %[[V:.*]] = llvm.mlir.constant(1 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 3]
// CHECK: %[[V:.*]] = llvm.mlir.constant(8192 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 4]
// CHECK: %[[V:.*]] = llvm.mlir.constant(4096 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[0, 5]
// CHECK-LABEL: llvm.mlir.global external constant @moec_model
// 1 cache, 2 weights, 1 cost.
// CHECK: %[[V:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[1]
// CHECK: %[[V:.*]] = llvm.mlir.constant(2 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[2]
// CHECK: %[[V:.*]] = llvm.mlir.constant(1 : i32)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[3]
// The vocabulary and the limits.
// CHECK: %[[V:.*]] = llvm.mlir.constant(64 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[9]
// CHECK: %[[V:.*]] = llvm.mlir.constant(16 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[10]
// CHECK: %[[V:.*]] = llvm.mlir.constant(2 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[11]
// CHECK: %[[V:.*]] = llvm.mlir.constant(100 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[12]
// CHECK: %[[V:.*]] = llvm.mlir.constant(4096 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[13]
// CHECK: %[[V:.*]] = llvm.mlir.constant(8204 : i64)
// CHECK-NEXT: llvm.insertvalue %[[V]], %{{.*}}[15]
// CHECK: llvm.mlir.addressof @moec_step
// CHECK: ("cpu haswell\00")

// CHECK-LABEL: llvm.func internal @moec_step(
// CHECK: call @step(
module attributes {kernel.arena_bytes = 4096 : i64, moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>, moe.model = {id = "abc", name = "m", type = "llama"}, moe.target = #moe.cpu<"haswell", "+avx,+avx2,+f16c,+fma">} {
moe.weight @w : tensor<64x64xbf16> from [#moe.part<"w">] layout <width = 16> at 0
moe.weight @n : tensor<3xf32> from [#moe.part<"n">] at 8192
func.func private @layer(%arena: memref<?xi8>, %x: memref<?x64xf32>, %o: memref<?xf32>, %p: memref<?x64xf32>, %w: memref<4x64x16xbf16>) {
  kernel.graph @layer {
    kernel.row_reduce sum_squares ins(%x : memref<?x64xf32>) {
      ^bb0(%a: f32):
        kernel.yield %a : f32
    } outs(%o : memref<?xf32>) {tiles = array<i64: 16, 1>, waits = []}
    kernel.gemm ins(%x, %w : memref<?x64xf32>, memref<4x64x16xbf16>) prologue [#kernel.access<row>](%o : memref<?xf32>) {
      ^bb0(%a: f32, %b: f32):
        %0 = arith.mulf %a, %b : f32
        kernel.yield %0 : f32
    } epilogue []() {} outs(%p : memref<?x64xf32>) {tiles = array<i64: 48, 32>, waits = [#kernel.wait<0, rows>]}
  }
  return
}
func.func @step(%arena: memref<?xi8>, %tokens: memref<?xi32>, %positions: memref<?xi32>, %rows: memref<?xi32>, %outputs: memref<?xi32>, %cache: memref<200x64xf32>, %logits: memref<?x64xf32>) {
  %c0 = arith.constant 0 : index
  %t = memref.dim %tokens, %c0 : memref<?xi32>
  %o = memref.view %arena[%c0][%t] {kernel.bytes = 64 : i64} : memref<?xi8> to memref<?xf32>
  %w = kernel.weight @w : memref<4x64x16xbf16>
  call @layer(%arena, %logits, %o, %logits, %w) : (memref<?xi8>, memref<?x64xf32>, memref<?xf32>, memref<?x64xf32>, memref<4x64x16xbf16>) -> ()
  return
}
}
