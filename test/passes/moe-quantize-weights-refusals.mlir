// RUN: moe-opt %s --moe-quantize-weights --verify-diagnostics

// What is published quantised is not quantised again.
// expected-error @below {{expected elements of f32, bf16 or f16 to quantise, got '!moe.scaled<f8E4M3FN, 128x128, f32>': the checkpoint is quantised already}}
moe.weight @w : tensor<32x64x!moe.scaled<f8E4M3FN, 128x128, f32>> from [#moe.part<"w" scale "s">]

func.func @step(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = moe.get_weight @w : tensor<32x64x!moe.scaled<f8E4M3FN, 128x128, f32>>
  %y = moe.linear %x, %w : (tensor<?x64xf32>, tensor<32x64x!moe.scaled<f8E4M3FN, 128x128, f32>>) -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
