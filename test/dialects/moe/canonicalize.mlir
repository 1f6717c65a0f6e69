// RUN: moe-opt --canonicalize %s | FileCheck %s

// CHECK-LABEL: func @slice_of_everything
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
// CHECK-NEXT: return %[[X]]
func.func @slice_of_everything(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = moe.slice %x begin 0 heads 2 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @slice_of_slice
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>)
// CHECK-NEXT: %[[Y:.*]] = moe.slice %[[X]] begin 3 heads 2 : tensor<?x16xf32> -> tensor<?x4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @slice_of_slice(%x: tensor<?x16xf32>) -> tensor<?x4xf32> {
  %y = moe.slice %x begin 2 heads 2 : tensor<?x16xf32> -> tensor<?x12xf32>
  %z = moe.slice %y begin 1 heads 2 : tensor<?x12xf32> -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// Columns of two heads are no columns of one row.
// CHECK-LABEL: func @slice_of_slice_of_other_heads
// CHECK-COUNT-2: moe.slice
func.func @slice_of_slice_of_other_heads(%x: tensor<?x16xf32>) -> tensor<?x4xf32> {
  %y = moe.slice %x begin 2 heads 2 : tensor<?x16xf32> -> tensor<?x12xf32>
  %z = moe.slice %y begin 1 : tensor<?x12xf32> -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}

// Heads of 4 and 2 columns: [1, 3) lies in the left operand, [5, 6) in the right one, [3, 5) in both.
// CHECK-LABEL: func @slice_of_concat
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<?x4xf32>)
func.func @slice_of_concat(%x: tensor<?x8xf32>, %y: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x4xf32>) {
  // CHECK: %[[C:.*]] = moe.concat %[[X]], %[[Y]] heads 2
  %c = moe.concat %x, %y heads 2 : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x12xf32>
  // CHECK-NEXT: %[[L:.*]] = moe.slice %[[X]] begin 1 heads 2 : tensor<?x8xf32> -> tensor<?x4xf32>
  %l = moe.slice %c begin 1 heads 2 : tensor<?x12xf32> -> tensor<?x4xf32>
  // CHECK-NEXT: %[[R:.*]] = moe.slice %[[Y]] begin 1 heads 2 : tensor<?x4xf32> -> tensor<?x2xf32>
  %r = moe.slice %c begin 5 heads 2 : tensor<?x12xf32> -> tensor<?x2xf32>
  // CHECK-NEXT: %[[B:.*]] = moe.slice %[[C]] begin 3 heads 2 : tensor<?x12xf32> -> tensor<?x4xf32>
  %b = moe.slice %c begin 3 heads 2 : tensor<?x12xf32> -> tensor<?x4xf32>
  // CHECK-NEXT: return %[[L]], %[[R]], %[[B]]
  return %l, %r, %b : tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x4xf32>
}

// A concat that is taken apart again goes away.
// CHECK-LABEL: func @concat_apart
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: return %[[X]], %[[Y]]
func.func @concat_apart(%x: tensor<?x8xf32>, %y: tensor<?x4xf32>) -> (tensor<?x8xf32>, tensor<?x4xf32>) {
  %c = moe.concat %x, %y heads 2 : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x12xf32>
  %l = moe.slice %c begin 0 heads 2 : tensor<?x12xf32> -> tensor<?x8xf32>
  %r = moe.slice %c begin 4 heads 2 : tensor<?x12xf32> -> tensor<?x4xf32>
  return %l, %r : tensor<?x8xf32>, tensor<?x4xf32>
}

// CHECK-LABEL: func @slice_of_concat_of_other_heads
// CHECK: moe.concat
// CHECK: moe.slice
func.func @slice_of_concat_of_other_heads(%x: tensor<?x8xf32>, %y: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %c = moe.concat %x, %y heads 2 : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x12xf32>
  %s = moe.slice %c begin 0 : tensor<?x12xf32> -> tensor<?x2xf32>
  return %s : tensor<?x2xf32>
}
