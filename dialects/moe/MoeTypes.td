//===- MoeTypes.td - Types of the moe dialect ---------------------------------===//

#ifndef MOEC_DIALECTS_MOE_MOETYPES_TD
#define MOEC_DIALECTS_MOE_MOETYPES_TD

include "dialects/moe/MoeDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"

class Moe_Type<string name, string typeMnemonic, list<Trait> traits = []> : TypeDef<Moe_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def Moe_BatchType : Moe_Type<"Batch", "batch"> {
  let summary = "the tokens of a step";
  let description = [{
    Token ids, positions, the sequence slot of each token, and the rows whose logits are wanted (R of them). Tokens of
    one sequence are in order of position; all earlier positions are in the caches or in the same step.
  }];
}

def Moe_CacheType : Moe_Type<"Cache", "cache"> {
  let summary = "what one layer remembers of each position of each sequence";
  let description = [{
    A row per (slot, position). A row is the concatenation of parts of the given widths, e.g. `!moe.cache<[32, 32], f32>`
    for keys and values of 4 heads of 8, `!moe.cache<[64, 16], f32>` for an MLA latent of 64 and a rotary key of 16.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$parts, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` `[` $parts `]` `,` $elementType `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Elements of a row.
    int64_t getWidth() const;
  }];
}

def Moe_RoutingType : Moe_Type<"Routing", "routing"> {
  let summary = "which experts each token of a step goes to";
  let description = [{
    For each token `top_k` distinct experts out of `experts`, a weight for each, and the order of the T * top_k rows
    sorted by expert (within an expert by token).
  }];
  let parameters = (ins "int64_t":$experts, "int64_t":$topK);
  let assemblyFormat = "`<` `experts` `=` $experts `,` `top_k` `=` $topK `>`";
  let genVerifyDecl = 1;
}

def Moe_ScaledType : Moe_Type<"Scaled", "scaled", [MemRefElementTypeInterface]> {
  let summary = "element of a matrix that is quantised in blocks";
  let description = [{
    A matrix `N x K` of `stored` numbers q and a scale d for each block of `rows x columns`: the element (n, k) is
    `round_f32(q[n, k] * d[n / rows, k / columns])`. Blocks at the lower and right border may be smaller. In a weight of
    several parts, blocks begin anew with each part. The value of such a tensor is an f32 matrix; it is never written out.

    `!moe.scaled<f8E4M3FN, 128x128, f32>` is how FP8 checkpoints are published, `!moe.scaled<i8, 1x32, bf16>` and
    `!moe.scaled<i4, 1x32, bf16>` what `--quantize` makes.
  }];
  let parameters = (ins "::mlir::Type":$stored, "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$scale);
  let assemblyFormat = "`<` $stored `,` custom<Block>($rows, $columns) `,` $scale `>`";
  let genVerifyDecl = 1;
}

#endif // MOEC_DIALECTS_MOE_MOETYPES_TD
