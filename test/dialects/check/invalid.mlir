// RUN: moe-opt %s --split-input-file --verify-diagnostics

func.func @batch_c1() {
  // expected-error @below {{expected a position and a slot for each of 2 tokens, got 1 positions and 2 slots}}
  %b = check.batch tokens [1, 2] positions [0] slots [0, 0] outputs []
  return
}

// -----

func.func @batch_c2() {
  // expected-error @below {{expected no negative token, position or slot, got -1}}
  %b = check.batch tokens [1] positions [-1] slots [0] outputs []
  return
}

// -----

func.func @batch_c3() {
  // expected-error @below {{expected outputs below 1 (tokens of the step), got 1}}
  %b = check.batch tokens [1] positions [0] slots [0] outputs [1]
  return
}

// -----

func.func @batch_c4() {
  // expected-error @below {{expected growing positions in slot 5, got 3 after 3}}
  %b = check.batch tokens [1, 1, 1] positions [3, 0, 3] slots [5, 6, 5] outputs []
  return
}

// -----

func.func @routing_c1() {
  // expected-error @below {{expected 2 experts for each token, got 3 in all}}
  %r = check.routing experts [0, 1, 2] weights [1.0, 1.0, 1.0] : !moe.routing<experts = 4, top_k = 2>
  return
}

// -----

func.func @routing_c2() {
  // expected-error @below {{expected a weight for each of 2 experts, got 1}}
  %r = check.routing experts [0, 1] weights [1.0] : !moe.routing<experts = 4, top_k = 2>
  return
}

// -----

func.func @routing_c3() {
  // expected-error @below {{expected experts below 4, got 4}}
  %r = check.routing experts [0, 4] weights [1.0, 1.0] : !moe.routing<experts = 4, top_k = 2>
  return
}

// -----

func.func @routing_c4() {
  // expected-error @below {{expected distinct experts for a token, got 3 twice}}
  %r = check.routing experts [3, 0, 3, 3] weights [1.0, 1.0, 1.0, 1.0] : !moe.routing<experts = 4, top_k = 2>
  return
}

// -----

func.func @expect_equal_nothing(%x: tensor<?x2xf32>) {
  // expected-error @below {{expected either a value or a literal to compare with}}
  "check.expect_equal"(%x) : (tensor<?x2xf32>) -> ()
  return
}

// -----

func.func @expect_equal_c1(%x: tensor<?x2xf32>) {
  // expected-error @below {{expected something like 'tensor<?x2xf32>' to compare with, got 'tensor<1x3xf32>'}}
  check.expect_equal %x, dense<0.0> : tensor<1x3xf32> : tensor<?x2xf32>
  return
}

// -----

func.func @expect_equal_c1_element(%x: tensor<?x2xf32>) {
  // expected-error @below {{expected something like 'tensor<?x2xf32>' to compare with, got 'tensor<1x2xbf16>'}}
  check.expect_equal %x, dense<0.0> : tensor<1x2xbf16> : tensor<?x2xf32>
  return
}

// -----

func.func @expect_close_c1(%x: tensor<?x2xf32>, %y: tensor<?x3xf32>) {
  // expected-error @below {{expected something like 'tensor<?x2xf32>' to compare with, got 'tensor<?x3xf32>'}}
  check.expect_close %x, %y within 0.0 : tensor<?x2xf32>, tensor<?x3xf32>
  return
}

// -----

func.func @expect_close_c2(%x: tensor<?x2xf32>) {
  // expected-error @below {{expected a tolerance of at least 0, got -1}}
  check.expect_close %x, %x within -1.0 : tensor<?x2xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @expect_routing_c1(%r: !moe.routing<experts = 4, top_k = 2>) {
  // expected-error @below {{expected a weight for each of 2 experts, got 0}}
  check.expect_routing %r experts [0, 1] weights [] within 0.0 : !moe.routing<experts = 4, top_k = 2>
  return
}

// -----

func.func @expect_routing_c2(%r: !moe.routing<experts = 4, top_k = 2>) {
  // expected-error @below {{expected a tolerance of at least 0, got nan}}
  check.expect_routing %r experts [0, 1] weights [0.5, 0.5] within 0x7FF8000000000000 : !moe.routing<experts = 4, top_k = 2>
  return
}
