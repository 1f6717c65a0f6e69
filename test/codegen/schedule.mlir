// RUN: moe-opt %s --moec-schedule | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#scatter = affine_map<(d0, d1)[s0] -> (s0, d1)>

// A layer in destination style bufferizes without a copy: the cache is written where it is, the result where the caller wants
// it, and what lies between stands in the arena.
// CHECK: module attributes {kernel.arena_bytes = 4096 : i64
// CHECK-NOT: memref.{{copy|alloc}}
// CHECK-LABEL: func private @layer
// CHECK-SAME: (%[[ARENA:[^:]*]]: memref<?xi8>, %[[X:[^:]*]]: memref<?x64xf32>, %[[ROWS:[^:]*]]: memref<?xi32>, %[[CACHE:[^:]*]]: memref<200x64xf32>, %[[OUT:[^:]*]]: memref<?x64xf32>)
// CHECK-NOT: memref.{{copy|alloc}}
// CHECK: %[[MID:.*]] = memref.view %[[ARENA]]
// CHECK: kernel.graph @layer {
// CHECK: kernel.rowwise {{.*}} outs(%[[MID]] : memref<?x64xf32>)
// CHECK: kernel.rowwise {{.*}} outs(%[[CACHE]] : memref<200x64xf32>)
// CHECK: waits = [#kernel.wait<0, rows>]
// CHECK: kernel.rowwise {{.*}} outs(%[[OUT]] : memref<?x64xf32>)
// CHECK: waits = [#kernel.wait<0, rows>]
// CHECK-NOT: memref.{{copy|alloc}}
// CHECK: call @layer
// CHECK-NOT: memref.{{copy|alloc}}
module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>} {
func.func private @layer(%x: tensor<?x64xf32>, %rows: tensor<?xi32>, %cache: tensor<200x64xf32>, %out: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<200x64xf32>) {
  %zero = arith.constant 0 : index
  %t = tensor.dim %x, %zero : tensor<?x64xf32>
  %e = tensor.empty(%t) : tensor<?x64xf32>
  %0 = kernel.rowwise [64] rows(%x : tensor<?x64xf32>) ins(%x : tensor<?x64xf32>) maps [#id] outs(%e : tensor<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      %b = arith.negf %a : f32
      kernel.yield %b : f32
  } -> tensor<?x64xf32>
  %1 = kernel.rowwise [64] rows(%x : tensor<?x64xf32>) indices(%rows : tensor<?xi32>) ins(%0 : tensor<?x64xf32>) maps [#here] outs(%cache : tensor<200x64xf32>) maps [#scatter] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<200x64xf32>
  %2 = kernel.rowwise [64] rows(%x : tensor<?x64xf32>) ins(%0 : tensor<?x64xf32>) maps [#id] outs(%out : tensor<?x64xf32>) maps [#id] {
    ^bb0(%a: f32):
      %b = math.absf %a : f32
      kernel.yield %b : f32
  } -> tensor<?x64xf32>
  return %2, %1 : tensor<?x64xf32>, tensor<200x64xf32>
}
func.func @step(%x: tensor<?x64xf32>, %rows: tensor<?xi32>, %cache: tensor<200x64xf32>, %out: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<200x64xf32>) {
  %0:2 = call @layer(%x, %rows, %cache, %out) : (tensor<?x64xf32>, tensor<?xi32>, tensor<200x64xf32>, tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<200x64xf32>)
  return %0#0, %0#1 : tensor<?x64xf32>, tensor<200x64xf32>
}
}
