// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt --mlir-print-op-generic %s | moe-opt | FileCheck %s

// CHECK-LABEL: func @inputs
func.func @inputs() -> (!moe.batch, !moe.cache<[4, 2], f32>, !moe.routing<experts = 4, top_k = 2>) {
  // CHECK: check.batch tokens [7, 8, 9] positions [0, 1, 0] slots [0, 0, 1] outputs [1, 2]
  %batch = check.batch tokens [7, 8, 9] positions [0, 1, 0] slots [0, 0, 1] outputs [1, 2]
  // CHECK: check.cache : !moe.cache<[4, 2], f32>
  %cache = check.cache : !moe.cache<[4, 2], f32>
  // CHECK: check.routing experts [0, 3, 1, 2] weights [7.500000e-01, 2.500000e-01, 5.000000e-01, 5.000000e-01] : !moe.routing<experts = 4, top_k = 2>
  %r = check.routing experts [0, 3, 1, 2] weights [0.75, 0.25, 0.5, 0.5] : !moe.routing<experts = 4, top_k = 2>
  return %batch, %cache, %r : !moe.batch, !moe.cache<[4, 2], f32>, !moe.routing<experts = 4, top_k = 2>
}

// CHECK-LABEL: func @expectations
func.func @expectations(%x: tensor<?x2xf32>, %y: tensor<1x2xf32>, %r: !moe.routing<experts = 4, top_k = 2>) {
  // CHECK: check.expect_equal %{{.*}}, %{{.*}} : tensor<?x2xf32>, tensor<1x2xf32>
  check.expect_equal %x, %y : tensor<?x2xf32>, tensor<1x2xf32>
  // CHECK: check.expect_equal %{{.*}}, dense<{{.*}}> : tensor<1x2xf32> : tensor<?x2xf32>
  check.expect_equal %x, dense<[[3.0, 4.0]]> : tensor<1x2xf32> : tensor<?x2xf32>
  // CHECK: check.expect_close %{{.*}}, %{{.*}} within 5.000000e-01 : tensor<?x2xf32>, tensor<1x2xf32>
  check.expect_close %x, %y within 0.5 : tensor<?x2xf32>, tensor<1x2xf32>
  // CHECK: check.expect_close %{{.*}}, dense<{{.*}}> : tensor<1x2xf32> within 5.000000e-01 : tensor<?x2xf32>
  check.expect_close %x, dense<[[3.0, 4.0]]> : tensor<1x2xf32> within 0.5 : tensor<?x2xf32>
  // CHECK: check.expect_routing %{{.*}} experts [0, 3] weights [7.500000e-01, 2.500000e-01] within 5.000000e-01 : !moe.routing<experts = 4, top_k = 2>
  check.expect_routing %r experts [0, 3] weights [0.75, 0.25] within 0.5 : !moe.routing<experts = 4, top_k = 2>
  return
}
