// RUN: moe-translate --interpret %s

func.func @embedding() {
  %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xbf16>
  %batch = check.batch tokens [2, 0, 2] positions [0, 1, 2] slots [0, 0, 0] outputs []
  %x = moe.embedding %table of %batch : tensor<3x2xbf16> -> tensor<?x2xf32>
  check.expect_equal %x, dense<[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]> : tensor<3x2xf32> : tensor<?x2xf32>
  return
}

func.func @output_rows() {
  %x0 = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %x = tensor.cast %x0 : tensor<3x2xf32> to tensor<?x2xf32>
  %batch = check.batch tokens [0, 0, 0] positions [0, 1, 0] slots [0, 0, 1] outputs [1, 2]
  %y = moe.output_rows %x of %batch : tensor<?x2xf32>
  check.expect_equal %y, dense<[[3.0, 4.0], [5.0, 6.0]]> : tensor<2x2xf32> : tensor<?x2xf32>
  return
}

// A step may want no logits at all.
func.func @output_rows_none() {
  %x0 = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %x = tensor.cast %x0 : tensor<1x2xf32> to tensor<?x2xf32>
  %batch = check.batch tokens [0] positions [0] slots [0] outputs []
  %y = moe.output_rows %x of %batch : tensor<?x2xf32>
  check.expect_equal %y, dense<> : tensor<0x2xf32> : tensor<?x2xf32>
  return
}

// mean([3, 5]²) = 17, + eps 8 = 25, so the row is divided by 5; mean([1, -1]²) + 8 = 9, divided by 3.
func.func @rms_norm() {
  %x0 = arith.constant dense<[[3.0, 5.0], [1.0, -1.0]]> : tensor<2x2xf32>
  %x = tensor.cast %x0 : tensor<2x2xf32> to tensor<?x2xf32>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = moe.rms_norm %x, %w eps 8.0 : tensor<?x2xf32>, tensor<2xf32>
  check.expect_close %y, dense<[[0.6, 2.0], [0.33333333, -0.66666667]]> : tensor<2x2xf32> within 1.0e-7 : tensor<?x2xf32>
  return
}

// The same numbers as two heads of one row: each head has its own mean, both have the same weight.
func.func @rms_norm_heads() {
  %x0 = arith.constant dense<[[3.0, 5.0, 1.0, -1.0]]> : tensor<1x4xf32>
  %x = tensor.cast %x0 : tensor<1x4xf32> to tensor<?x4xf32>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = moe.rms_norm %x, %w eps 8.0 heads 2 : tensor<?x4xf32>, tensor<2xf32>
  check.expect_close %y, dense<[[0.6, 2.0, 0.33333333, -0.66666667]]> : tensor<1x4xf32> within 1.0e-7 : tensor<?x4xf32>
  return
}

// Rows of the weight are outputs: 1·1 + 2·10 = 21, 1·100 + 2·1000 = 2100, 1·3 + 2·4 = 11; with 3, 4: 43, 4300, 25.
func.func @linear() {
  %x0 = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %x = tensor.cast %x0 : tensor<2x2xf32> to tensor<?x2xf32>
  %w = arith.constant dense<[[1.0, 10.0], [100.0, 1000.0], [3.0, 4.0]]> : tensor<3x2xf16>
  %y = moe.linear %x, %w : (tensor<?x2xf32>, tensor<3x2xf16>) -> tensor<?x3xf32>
  check.expect_equal %y, dense<[[21.0, 2100.0, 11.0], [43.0, 4300.0, 25.0]]> : tensor<2x3xf32> : tensor<?x3xf32>
  %b = arith.constant dense<[0.5, -100.0, 1.0]> : tensor<3xf32>
  %z = moe.linear %x, %w bias %b : (tensor<?x2xf32>, tensor<3x2xf16>, tensor<3xf32>) -> tensor<?x3xf32>
  check.expect_equal %z, dense<[[21.5, 2000.0, 12.0], [43.5, 4200.0, 26.0]]> : tensor<2x3xf32> : tensor<?x3xf32>
  return
}

// Two heads of K = 2, N = 2 with x = [1, 10] in both: head 0 gives 1·1 + 10·2 = 21 and 1·3 + 10·4 = 43, head 1 gives
// 1·5 + 10·6 = 65 and 1·7 + 10·8 = 87. Transposed, 1·1 + 10·3 = 31, 1·2 + 10·4 = 42, 1·5 + 10·7 = 75 and 1·6 + 10·8 = 86.
func.func @head_linear() {
  %x0 = arith.constant dense<[[1.0, 10.0, 1.0, 10.0]]> : tensor<1x4xf32>
  %x = tensor.cast %x0 : tensor<1x4xf32> to tensor<?x4xf32>
  %w = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  %y = moe.head_linear %x, %w : (tensor<?x4xf32>, tensor<2x2x2xf32>) -> tensor<?x4xf32>
  check.expect_equal %y, dense<[[21.0, 43.0, 65.0, 87.0]]> : tensor<1x4xf32> : tensor<?x4xf32>
  %z = moe.head_linear %x, %w transposed : (tensor<?x4xf32>, tensor<2x2x2xf32>) -> tensor<?x4xf32>
  check.expect_equal %z, dense<[[31.0, 42.0, 75.0, 86.0]]> : tensor<1x4xf32> : tensor<?x4xf32>
  return
}

// K and N differ: two heads of K = 2, N = 1 give 1·1 + 2·2 = 5 and 3·3 + 4·4 = 25; transposed, the same weight takes
// K = 1 to N = 2: 5·[1, 2] and 25·[3, 4].
func.func @head_linear_widths() {
  %x0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %x = tensor.cast %x0 : tensor<1x4xf32> to tensor<?x4xf32>
  %w = arith.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]]]> : tensor<2x1x2xf32>
  %y = moe.head_linear %x, %w : (tensor<?x4xf32>, tensor<2x1x2xf32>) -> tensor<?x2xf32>
  check.expect_equal %y, dense<[[5.0, 25.0]]> : tensor<1x2xf32> : tensor<?x2xf32>
  %z = moe.head_linear %y, %w transposed : (tensor<?x2xf32>, tensor<2x1x2xf32>) -> tensor<?x4xf32>
  check.expect_equal %z, dense<[[5.0, 10.0, 75.0, 100.0]]> : tensor<1x4xf32> : tensor<?x4xf32>
  return
}

// The first half is the gate. silu(0) = 0; silu(ln 3) = ln 3 / (1 + 1/3) = 0.75 ln 3 = 0.82395922; times 2 = 1.6479184.
// silu(-ln 3) = -ln 3 / 4 = -0.27465307; times 4 = -ln 3. silu(-200) is -200/(1 + e^200), zero in f32 and not NaN.
func.func @glu() {
  %x0 = arith.constant dense<[[0.0, 1.0986123, 7.0, 2.0], [-1.0986123, -200.0, 4.0, 3.0]]> : tensor<2x4xf32>
  %x = tensor.cast %x0 : tensor<2x4xf32> to tensor<?x4xf32>
  %y = moe.glu silu %x : tensor<?x4xf32> -> tensor<?x2xf32>
  check.expect_close %y, dense<[[0.0, 1.6479184], [-1.0986123, 0.0]]> : tensor<2x2xf32> within 2.0e-7 : tensor<?x2xf32>
  return
}

// In f32: 2^24 + 1 is a tie, which goes to the even 2^24.
func.func @add() {
  %x0 = arith.constant dense<[[1.0, 16777216.0]]> : tensor<1x2xf32>
  %x = tensor.cast %x0 : tensor<1x2xf32> to tensor<?x2xf32>
  %y0 = arith.constant dense<[[0.5, 1.0]]> : tensor<1x2xf32>
  %y = tensor.cast %y0 : tensor<1x2xf32> to tensor<?x2xf32>
  %z = moe.add %x, %y : tensor<?x2xf32>
  check.expect_equal %z, dense<[[1.5, 16777216.0]]> : tensor<1x2xf32> : tensor<?x2xf32>
  return
}

// Gates of 0 and of one column: σ(0) = 1/2, σ(ln 3) = 3/4.
func.func @sigmoid_gate() {
  %x0 = arith.constant dense<[[8.0, 4.0]]> : tensor<1x2xf32>
  %x = tensor.cast %x0 : tensor<1x2xf32> to tensor<?x2xf32>
  %g0 = arith.constant dense<[[0.0, 1.09861228867]]> : tensor<1x2xf32>
  %g = tensor.cast %g0 : tensor<1x2xf32> to tensor<?x2xf32>
  %y = moe.sigmoid_gate %x, %g : tensor<?x2xf32>, tensor<?x2xf32>
  check.expect_close %y, dense<[[4.0, 3.0]]> : tensor<1x2xf32> within 1.0e-6 : tensor<?x2xf32>
  %h0 = arith.constant dense<[[1.09861228867]]> : tensor<1x1xf32>
  %h = tensor.cast %h0 : tensor<1x1xf32> to tensor<?x1xf32>
  %z = moe.sigmoid_gate %x, %h : tensor<?x2xf32>, tensor<?x1xf32>
  check.expect_close %z, dense<[[6.0, 3.0]]> : tensor<1x2xf32> within 1.0e-6 : tensor<?x2xf32>
  return
}

// Columns [1, 3) of the row, and column 1 of each of two heads.
func.func @slice() {
  %x0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %x = tensor.cast %x0 : tensor<2x4xf32> to tensor<?x4xf32>
  %y = moe.slice %x begin 1 : tensor<?x4xf32> -> tensor<?x2xf32>
  check.expect_equal %y, dense<[[2.0, 3.0], [6.0, 7.0]]> : tensor<2x2xf32> : tensor<?x2xf32>
  %z = moe.slice %x begin 1 heads 2 : tensor<?x4xf32> -> tensor<?x2xf32>
  check.expect_equal %z, dense<[[2.0, 4.0], [6.0, 8.0]]> : tensor<2x2xf32> : tensor<?x2xf32>
  return
}

func.func @concat() {
  %x0 = arith.constant dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %x = tensor.cast %x0 : tensor<1x4xf32> to tensor<?x4xf32>
  %y0 = arith.constant dense<[[5.0, 6.0]]> : tensor<1x2xf32>
  %y = tensor.cast %y0 : tensor<1x2xf32> to tensor<?x2xf32>
  %z = moe.concat %x, %y : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<?x6xf32>
  check.expect_equal %z, dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]> : tensor<1x6xf32> : tensor<?x6xf32>
  %h = moe.concat %x, %y heads 2 : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<?x6xf32>
  check.expect_equal %h, dense<[[1.0, 2.0, 5.0, 3.0, 4.0, 6.0]]> : tensor<1x6xf32> : tensor<?x6xf32>
  return
}
