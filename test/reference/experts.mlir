// RUN: moe-translate --interpret %s

// Rows are sorted by expert, within an expert by token: expert 0 has tokens 0 and 1, expert 1 token 1, expert 2 token 0.
func.func @dispatch() {
  %x0 = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %x = tensor.cast %x0 : tensor<2x2xf32> to tensor<?x2xf32>
  %r = check.routing experts [2, 0, 0, 1] weights [1.0, 1.0, 1.0, 1.0] : !moe.routing<experts = 3, top_k = 2>
  %y = moe.dispatch %x to %r : tensor<?x2xf32>, !moe.routing<experts = 3, top_k = 2>
  check.expect_equal %y, dense<[[1.0, 2.0], [3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]> : tensor<4x2xf32> : tensor<?x2xf32>
  return
}

// The same routing; the experts' first rows are [1, 10], [2, 20], [3, 30], their second ones [1, 0], [0, 1], [1, 1].
// Expert 0: 1 + 20 = 21 and 3 + 40 = 43; expert 1 on token 1: 6 + 80 = 86; expert 2 on token 0: 3 + 60 = 63.
func.func @expert_linear() {
  %x0 = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]> : tensor<4x2xf32>
  %x = tensor.cast %x0 : tensor<4x2xf32> to tensor<?x2xf32>
  %w = arith.constant dense<[[[1.0, 10.0], [1.0, 0.0]], [[2.0, 20.0], [0.0, 1.0]], [[3.0, 30.0], [1.0, 1.0]]]>
      : tensor<3x2x2xbf16>
  %r = check.routing experts [2, 0, 0, 1] weights [1.0, 1.0, 1.0, 1.0] : !moe.routing<experts = 3, top_k = 2>
  %y = moe.expert_linear %x, %w of %r
      : (tensor<?x2xf32>, tensor<3x2x2xbf16>, !moe.routing<experts = 3, top_k = 2>) -> tensor<?x2xf32>
  check.expect_equal %y, dense<[[21.0, 1.0], [43.0, 3.0], [86.0, 4.0], [63.0, 3.0]]> : tensor<4x2xf32> : tensor<?x2xf32>
  return
}

// Those rows weighted. Token 0: 0.5·21 (expert 0) + 2·63 (expert 2) = 136.5; token 1: 4·43 + 0.25·86 = 193.5.
func.func @combine() {
  %y0 = arith.constant dense<[[21.0], [43.0], [86.0], [63.0]]> : tensor<4x1xf32>
  %y = tensor.cast %y0 : tensor<4x1xf32> to tensor<?x1xf32>
  %r = check.routing experts [2, 0, 0, 1] weights [2.0, 0.5, 4.0, 0.25] : !moe.routing<experts = 3, top_k = 2>
  %m = moe.combine %y of %r : tensor<?x1xf32>, !moe.routing<experts = 3, top_k = 2>
  check.expect_equal %m, dense<[[136.5], [193.5]]> : tensor<2x1xf32> : tensor<?x1xf32>
  return
}

// In f32, (2^24 + 1) + 1 = 2^24 but 2^24 + (1 + 1) = 2^24 + 2: the bracketing shows. Expert 0 gives 2^24, 2 and 3 give 1;
// the tree of four adds (0 + 1) + (2 + 3), and so the ones first, in whatever order the choices stand.
func.func @combine_along_tree() {
  %y0 = arith.constant dense<[[16777216.0], [1.0], [1.0]]> : tensor<3x1xf32>
  %y = tensor.cast %y0 : tensor<3x1xf32> to tensor<?x1xf32>
  %r = check.routing experts [2, 0, 3] weights [1.0, 1.0, 1.0] : !moe.routing<experts = 4, top_k = 3>
  %m = moe.combine %y of %r : tensor<?x1xf32>, !moe.routing<experts = 4, top_k = 3>
  check.expect_equal %m, dense<16777218.0> : tensor<1x1xf32> : tensor<?x1xf32>
  // Experts 0, 1 and 3: (2^24 + 1) + 1.
  %r2 = check.routing experts [0, 1, 3] weights [1.0, 1.0, 1.0] : !moe.routing<experts = 4, top_k = 3>
  %m2 = moe.combine %y of %r2 : tensor<?x1xf32>, !moe.routing<experts = 4, top_k = 3>
  check.expect_equal %m2, dense<16777216.0> : tensor<1x1xf32> : tensor<?x1xf32>
  return
}

// Of three experts the first half is the first one: 2^24 + (1 + 1).
func.func @combine_odd() {
  %y0 = arith.constant dense<[[16777216.0], [1.0], [1.0]]> : tensor<3x1xf32>
  %y = tensor.cast %y0 : tensor<3x1xf32> to tensor<?x1xf32>
  %r = check.routing experts [0, 1, 2] weights [1.0, 1.0, 1.0] : !moe.routing<experts = 3, top_k = 3>
  %m = moe.combine %y of %r : tensor<?x1xf32>, !moe.routing<experts = 3, top_k = 3>
  check.expect_equal %m, dense<16777218.0> : tensor<1x1xf32> : tensor<?x1xf32>
  return
}

// A product is rounded before it is added: 0.1f · 10 is 1 + 1.49e-8, which rounds to 1, so that nothing remains of it.
func.func @combine_rounds_products() {
  %y0 = arith.constant dense<[[10.0], [-1.0]]> : tensor<2x1xf32>
  %y = tensor.cast %y0 : tensor<2x1xf32> to tensor<?x1xf32>
  %r = check.routing experts [0, 1] weights [0.1, 1.0] : !moe.routing<experts = 2, top_k = 2>
  %m = moe.combine %y of %r : tensor<?x1xf32>, !moe.routing<experts = 2, top_k = 2>
  check.expect_equal %m, dense<0.0> : tensor<1x1xf32> : tensor<?x1xf32>
  return
}
