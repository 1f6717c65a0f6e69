// RUN: moe-translate --interpret %s

// bf16 keeps 8 bits: 1 + 2^-8 is half way between 1 and 1 + 2^-7 and goes to the even one, 1; a bit more goes up; 1 + 3·2^-8 goes
// to 1 + 2^-6.
func.func @round() {
  %x0 = arith.constant dense<[[1.00390625, 1.00390637, 1.01171875, -3.0]]> : tensor<1x4xf32>
  %x = tensor.cast %x0 : tensor<1x4xf32> to tensor<?x4xf32>
  %r = moe.round %x : tensor<?x4xf32> -> tensor<?x4xbf16>
  %eye = arith.constant dense<[[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]> : tensor<4x4xbf16>
  %y = moe.linear %r, %eye : (tensor<?x4xbf16>, tensor<4x4xbf16>) -> tensor<?x4xf32>
  check.expect_equal %y, dense<[[1.0, 1.0078125, 1.015625, -3.0]]> : tensor<1x4xf32> : tensor<?x4xf32>
  return
}
