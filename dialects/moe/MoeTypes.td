//===- MoeTypes.td - Types of the moe dialect ---------------------------------===//

#ifndef MOEC_DIALECTS_MOE_MOETYPES_TD
#define MOEC_DIALECTS_MOE_MOETYPES_TD

include "dialects/moe/MoeDialect.td"
include "mlir/IR/AttrTypeBase.td"

class Moe_Type<string name, string typeMnemonic> : TypeDef<Moe_Dialect, name> {
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

#endif // MOEC_DIALECTS_MOE_MOETYPES_TD
