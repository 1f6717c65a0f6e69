// RUN: moe-translate --import-checkpoint %models/qwen2-moe/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s
// RUN: moe-translate --import-checkpoint %models/qwen2-moe/config.hub.json | diff %t.mlir -

// RUN: mkdir -p %t
// RUN: %python %S/Inputs/derive.py %models/qwen2-moe %t config:qkv_bias=false config:mlp_only_layers=[0,2] config:norm_topk_prob=true
// RUN: moe-translate --import-checkpoint --config-only %t/config.json | FileCheck %s --check-prefix=VARIANT

// CHECK: moe.model = {{.*}}type = "qwen2_moe"
// CHECK: moe.weight @layers.0.v_bias : tensor<32xbf16> from [#moe.part<"model.layers.0.self_attn.v_proj.bias">]
// CHECK-NEXT: moe.weight @layers.0.o : tensor<64x64xbf16>
// CHECK-NEXT: moe.weight @layers.0.mlp_norm
// CHECK: moe.weight @layers.0.shared.gate_up : tensor<160x64xbf16> from [#moe.part<"model.layers.0.mlp.shared_expert.gate_proj.weight">, #moe.part<"model.layers.0.mlp.shared_expert.up_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.shared.down : tensor<64x80xbf16> from [#moe.part<"model.layers.0.mlp.shared_expert.down_proj.weight">]
// CHECK-NEXT: moe.weight @layers.0.shared.gate : tensor<1x64xbf16> from [#moe.part<"model.layers.0.mlp.shared_expert_gate.weight">]
// CHECK-LABEL: func.func private @moe_layer(
// CHECK: moe.rope {{ *}}half %{{.*}} heads 4 :
// CHECK: moe.attention {{.*}} heads 4 kv_heads 2 keys 1 value 1 scale 2.500000e-01 :
// CHECK: %[[H:.*]] = moe.rms_norm
// CHECK: moe.route {{ *}}softmax %{{[a-z0-9_]+}} : {{.*}} -> !moe.routing<experts = 8, top_k = 3>
// CHECK: %[[TREE:.*]] = moe.combine
// CHECK: %[[SGU:.*]] = moe.linear %[[H]], {{.*}} -> tensor<?x160xf32>
// CHECK: %[[SA:.*]] = moe.glu {{ *}}silu %[[SGU]]
// CHECK: %[[S:.*]] = moe.linear %[[SA]]
// CHECK: %[[GATE:.*]] = moe.linear %[[H]], {{.*}} -> tensor<?x1xf32>
// CHECK: %[[GATED:.*]] = moe.sigmoid_gate %[[S]], %[[GATE]]
// CHECK: moe.add %[[TREE]], %[[GATED]]
// CHECK-NOT: func.func private
// CHECK: moe.rope_table <width = 16, theta = 1.000000e+06> of

// VARIANT-NOT: bias
// VARIANT: moe.weight @layers.0.mlp.gate_up : tensor<192x64xbf16>
// VARIANT: moe.route {{ *}}softmax %{{[a-z0-9_]+}} renormalize :
// VARIANT: call @dense_layer
// VARIANT: call @moe_layer
// VARIANT: call @dense_layer
