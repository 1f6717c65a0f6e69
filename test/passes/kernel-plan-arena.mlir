// RUN: moe-opt %s --allow-unregistered-dialect --split-input-file --kernel-plan-arena --verify-diagnostics | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// Of three buffers in a row the first is dead when the third is written: they share memory. 16 tokens of 64 f32 are 4096
// bytes. Layer functions, of which one runs at a time, all start behind what the step holds.
// CHECK: module attributes {kernel.arena_bytes = 16384 : i64
module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>} {
// CHECK-LABEL: func private @layer
// CHECK-SAME: (%[[ARENA:.*]]: memref<?xi8>, %[[X:.*]]: memref<?x64xf32>, %[[OUT:.*]]: memref<?x64xf32>)
func.func private @layer(%x: memref<?x64xf32>, %out: memref<?x64xf32>) {
  %zero = arith.constant 0 : index
  // CHECK: %[[T:.*]] = memref.dim %[[X]]
  %t = memref.dim %x, %zero : memref<?x64xf32>
  // CHECK-DAG: %[[LOW:.*]] = arith.constant 8192 : index
  // CHECK-DAG: %[[A:.*]] = memref.view %[[ARENA]][%[[LOW]]][%[[T]]] {kernel.bytes = 4096 : i64} : memref<?xi8> to memref<?x64xf32>
  %a = memref.alloc(%t) : memref<?x64xf32>
  // CHECK-DAG: %[[HIGH:.*]] = arith.constant 12288 : index
  // CHECK-DAG: %[[B:.*]] = memref.view %[[ARENA]][%[[HIGH]]][%[[T]]]
  %b = memref.alloc(%t) : memref<?x64xf32>
  // CHECK: %[[AGAIN:.*]] = arith.constant 8192 : index
  // CHECK: %[[C:.*]] = memref.view %[[ARENA]][%[[AGAIN]]][%[[T]]]
  %c = memref.alloc(%t) : memref<?x64xf32>
  // CHECK-NOT: memref.alloc
  // CHECK: kernel.rowwise {{.*}} ins(%[[X]] {{.*}} outs(%[[A]]
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#id] outs(%a : memref<?x64xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: kernel.rowwise {{.*}} ins(%[[A]] {{.*}} outs(%[[B]]
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%a : memref<?x64xf32>) maps [#id] outs(%b : memref<?x64xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: kernel.rowwise {{.*}} ins(%[[B]] {{.*}} outs(%[[C]]
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%b : memref<?x64xf32>) maps [#id] outs(%c : memref<?x64xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%c : memref<?x64xf32>) maps [#id] outs(%out : memref<?x64xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  return
}

// Another layer function has the same memory for itself.
// CHECK-LABEL: func private @other
func.func private @other(%x: memref<?x64xf32>) {
  %zero = arith.constant 0 : index
  %t = memref.dim %x, %zero : memref<?x64xf32>
  // CHECK: arith.constant 8192 : index
  // CHECK: memref.view
  %a = memref.alloc(%t) : memref<?x64xf32>
  kernel.rowwise [64] rows(%x : memref<?x64xf32>) ins(%x : memref<?x64xf32>) maps [#id] outs(%a : memref<?x64xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  return
}

// What the step holds during a call is not the layer's, and the arena is handed on.
// CHECK-LABEL: func @step
// CHECK-SAME: (%[[ARENA:.*]]: memref<?xi8>, %[[X:.*]]: memref<?x64xf32>)
func.func @step(%x: memref<?x64xf32>) {
  %zero = arith.constant 0 : index
  %t = memref.dim %x, %zero : memref<?x64xf32>
  // CHECK: %[[C0:.*]] = arith.constant 0 : index
  // CHECK: %[[A:.*]] = memref.view %[[ARENA]]
  %a = memref.alloc(%t) : memref<?x64xf32>
  // CHECK: arith.constant 4096 : index
  // CHECK: %[[B:.*]] = memref.view %[[ARENA]]
  %b = memref.alloc(%t) : memref<?x64xf32>
  // CHECK: call @layer(%[[ARENA]], %[[X]], %[[A]])
  call @layer(%x, %a) : (memref<?x64xf32>, memref<?x64xf32>) -> ()
  // CHECK: call @layer(%[[ARENA]], %[[A]], %[[B]])
  call @layer(%a, %b) : (memref<?x64xf32>, memref<?x64xf32>) -> ()
  // CHECK: call @other(%[[ARENA]], %[[B]])
  call @other(%b) : (memref<?x64xf32>) -> ()
  return
}
}

// -----

// Extents may be products (rows ordered by expert), and extents of other buffers: 16 tokens of 4 experts, 3 i32 each. An offset
// is a multiple of 64 whatever a buffer's size.
// CHECK: module attributes {kernel.arena_bytes = 1088 : i64
module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>} {
// CHECK-LABEL: func @step
func.func @step(%x: memref<?x64xf32>) {
  %zero = arith.constant 0 : index
  %four = arith.constant 4 : index
  %t = memref.dim %x, %zero : memref<?x64xf32>
  %n = arith.muli %t, %four : index
  // CHECK-DAG: {kernel.bytes = 768 : i64} : memref<?xi8> to memref<?x3xi32>
  %a = memref.alloc(%n) : memref<?x3xi32>
  %m = memref.dim %a, %zero : memref<?x3xi32>
  // CHECK-DAG: {kernel.bytes = 256 : i64} : memref<?xi8> to memref<?xf32>
  %b = memref.alloc(%m) : memref<?xf32>
  // CHECK-DAG: arith.constant 1024 : index
  // CHECK-DAG: {kernel.bytes = 4 : i64} : memref<?xi8> to memref<1xf32>
  %c = memref.alloc() : memref<1xf32>
  "test.use"(%a, %b, %c) : (memref<?x3xi32>, memref<?xf32>, memref<1xf32>) -> ()
  return
}
}

// -----

// An extent of which nothing is known has no place in an arena.
module attributes {moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 100>} {
// expected-error-re @below {{cannot bound the extent {{.*}} of a buffer}}
func.func @step(%n: index) {
  %a = memref.alloc(%n) : memref<?xf32>
  "test.use"(%a) : (memref<?xf32>) -> ()
  return
}
}

// -----

// expected-error @below {{expected 'moe.limits' on the module}}
module {
}
