// RUN: moe-translate --interpret %s

// The queries are ln 3 = 1.0986123 and the scale 1, so that keys 0 and 1 get weights 1/4 and 3/4.

// Two sequences in one step. Slot 0 holds keys 0, 1 and values 4, 8; slot 1 holds key 100 and value 50. The first token
// sees itself alone although the cache already has the position after it: 4; slot 1: 50; the third: 4/4 + 3·8/4 = 7.
func.func @causal_and_apart() {
  %batch = check.batch tokens [0, 0, 0] positions [0, 0, 1] slots [0, 1, 0] outputs []
  %empty = check.cache : !moe.cache<[1, 1], f32>
  %k0 = arith.constant dense<[[0.0], [100.0], [1.0]]> : tensor<3x1xf32>
  %k = tensor.cast %k0 : tensor<3x1xf32> to tensor<?x1xf32>
  %v0 = arith.constant dense<[[4.0], [50.0], [8.0]]> : tensor<3x1xf32>
  %v = tensor.cast %v0 : tensor<3x1xf32> to tensor<?x1xf32>
  %q0 = arith.constant dense<1.0986123> : tensor<3x1xf32>
  %q = tensor.cast %q0 : tensor<3x1xf32> to tensor<?x1xf32>
  %cache = moe.cache_append %empty, (%k, %v) of %batch : !moe.cache<[1, 1], f32>, (tensor<?x1xf32>, tensor<?x1xf32>)
  %o = moe.attention %q, %cache of %batch heads 1 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x1xf32>, !moe.cache<[1, 1], f32>) -> tensor<?x1xf32>
  check.expect_close %o, dense<[[4.0], [50.0], [7.0]]> : tensor<3x1xf32> within 1.0e-6 : tensor<?x1xf32>
  return
}

// The same third token in a step of its own, by what the first step remembered.
func.func @remembered() {
  %first = check.batch tokens [0, 0] positions [0, 0] slots [0, 1] outputs []
  %empty = check.cache : !moe.cache<[1, 1], f32>
  %k0 = arith.constant dense<[[0.0], [100.0]]> : tensor<2x1xf32>
  %k = tensor.cast %k0 : tensor<2x1xf32> to tensor<?x1xf32>
  %v0 = arith.constant dense<[[4.0], [50.0]]> : tensor<2x1xf32>
  %v = tensor.cast %v0 : tensor<2x1xf32> to tensor<?x1xf32>
  %cache = moe.cache_append %empty, (%k, %v) of %first : !moe.cache<[1, 1], f32>, (tensor<?x1xf32>, tensor<?x1xf32>)

  %second = check.batch tokens [0] positions [1] slots [0] outputs []
  %k1 = arith.constant dense<1.0> : tensor<1x1xf32>
  %k2 = tensor.cast %k1 : tensor<1x1xf32> to tensor<?x1xf32>
  %v1 = arith.constant dense<8.0> : tensor<1x1xf32>
  %v2 = tensor.cast %v1 : tensor<1x1xf32> to tensor<?x1xf32>
  %q0 = arith.constant dense<1.0986123> : tensor<1x1xf32>
  %q = tensor.cast %q0 : tensor<1x1xf32> to tensor<?x1xf32>
  %cache2 = moe.cache_append %cache, (%k2, %v2) of %second : !moe.cache<[1, 1], f32>, (tensor<?x1xf32>, tensor<?x1xf32>)
  %o = moe.attention %q, %cache2 of %second heads 1 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x1xf32>, !moe.cache<[1, 1], f32>) -> tensor<?x1xf32>
  check.expect_close %o, dense<7.0> : tensor<1x1xf32> within 1.0e-6 : tensor<?x1xf32>
  return
}

// A position that is written again has the new row.
func.func @overwritten() {
  %batch = check.batch tokens [0] positions [0] slots [3] outputs []
  %empty = check.cache : !moe.cache<[1, 1], f32>
  %a0 = arith.constant dense<1.0> : tensor<1x1xf32>
  %a = tensor.cast %a0 : tensor<1x1xf32> to tensor<?x1xf32>
  %b0 = arith.constant dense<2.0> : tensor<1x1xf32>
  %b = tensor.cast %b0 : tensor<1x1xf32> to tensor<?x1xf32>
  %old = moe.cache_append %empty, (%a, %a) of %batch : !moe.cache<[1, 1], f32>, (tensor<?x1xf32>, tensor<?x1xf32>)
  %new = moe.cache_append %old, (%a, %b) of %batch : !moe.cache<[1, 1], f32>, (tensor<?x1xf32>, tensor<?x1xf32>)
  %o = moe.attention %a, %new of %batch heads 1 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x1xf32>, !moe.cache<[1, 1], f32>) -> tensor<?x1xf32>
  check.expect_equal %o, dense<2.0> : tensor<1x1xf32> : tensor<?x1xf32>
  // Caches are values: the old one is as it was.
  %p = moe.attention %a, %old of %batch heads 1 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x1xf32>, !moe.cache<[1, 1], f32>) -> tensor<?x1xf32>
  check.expect_equal %p, dense<1.0> : tensor<1x1xf32> : tensor<?x1xf32>
  return
}

// Four query heads on two kv heads: the first two read the first. Kv head 0 has keys 0, 1 and values 4, 8; kv head 1 has
// keys 1, 0 and values 16, 32. Queries ln 3, 0, ln 3, 0: 7, (4+8)/2 = 6, 3·16/4 + 32/4 = 20, (16+32)/2 = 24.
func.func @grouped() {
  %batch = check.batch tokens [0, 0] positions [0, 1] slots [0, 0] outputs []
  %empty = check.cache : !moe.cache<[2, 2], f32>
  %k0 = arith.constant dense<[[0.0, 1.0], [1.0, 0.0]]> : tensor<2x2xf32>
  %k = tensor.cast %k0 : tensor<2x2xf32> to tensor<?x2xf32>
  %v0 = arith.constant dense<[[4.0, 16.0], [8.0, 32.0]]> : tensor<2x2xf32>
  %v = tensor.cast %v0 : tensor<2x2xf32> to tensor<?x2xf32>
  %q0 = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [1.0986123, 0.0, 1.0986123, 0.0]]> : tensor<2x4xf32>
  %q = tensor.cast %q0 : tensor<2x4xf32> to tensor<?x4xf32>
  %cache = moe.cache_append %empty, (%k, %v) of %batch : !moe.cache<[2, 2], f32>, (tensor<?x2xf32>, tensor<?x2xf32>)
  %o = moe.attention %q, %cache of %batch heads 4 kv_heads 2 keys 1 value 1 scale 1.0
      : (tensor<?x4xf32>, !moe.cache<[2, 2], f32>) -> tensor<?x4xf32>
  check.expect_close %o, dense<[[4.0, 4.0, 16.0, 16.0], [7.0, 6.0, 20.0, 24.0]]> : tensor<2x4xf32> within 4.0e-6 : tensor<?x4xf32>
  return
}

// Keys of two parts, [0, 0 | 1] and [1, 1 | 3]; the values are the first part. With query [ln 3, -2 ln 3 | ln 3] and scale
// 1/2 the scores are ln 3 / 2 and (1 - 2 + 3) ln 3 / 2: weights 1 to √3, so 1 / (1 + √3) = 0.3660254 and 0.6339746.
func.func @key_of_two_parts() {
  %batch = check.batch tokens [0, 0] positions [0, 1] slots [0, 0] outputs []
  %empty = check.cache : !moe.cache<[2, 1], f32>
  %c0 = arith.constant dense<[[0.0, 0.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %c = tensor.cast %c0 : tensor<2x2xf32> to tensor<?x2xf32>
  %r0 = arith.constant dense<[[1.0], [3.0]]> : tensor<2x1xf32>
  %r = tensor.cast %r0 : tensor<2x1xf32> to tensor<?x1xf32>
  %q0 = arith.constant dense<[[0.0, 0.0, 0.0], [1.0986123, -2.1972246, 1.0986123]]> : tensor<2x3xf32>
  %q = tensor.cast %q0 : tensor<2x3xf32> to tensor<?x3xf32>
  %cache = moe.cache_append %empty, (%c, %r) of %batch : !moe.cache<[2, 1], f32>, (tensor<?x2xf32>, tensor<?x1xf32>)
  %o = moe.attention %q, %cache of %batch heads 1 kv_heads 1 keys 2 value 0 scale 0.5
      : (tensor<?x3xf32>, !moe.cache<[2, 1], f32>) -> tensor<?x2xf32>
  check.expect_close %o, dense<[[0.0, 0.0], [0.6339746, 0.6339746]]> : tensor<2x2xf32> within 1.0e-6 : tensor<?x2xf32>
  return
}

// Scores of 300 and 0 would overflow exp in f32: the greatest is subtracted first.
func.func @large_scores() {
  %batch = check.batch tokens [0, 0] positions [0, 1] slots [0, 0] outputs []
  %empty = check.cache : !moe.cache<[1, 1], f32>
  %k0 = arith.constant dense<[[3.0], [0.0]]> : tensor<2x1xf32>
  %k = tensor.cast %k0 : tensor<2x1xf32> to tensor<?x1xf32>
  %q0 = arith.constant dense<1000.0> : tensor<2x1xf32>
  %q = tensor.cast %q0 : tensor<2x1xf32> to tensor<?x1xf32>
  %cache = moe.cache_append %empty, (%k, %k) of %batch : !moe.cache<[1, 1], f32>, (tensor<?x1xf32>, tensor<?x1xf32>)
  %o = moe.attention %q, %cache of %batch heads 1 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x1xf32>, !moe.cache<[1, 1], f32>) -> tensor<?x1xf32>
  check.expect_equal %o, dense<3.0> : tensor<2x1xf32> : tensor<?x1xf32>
  return
}
