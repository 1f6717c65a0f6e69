//===- MoeOps.td - Operations of the moe dialect ------------------------------===//

#ifndef MOEC_DIALECTS_MOE_MOEOPS_TD
#define MOEC_DIALECTS_MOE_MOEOPS_TD

include "dialects/moe/MoeAttrs.td"
include "dialects/moe/MoeTypes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Moe_Op<string mnemonic, list<Trait> traits = []> : Op<Moe_Dialect, mnemonic, traits>;

/// T x N activations, one row per token.
def Moe_Rows : Type<
    And<[2DTensorOf<[F32]>.predicate, CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).isDynamicDim(0) && "
         "::llvm::cast<::mlir::RankedTensorType>($_self).getDimSize(1) > 0">]>,
    "f32 rows of static, positive width (tensor<?xNxf32>)", "::mlir::RankedTensorType">;
/// Rows that are multiplied by a matrix: as they are, or rounded (moe.round).
def Moe_InputRows : Type<
    And<[2DTensorOf<[F32, BF16]>.predicate, CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).isDynamicDim(0) && "
         "::llvm::cast<::mlir::RankedTensorType>($_self).getDimSize(1) > 0">]>,
    "f32 or bf16 rows of static, positive width (tensor<?xNxf32>)", "::mlir::RankedTensorType">;
def Moe_RoundedRows : Type<
    And<[Moe_InputRows.predicate, CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getElementType().isBF16()">]>,
    "bf16 rows of static, positive width (tensor<?xNxbf16>)", "::mlir::RankedTensorType">;
def Moe_Element : AnyTypeOf<[F32, BF16, F16]>;
class Moe_StaticTensor<int rank, string elements = "f32, bf16 or f16", Type element = Moe_Element> : Type<
    And<[HasStaticShapePred, TensorRankOf<[element], [rank]>.predicate]>,
    "static " # elements # " tensor of rank " # rank, "::mlir::RankedTensorType">;
def Moe_Vector : Moe_StaticTensor<1>;
def Moe_Table : Moe_StaticTensor<2>;
/// Matrices that are only multiplied by may be quantised.
def Moe_MatrixElement : AnyTypeOf<[F32, BF16, F16, Moe_ScaledType]>;
def Moe_Matrix : Moe_StaticTensor<2, "f32, bf16, f16 or scaled", Moe_MatrixElement>;
def Moe_MatrixStack : Moe_StaticTensor<3, "f32, bf16, f16 or scaled", Moe_MatrixElement>;

//===--------------------------------------------------------------------------===//
// Weights
//===--------------------------------------------------------------------------===//

def Moe_WeightOp : Moe_Op<"weight", [Symbol]> {
  let summary = "a weight of the model and where it comes from";
  let description = [{
    The tensor is the concatenation of the parts along rows (dimension rank-2, or 0 for a vector). In a tensor of rank 3
    the first dimension counts experts (the parts' names contain `{expert}`) or heads (the parts say `heads`). `layout` is
    a recipe that the packer executes when the executable's weight file is written; the type stays that of the model.
    `at` is its place in the weight file, in bytes, once that is planned.

    ```mlir
    moe.weight @layers.3.experts.gate_up : tensor<8x256x128xbf16> from [
      #moe.part<"model.layers.3.mlp.experts.{expert}.gate_proj.weight">,
      #moe.part<"model.layers.3.mlp.experts.{expert}.up_proj.weight">] layout <width = 16, parts = 2> at 4096
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyStaticShapeTensor>:$type,
                       TypedArrayAttrBase<Moe_PartAttr, "parts of a checkpoint">:$parts,
                       OptionalAttr<Moe_PanelsAttr>:$layout, OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$sym_name `:` $type `from` $parts (`layout` $layout^)? (`at` $offset^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type of the weight as it stands in the weight file.
    ::mlir::RankedTensorType getPackedType();
  }];
}

def Moe_GetWeightOp : Moe_Op<"get_weight", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a weight";
  let description = [{
    In its layout, if it has one.

    ```mlir
    %w = moe.get_weight @embed : tensor<768x160xbf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Moe_PackOp : Moe_Op<"pack", [Pure]> {
  let summary = "a weight in another layout";
  let description = [{
    Inserted where a kernel wants panels; `moe-assign-layouts` moves it to the weight, so that the packer does it once.

    ```mlir
    %p = moe.pack %w <width = 16> : tensor<96x160xbf16> -> tensor<6x160x16xbf16>
    ```
    Constraints: (c1) the result has the type of the layout.
  }];
  let arguments = (ins AnyStaticShapeTensor:$input, Moe_PanelsAttr:$layout);
  let results = (outs AnyStaticShapeTensor:$result);
  let assemblyFormat = "$input $layout attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------===//
// Rows
//===--------------------------------------------------------------------------===//

def Moe_EmbeddingOp : Moe_Op<"embedding", [Pure]> {
  let summary = "rows of a table, by token id";
  let description = [{
    `result[t] = table[token(t)]`.

    ```mlir
    %x = moe.embedding %table of %batch : tensor<768x160xbf16> -> tensor<?x160xf32>
    ```
    Constraints: (c1) the result is as wide as the table.
  }];
  let arguments = (ins Moe_Table:$table, Moe_BatchType:$batch);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$table `of` $batch attr-dict `:` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_OutputRowsOp : Moe_Op<"output_rows", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "the rows whose logits are wanted";
  let description = [{
    `result[r] = input[output_row(r)]`: R rows, the last of each sequence when generating, all of them for evaluation.
  }];
  let arguments = (ins Moe_Rows:$input, Moe_BatchType:$batch);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `of` $batch attr-dict `:` type($input)";
}

def Moe_RmsNormOp : Moe_Op<"rms_norm", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "root-mean-square normalisation (arXiv 1910.07467)";
  let description = [{
    `result = weight * x / sqrt(mean(x²) + eps)`, over the whole row, or with `heads` over each of `heads` equal parts of
    it (with the same weight).

    ```mlir
    %h = moe.rms_norm %x, %w eps 1.0e-06 : tensor<?x160xf32>, tensor<160xbf16>
    ```
    Constraints: (c1) the weight is as long as the row, or as a head; (c2) heads divide the row; (c3) eps is positive.
  }];
  let arguments = (ins Moe_Rows:$input, Moe_Vector:$weight, F64Attr:$eps, DefaultValuedAttr<I64Attr, "1">:$heads);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `,` $weight `eps` $eps (`heads` $heads^)? attr-dict `:` type($input) `,` type($weight)";
  let hasVerifier = 1;
}

def Moe_RoundOp : Moe_Op<"round", [Pure]> {
  let summary = "rows rounded to a narrower type";
  let description = [{
    Each element to the nearest number of the type of the result, of two equally near ones to the even one. Inserted by
    `moe-round-activations`, so that what tensor cores multiply is part of the model, the same however kernels are fused.

    ```mlir
    %hb = moe.round %h : tensor<?x160xf32> -> tensor<?x160xbf16>
    ```
    Constraints: (c1) the result is as wide as the input.
  }];
  let arguments = (ins Moe_Rows:$input);
  let results = (outs Moe_RoundedRows:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_LinearOp : Moe_Op<"linear", [Pure]> {
  let summary = "linear map of each row";
  let description = [{
    `result[t, n] = Σ_k input[t, k] weight[n, k] (+ bias[n])`.

    ```mlir
    %q = moe.linear %h, %w : (tensor<?x160xf32>, tensor<96x160xbf16>) -> tensor<?x96xf32>
    %k = moe.linear %h, %w bias %b : (tensor<?x64xf32>, tensor<32x64xbf16>, tensor<32xbf16>) -> tensor<?x32xf32>
    ```
    Constraints: (c1) the input is K wide; (c2) the result is N wide; (c3) the bias is N long.
  }];
  let arguments = (ins Moe_InputRows:$input, Moe_Matrix:$weight, Optional<Moe_Vector>:$bias);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `,` $weight (`bias` $bias^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Moe_HeadLinearOp : Moe_Op<"head_linear", [Pure]> {
  let summary = "linear map of each head by its own matrix";
  let description = [{
    The row is H heads of K elements, `weight` is `H x N x K`: `result[t, h, n] = Σ_k input[t, h, k] weight[h, n, k]`; with
    `transposed` the weight is `H x K x N`. The two halves of MLA's `kv_b` act this way once they are absorbed.

    ```mlir
    %o = moe.head_linear %x, %w : (tensor<?x256xf32>, tensor<4x32x64xbf16>) -> tensor<?x128xf32>
    ```
    Constraints: (c1) the input is H * K wide; (c2) the result is H * N wide.
  }];
  let arguments = (ins Moe_InputRows:$input, Moe_MatrixStack:$weight, UnitAttr:$transposed);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `,` $weight (`transposed` $transposed^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getHeads() { return getWeight().getType().getDimSize(0); }
    int64_t getN() { return getWeight().getType().getDimSize(getTransposed() ? 2 : 1); }
    int64_t getK() { return getWeight().getType().getDimSize(getTransposed() ? 1 : 2); }
  }];
}

def Moe_GluOp : Moe_Op<"glu", [Pure]> {
  let summary = "gated linear unit (arXiv 2002.05202)";
  let description = [{
    The row is a gate and an up half: `result[i] = activation(x[i]) * x[I + i]`; `silu(g) = g / (1 + exp(-g))`.

    ```mlir
    %a = moe.glu silu %gu : tensor<?x832xf32> -> tensor<?x416xf32>
    ```
    Constraints: (c1) the input is twice as wide as the result.
  }];
  let arguments = (ins Moe_ActivationAttr:$activation, Moe_Rows:$input);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "`` $activation $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Moe_AddOp : Moe_Op<"add", [Pure, SameOperandsAndResultType]> {
  let summary = "sum of two rows";
  let arguments = (ins Moe_Rows:$lhs, Moe_Rows:$rhs);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def Moe_SigmoidGateOp : Moe_Op<"sigmoid_gate", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rows scaled by the sigmoid of a gate";
  let description = [{
    `result[t, i] = input[t, i] σ(gate[t, i])`, or with a gate of one column `input[t, i] σ(gate[t, 0])`;
    `σ(g) = 1 / (1 + exp(-g))`.

    ```mlir
    %y = moe.sigmoid_gate %shared, %g : tensor<?x160xf32>, tensor<?x1xf32>
    ```
    Constraints: (c1) the gate is one column or as wide as the input.
  }];
  let arguments = (ins Moe_Rows:$input, Moe_Rows:$gate);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `,` $gate attr-dict `:` type($input) `,` type($gate)";
  let hasVerifier = 1;
}

def Moe_SliceOp : Moe_Op<"slice", [Pure]> {
  let summary = "some columns of each head";
  let description = [{
    The row is `heads` equal heads; columns [begin, begin + n) of each are taken, n = width of the result / heads.

    ```mlir
    %q_nope = moe.slice %q begin 0 heads 4 : tensor<?x192xf32> -> tensor<?x128xf32>
    ```
    Constraints: (c1) heads divide both rows; (c2) the columns lie inside a head.
  }];
  let arguments = (ins Moe_Rows:$input, I64Attr:$begin, DefaultValuedAttr<I64Attr, "1">:$heads);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `begin` $begin (`heads` $heads^)? attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Moe_ConcatOp : Moe_Op<"concat", [Pure]> {
  let summary = "two rows side by side, head by head";
  let description = [{
    Both rows are `heads` equal heads; head h of the result is head h of `lhs` followed by head h of `rhs`.

    ```mlir
    %qk = moe.concat %q_latent, %q_rope heads 4 : (tensor<?x256xf32>, tensor<?x64xf32>) -> tensor<?x320xf32>
    ```
    Constraints: (c1) heads divide both rows; (c2) the result is as wide as both together.
  }];
  let arguments = (ins Moe_Rows:$lhs, Moe_Rows:$rhs, DefaultValuedAttr<I64Attr, "1">:$heads);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$lhs `,` $rhs (`heads` $heads^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------===//
// Attention
//===--------------------------------------------------------------------------===//

def Moe_RopeTableOp : Moe_Op<"rope_table", [Pure]> {
  let summary = "cosines and sines of each token's position";
  let description = [{
    `result[t, i] = a cos(p f_i)` and `result[t, w/2 + i] = a sin(p f_i)` for the position p of token t, the frequencies
    f_i and the attention factor a of the rope. The angle is rounded to f32, as the reference implementation does.

    ```mlir
    %cs = moe.rope_table #moe.rope<width = 16, theta = 1.0e4> of %batch : tensor<?x16xf32>
    ```
    Constraints: (c1) the result is as wide as the rope.
  }];
  let arguments = (ins Moe_RopeAttr:$rope, Moe_BatchType:$batch);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$rope `of` $batch attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Moe_RopeOp : Moe_Op<"rope", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "rotates pairs of elements of each head by the token's position";
  let description = [{
    In each of `heads` heads, the w elements from `begin` rotate, w the width of the table: pair i is
    `(x[i], x[i + w/2])` for `half` and `(x[2i], x[2i + 1])` for `interleaved`, and becomes
    `(x cos - y sin, y cos + x sin)` in the same places. The other elements pass through.

    ```mlir
    %q2 = moe.rope interleaved %q, %cs heads 4 begin 32 : tensor<?x192xf32>, tensor<?x16xf32>
    ```
    Constraints: (c1) heads divide the row; (c2) the elements lie inside a head; (c3) w is even.
  }];
  let arguments = (ins Moe_RopePairsAttr:$pairs, Moe_Rows:$input, Moe_Rows:$table,
                       DefaultValuedAttr<I64Attr, "1">:$heads, DefaultValuedAttr<I64Attr, "0">:$begin);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = [{
    `` $pairs $input `,` $table (`heads` $heads^)? (`begin` $begin^)? attr-dict `:` type($input) `,` type($table)
  }];
  let hasVerifier = 1;
}

def Moe_CacheAppendOp : Moe_Op<"cache_append", [Pure, AllTypesMatch<["cache", "result"]>]> {
  let summary = "remembers the tokens of the step";
  let description = [{
    The row of each token's (slot, position) becomes the concatenation of its rows of `parts`.

    ```mlir
    %cache2 = moe.cache_append %cache, (%k, %v) of %batch : !moe.cache<[32, 32], f32>, (tensor<?x32xf32>, tensor<?x32xf32>)
    ```
    Constraints: (c1) as many parts as the cache has, each as wide as the cache's.
  }];
  let arguments = (ins Moe_CacheType:$cache, Variadic<Moe_Rows>:$parts, Moe_BatchType:$batch);
  let results = (outs Moe_CacheType:$result);
  let assemblyFormat = "$cache `,` `(` $parts `)` `of` $batch attr-dict `:` qualified(type($cache)) `,` `(` type($parts) `)`";
  let hasVerifier = 1;
}

def Moe_AttentionOp : Moe_Op<"attention", [Pure]> {
  let summary = "causal softmax attention over a cache";
  let description = [{
    A query row is `heads` heads. The keys are the parts [0, key_parts) of the cache's rows side by side, the values the part
    `value_part`; both are `kv_heads` heads, of which query head h reads head `h / (heads / kv_heads)`. For token t of
    sequence s at position p: `result[t, h] = Σ_j softmax_j(scale q[t, h]·key_j) value_j` over positions j ≤ p of s.

    Grouped-query attention keeps keys and values in two parts (key_parts 1, value_part 1). Absorbed MLA reads its one
    latent head twice: the key is latent and rotary part (key_parts 2), the value is the latent (value_part 0).

    `rounded` (`moe-round-activations`): what the two products multiply is rounded to bf16 before: queries, keys, values, and the
    weights of the softmax, as they are before they are divided by their sum; sums stay f32.

    ```mlir
    %o = moe.attention %q, %cache of %batch heads 8 kv_heads 4 keys 1 value 1 scale 0.125
        : (tensor<?x64xf32>, !moe.cache<[32, 32], f32>) -> tensor<?x64xf32>
    ```
    Constraints: (c1) kv_heads divide heads and the parts' widths; (c2) the query is heads * key width; (c3) the result is
    heads * value width; (c4) the parts exist.
  }];
  let arguments = (ins Moe_Rows:$query, Moe_CacheType:$cache, Moe_BatchType:$batch, I64Attr:$heads, I64Attr:$kv_heads,
                       I64Attr:$key_parts, I64Attr:$value_part, F64Attr:$scale, UnitAttr:$rounded);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = [{
    $query `,` $cache `of` $batch `heads` $heads `kv_heads` $kv_heads `keys` $key_parts `value` $value_part
    `scale` $scale (`rounded` $rounded^)? attr-dict `:` `(` type($query) `,` qualified(type($cache)) `)` `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Elements of a key of one kv head, and of a value.
    int64_t getKeyWidth();
    int64_t getValueWidth();
  }];
}

def Moe_MlaOp : Moe_Op<"mla", [Pure]> {
  let summary = "multi-head latent attention (DeepSeek-V2, arXiv 2405.04434)";
  let description = [{
    A cache row is a latent c of r elements and a rotary key k_r shared by all heads. A query head is [q_n | q_r]. With
    `w_uk : H x n x r` and `w_uv : H x v x r`, the two halves of `kv_b`:
    `key_j = [w_uk[h] c_j | k_r,j]`, `value_j = w_uv[h] c_j`, and the rest as in `moe.attention` with one kv head per head.

    `moe-absorb-mla` rewrites it so that the cache is read as it is.

    ```mlir
    %o = moe.mla %q, %cache, %w_uk, %w_uv of %batch scale 0.1352
        : (tensor<?x192xf32>, !moe.cache<[64, 16], f32>, tensor<4x32x64xbf16>, tensor<4x32x64xbf16>) -> tensor<?x128xf32>
    ```
    Constraints: (c1) the cache has two parts, the first as wide as the latent of both weights; (c2) the weights have the
    same heads; (c3) the query is H * (n + width of the second part); (c4) the result is H * v.
  }];
  let arguments = (ins Moe_Rows:$query, Moe_CacheType:$cache, Moe_MatrixStack:$w_uk, Moe_MatrixStack:$w_uv,
                       Moe_BatchType:$batch, F64Attr:$scale);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = [{
    $query `,` $cache `,` $w_uk `,` $w_uv `of` $batch `scale` $scale attr-dict `:`
    `(` type($query) `,` qualified(type($cache)) `,` type($w_uk) `,` type($w_uv) `)` `->` type($result)
  }];
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------===//
// Experts
//===--------------------------------------------------------------------------===//

def Moe_RouteOp : Moe_Op<"route", [Pure]> {
  let summary = "chooses the experts of each token";
  let description = [{
    1. `s = score(logits)`: sigmoid of each, or softmax over all experts.
    2. `c = s + bias`, for the choice only (DeepSeek-V3's auxiliary-loss-free balancing); without bias `c = s`.
    3. With `groups`, the c of experts outside the kept groups become -inf.
    4. The `top_k` greatest c are chosen, ties to the lowest index; NaN is below everything.
    5. `w = s` of the chosen; with `renormalize`, `w /= Σ w + 1e-20`; then `w *= scale`.

    ```mlir
    %r = moe.route sigmoid %logits bias %b groups <count = 4, keep = 2, by = top2_sum> renormalize scale 2.5
        : (tensor<?x16xf32>, tensor<16xf32>) -> !moe.routing<experts = 16, top_k = 4>
    ```
    Constraints: (c1) a logit for each expert; (c2) a bias for each; (c3) the groups divide the experts; (c4) the kept
    groups hold at least top_k experts; (c5) top2_sum needs two experts in a group.
  }];
  let arguments = (ins Moe_ScoreAttr:$score, Moe_Rows:$logits, Optional<Moe_Vector>:$bias,
                       OptionalAttr<Moe_GroupsAttr>:$groups, UnitAttr:$renormalize,
                       DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let results = (outs Moe_RoutingType:$routing);
  let assemblyFormat = [{
    `` $score $logits (`bias` $bias^)? (`groups` $groups^)? (`renormalize` $renormalize^)? (`scale` $scale^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Moe_DispatchOp : Moe_Op<"dispatch", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "copies each token's row to its experts";
  let description = [{
    `result[i] = input[token(i)]` for the T * top_k rows in the order of the routing.

    ```mlir
    %rows = moe.dispatch %h to %r : tensor<?x160xf32>, !moe.routing<experts = 16, top_k = 4>
    ```
  }];
  let arguments = (ins Moe_InputRows:$input, Moe_RoutingType:$routing);
  let results = (outs Moe_InputRows:$result);
  let assemblyFormat = "$input `to` $routing attr-dict `:` type($input) `,` qualified(type($routing))";
}

def Moe_ExpertLinearOp : Moe_Op<"expert_linear", [Pure]> {
  let summary = "linear map of each dispatched row by its expert's matrix";
  let description = [{
    `result[i, n] = Σ_k input[i, k] weight[expert(i), n, k]`.

    ```mlir
    %gu = moe.expert_linear %rows, %w of %r
        : (tensor<?x160xf32>, tensor<16x96x160xbf16>, !moe.routing<experts = 16, top_k = 4>) -> tensor<?x96xf32>
    ```
    Constraints: (c1) a matrix for each expert; (c2) the input is K wide; (c3) the result is N wide.
  }];
  let arguments = (ins Moe_InputRows:$input, Moe_MatrixStack:$weight, Moe_RoutingType:$routing);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `,` $weight `of` $routing attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Moe_CombineOp : Moe_Op<"combine", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "weighted sum of the experts' rows of each token";
  let description = [{
    `result[t] = Σ_e w[t, e] input[row(t, e)]`, added along the tree that halves [0, E) top-down: absent experts are
    skipped, so the order depends on the experts alone (`docs/numerics.md`). Of an odd number the first half is the
    smaller one; products are rounded before they are added.

    ```mlir
    %m = moe.combine %y of %r : tensor<?x160xf32>, !moe.routing<experts = 16, top_k = 4>
    ```
  }];
  let arguments = (ins Moe_Rows:$input, Moe_RoutingType:$routing);
  let results = (outs Moe_Rows:$result);
  let assemblyFormat = "$input `of` $routing attr-dict `:` type($input) `,` qualified(type($routing))";
}

#endif // MOEC_DIALECTS_MOE_MOEOPS_TD
