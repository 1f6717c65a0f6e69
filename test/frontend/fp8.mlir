// Checkpoints that are published in FP8.
// RUN: moe-translate --import-checkpoint %models/tiny-deepseek-v3-fp8/config.json | FileCheck %s --check-prefix=TINY
// What the tensors say, the configuration alone says as well.
// RUN: moe-translate --import-checkpoint %models/tiny-deepseek-v3-fp8/config.json -o %t.tensors
// RUN: moe-translate --import-checkpoint --config-only %models/tiny-deepseek-v3-fp8/config.json -o %t.config
// RUN: diff %t.tensors %t.config
// RUN: moe-translate --import-checkpoint --config-only %S/Inputs/deepseek-v3-fp8.json | FileCheck %s --check-prefix=FULL

// TINY: moe.weight @embed : tensor<768x160xbf16>
// TINY: moe.weight @layers.0.attention_norm : tensor<160xbf16>
// TINY: moe.weight @layers.0.q_a : tensor<96x160x!moe.scaled<f8E4M3FN, 128x128, f32>>
// TINY-SAME: from [#moe.part<"model.layers.0.self_attn.q_a_proj.weight" scale "model.layers.0.self_attn.q_a_proj.weight_scale_inv">]
// TINY: moe.weight @layers.0.w_uk : tensor<4x32x64x!moe.scaled<f8E4M3FN, 128x128, f32>>
// TINY-SAME: from [#moe.part<"model.layers.0.self_attn.kv_b_proj.weight" scale "model.layers.0.self_attn.kv_b_proj.weight_scale_inv", heads = 4, end = 32>]
// TINY: moe.weight @layers.1.router : tensor<16x160xbf16>
// TINY: moe.weight @layers.1.router_bias : tensor<16xf32>
// TINY: moe.weight @layers.1.experts.gate_up : tensor<16x96x160x!moe.scaled<f8E4M3FN, 128x128, f32>>
// TINY-SAME: #moe.part<"model.layers.1.mlp.experts.{expert}.gate_proj.weight" scale "model.layers.1.mlp.experts.{expert}.gate_proj.weight_scale_inv">
// TINY: moe.weight @lm_head : tensor<768x160xbf16>

// FULL: moe.weight @layers.0.kv_a : tensor<576x7168x!moe.scaled<f8E4M3FN, 128x128, f32>>
// FULL: moe.weight @layers.60.router : tensor<256x7168xbf16>
// FULL: moe.weight @layers.60.experts.gate_up : tensor<256x4096x7168x!moe.scaled<f8E4M3FN, 128x128, f32>>
// FULL: func.func private @dense_layer
// FULL: func.func private @moe_layer
// FULL-NOT: func.func private
