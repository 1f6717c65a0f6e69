// RUN: moe-opt %s --split-input-file --verify-diagnostics

// Attributes and types: one chunk for each of their errors.

// expected-error @below {{expected positive widths of a cache's parts, got 0}}
func.func private @cache_width(%x: !moe.cache<[4, 0], f32>)

// -----

// expected-error @below {{expected stored elements of f8E4M3FN, i8 or i4, got 'i16'}}
func.func private @scaled_stored(tensor<4x4x!moe.scaled<i16, 1x32, f32>>)

// -----

// expected-error @below {{expected scales of f32 or bf16, got 'f16'}}
func.func private @scaled_scale(tensor<4x4x!moe.scaled<i8, 1x32, f16>>)

// -----

// expected-error @below {{expected blocks of 1 to 1024 rows and columns, got 1x2048}}
func.func private @scaled_block(tensor<4x4x!moe.scaled<i8, 1x2048, f32>>)

// -----

// expected-error @below {{expected blocks of a multiple of 8 columns of 4-bit elements, got 12}}
func.func private @scaled_words(tensor<4x4x!moe.scaled<i4, 1x12, f32>>)

// -----

// expected-error @below {{expected a block of rows x columns}}
func.func private @scaled_dimensions(tensor<4x4x!moe.scaled<i8, 32, f32>>)

// -----

// expected-error @below {{expected a cache of f32, got 'bf16'}}
func.func private @cache_element(%x: !moe.cache<[4], bf16>)

// -----

// expected-error @below {{expected 1 <= top_k <= experts, got top_k 0 of 4 experts}}
func.func private @routing_none(%x: !moe.routing<experts = 4, top_k = 0>)

// -----

// expected-error @below {{expected 1 <= top_k <= experts, got top_k 5 of 4 experts}}
func.func private @routing_more(%x: !moe.routing<experts = 4, top_k = 5>)

// -----

// expected-error @below {{expected positive limits, got tokens 0, sequences 1, positions 1}}
func.func private @limits() attributes {test.a = #moe.limits<tokens = 0, sequences = 1, positions = 1>}

// -----

// expected-error @below {{expected sequences * positions below 2^31, got 65536 * 32768}}
func.func private @limits_product() attributes {test.a = #moe.limits<tokens = 1, sequences = 65536, positions = 32768>}

// -----

// expected-error @below {{expected 1 <= keep <= count, got keep 3 of 2 groups}}
func.func private @groups() attributes {test.a = #moe.groups<count = 2, keep = 3, by = max>}

// -----

// expected-error @below {{expected 1 <= keep <= count, got keep 0 of 2 groups}}
func.func private @groups_none() attributes {test.a = #moe.groups<count = 2, keep = 0, by = max>}

// -----

// expected-error @below {{a part needs the name of a tensor}}
func.func private @part_name() attributes {test.a = #moe.part<"">}

// -----

// expected-error @below {{expected rows 0 <= begin < end of positive heads, got begin 2, end 2, heads 4}}
func.func private @part_rows() attributes {test.a = #moe.part<"w", heads = 4, begin = 2, end = 2>}

// -----

// expected-error @below {{expected rows 0 <= begin < end of positive heads, got begin 0, end 2, heads 0}}
func.func private @part_rows_of_no_heads() attributes {test.a = #moe.part<"w", end = 2>}

// -----

// expected-error @below {{expected rows 0 <= begin < end of positive heads, got begin -1, end 2, heads 4}}
func.func private @part_negative() attributes {test.a = #moe.part<"w", heads = 4, begin = -1, end = 2>}

// -----

// expected-error @below {{expected a positive panel width, got 0}}
func.func private @panels_width() attributes {test.a = #moe.panels<width = 0>}

// -----

// expected-error @below {{expected panels of 1 or 2 parts, got 3}}
func.func private @panels_parts() attributes {test.a = #moe.panels<width = 8, parts = 3>}

// -----

// expected-error @below {{transposed panels have one part}}
func.func private @panels_transposed_parts() attributes {test.a = #moe.panels<width = 8, parts = 2, transpose = true>}

// -----

// expected-error @below {{expected an even rope width, got 3}}
func.func private @rope_width() attributes {test.a = #moe.rope<width = 3, theta = 1.0>}

// -----

// expected-error @below {{expected an even rope width, got 0}}
func.func private @rope_no_width() attributes {test.a = #moe.rope<width = 0, theta = 1.0>}

// -----

// expected-error @below {{expected a positive rope theta, got -1.0}}
func.func private @rope_theta() attributes {test.a = #moe.rope<width = 2, theta = -1.0>}

// -----

// expected-error @below {{expected a scaling of rotary frequencies, got 1 : i32}}
func.func private @rope_scaling() attributes {test.a = #moe.rope<width = 2, theta = 1.0, scaling = 1 : i32>}

// -----

// expected-error @below {{'moe.limits' belongs on a module}}
func.func private @limits_on_function() attributes {moe.limits = #moe.limits<tokens = 1, sequences = 1, positions = 1>}

// -----

// expected-error @below {{'moe.limits' must be #moe.limits<…>}}
module attributes {moe.limits = 1} {}

// -----

// expected-error @below {{'moe.target' must be #moe.cpu<…>}}
module attributes {moe.target = "native"} {}

// -----

// expected-error @below {{'moe.model' must be a dictionary}}
module attributes {moe.model = "tiny"} {}

// -----

// expected-error @below {{unknown attribute 'moe.limit' of the moe dialect}}
module attributes {moe.limit = 1} {}

// -----

// expected-error @below {{expected a positive rope theta, got}}
func.func private @rope_theta_infinite() attributes {test.a = #moe.rope<width = 2, theta = 0x7FF0000000000000>}

// -----

// expected-error @below {{expected a rope width of at most 1048576, got 4611686018427387904}}
func.func private @rope_too_wide() attributes {test.a = #moe.rope<width = 4611686018427387904, theta = 1.0>}

// -----

// expected-error @below {{expected a positive factor of #moe.linear_scaling}}
func.func private @linear_zero() attributes {test.a = #moe.rope<width = 2, theta = 2.0, scaling = #moe.linear_scaling<factor = 0.0>>}

// -----

// expected-error @below {{expected positive numbers in #moe.llama3_scaling}}
func.func private @llama3_negative() attributes {test.a = #moe.rope<width = 2, theta = 2.0, scaling = #moe.llama3_scaling<factor = -8.0, low = 1.0, high = 4.0, original = 8>>}

// -----

// expected-error @below {{expected low <= high in #moe.llama3_scaling}}
func.func private @llama3_order() attributes {test.a = #moe.rope<width = 2, theta = 2.0, scaling = #moe.llama3_scaling<factor = 8.0, low = 4.0, high = 1.0, original = 8>>}

// -----

// expected-error @below {{expected positive numbers in #moe.yarn_scaling}}
func.func private @yarn_nan() attributes {test.a = #moe.rope<width = 2, theta = 2.0, scaling = #moe.yarn_scaling<factor = 0x7FF8000000000000, beta_fast = 32.0, beta_slow = 1.0, original = 8, attention_factor = 1.0, truncate = true>>}

// -----

// expected-error @below {{expected positive numbers in #moe.yarn_scaling}}
func.func private @yarn_original() attributes {test.a = #moe.rope<width = 2, theta = 2.0, scaling = #moe.yarn_scaling<factor = 2.0, beta_fast = 32.0, beta_slow = 1.0, original = 0, attention_factor = 1.0, truncate = true>>}

// -----

// expected-error @below {{expected a rope theta other than 1 for #moe.yarn_scaling}}
func.func private @yarn_theta() attributes {test.a = #moe.rope<width = 2, theta = 1.0, scaling = #moe.yarn_scaling<factor = 2.0, beta_fast = 32.0, beta_slow = 1.0, original = 8, attention_factor = 1.0, truncate = true>>}

// -----

// expected-error @below {{expected rows of a cache of at most 2147483647 elements}}
func.func private @cache_overflow(%x: !moe.cache<[9223372036854775807, 9223372036854775807], f32>)

// -----

// expected-error @below {{expected at most 1048576 experts and 1024 of them for a token, got 9223372036854775807 and 4}}
func.func private @routing_overflow(%x: !moe.routing<experts = 9223372036854775807, top_k = 4>)

// -----

// expected-error @below {{expected at most 1048576 tokens in a step, got 9223372036854775807}}
func.func private @limits_tokens() attributes {test.a = #moe.limits<tokens = 9223372036854775807, sequences = 1, positions = 1>}

// -----

// expected-error @below {{expected a panel width of at most 1024, got 4611686018427387904}}
func.func private @panels_overflow() attributes {test.a = #moe.panels<width = 4611686018427387904>}
