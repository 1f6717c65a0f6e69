// RUN: moe-translate --interpret %s

// Sigmoids of multiples of logarithms are fractions: σ(ln 3) = 3/4, σ(0) = 1/2, σ(-ln 3) = 1/4, σ(ln 1.5) = 3/5;
// ln 3 = 1.0986123, ln 1.5 = 0.40546511.

func.func @sigmoid() {
  %l0 = arith.constant dense<[[0.0, 1.0986123, -1.0986123], [-1.0986123, 0.0, 0.40546511]]> : tensor<2x3xf32>
  %l = tensor.cast %l0 : tensor<2x3xf32> to tensor<?x3xf32>
  %r = moe.route sigmoid %l : (tensor<?x3xf32>) -> !moe.routing<experts = 3, top_k = 2>
  check.expect_routing %r experts [0, 1, 1, 2] weights [0.5, 0.75, 0.5, 0.6] within 1.0e-7
      : !moe.routing<experts = 3, top_k = 2>
  return
}

// exp: 1, 3, 4 of 8. The sum is over all experts, not over the chosen.
func.func @softmax() {
  %l0 = arith.constant dense<[[0.0, 1.0986123, 1.3862944]]> : tensor<1x3xf32>
  %l = tensor.cast %l0 : tensor<1x3xf32> to tensor<?x3xf32>
  %r = moe.route softmax %l : (tensor<?x3xf32>) -> !moe.routing<experts = 3, top_k = 2>
  check.expect_routing %r experts [1, 2] weights [0.375, 0.5] within 1.0e-7 : !moe.routing<experts = 3, top_k = 2>
  return
}

// exp(1000) is beyond f32 and f64.
func.func @softmax_large() {
  %l0 = arith.constant dense<[[-1000.0, 1000.0, 1000.0]]> : tensor<1x3xf32>
  %l = tensor.cast %l0 : tensor<1x3xf32> to tensor<?x3xf32>
  %r = moe.route softmax %l : (tensor<?x3xf32>) -> !moe.routing<experts = 3, top_k = 3>
  check.expect_routing %r experts [0, 1, 2] weights [0.0, 0.5, 0.5] within 0.0 : !moe.routing<experts = 3, top_k = 3>
  return
}

// 3/4 and 1/2 over their sum 5/4 are 3/5 and 2/5; times 2.5.
func.func @renormalize_and_scale() {
  %l0 = arith.constant dense<[[0.0, 1.0986123, -1.0986123]]> : tensor<1x3xf32>
  %l = tensor.cast %l0 : tensor<1x3xf32> to tensor<?x3xf32>
  %r = moe.route sigmoid %l renormalize : (tensor<?x3xf32>) -> !moe.routing<experts = 3, top_k = 2>
  check.expect_routing %r experts [0, 1] weights [0.4, 0.6] within 1.0e-7 : !moe.routing<experts = 3, top_k = 2>
  %s = moe.route sigmoid %l renormalize scale 2.5 : (tensor<?x3xf32>) -> !moe.routing<experts = 3, top_k = 2>
  check.expect_routing %s experts [0, 1] weights [1.0, 1.5] within 2.0e-7 : !moe.routing<experts = 3, top_k = 2>
  %u = moe.route sigmoid %l scale 2.0 : (tensor<?x3xf32>) -> !moe.routing<experts = 3, top_k = 2>
  check.expect_routing %u experts [0, 1] weights [1.0, 1.5] within 2.0e-7 : !moe.routing<experts = 3, top_k = 2>
  return
}

// Scores so small that f32 holds nothing of their sum: 1e-20 keeps the division from being 0/0.
func.func @renormalize_zero() {
  %l0 = arith.constant dense<[[-1000.0, -1000.0]]> : tensor<1x2xf32>
  %l = tensor.cast %l0 : tensor<1x2xf32> to tensor<?x2xf32>
  %r = moe.route sigmoid %l renormalize : (tensor<?x2xf32>) -> !moe.routing<experts = 2, top_k = 1>
  check.expect_routing %r experts [0] weights [0.0] within 0.0 : !moe.routing<experts = 2, top_k = 1>
  return
}

func.func @ties_to_lowest_index() {
  %l0 = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [-1.0, 0.0, -1.0, 0.0]]> : tensor<2x4xf32>
  %l = tensor.cast %l0 : tensor<2x4xf32> to tensor<?x4xf32>
  %r = moe.route sigmoid %l renormalize : (tensor<?x4xf32>) -> !moe.routing<experts = 4, top_k = 3>
  // The second token: 1 and 3 by score, then the lower of 0 and 2. σ(-1) = 0.26894142, the sum 1.26894142.
  check.expect_routing %r experts [0, 1, 2, 0, 1, 3]
      weights [0.33333333, 0.33333333, 0.33333333, 0.21194156, 0.39402922, 0.39402922] within 1.0e-7
      : !moe.routing<experts = 4, top_k = 3>
  return
}

// NaN is below everything, even below -inf.
func.func @nan() {
  %l0 = arith.constant dense<[[0x7FC00000, 0.0, 0x7FC00000, -1.0986123], [0.0, 0.0, 0x7FC00000, 0x7FC00000]]> : tensor<2x4xf32>
  %l = tensor.cast %l0 : tensor<2x4xf32> to tensor<?x4xf32>
  %b = arith.constant dense<[0.0, 0xFF800000, 0.0, 0.0]> : tensor<4xf32>
  %r = moe.route sigmoid %l bias %b : (tensor<?x4xf32>, tensor<4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  check.expect_routing %r experts [1, 3, 0, 1] weights [0.5, 0.25, 0.5, 0.5] within 1.0e-7
      : !moe.routing<experts = 4, top_k = 2>
  return
}

// The bias chooses expert 0 (1/2 + 1 > 3/4), and its weight is its score all the same.
func.func @bias_only_chooses() {
  %l0 = arith.constant dense<[[0.0, 1.0986123]]> : tensor<1x2xf32>
  %l = tensor.cast %l0 : tensor<1x2xf32> to tensor<?x2xf32>
  %b = arith.constant dense<[1.0, 0.0]> : tensor<2xf32>
  %r = moe.route sigmoid %l bias %b : (tensor<?x2xf32>, tensor<2xf32>) -> !moe.routing<experts = 2, top_k = 1>
  check.expect_routing %r experts [0] weights [0.5] within 0.0 : !moe.routing<experts = 2, top_k = 1>
  return
}

// Groups of scores (3/4, 1/4) and (3/5, 3/5): the greater best score is in the first, the greater sum in the second.
func.func @group_score() {
  %l0 = arith.constant dense<[[1.0986123, -1.0986123, 0.40546511, 0.40546511]]> : tensor<1x4xf32>
  %l = tensor.cast %l0 : tensor<1x4xf32> to tensor<?x4xf32>
  %m = moe.route sigmoid %l groups <count = 2, keep = 1, by = max>
      : (tensor<?x4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  check.expect_routing %m experts [0, 1] weights [0.75, 0.25] within 1.0e-7 : !moe.routing<experts = 4, top_k = 2>
  %t = moe.route sigmoid %l groups <count = 2, keep = 1, by = top2_sum>
      : (tensor<?x4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  check.expect_routing %t experts [2, 3] weights [0.6, 0.6] within 1.0e-7 : !moe.routing<experts = 4, top_k = 2>
  return
}

// With a bias of -2 every c is negative: (-1.25, -1.5) and (-1.5, -1.5). The first group is kept; were the other masked
// with 0 instead of -inf, its experts would be chosen.
func.func @negative_bias() {
  %l0 = arith.constant dense<[[1.0986123, 0.0, 0.0, 0.0]]> : tensor<1x4xf32>
  %l = tensor.cast %l0 : tensor<1x4xf32> to tensor<?x4xf32>
  %b = arith.constant dense<-2.0> : tensor<4xf32>
  %r = moe.route sigmoid %l bias %b groups <count = 2, keep = 1, by = top2_sum>
      : (tensor<?x4xf32>, tensor<4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  check.expect_routing %r experts [0, 1] weights [0.75, 0.5] within 1.0e-7 : !moe.routing<experts = 4, top_k = 2>
  return
}

// The bias counts in the group's score: (1/2 + 1/2) against (1/4 + 1/4 + 1).
func.func @bias_in_group_score() {
  %l0 = arith.constant dense<[[0.0, 0.0, -1.0986123, -1.0986123]]> : tensor<1x4xf32>
  %l = tensor.cast %l0 : tensor<1x4xf32> to tensor<?x4xf32>
  %b = arith.constant dense<[0.0, 0.0, 1.0, 0.0]> : tensor<4xf32>
  %r = moe.route sigmoid %l bias %b groups <count = 2, keep = 1, by = top2_sum>
      : (tensor<?x4xf32>, tensor<4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  check.expect_routing %r experts [2, 3] weights [0.25, 0.25] within 1.0e-7 : !moe.routing<experts = 4, top_k = 2>
  return
}

// Equal groups: the lower one is kept. A group whose score is NaN is not.
func.func @group_ties_and_nan() {
  %l0 = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [0x7FC00000, 0.0, -1.0986123, -1.0986123]]> : tensor<2x4xf32>
  %l = tensor.cast %l0 : tensor<2x4xf32> to tensor<?x4xf32>
  %r = moe.route sigmoid %l groups <count = 2, keep = 1, by = top2_sum>
      : (tensor<?x4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  check.expect_routing %r experts [0, 1, 2, 3] weights [0.5, 0.5, 0.25, 0.25] within 1.0e-7
      : !moe.routing<experts = 4, top_k = 2>
  return
}
