// RUN: moe-translate --interpret --split-input-file --verify-diagnostics %s

// An expectation that does not hold is an error, and says where.

func.func @equal() {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  check.expect_equal %x, %x : tensor<2x2xf32>, tensor<2x2xf32>
  // expected-error @below {{'check.expect_equal' op expected 5 at [1, 0], found 3 (2 of 4 elements differ)}}
  check.expect_equal %x, dense<[[1.0, 2.0], [5.0, 5.0]]> : tensor<2x2xf32> : tensor<2x2xf32>
  return
}

// -----

// Bit for bit: zeros of different signs differ, a NaN equals itself.
func.func @bitwise() {
  %nan = arith.constant dense<0x7FC00000> : tensor<1xf32>
  check.expect_equal %nan, %nan : tensor<1xf32>, tensor<1xf32>
  %x = arith.constant dense<0.0> : tensor<1xf32>
  // expected-error @below {{'check.expect_equal' op expected -0 at [0], found 0 (1 of 1 elements differ)}}
  check.expect_equal %x, dense<-0.0> : tensor<1xf32> : tensor<1xf32>
  return
}

// -----

func.func @close() {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  check.expect_close %x, dense<[1.0, 2.5]> : tensor<2xf32> within 0.5 : tensor<2xf32>
  // expected-error @below {{'check.expect_close' op expected 2.5 at [1], found 2 (1 of 2 elements differ)}}
  check.expect_close %x, dense<[1.0, 2.5]> : tensor<2xf32> within 0.499 : tensor<2xf32>
  return
}

// -----

// NaN is close to nothing, and infinity not even to itself.
func.func @close_nan() {
  %x = arith.constant dense<0x7FC00000> : tensor<1xf32>
  // expected-error @below {{'check.expect_close' op expected nan at [0], found nan (1 of 1 elements differ)}}
  check.expect_close %x, %x within 1.0 : tensor<1xf32>, tensor<1xf32>
  return
}

// -----

func.func @shape() {
  %x0 = arith.constant dense<0.0> : tensor<2x3xf32>
  %x = tensor.cast %x0 : tensor<2x3xf32> to tensor<?x3xf32>
  // expected-error @below {{'check.expect_equal' op expected shape 1x3, found 2x3}}
  check.expect_equal %x, dense<0.0> : tensor<1x3xf32> : tensor<?x3xf32>
  return
}

// -----

func.func @routing_expert() {
  %r = check.routing experts [1, 0, 0, 2] weights [0.25, 0.75, 0.5, 0.5] : !moe.routing<experts = 3, top_k = 2>
  check.expect_routing %r experts [0, 1, 0, 2] weights [0.75, 0.25, 0.5, 0.5] within 0.0
      : !moe.routing<experts = 3, top_k = 2>
  // expected-error @below {{'check.expect_routing' op expected choice 1 of token 1 to be expert 1 with weight 0.5, found expert 2 with weight 0.5}}
  check.expect_routing %r experts [0, 1, 0, 1] weights [0.75, 0.25, 0.5, 0.5] within 0.0
      : !moe.routing<experts = 3, top_k = 2>
  return
}

// -----

func.func @routing_weight() {
  %r = check.routing experts [0, 1] weights [0.75, 0.25] : !moe.routing<experts = 3, top_k = 2>
  // expected-error @below {{'check.expect_routing' op expected choice 0 of token 0 to be expert 0 with weight 0.5, found expert 0 with weight 0.75}}
  check.expect_routing %r experts [0, 1] weights [0.5, 0.25] within 0.2 : !moe.routing<experts = 3, top_k = 2>
  return
}

// -----

func.func @routing_tokens() {
  %r = check.routing experts [0, 1] weights [0.75, 0.25] : !moe.routing<experts = 3, top_k = 2>
  // expected-error @below {{'check.expect_routing' op expected 4 choices, found 2}}
  check.expect_routing %r experts [0, 1, 0, 1] weights [0.75, 0.25, 0.75, 0.25] within 0.0
      : !moe.routing<experts = 3, top_k = 2>
  return
}

// -----

// One function's failure does not keep the others from being run.
func.func @first() {
  %x = arith.constant dense<0.0> : tensor<1xf32>
  // expected-error @below {{expected 1 at [0], found 0}}
  check.expect_equal %x, dense<1.0> : tensor<1xf32> : tensor<1xf32>
  return
}
func.func @second() {
  %x = arith.constant dense<0.0> : tensor<1xf32>
  // expected-error @below {{expected 2 at [0], found 0}}
  check.expect_equal %x, dense<2.0> : tensor<1xf32> : tensor<1xf32>
  return
}
