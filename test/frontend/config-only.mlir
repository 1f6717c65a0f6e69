// Whole models without their weights.
// RUN: moe-translate --import-checkpoint --config-only %S/Inputs/deepseek-v3-671b.json | FileCheck %s --check-prefix=DEEPSEEK
// RUN: moe-translate --import-checkpoint --config-only %S/Inputs/llama-2-7b.json | FileCheck %s --check-prefix=LLAMA

// The bias of the router has a type of its own; nothing but the configuration says the others'.
// DEEPSEEK: moe.weight @layers.60.router : tensor<256x7168xbf16>
// DEEPSEEK: moe.weight @layers.60.router_bias : tensor<256xf32>
// DEEPSEEK: moe.weight @layers.60.experts.gate_up : tensor<256x4096x7168xbf16>
// DEEPSEEK-LABEL: func.func private @dense_layer
// DEEPSEEK-LABEL: func.func private @moe_layer
// DEEPSEEK-LABEL: func.func @step
// DEEPSEEK-COUNT-3: call @dense_layer
// DEEPSEEK-COUNT-58: call @moe_layer
// DEEPSEEK-NOT: call

// LLAMA: moe.weight @layers.31.mlp.down : tensor<4096x11008xf16>
// LLAMA: moe.attention {{.*}} heads 32 kv_heads 32
// LLAMA: moe.rope_table <width = 128, theta = 1.000000e+04> of
