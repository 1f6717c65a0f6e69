//===- MoeDialect.td - The moe dialect ----------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_MOEDIALECT_TD
#define MOEC_DIALECTS_MOE_MOEDIALECT_TD

include "mlir/IR/OpBase.td"

def Moe_Dialect : Dialect {
  let name = "moe";
  let cppNamespace = "::moec::moe";
  let summary = "A mixture-of-experts transformer, as its paper tells it";
  let description = [{
    Tensor-level, value semantics, independent of a target. A step of the model is one function `@step`: it processes T
    tokens of any mix of sequences, so that prefill, decode and mixed batches are one program. Each *distinct* kind of
    layer is a function that `@step` calls once per layer, with that layer's weights and cache.

    Notation used below: T tokens of a step (always the leading dimension, always dynamic), D hidden size, H query heads,
    E experts, k experts per token. A linear map with weight `W : N x K` computes `y = x Wᵀ`. All arithmetic is in f32;
    stored weights are extended exactly. `dialects/moe/README.md` says why the dialect is cut this way.

    Attributes of the module:
    - `moe.model = {name = "…", type = "…"}`: where it came from,
    - `moe.limits = #moe.limits<…>`: bounds of a step and of the caches,
    - `moe.target = #moe.cpu<…>`: what it is compiled for.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

#endif // MOEC_DIALECTS_MOE_MOEDIALECT_TD
