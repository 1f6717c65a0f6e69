// RUN: moe-translate --import-checkpoint %models/qwen3-moe/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s
// RUN: moe-translate --import-checkpoint %models/qwen3-moe/config.hub.json | diff %t.mlir -

// RUN: moe-translate --import-checkpoint %models/qwen3/config.json -o %t.dense.mlir
// RUN: FileCheck %s --check-prefix=DENSE --input-file=%t.dense.mlir
// RUN: moe-translate --import-checkpoint %models/qwen3/config.hub.json | diff %t.dense.mlir -

// Where the experts are, and a rope that is stretched as the makers advise.
// RUN: mkdir -p %t
// RUN: %python %S/Inputs/derive.py %models/qwen3-moe %t config:num_hidden_layers=6 config:decoder_sparse_step=2 \
// RUN:   config:mlp_only_layers=[3] config:norm_topk_prob=false config:attention_bias=true \
// RUN:   config:use_qk_norm=true config:qkv_bias=false config:shared_expert_intermediate_size=0 \
// RUN:   'config:rope_parameters={"rope_theta": 1e6, "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}'
// RUN: moe-translate --import-checkpoint --config-only %t/config.json | FileCheck %s --check-prefix=VARIANT

// CHECK: moe.model = {{.*}}type = "qwen3_moe"
// CHECK-NOT: bias
// CHECK: moe.weight @layers.0.q_norm : tensor<24xbf16> from [#moe.part<"model.layers.0.self_attn.q_norm.weight">]
// CHECK-NEXT: moe.weight @layers.0.k_norm : tensor<24xbf16> from [#moe.part<"model.layers.0.self_attn.k_norm.weight">]
// The heads together are wider than the model.
// CHECK-NEXT: moe.weight @layers.0.o : tensor<64x96xbf16>
// CHECK: moe.weight @layers.0.router : tensor<12x64xbf16> from [#moe.part<"model.layers.0.mlp.gate.weight">]
// CHECK-LABEL: func.func private @moe_layer(
// CHECK: %[[Q:.*]] = moe.linear {{.*}} -> tensor<?x96xf32>
// CHECK: %[[K:.*]] = moe.linear {{.*}} -> tensor<?x48xf32>
// CHECK: %[[V:.*]] = moe.linear {{.*}} -> tensor<?x48xf32>
// CHECK: %[[QN:.*]] = moe.rms_norm %[[Q]], %{{.*}} eps 9.9999999999999995E-7 heads 4 : tensor<?x96xf32>, tensor<24xbf16>
// CHECK: %[[KN:.*]] = moe.rms_norm %[[K]], %{{.*}} eps 9.9999999999999995E-7 heads 2 : tensor<?x48xf32>, tensor<24xbf16>
// CHECK: %[[QR:.*]] = moe.rope {{ *}}half %[[QN]], %{{.*}} heads 4 :
// CHECK: %[[KR:.*]] = moe.rope {{ *}}half %[[KN]], %{{.*}} heads 2 :
// CHECK: moe.cache_append %{{.*}}, (%[[KR]], %[[V]])
// The scale is 24^-0.5.
// CHECK: moe.attention %[[QR]], {{.*}} heads 4 kv_heads 2 keys 1 value 1 scale 0.204124145{{[0-9]*}} :
// CHECK: moe.route {{ *}}softmax %{{[a-z0-9_]+}} renormalize : {{.*}} -> !moe.routing<experts = 12, top_k = 4>
// CHECK: %[[TREE:.*]] = moe.combine
// CHECK-NEXT: moe.add %{{.*}}, %[[TREE]]
// CHECK-NOT: func.func private
// CHECK: moe.rope_table <width = 24, theta = 1.000000e+06> of

// DENSE: moe.model = {{.*}}type = "qwen3"
// DENSE: moe.weight @layers.0.q_norm : tensor<32xbf16>
// DENSE-NOT: @lm_head
// DENSE-LABEL: func.func private @layer(
// DENSE: moe.rms_norm {{.*}} heads 4 : tensor<?x128xf32>, tensor<32xbf16>
// DENSE: moe.glu

// VARIANT: moe.weight @layers.0.q_bias
// VARIANT: moe.weight @layers.0.o_bias
// VARIANT: moe.weight @layers.0.mlp.gate_up : tensor<256x64xbf16>
// VARIANT: moe.route {{ *}}softmax %{{[a-z0-9_]+}} :
// cos and sin are multiplied by 0.1 ln 4 + 1; the softmax scale stays.
// VARIANT-LABEL: func.func @step(
// VARIANT: moe.rope_table {{.*}}yarn_scaling<{{.*}} attention_factor = 1.138629436{{[0-9]*}}, truncate = true>
// VARIANT: call @dense_layer
// VARIANT: call @moe_layer
// VARIANT: call @dense_layer
// VARIANT: call @dense_layer
// VARIANT: call @dense_layer
// VARIANT: call @moe_layer
// VARIANT-NOT: call
