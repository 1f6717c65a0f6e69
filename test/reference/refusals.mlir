// RUN: moe-translate --interpret --allow-unregistered-dialect --split-input-file --verify-diagnostics %s

// What the interpreter cannot do is an error that names the operation.

func.func @unknown_operation() {
  // expected-error @below {{'foo.bar' op cannot be interpreted}}
  "foo.bar"() : () -> ()
  return
}

// -----

func.func @unknown_operation_of_a_known_dialect() {
  // expected-error @below {{'tensor.empty' op cannot be interpreted}}
  %x = tensor.empty() : tensor<2xf32>
  return
}

// -----

func.func @unknown_terminator() {
  // expected-error @below {{'foo.end' op cannot be interpreted}}
  "foo.end"() : () -> ()
}

// -----

func.func @unknown_constant() {
  // expected-error @below {{'arith.constant' op cannot be interpreted: expected a dense tensor of floats, got 'i32'}}
  %x = arith.constant 1 : i32
  return
}

// -----

func.func @huge_constant() {
  // expected-error @below {{'arith.constant' op cannot be interpreted: more than 268435456 elements}}
  %x = arith.constant dense<0.0> : tensor<268435457xf32>
  return
}

// -----

func.func @cast() {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = tensor.cast %x : tensor<2xf32> to tensor<?xf32>
  // expected-error @below {{'tensor.cast' op value is no 'tensor<3xf32>'}}
  %z = tensor.cast %y : tensor<?xf32> to tensor<3xf32>
  return
}

// -----

func.func @recursive() {
  // expected-error @below {{'func.call' op nests deeper than 64 calls}}
  call @recursive() : () -> ()
  return
}

// -----

// expected-error @below {{cannot interpret @elsewhere: it has no body}}
func.func private @elsewhere()
func.func @external_call() {
  call @elsewhere() : () -> ()
  return
}

// -----

// expected-error @below {{no function without arguments to interpret}}
module {
  func.func @argument(%x: tensor<2xf32>) {
    return
  }
}

// -----

moe.weight @w : tensor<2xf32> from [#moe.part<"w">]
func.func @no_weights() {
  // expected-error @below {{'moe.get_weight' op cannot be interpreted: no weights are given}}
  %w = moe.get_weight @w : tensor<2xf32>
  return
}

// -----

func.func @rows_of_operands() {
  %x0 = arith.constant dense<0.0> : tensor<2x1xf32>
  %x = tensor.cast %x0 : tensor<2x1xf32> to tensor<?x1xf32>
  %y0 = arith.constant dense<0.0> : tensor<3x1xf32>
  %y = tensor.cast %y0 : tensor<3x1xf32> to tensor<?x1xf32>
  // expected-error @below {{'moe.add' op expected 2 rows of operand 1, got 3}}
  %z = moe.add %x, %y : tensor<?x1xf32>
  return
}

// -----

func.func @rows_of_batch() {
  %x0 = arith.constant dense<0.0> : tensor<2x1xf32>
  %x = tensor.cast %x0 : tensor<2x1xf32> to tensor<?x1xf32>
  %batch = check.batch tokens [0] positions [0] slots [0] outputs [0]
  // expected-error @below {{'moe.output_rows' op expected 1 rows of operand 0, got 2}}
  %y = moe.output_rows %x of %batch : tensor<?x1xf32>
  return
}

// -----

func.func @rows_of_routing() {
  %x0 = arith.constant dense<0.0> : tensor<1x1xf32>
  %x = tensor.cast %x0 : tensor<1x1xf32> to tensor<?x1xf32>
  %r = check.routing experts [0, 1] weights [0.5, 0.5] : !moe.routing<experts = 2, top_k = 2>
  %y = moe.dispatch %x to %r : tensor<?x1xf32>, !moe.routing<experts = 2, top_k = 2>
  // expected-error @below {{'moe.combine' op expected 2 rows of operand 0, got 1}}
  %z = moe.combine %x of %r : tensor<?x1xf32>, !moe.routing<experts = 2, top_k = 2>
  return
}

// -----

func.func @token_out_of_range() {
  %table = arith.constant dense<0.0> : tensor<3x2xf32>
  %batch = check.batch tokens [2, 3] positions [0, 1] slots [0, 0] outputs []
  // expected-error @below {{'moe.embedding' op expected tokens below 3 (rows of the table), got 3}}
  %x = moe.embedding %table of %batch : tensor<3x2xf32> -> tensor<?x2xf32>
  return
}

// -----

func.func @attention_over_a_gap() {
  %batch = check.batch tokens [0] positions [1] slots [2] outputs []
  %empty = check.cache : !moe.cache<[1, 1], f32>
  %x0 = arith.constant dense<0.0> : tensor<1x1xf32>
  %x = tensor.cast %x0 : tensor<1x1xf32> to tensor<?x1xf32>
  %cache = moe.cache_append %empty, (%x, %x) of %batch : !moe.cache<[1, 1], f32>, (tensor<?x1xf32>, tensor<?x1xf32>)
  // expected-error @below {{'moe.attention' op the cache has not seen position 0 of slot 2}}
  %o = moe.attention %x, %cache of %batch heads 1 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x1xf32>, !moe.cache<[1, 1], f32>) -> tensor<?x1xf32>
  return
}

// -----

func.func @mla_over_a_gap() {
  %batch = check.batch tokens [0] positions [0] slots [0] outputs []
  %empty = check.cache : !moe.cache<[1, 1], f32>
  %q0 = arith.constant dense<0.0> : tensor<1x2xf32>
  %q = tensor.cast %q0 : tensor<1x2xf32> to tensor<?x2xf32>
  %w = arith.constant dense<0.0> : tensor<1x1x1xf32>
  // expected-error @below {{'moe.mla' op the cache has not seen position 0 of slot 0}}
  %o = moe.mla %q, %empty, %w, %w of %batch scale 1.0
      : (tensor<?x2xf32>, !moe.cache<[1, 1], f32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>) -> tensor<?x1xf32>
  return
}
