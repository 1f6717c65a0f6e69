// RUN: moe-translate --import-checkpoint %models/deepseek-v3/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir -o %t.again.mlir
// RUN: FileCheck %s --input-file=%t.again.mlir

// The old spelling of the configuration means the same module.
// RUN: moe-translate --import-checkpoint %models/deepseek-v3/config.hub.json | diff %t.mlir -

// Names of the model's parts are the operations' locations.
// RUN: moe-translate --import-checkpoint %models/deepseek-v3/config.json --mlir-print-debuginfo --mlir-print-local-scope \
// RUN:   | FileCheck %s --check-prefix=LOC

// Sharded, the matrices of one expert in different files; the last layer of the checkpoint (MTP) is not part of the model.

// CHECK: module attributes {moe.model = {max_positions = 640 : i64, name = "deepseek-v3", type = "deepseek_v3", vocab = 288 : i64}} {
// CHECK-NEXT: moe.weight @embed : tensor<288x64xbf16> from [#moe.part<"model.embed_tokens.weight">]
// CHECK-NEXT: moe.weight @layers.0.attention_norm : tensor<64xbf16> from [#moe.part<"model.layers.0.input_layernorm.weight">]
// CHECK-NEXT: moe.weight @layers.0.q_a : tensor<48x64xbf16> from [#moe.part<"model.layers.0.self_attn.q_a_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.q_a_norm : tensor<48xbf16> from [#moe.part<"model.layers.0.self_attn.q_a_layernorm.weight">]
// CHECK-NEXT: moe.weight @layers.0.q_b : tensor<128x48xbf16> from [#moe.part<"model.layers.0.self_attn.q_b_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.kv_a : tensor<48x64xbf16> from [#moe.part<"model.layers.0.self_attn.kv_a_proj_with_mqa.weight">]
// CHECK-NEXT: moe.weight @layers.0.kv_a_norm : tensor<32xbf16> from [#moe.part<"model.layers.0.self_attn.kv_a_layernorm.weight">]
// CHECK-NEXT: moe.weight @layers.0.w_uk : tensor<4x16x32xbf16> from [#moe.part<"model.layers.0.self_attn.kv_b_proj.weight", heads = 4, end = 16>]
// CHECK-NEXT: moe.weight @layers.0.w_uv : tensor<4x24x32xbf16> from [#moe.part<"model.layers.0.self_attn.kv_b_proj.weight", heads = 4, begin = 16, end = 40>]
// CHECK-NEXT: moe.weight @layers.0.o : tensor<64x96xbf16> from [#moe.part<"model.layers.0.self_attn.o_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.mlp_norm : tensor<64xbf16> from [#moe.part<"model.layers.0.post_attention_layernorm.weight">]
// CHECK-NEXT: moe.weight @layers.0.mlp.gate_up : tensor<320x64xbf16> from [#moe.part<"model.layers.0.mlp.gate_proj.weight">, #moe.part<"model.layers.0.mlp.up_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.mlp.down : tensor<64x160xbf16> from [#moe.part<"model.layers.0.mlp.down_proj.weight">]
// CHECK-NEXT: moe.weight @layers.1.attention_norm
// CHECK: moe.weight @layers.2.router : tensor<16x64xbf16> from [#moe.part<"model.layers.2.mlp.gate.weight">]
// CHECK-NEXT: moe.weight @layers.2.router_bias : tensor<16xf32> from [#moe.part<"model.layers.2.mlp.gate.e_score_correction_bias">]
// CHECK-NEXT: moe.weight @layers.2.experts.gate_up : tensor<16x64x64xbf16> from [#moe.part<"model.layers.2.mlp.experts.{expert}.gate_proj.weight">, #moe.part<"model.layers.2.mlp.experts.{expert}.up_proj.weight">]
// CHECK-NEXT: moe.weight @layers.2.experts.down : tensor<16x64x32xbf16> from [#moe.part<"model.layers.2.mlp.experts.{expert}.down_proj.weight">]
// CHECK-NEXT: moe.weight @layers.2.shared.gate_up : tensor<64x64xbf16> from [#moe.part<"model.layers.2.mlp.shared_experts.gate_proj.weight">, #moe.part<"model.layers.2.mlp.shared_experts.up_proj.weight">]
// CHECK-NEXT: moe.weight @layers.2.shared.down : tensor<64x32xbf16> from [#moe.part<"model.layers.2.mlp.shared_experts.down_proj.weight">]
// CHECK-NEXT: moe.weight @final_norm : tensor<64xbf16> from [#moe.part<"model.norm.weight">]
// CHECK-NEXT: moe.weight @lm_head : tensor<288x64xbf16> from [#moe.part<"lm_head.weight">]
// CHECK-NOT: moe.weight

// CHECK-LABEL: func.func private @dense_layer(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xf32>, %[[CS:[a-z0-9]+]]: tensor<?x16xf32>, %[[BATCH:[a-z0-9]+]]: !moe.batch, %[[CACHE:[a-z0-9]+]]: !moe.cache<[32, 16], f32>,
// CHECK-SAME: -> (tensor<?x64xf32>, !moe.cache<[32, 16], f32>)
// CHECK: %[[H:.*]] = moe.rms_norm %[[X]], %{{.*}} eps 9.9999999999999995E-7
// CHECK: %[[QA:.*]] = moe.linear %[[H]], %{{.*}} -> tensor<?x48xf32>
// CHECK: %[[QN:.*]] = moe.rms_norm %[[QA]], %{{.*}} eps 9.9999999999999995E-7
// CHECK: %[[QB:.*]] = moe.linear %[[QN]], %{{.*}} -> tensor<?x128xf32>
// CHECK: %[[Q:.*]] = moe.rope {{ *}}interleaved %[[QB]], %[[CS]] heads 4 begin 16
// CHECK: %[[KVA:.*]] = moe.linear %[[H]], %{{.*}} -> tensor<?x48xf32>
// CHECK: %[[LATENT:.*]] = moe.slice %[[KVA]] begin 0 : tensor<?x48xf32> -> tensor<?x32xf32>
// CHECK: %[[C:.*]] = moe.rms_norm %[[LATENT]], %{{.*}} eps 9.9999999999999995E-7
// CHECK: %[[KPE:.*]] = moe.slice %[[KVA]] begin 32 : tensor<?x48xf32> -> tensor<?x16xf32>
// CHECK: %[[K:.*]] = moe.rope {{ *}}interleaved %[[KPE]], %[[CS]] : tensor<?x16xf32>, tensor<?x16xf32>
// CHECK: %[[CACHE2:.*]] = moe.cache_append %[[CACHE]], (%[[C]], %[[K]]) of %[[BATCH]]
// The scale is 32^-0.5 (0.1 ln 40 + 1)^2.
// CHECK: %[[O:.*]] = moe.mla %[[Q]], %[[CACHE2]], %{{.*}}, %{{.*}} of %[[BATCH]] scale 0.331253754{{[0-9]*}} :
// CHECK: %[[OUT:.*]] = moe.linear %[[O]], %{{.*}} -> tensor<?x64xf32>
// CHECK: %[[R:.*]] = moe.add %[[X]], %[[OUT]]
// CHECK: %[[H2:.*]] = moe.rms_norm %[[R]]
// CHECK: %[[GU:.*]] = moe.linear %[[H2]], %{{.*}} -> tensor<?x320xf32>
// CHECK: %[[A:.*]] = moe.glu {{ *}}silu %[[GU]]
// CHECK: %[[D:.*]] = moe.linear %[[A]]
// CHECK: %[[Y:.*]] = moe.add %[[R]], %[[D]]
// CHECK: return %[[Y]], %[[CACHE2]]

// CHECK-LABEL: func.func private @moe_layer(
// CHECK: %[[R:.*]] = moe.add %{{.*}}, %{{.*}} : tensor<?x64xf32>
// CHECK: %[[H2:.*]] = moe.rms_norm %[[R]]
// CHECK: %[[LOGITS:.*]] = moe.linear %[[H2]], %{{.*}} -> tensor<?x16xf32>
// CHECK: %[[ROUTE:.*]] = moe.route {{ *}}sigmoid %[[LOGITS]] bias %{{.*}} groups <count = 4, keep = 2, by = top2_sum> renormalize scale 2.500000e+00 : {{.*}} -> !moe.routing<experts = 16, top_k = 4>
// CHECK: %[[ROWS:.*]] = moe.dispatch %[[H2]] to %[[ROUTE]]
// CHECK: %[[GU:.*]] = moe.expert_linear %[[ROWS]], %{{.*}} of %[[ROUTE]]
// CHECK: %[[A:.*]] = moe.glu {{ *}}silu %[[GU]]
// CHECK: %[[E:.*]] = moe.expert_linear %[[A]], %{{.*}} of %[[ROUTE]]
// CHECK: %[[TREE:.*]] = moe.combine %[[E]] of %[[ROUTE]]
// CHECK: %[[SGU:.*]] = moe.linear %[[H2]]
// CHECK: %[[SA:.*]] = moe.glu {{ *}}silu %[[SGU]]
// CHECK: %[[S:.*]] = moe.linear %[[SA]]
// The bracketing of the sum is part of the numerics.
// CHECK: %[[SUM:.*]] = moe.add %[[TREE]], %[[S]]
// CHECK: %[[Y:.*]] = moe.add %[[R]], %[[SUM]]
// CHECK: return %[[Y]],

// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[BATCH:[a-z0-9]+]]: !moe.batch, %[[C0:[a-z0-9]+]]: !moe.cache<[32, 16], f32>, %[[C1:[a-z0-9]+]]: !moe.cache<[32, 16], f32>, %[[C2:[a-z0-9]+]]: !moe.cache<[32, 16], f32>)
// CHECK-SAME: -> (tensor<?x288xf32>, !moe.cache<[32, 16], f32>, !moe.cache<[32, 16], f32>, !moe.cache<[32, 16], f32>)
// CHECK: %[[EMBED:.*]] = moe.get_weight @embed
// CHECK: %[[X:.*]] = moe.embedding %[[EMBED]] of %[[BATCH]]
// CHECK: %[[CS:.*]] = moe.rope_table <width = 16, theta = 1.000000e+04, scaling = #moe.yarn_scaling<factor = 4.000000e+01, beta_fast = 3.200000e+01, beta_slow = 1.000000e+00, original = 16, attention_factor = 1.000000e+00, truncate = true>> of %[[BATCH]]
// CHECK: %[[NORM:.*]] = moe.get_weight @layers.0.attention_norm
// CHECK: %[[DOWN:.*]] = moe.get_weight @layers.0.mlp.down
// CHECK: %[[L0:.*]]:2 = call @dense_layer(%[[X]], %[[CS]], %[[BATCH]], %[[C0]], %[[NORM]], {{.*}}%[[DOWN]])
// CHECK: %[[L1:.*]]:2 = call @moe_layer(%[[L0]]#0, %[[CS]], %[[BATCH]], %[[C1]],
// CHECK: moe.get_weight @layers.2.router_bias : tensor<16xf32>
// CHECK: %[[L2:.*]]:2 = call @moe_layer(%[[L1]]#0, %[[CS]], %[[BATCH]], %[[C2]],
// CHECK: %[[ROWS:.*]] = moe.output_rows %[[L2]]#0 of %[[BATCH]]
// CHECK: %[[FINAL:.*]] = moe.rms_norm %[[ROWS]], %{{.*}} eps 9.9999999999999995E-7
// CHECK: %[[HEAD:.*]] = moe.get_weight @lm_head
// CHECK: %[[LOGITS:.*]] = moe.linear %[[FINAL]], %[[HEAD]] : {{.*}} -> tensor<?x288xf32>
// CHECK: return %[[LOGITS]], %[[L0]]#1, %[[L1]]#1, %[[L2]]#1

// LOC: moe.weight @layers.1.experts.down {{.*}} loc("layers.1.experts.down")
// LOC: func.func private @moe_layer(%{{.*}}: tensor<?x64xf32> loc("x"), {{.*}} loc("experts.gate_up")
// LOC: moe.linear {{.*}} loc("attention.q_a")
// LOC: moe.expert_linear {{.*}} loc("experts.down")
// LOC: call @moe_layer{{.*}} loc("layers.1")
