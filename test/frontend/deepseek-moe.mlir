// RUN: moe-translate --import-checkpoint %models/deepseek-moe-16b/config.json -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: moe-opt %t.mlir | FileCheck %s

// Weights are normalised on request, except the one of a single expert; projections may have biases.
// RUN: mkdir -p %t
// RUN: %python %S/Inputs/derive.py %models/deepseek-moe-16b %t config:norm_topk_prob=true config:attention_bias=true
// RUN: moe-translate --import-checkpoint --config-only %t/config.json | FileCheck %s --check-prefix=NORM
// RUN: %python %S/Inputs/derive.py %models/deepseek-moe-16b %t config:norm_topk_prob=true config:num_experts_per_tok=1
// RUN: moe-translate --import-checkpoint --config-only %t/config.json | FileCheck %s --check-prefix=SINGLE

// CHECK: moe.model = {{.*}}type = "deepseek"
// CHECK-NOT: bias
// CHECK: moe.weight @layers.1.shared.gate_up : tensor<96x64xbf16> from [#moe.part<"model.layers.1.mlp.shared_experts.gate_proj.weight">,
// CHECK-LABEL: func.func private @dense_layer(
// CHECK: moe.rope {{ *}}half {{.*}} heads 4 :
// CHECK: moe.attention {{.*}} heads 4 kv_heads 4 keys 1 value 1 scale 2.500000e-01 :
// CHECK: moe.linear {{.*}} -> tensor<?x288xf32>
// CHECK-LABEL: func.func private @moe_layer(
// CHECK: moe.route {{ *}}softmax %{{[a-z0-9_]+}} : {{.*}} -> !moe.routing<experts = 12, top_k = 4>
// CHECK: %[[TREE:.*]] = moe.combine
// CHECK: %[[SHARED:.*]] = moe.linear {{.*}} -> tensor<?x64xf32>
// CHECK: moe.add %[[TREE]], %[[SHARED]]
// CHECK-LABEL: func.func @step(
// CHECK: moe.rope_table <width = 16, theta = 1.000000e+04> of
// CHECK-COUNT-1: call @dense_layer
// CHECK-COUNT-2: call @moe_layer

// NORM: moe.weight @layers.0.o_bias : tensor<64xbf16>
// NORM: moe.route {{ *}}softmax %{{[a-z0-9_]+}} renormalize :
// SINGLE: moe.route {{ *}}softmax %{{[a-z0-9_]+}} : {{.*}} top_k = 1>
