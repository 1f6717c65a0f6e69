// RUN: moe-translate --import-checkpoint %models/llama31/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir -o %t.again.mlir
// RUN: FileCheck %s --input-file=%t.again.mlir
// RUN: moe-translate --import-checkpoint %models/llama31/config.hub.json | diff %t.mlir -

// Weights of f32, no scaling of the rotary embedding.
// RUN: moe-translate --import-checkpoint %models/stories260K-hf/config.json | FileCheck %s --check-prefix=STORIES

// Derivatives with biases. The configuration alone is enough to import.
// RUN: mkdir -p %t
// RUN: %python %S/Inputs/derive.py %models/stories260K-hf %t config:attention_bias=true config:mlp_bias=true
// RUN: moe-translate --import-checkpoint --config-only %t/config.json | FileCheck %s --check-prefix=BIAS

// CHECK: module attributes {moe.model = {max_positions = 128 : i64, name = "llama31", type = "llama", vocab = 288 : i64}} {
// CHECK-NEXT: moe.weight @embed : tensor<288x64xbf16>
// CHECK-NEXT: moe.weight @layers.0.attention_norm : tensor<64xbf16> from [#moe.part<"model.layers.0.input_layernorm.weight">]
// CHECK-NEXT: moe.weight @layers.0.q : tensor<64x64xbf16> from [#moe.part<"model.layers.0.self_attn.q_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.k : tensor<16x64xbf16> from [#moe.part<"model.layers.0.self_attn.k_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.v : tensor<16x64xbf16> from [#moe.part<"model.layers.0.self_attn.v_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.o : tensor<64x64xbf16> from [#moe.part<"model.layers.0.self_attn.o_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.mlp_norm : tensor<64xbf16> from [#moe.part<"model.layers.0.post_attention_layernorm.weight">]
// CHECK-NEXT: moe.weight @layers.0.mlp.gate_up : tensor<288x64xbf16> from [#moe.part<"model.layers.0.mlp.gate_proj.weight">, #moe.part<"model.layers.0.mlp.up_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.mlp.down : tensor<64x144xbf16> from [#moe.part<"model.layers.0.mlp.down_proj.weight">]
// CHECK-NEXT: moe.weight @layers.1.attention_norm
// CHECK: moe.weight @final_norm
// CHECK-NOT: moe.weight

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xf32>, %[[CS:[a-z0-9]+]]: tensor<?x8xf32>, %[[BATCH:[a-z0-9]+]]: !moe.batch, %[[CACHE:[a-z0-9]+]]: !moe.cache<[16, 16], f32>,
// CHECK: %[[H:.*]] = moe.rms_norm %[[X]], %{{.*}} eps 1.000000e-05
// CHECK: %[[Q:.*]] = moe.linear %[[H]], %{{.*}} -> tensor<?x64xf32>
// CHECK: %[[K:.*]] = moe.linear %[[H]], %{{.*}} -> tensor<?x16xf32>
// CHECK: %[[V:.*]] = moe.linear %[[H]], %{{.*}} -> tensor<?x16xf32>
// CHECK: %[[QR:.*]] = moe.rope {{ *}}half %[[Q]], %[[CS]] heads 8 :
// CHECK: %[[KR:.*]] = moe.rope {{ *}}half %[[K]], %[[CS]] heads 2 :
// CHECK: %[[CACHE2:.*]] = moe.cache_append %[[CACHE]], (%[[KR]], %[[V]]) of %[[BATCH]]
// The scale is 8^-0.5.
// CHECK: %[[O:.*]] = moe.attention %[[QR]], %[[CACHE2]] of %[[BATCH]] heads 8 kv_heads 2 keys 1 value 1 scale 0.35355339{{[0-9]*}} :
// CHECK: %[[OUT:.*]] = moe.linear %[[O]]
// CHECK: %[[R:.*]] = moe.add %[[X]], %[[OUT]]
// CHECK: %[[H2:.*]] = moe.rms_norm %[[R]]
// CHECK: %[[GU:.*]] = moe.linear %[[H2]], %{{.*}} -> tensor<?x288xf32>
// CHECK: %[[A:.*]] = moe.glu {{ *}}silu %[[GU]]
// CHECK: %[[D:.*]] = moe.linear %[[A]]
// CHECK: %[[Y:.*]] = moe.add %[[R]], %[[D]]
// CHECK: return %[[Y]], %[[CACHE2]]
// CHECK-NOT: func.func private

// CHECK-LABEL: func.func @step(
// CHECK: %[[EMBED:.*]] = moe.get_weight @embed
// CHECK: moe.embedding %[[EMBED]]
// CHECK: moe.rope_table <width = 8, theta = 5.000000e+02, scaling = #moe.llama3_scaling<factor = 8.000000e+00, low = 1.000000e+00, high = 4.000000e+00, original = 16>>
// CHECK-COUNT-2: call @layer(
// CHECK: %[[FINAL:.*]] = moe.rms_norm
// The embedding is the head as well.
// CHECK: %[[HEAD:.*]] = moe.get_weight @embed
// CHECK: moe.linear %[[FINAL]], %[[HEAD]]

// STORIES: moe.weight @embed : tensor<512x64xf32>
// STORIES: moe.weight @layers.4.mlp.gate_up : tensor<344x64xf32>
// STORIES: moe.attention {{.*}} heads 8 kv_heads 4
// STORIES: moe.rope_table <width = 8, theta = 1.000000e+04> of
// STORIES-COUNT-5: call @layer(

// BIAS: moe.weight @layers.0.q_bias : tensor<64xf32> from [#moe.part<"model.layers.0.self_attn.q_proj.bias">]
// BIAS: moe.weight @layers.0.o_bias : tensor<64xf32>
// BIAS: moe.weight @layers.0.mlp.gate_up_bias : tensor<344xf32> from [#moe.part<"model.layers.0.mlp.gate_proj.bias">, #moe.part<"model.layers.0.mlp.up_proj.bias">]
// BIAS: moe.weight @layers.0.mlp.down_bias : tensor<64xf32>
// BIAS-COUNT-6: moe.linear {{.*}} bias
