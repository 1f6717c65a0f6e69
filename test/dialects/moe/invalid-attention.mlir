// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Attention: one function for each constraint, named after the operation and the id in its description.

func.func @rope_table_c1(%b: !moe.batch) {
  // expected-error @below {{expected the result to be 4 wide (width of the rope), got 6}}
  %t = moe.rope_table <width = 4, theta = 1.0> of %b : tensor<?x6xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<?x7xf32>, %t: tensor<?x2xf32>) {
  // expected-error @below {{expected heads to divide the row, got 2 heads in 7 columns}}
  %y = moe.rope half %x, %t heads 2 : tensor<?x7xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<?x8xf32>, %t: tensor<?x2xf32>) {
  // expected-error @below {{expected 2 columns from 3 on to lie in a head of 4}}
  %y = moe.rope half %x, %t heads 2 begin 3 : tensor<?x8xf32>, tensor<?x2xf32>
  return
}

// -----

func.func @rope_c3(%x: tensor<?x8xf32>, %t: tensor<?x3xf32>) {
  // expected-error @below {{expected a table of cosines and sines, got 3 columns}}
  %y = moe.rope half %x, %t : tensor<?x8xf32>, tensor<?x3xf32>
  return
}

// -----

func.func @cache_append_c1(%c: !moe.cache<[4, 2], f32>, %x: tensor<?x4xf32>, %b: !moe.batch) {
  // expected-error @below {{expected 2 parts (based on the cache), got 1}}
  %d = moe.cache_append %c, (%x) of %b : !moe.cache<[4, 2], f32>, (tensor<?x4xf32>)
  return
}

// -----

func.func @cache_append_c1_width(%c: !moe.cache<[4, 2], f32>, %x: tensor<?x4xf32>, %b: !moe.batch) {
  // expected-error @below {{expected the part to be 2 wide (part of the cache), got 4}}
  %d = moe.cache_append %c, (%x, %x) of %b : !moe.cache<[4, 2], f32>, (tensor<?x4xf32>, tensor<?x4xf32>)
  return
}

// -----

func.func @attention_c1(%q: tensor<?x6xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected kv_heads to divide heads, got 2 and 3}}
  %o = moe.attention %q, %c of %b heads 3 kv_heads 2 keys 1 value 1 scale 1.0
      : (tensor<?x6xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @attention_c1_positive(%q: tensor<?x4xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected kv_heads to divide heads, got 0 and 2}}
  %o = moe.attention %q, %c of %b heads 2 kv_heads 0 keys 1 value 1 scale 1.0
      : (tensor<?x4xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @attention_c1_negative(%q: tensor<?x4xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected kv_heads to divide heads, got 1 and -2}}
  %o = moe.attention %q, %c of %b heads -2 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x4xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @attention_c1_parts(%q: tensor<?x12xf32>, %c: !moe.cache<[4, 2], f32>, %b: !moe.batch) {
  // expected-error @below {{expected one kv head when a key has several parts}}
  %o = moe.attention %q, %c of %b heads 4 kv_heads 2 keys 2 value 0 scale 1.0
      : (tensor<?x12xf32>, !moe.cache<[4, 2], f32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c1_key(%q: tensor<?x6xf32>, %c: !moe.cache<[3, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected kv_heads to divide the parts, got 2 and a part of 3}}
  %o = moe.attention %q, %c of %b heads 4 kv_heads 2 keys 1 value 1 scale 1.0
      : (tensor<?x6xf32>, !moe.cache<[3, 4], f32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c1_value(%q: tensor<?x8xf32>, %c: !moe.cache<[4, 3], f32>, %b: !moe.batch) {
  // expected-error @below {{expected kv_heads to divide the parts, got 2 and a part of 3}}
  %o = moe.attention %q, %c of %b heads 4 kv_heads 2 keys 1 value 1 scale 1.0
      : (tensor<?x8xf32>, !moe.cache<[4, 3], f32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<?x4xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected the query to be 8 wide (heads * key), got 4}}
  %o = moe.attention %q, %c of %b heads 2 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x4xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c2_heads(%q: tensor<?x4xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected heads to divide the query, got 4611686018427387905 heads in 4 columns}}
  %o = moe.attention %q, %c of %b heads 4611686018427387905 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x4xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @attention_c3(%q: tensor<?x8xf32>, %c: !moe.cache<[4, 2], f32>, %b: !moe.batch) {
  // expected-error @below {{expected the result to be 4 wide (heads * value), got 8}}
  %o = moe.attention %q, %c of %b heads 2 kv_heads 1 keys 1 value 1 scale 1.0
      : (tensor<?x8xf32>, !moe.cache<[4, 2], f32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<?x8xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected parts of a cache of 2 parts, got keys 1 and value 2}}
  %o = moe.attention %q, %c of %b heads 2 kv_heads 1 keys 1 value 2 scale 1.0
      : (tensor<?x8xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c4_keys(%q: tensor<?x8xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected parts of a cache of 2 parts, got keys 3 and value 0}}
  %o = moe.attention %q, %c of %b heads 2 kv_heads 1 keys 3 value 0 scale 1.0
      : (tensor<?x8xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @attention_c4_no_key(%q: tensor<?x8xf32>, %c: !moe.cache<[4, 4], f32>, %b: !moe.batch) {
  // expected-error @below {{expected parts of a cache of 2 parts, got keys 0 and value 0}}
  %o = moe.attention %q, %c of %b heads 2 kv_heads 1 keys 0 value 0 scale 1.0
      : (tensor<?x8xf32>, !moe.cache<[4, 4], f32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @mla_c1(%q: tensor<?x10xf32>, %c: !moe.cache<[6], f32>, %uk: tensor<2x3x4xf32>, %uv: tensor<2x5x4xf32>, %b: !moe.batch) {
  // expected-error @below {{expected a cache of latent and rotary key, got 1 parts}}
  %o = moe.mla %q, %c, %uk, %uv of %b scale 1.0
      : (tensor<?x10xf32>, !moe.cache<[6], f32>, tensor<2x3x4xf32>, tensor<2x5x4xf32>) -> tensor<?x10xf32>
  return
}

// -----

func.func @mla_c1_latent(%q: tensor<?x10xf32>, %c: !moe.cache<[4, 2], f32>, %uk: tensor<2x3x4xf32>, %uv: tensor<2x5x6xf32>, %b: !moe.batch) {
  // expected-error @below {{expected weights of a latent of 4 (based on the cache), got 'tensor<2x3x4xf32>' and 'tensor<2x5x6xf32>'}}
  %o = moe.mla %q, %c, %uk, %uv of %b scale 1.0
      : (tensor<?x10xf32>, !moe.cache<[4, 2], f32>, tensor<2x3x4xf32>, tensor<2x5x6xf32>) -> tensor<?x10xf32>
  return
}

// -----

func.func @mla_c2(%q: tensor<?x10xf32>, %c: !moe.cache<[4, 2], f32>, %uk: tensor<2x3x4xf32>, %uv: tensor<3x5x4xf32>, %b: !moe.batch) {
  // expected-error @below {{expected weights of the same heads, got 2 and 3}}
  %o = moe.mla %q, %c, %uk, %uv of %b scale 1.0
      : (tensor<?x10xf32>, !moe.cache<[4, 2], f32>, tensor<2x3x4xf32>, tensor<3x5x4xf32>) -> tensor<?x10xf32>
  return
}

// -----

func.func @mla_c3(%q: tensor<?x8xf32>, %c: !moe.cache<[4, 2], f32>, %uk: tensor<2x3x4xf32>, %uv: tensor<2x5x4xf32>, %b: !moe.batch) {
  // expected-error @below {{expected the query to be 10 wide (heads * (n + rotary key)), got 8}}
  %o = moe.mla %q, %c, %uk, %uv of %b scale 1.0
      : (tensor<?x8xf32>, !moe.cache<[4, 2], f32>, tensor<2x3x4xf32>, tensor<2x5x4xf32>) -> tensor<?x10xf32>
  return
}

// -----

func.func @mla_c4(%q: tensor<?x10xf32>, %c: !moe.cache<[4, 2], f32>, %uk: tensor<2x3x4xf32>, %uv: tensor<2x5x4xf32>, %b: !moe.batch) {
  // expected-error @below {{expected the result to be 10 wide (heads * v), got 8}}
  %o = moe.mla %q, %c, %uk, %uv of %b scale 1.0
      : (tensor<?x10xf32>, !moe.cache<[4, 2], f32>, tensor<2x3x4xf32>, tensor<2x5x4xf32>) -> tensor<?x8xf32>
  return
}
