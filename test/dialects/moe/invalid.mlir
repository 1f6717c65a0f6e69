// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Weights and rows: one function for each constraint, named after the operation and the id in its description.

// expected-error @below {{expected a tensor of rank 1 to 3, got 'tensor<1x1x1x1xf32>'}}
moe.weight @rank : tensor<1x1x1x1xf32> from [#moe.part<"w">]

// -----

// expected-error @below {{expected a tensor of rank 1 to 3, got 'tensor<f32>'}}
moe.weight @scalar : tensor<f32> from [#moe.part<"w">]

// -----

// expected-error @below {{expected at least one part}}
moe.weight @no_parts : tensor<4x4xf32> from []

// -----

// expected-error @below {{expected parts without {expert} or heads (rank 2), got #moe.part<"w.{expert}">}}
moe.weight @stacked_matrix : tensor<4x4xf32> from [#moe.part<"w.{expert}">]

// -----

// expected-error @below {{expected parts stacked by {expert} or heads (rank 3), got #moe.part<"w">}}
moe.weight @plain_stack : tensor<2x4x4xf32> from [#moe.part<"w.{expert}">, #moe.part<"w">]

// -----

// expected-error @below {{expected 2 heads (first dimension), got #moe.part<"w", heads = 4, end = 4>}}
moe.weight @heads : tensor<2x4x4xf32> from [#moe.part<"w", heads = 4, end = 4>]

// -----

// expected-error @below {{a vector has no panels}}
moe.weight @vector_panels : tensor<4xf32> from [#moe.part<"w">] layout <width = 4>

// -----

// expected-error @below {{expected the parts of the panels to divide the rows, got 2 parts of 5}}
moe.weight @odd_parts : tensor<5x4xf32> from [#moe.part<"w">] layout <width = 4, parts = 2>

// -----

// expected-error @below {{expected a matrix of scaled elements, got a vector}}
moe.weight @scaled_vector : tensor<4x!moe.scaled<i8, 1x32, bf16>> from [#moe.part<"w">]

// -----

// expected-error @below {{expected scaled elements of a part with scales, got 'bf16'}}
moe.weight @scales : tensor<4x4xbf16> from [#moe.part<"w" scale "s">]

// -----

func.func @sigmoid_gate_c1(%x: tensor<?x4xf32>, %g: tensor<?x2xf32>) {
  // expected-error @below {{expected the gate to be 4 wide (one column, or the input), got 2}}
  %y = moe.sigmoid_gate %x, %g : tensor<?x4xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @scaled_table(%w: tensor<4x32x!moe.scaled<i8, 1x32, bf16>>, %b: !moe.batch) {
  // expected-error @below {{operand #0 must be static f32, bf16 or f16 tensor of rank 2}}
  %y = moe.embedding %w of %b : tensor<4x32x!moe.scaled<i8, 1x32, bf16>> -> tensor<?x32xf32>
  return
}

// -----

func.func @get_weight_symbol() {
  // expected-error @below {{no moe.weight named @nothing}}
  %w = moe.get_weight @nothing : tensor<4xf32>
  return
}

// -----

moe.weight @w : tensor<4xf32> from [#moe.part<"w">]
func.func @get_weight_type() {
  // expected-error @below {{expected 'tensor<4xf32>' (type of the weight), got 'tensor<5xf32>'}}
  %w = moe.get_weight @w : tensor<5xf32>
  return
}

// -----

func.func @rows_static(%x: tensor<2x4xf32>) {
  // expected-error @below {{operand #0 must be f32 rows of static, positive width (tensor<?xNxf32>), but got 'tensor<2x4xf32>'}}
  %y = moe.add %x, %x : tensor<2x4xf32>
  return
}

// -----

func.func @rows_dynamic(%x: tensor<?x?xf32>) {
  // expected-error @below {{operand #0 must be f32 rows of static, positive width (tensor<?xNxf32>), but got 'tensor<?x?xf32>'}}
  %y = moe.add %x, %x : tensor<?x?xf32>
  return
}

// -----

func.func @rows_empty(%x: tensor<?x0xf32>) {
  // expected-error @below {{operand #0 must be f32 rows of static, positive width (tensor<?xNxf32>), but got 'tensor<?x0xf32>'}}
  %y = moe.add %x, %x : tensor<?x0xf32>
  return
}

// -----

func.func @rows_bf16(%x: tensor<?x4xbf16>) {
  // expected-error @below {{operand #0 must be f32 rows of static, positive width (tensor<?xNxf32>), but got 'tensor<?x4xbf16>'}}
  %y = moe.add %x, %x : tensor<?x4xbf16>
  return
}

// -----

func.func @weight_element(%x: tensor<?x4xf32>, %w: tensor<2x4xi8>) {
  // expected-error @below {{operand #1 must be static f32, bf16, f16 or scaled tensor of rank 2, but got 'tensor<2x4xi8>'}}
  %y = moe.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xi8>) -> tensor<?x2xf32>
  return
}

// -----

func.func @embedding_c1(%w: tensor<8x4xf32>, %b: !moe.batch) {
  // expected-error @below {{expected the result to be 4 wide (width of the table), got 5}}
  %x = moe.embedding %w of %b : tensor<8x4xf32> -> tensor<?x5xf32>
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{expected the weight to be 2 wide (row / heads), got 4}}
  %y = moe.rms_norm %x, %w eps 1.0 heads 2 : tensor<?x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<?x4xf32>, %w: tensor<1xf32>) {
  // expected-error @below {{expected heads to divide the row, got 3 heads in 4 columns}}
  %y = moe.rms_norm %x, %w eps 1.0 heads 3 : tensor<?x4xf32>, tensor<1xf32>
  return
}

// -----

func.func @rms_norm_c2_positive(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{expected positive heads, got 0}}
  %y = moe.rms_norm %x, %w eps 1.0 heads 0 : tensor<?x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{expected a positive eps, got 0}}
  %y = moe.rms_norm %x, %w eps 0.0 : tensor<?x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @rms_norm_c3_nan(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{expected a positive eps, got nan}}
  %y = moe.rms_norm %x, %w eps 0x7FF8000000000000 : tensor<?x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<?x5xf32>, %w: tensor<2x4xf32>) {
  // expected-error @below {{expected the input to be 4 wide (K of the weight), got 5}}
  %y = moe.linear %x, %w : (tensor<?x5xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>) {
  // expected-error @below {{expected the result to be 2 wide (N of the weight), got 3}}
  %y = moe.linear %x, %w : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x4xf32>, %w: tensor<2x4xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{expected the bias to be 2 wide (N of the weight), got 4}}
  %y = moe.linear %x, %w bias %b : (tensor<?x4xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<?x2xf32>
  return
}

// -----

func.func @head_linear_c1(%x: tensor<?x4xf32>, %w: tensor<2x3x4xf32>) {
  // expected-error @below {{expected the input to be 8 wide (heads * K of the weight), got 4}}
  %y = moe.head_linear %x, %w : (tensor<?x4xf32>, tensor<2x3x4xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @head_linear_c2(%x: tensor<?x6xf32>, %w: tensor<2x3x4xf32>) {
  // expected-error @below {{expected the result to be 8 wide (heads * N of the weight), got 6}}
  %y = moe.head_linear %x, %w transposed : (tensor<?x6xf32>, tensor<2x3x4xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @glu_c1(%x: tensor<?x6xf32>) {
  // expected-error @below {{expected the input to be 8 wide (twice the result), got 6}}
  %y = moe.glu silu %x : tensor<?x6xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @slice_c1_input(%x: tensor<?x5xf32>) {
  // expected-error @below {{expected heads to divide the input, got 2 heads in 5 columns}}
  %y = moe.slice %x begin 0 heads 2 : tensor<?x5xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @slice_c1_result(%x: tensor<?x4xf32>) {
  // expected-error @below {{expected heads to divide the result, got 2 heads in 3 columns}}
  %y = moe.slice %x begin 0 heads 2 : tensor<?x4xf32> -> tensor<?x3xf32>
  return
}

// -----

func.func @slice_c2(%x: tensor<?x4xf32>) {
  // expected-error @below {{expected 1 columns from 2 on to lie in a head of 2}}
  %y = moe.slice %x begin 2 heads 2 : tensor<?x4xf32> -> tensor<?x2xf32>
  return
}

// -----

func.func @slice_c2_negative(%x: tensor<?x4xf32>) {
  // expected-error @below {{expected 1 columns from -1 on to lie in a head of 4}}
  %y = moe.slice %x begin -1 : tensor<?x4xf32> -> tensor<?x1xf32>
  return
}

// -----

func.func @slice_c2_overflow(%x: tensor<?x4xf32>) {
  // expected-error @below {{expected 1 columns from 9223372036854775807 on to lie in a head of 4}}
  %y = moe.slice %x begin 9223372036854775807 : tensor<?x4xf32> -> tensor<?x1xf32>
  return
}

// -----

func.func @concat_c1_lhs(%x: tensor<?x3xf32>, %y: tensor<?x2xf32>) {
  // expected-error @below {{expected heads to divide lhs, got 2 heads in 3 columns}}
  %z = moe.concat %x, %y heads 2 : (tensor<?x3xf32>, tensor<?x2xf32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @concat_c1_rhs(%x: tensor<?x2xf32>, %y: tensor<?x3xf32>) {
  // expected-error @below {{expected heads to divide rhs, got 2 heads in 3 columns}}
  %z = moe.concat %x, %y heads 2 : (tensor<?x2xf32>, tensor<?x3xf32>) -> tensor<?x5xf32>
  return
}

// -----

func.func @concat_c2(%x: tensor<?x2xf32>, %y: tensor<?x3xf32>) {
  // expected-error @below {{expected the result to be 5 wide (both operands together), got 6}}
  %z = moe.concat %x, %y : (tensor<?x2xf32>, tensor<?x3xf32>) -> tensor<?x6xf32>
  return
}

// -----

// Sizes whose products do not fit in 64 bits, and numbers that are none.

// expected-error @below {{expected 1 to 2^48 elements, got 'tensor<4294967296x4294967296xbf16>'}}
moe.weight @overflow : tensor<4294967296x4294967296xbf16> from [#moe.part<"w">]

// -----

// expected-error @below {{expected 1 to 2^48 elements, got 'tensor<0x4xbf16>'}}
moe.weight @nothing : tensor<0x4xbf16> from [#moe.part<"w">]

// -----

// expected-error @below {{expected elements that are numbers, got 'index'}}
moe.weight @indices : tensor<4xindex> from [#moe.part<"w">]

// -----

// expected-error @below {{expected an offset from 0 to 2^60, got -64}}
moe.weight @before : tensor<4x4xbf16> from [#moe.part<"w">] at -64

// -----

// expected-error @below {{expected an offset from 0 to 2^60, got 9223372036854775744}}
moe.weight @behind : tensor<4x4xbf16> from [#moe.part<"w">] at 9223372036854775744

// -----

func.func @head_linear_overflow(%x: tensor<?x4xf32>, %w: tensor<4294967296x2x4294967296xbf16>) {
  // expected-error @below {{expected the input to be 9223372036854775807 wide (heads * K of the weight), got 4}}
  %y = moe.head_linear %x, %w : (tensor<?x4xf32>, tensor<4294967296x2x4294967296xbf16>) -> tensor<?x8589934592xf32>
  return
}

// -----

func.func @too_wide(%x: tensor<?x4294967296xf32>) {
  // expected-error @below {{expected the input to be at most 2147483647 wide, got 4294967296}}
  %y = moe.glu silu %x : tensor<?x4294967296xf32> -> tensor<?x2147483648xf32>
  return
}

// -----

func.func @concat_overflow(%x: tensor<?x9223372036854775807xf32>) {
  // expected-error @below {{expected the result to be 9223372036854775807 wide (both operands together), got 4}}
  %y = moe.concat %x, %x : (tensor<?x9223372036854775807xf32>, tensor<?x9223372036854775807xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @mla_overflow(%q: tensor<?x4xf32>, %c: !moe.cache<[4, 4], f32>, %w: tensor<4294967296x4294967296x4xbf16>, %b: !moe.batch) {
  // expected-error @below {{expected the query to be 9223372036854775807 wide (heads * (n + rotary key)), got 4}}
  %o = moe.mla %q, %c, %w, %w of %b scale 1.0 : (tensor<?x4xf32>, !moe.cache<[4, 4], f32>,
      tensor<4294967296x4294967296x4xbf16>, tensor<4294967296x4294967296x4xbf16>) -> tensor<?x4xf32>
  return
}

// -----

func.func @attention_scale(%q: tensor<?x64xf32>, %c: !moe.cache<[32, 32], f32>, %b: !moe.batch) {
  // expected-error @below {{expected a finite scale, got}}
  %o = moe.attention %q, %c of %b heads 8 kv_heads 4 keys 1 value 1 scale 0x7FF8000000000000
      : (tensor<?x64xf32>, !moe.cache<[32, 32], f32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @route_scale(%l: tensor<?x4xf32>) {
  // expected-error @below {{expected a finite scale, got}}
  %r = moe.route softmax %l scale 0x7FF0000000000000 : (tensor<?x4xf32>) -> !moe.routing<experts = 4, top_k = 2>
  return
}

// -----

func.func @rms_norm_eps_infinite(%x: tensor<?x4xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{expected a positive eps, got}}
  %y = moe.rms_norm %x, %w eps 0x7FF0000000000000 : tensor<?x4xf32>, tensor<4xf32>
  return
}

// -----

func.func @round(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{expected the result to be 64 wide (the input), got 32}}
  %r = moe.round %x : tensor<?x64xf32> -> tensor<?x32xbf16>
  return
}

// -----

func.func @round_to_f32(%x: tensor<?x64xf32>) {
  // expected-error@+1 {{must be bf16 rows of static, positive width}}
  %r = moe.round %x : tensor<?x64xf32> -> tensor<?x64xf32>
  return
}
