// RUN: not moe-translate --interpret %s 2>&1 | FileCheck %s

// CHECK: exit-status.mlir:[[@LINE+3]]:3: error: 'check.expect_equal' op expected 1 at [0], found 0
func.func @fails() {
  %x = arith.constant dense<0.0> : tensor<1xf32>
  check.expect_equal %x, dense<1.0> : tensor<1xf32> : tensor<1xf32>
  return
}
