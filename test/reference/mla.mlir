// RUN: moe-translate --interpret %s

// Latents [1, 2] and [2, 1], rotary keys 0 and 1; two heads of n = 1 and v = 2.
// Head 0: w_uk [1, 0]: keys [1 | 0], [2 | 1]; w_uv [2, 0], [0, 1]: values [2, 2], [4, 1]. Query [0 | 2 ln 3] at scale 1/2:
// scores 0, ln 3; weights 1/4, 3/4; 2/4 + 3·4/4 = 3.5 and 2/4 + 3/4 = 1.25.
// Head 1: w_uk [0, 1]: keys [2 | 0], [1 | 1]; w_uv [0, 3], [1, 0]: values [6, 1], [3, 2]. Query [2 ln 3 | 0]: scores 2 ln 3,
// ln 3; weights 3/4, 1/4; 3·6/4 + 3/4 = 5.25 and 3/4 + 2/4 = 1.25.
// The token at position 0 sees one key and gets its values.
func.func @mla() {
  %cache, %batch = call @remember() : () -> (!moe.cache<[2, 1], f32>, !moe.batch)
  %q = call @query() : () -> tensor<?x4xf32>
  %w_uk, %w_uv = call @weights() : () -> (tensor<2x1x2xbf16>, tensor<2x2x2xbf16>)
  %o = moe.mla %q, %cache, %w_uk, %w_uv of %batch scale 0.5
      : (tensor<?x4xf32>, !moe.cache<[2, 1], f32>, tensor<2x1x2xbf16>, tensor<2x2x2xbf16>) -> tensor<?x4xf32>
  check.expect_close %o, dense<[[2.0, 2.0, 6.0, 1.0], [3.5, 1.25, 5.25, 1.25]]> : tensor<2x4xf32> within 2.0e-6
      : tensor<?x4xf32>
  return
}

// The same by reading the latents as keys and values.
func.func @absorbed() {
  %cache, %batch = call @remember() : () -> (!moe.cache<[2, 1], f32>, !moe.batch)
  %q = call @query() : () -> tensor<?x4xf32>
  %w_uk, %w_uv = call @weights() : () -> (tensor<2x1x2xbf16>, tensor<2x2x2xbf16>)
  %qn = moe.slice %q begin 0 heads 2 : tensor<?x4xf32> -> tensor<?x2xf32>
  %qr = moe.slice %q begin 1 heads 2 : tensor<?x4xf32> -> tensor<?x2xf32>
  %ql = moe.head_linear %qn, %w_uk transposed : (tensor<?x2xf32>, tensor<2x1x2xbf16>) -> tensor<?x4xf32>
  %qk = moe.concat %ql, %qr heads 2 : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<?x6xf32>
  %l = moe.attention %qk, %cache of %batch heads 2 kv_heads 1 keys 2 value 0 scale 0.5
      : (tensor<?x6xf32>, !moe.cache<[2, 1], f32>) -> tensor<?x4xf32>
  %o = moe.head_linear %l, %w_uv : (tensor<?x4xf32>, tensor<2x2x2xbf16>) -> tensor<?x4xf32>
  check.expect_close %o, dense<[[2.0, 2.0, 6.0, 1.0], [3.5, 1.25, 5.25, 1.25]]> : tensor<2x4xf32> within 2.0e-6
      : tensor<?x4xf32>
  return
}

func.func private @remember() -> (!moe.cache<[2, 1], f32>, !moe.batch) {
  %batch = check.batch tokens [0, 0] positions [0, 1] slots [0, 0] outputs []
  %empty = check.cache : !moe.cache<[2, 1], f32>
  %c0 = arith.constant dense<[[1.0, 2.0], [2.0, 1.0]]> : tensor<2x2xf32>
  %c = tensor.cast %c0 : tensor<2x2xf32> to tensor<?x2xf32>
  %r0 = arith.constant dense<[[0.0], [1.0]]> : tensor<2x1xf32>
  %r = tensor.cast %r0 : tensor<2x1xf32> to tensor<?x1xf32>
  %cache = moe.cache_append %empty, (%c, %r) of %batch : !moe.cache<[2, 1], f32>, (tensor<?x2xf32>, tensor<?x1xf32>)
  return %cache, %batch : !moe.cache<[2, 1], f32>, !moe.batch
}

func.func private @query() -> tensor<?x4xf32> {
  %q0 = arith.constant dense<[[0.0, 2.1972246, 2.1972246, 0.0], [0.0, 2.1972246, 2.1972246, 0.0]]> : tensor<2x4xf32>
  %q = tensor.cast %q0 : tensor<2x4xf32> to tensor<?x4xf32>
  return %q : tensor<?x4xf32>
}

func.func private @weights() -> (tensor<2x1x2xbf16>, tensor<2x2x2xbf16>) {
  %w_uk = arith.constant dense<[[[1.0, 0.0]], [[0.0, 1.0]]]> : tensor<2x1x2xbf16>
  %w_uv = arith.constant dense<[[[2.0, 0.0], [0.0, 1.0]], [[0.0, 3.0], [1.0, 0.0]]]> : tensor<2x2x2xbf16>
  return %w_uk, %w_uv : tensor<2x1x2xbf16>, tensor<2x2x2xbf16>
}
