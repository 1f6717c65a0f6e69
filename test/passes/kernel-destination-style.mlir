// RUN: moe-opt %s --kernel-destination-style | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#low = affine_map<(d0, d1) -> (d0, d1)>
#high = affine_map<(d0, d1) -> (d0, d1 + 8)>

// A result that starts in an empty tensor, here through two kernels, starts in an argument. A cache that came as an argument
// stays one.
// CHECK-LABEL: func private @layer
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[C:.*]]: tensor<200x8xf32>, %[[OUT:.*]]: tensor<?x16xf32>) -> (tensor<?x16xf32>, tensor<200x8xf32>)
func.func private @layer(%x: tensor<?x8xf32>, %c: tensor<200x8xf32>) -> (tensor<?x16xf32>, tensor<200x8xf32>) {
  %zero = arith.constant 0 : index
  %t = tensor.dim %x, %zero : tensor<?x8xf32>
  %e = tensor.empty(%t) : tensor<?x16xf32>
  // CHECK-NOT: tensor.empty
  // CHECK: %[[A:.*]] = kernel.rowwise {{.*}} outs(%[[OUT]] : tensor<?x16xf32>)
  %0 = kernel.rowwise [8] rows(%x : tensor<?x8xf32>) ins(%x : tensor<?x8xf32>) maps [#id] outs(%e : tensor<?x16xf32>) maps [#low] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x16xf32>
  // CHECK: %[[B:.*]] = kernel.rowwise {{.*}} outs(%[[A]] : tensor<?x16xf32>)
  %1 = kernel.rowwise [8] rows(%x : tensor<?x8xf32>) ins(%x : tensor<?x8xf32>) maps [#id] outs(%0 : tensor<?x16xf32>) maps [#high] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x16xf32>
  // CHECK: %[[D:.*]] = kernel.rowwise {{.*}} outs(%[[C]] : tensor<200x8xf32>)
  %2 = kernel.rowwise [8] rows(%x : tensor<?x8xf32>) ins(%x : tensor<?x8xf32>) maps [#id] outs(%c : tensor<200x8xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<200x8xf32>
  // CHECK: return %[[B]], %[[D]]
  return %1, %2 : tensor<?x16xf32>, tensor<200x8xf32>
}

// A caller gives an empty tensor with as many rows as it hands in, and its own result gets an argument in turn.
// CHECK-LABEL: func @step
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[C:.*]]: tensor<200x8xf32>, %[[OUT:.*]]: tensor<?x16xf32>)
func.func @step(%x: tensor<?x8xf32>, %c: tensor<200x8xf32>) -> (tensor<?x16xf32>, tensor<200x8xf32>) {
  %zero = arith.constant 0 : index
  %t = tensor.dim %x, %zero : tensor<?x8xf32>
  // CHECK: %[[T:.*]] = tensor.dim %[[X]]
  // CHECK: %[[T:.*]] = tensor.dim %[[X]]
  // CHECK: %[[E:.*]] = tensor.empty(%[[T]]) : tensor<?x16xf32>
  // CHECK: %[[Y:.*]]:2 = call @layer(%[[X]], %[[C]], %[[E]])
  %y:2 = call @layer(%x, %c) : (tensor<?x8xf32>, tensor<200x8xf32>) -> (tensor<?x16xf32>, tensor<200x8xf32>)
  %e = tensor.empty(%t) : tensor<?x16xf32>
  // CHECK: kernel.rowwise {{.*}} ins(%[[Y]]#0 {{.*}} outs(%[[OUT]] : tensor<?x16xf32>)
  %1 = kernel.rowwise [16] rows(%x : tensor<?x8xf32>) ins(%y#0 : tensor<?x16xf32>) maps [#id] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x16xf32>
  return %1, %y#1 : tensor<?x16xf32>, tensor<200x8xf32>
}
