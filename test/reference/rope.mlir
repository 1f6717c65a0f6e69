// RUN: moe-translate --interpret %s

// Frequencies 100^0 = 1 and 100^(-2/4) = 0.1; angles of position 5: 5 and 0.5.
// cos 5 = 0.28366219, cos 0.5 = 0.87758256, sin 5 = -0.95892427, sin 0.5 = 0.47942554.
func.func @table() {
  %batch = check.batch tokens [0, 0] positions [0, 5] slots [0, 0] outputs []
  %cs = moe.rope_table <width = 4, theta = 100.0> of %batch : tensor<?x4xf32>
  check.expect_close %cs, dense<[[1.0, 1.0, 0.0, 0.0], [0.28366219, 0.87758256, -0.95892427, 0.47942554]]> : tensor<2x4xf32>
      within 1.0e-7 : tensor<?x4xf32>
  return
}

// Both frequencies divided by 2: angles 2.5 and 0.25. cos: -0.80114362, 0.96891242; sin: 0.59847214, 0.24740396.
func.func @table_linear() {
  %batch = check.batch tokens [0] positions [5] slots [0] outputs []
  %cs = moe.rope_table <width = 4, theta = 100.0, scaling = #moe.linear_scaling<factor = 2.0>> of %batch : tensor<?x4xf32>
  check.expect_close %cs, dense<[[-0.80114362, 0.96891242, 0.59847214, 0.24740396]]> : tensor<1x4xf32>
      within 1.0e-7 : tensor<?x4xf32>
  return
}

// Wavelengths of 1, 0.1, 0.01: 6.283, 62.83, 628.3; with original 100, low 1 and high 4 the borders are 100 and 25.
// 6.283 < 25: kept, 1. 62.83 between: s = (100/62.831853 - 1)/3 = 0.19718314, f = 0.1 (0.80281686/8 + 0.19718314) = 0.029753525.
// 628.3 > 100: divided by 8, 0.00125. Angles of position 10: 10, 0.29753525, 0.0125.
func.func @table_llama3() {
  %batch = check.batch tokens [0] positions [10] slots [0] outputs []
  %cs = moe.rope_table <width = 6, theta = 1000.0, scaling = #moe.llama3_scaling<factor = 8.0, low = 1.0, high = 4.0,
      original = 100>> of %batch : tensor<?x6xf32>
  check.expect_close %cs, dense<[[-0.83907153, 0.95606197, 0.99992188, -0.54402111, 0.29316465, 0.01249967]]> : tensor<1x6xf32>
      within 1.0e-6 : tensor<?x6xf32>
  return
}

// theta 10, width 8, original 100: dim(n) = 8 ln(100/(2πn)) / (2 ln 10): dim(4) = 2.3990, dim(1) = 4.8073; truncated
// to [2, 5], the ramp is 0, 0, 0, 1/3. Frequencies 1, 0.5623413, 0.31622777, 0.17782794 (1/3/4 + 2/3) = 0.13337096.
// Angles of position 2; cos and sin times 0.5.
func.func @table_yarn() {
  %batch = check.batch tokens [0] positions [2] slots [0] outputs []
  %cs = moe.rope_table <width = 8, theta = 10.0, scaling = #moe.yarn_scaling<factor = 4.0, beta_fast = 4.0,
      beta_slow = 1.0, original = 100, attention_factor = 0.5, truncate = true>> of %batch : tensor<?x8xf32>
  check.expect_close %cs, dense<[[-0.20807342, 0.21573141, 0.40328920, 0.48231741, 0.45464871, 0.45106536, 0.29556356, 0.13179499]]> : tensor<1x8xf32>
      within 1.0e-6 : tensor<?x8xf32>
  return
}

// Two heads of 4, all of which rotate. At position 1 and theta 1 both angles are 1: cos 0.5403023, sin 0.84147098.
// Halves pair (1, 3) and (2, 4): 1 cos - 3 sin = -1.9841106, 2 cos - 4 sin = -2.2852793, 3 cos + 1 sin = 2.4623779,
// 4 cos + 2 sin = 3.8441512. The second head is zero but for its last element: pair (0, 1) -> (-sin, cos).
func.func @half() {
  %x0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 1.0]]> : tensor<1x8xf32>
  %x = tensor.cast %x0 : tensor<1x8xf32> to tensor<?x8xf32>
  %batch = check.batch tokens [0] positions [1] slots [0] outputs []
  %cs = moe.rope_table <width = 4, theta = 1.0> of %batch : tensor<?x4xf32>
  %y = moe.rope half %x, %cs heads 2 : tensor<?x8xf32>, tensor<?x4xf32>
  check.expect_close %y, dense<[[-1.9841106, -2.2852793, 2.4623779, 3.8441512, 0.0, -0.84147098, 0.0, 0.5403023]]> : tensor<1x8xf32>
      within 5.0e-7 : tensor<?x8xf32>
  return
}

// Neighbours pair (1, 2) and (3, 4): 1 cos - 2 sin = -1.1426397, 2 cos + 1 sin = 1.9220756, 3 cos - 4 sin = -1.744977,
// 4 cos + 3 sin = 4.6856221. The last pair of the second head is (0, 1) -> (-sin, cos).
func.func @interleaved() {
  %x0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 1.0]]> : tensor<1x8xf32>
  %x = tensor.cast %x0 : tensor<1x8xf32> to tensor<?x8xf32>
  %batch = check.batch tokens [0] positions [1] slots [0] outputs []
  %cs = moe.rope_table <width = 4, theta = 1.0> of %batch : tensor<?x4xf32>
  %y = moe.rope interleaved %x, %cs heads 2 : tensor<?x8xf32>, tensor<?x4xf32>
  check.expect_close %y, dense<[[-1.1426397, 1.9220756, -1.744977, 4.6856221, 0.0, 0.0, -0.84147098, 0.5403023]]> : tensor<1x8xf32>
      within 5.0e-7 : tensor<?x8xf32>
  return
}

// Only the last two elements of each head rotate.
func.func @begin() {
  %x0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %x = tensor.cast %x0 : tensor<1x4xf32> to tensor<?x4xf32>
  %batch = check.batch tokens [0] positions [1] slots [0] outputs []
  %cs = moe.rope_table <width = 2, theta = 1.0> of %batch : tensor<?x2xf32>
  %y = moe.rope half %x, %cs begin 2 : tensor<?x4xf32>, tensor<?x2xf32>
  check.expect_close %y, dense<[[1.0, 2.0, -1.744977, 4.6856221]]> : tensor<1x4xf32> within 5.0e-7 : tensor<?x4xf32>
  return
}
