//===- MoeAttrs.td - Attributes and enums of the moe dialect ------------------===//

#ifndef MOEC_DIALECTS_MOE_MOEATTRS_TD
#define MOEC_DIALECTS_MOE_MOEATTRS_TD

include "dialects/moe/MoeDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

//===--------------------------------------------------------------------------===//
// Enums
//===--------------------------------------------------------------------------===//

class Moe_Enum<string name, string text, list<I32EnumAttrCase> enumerants>
    : I32EnumAttr<name, text, enumerants> {
  let cppNamespace = "::moec::moe";
  let genSpecializedAttr = 0;
}

def Moe_RopePairs : Moe_Enum<"RopePairs", "which elements rotate together", [
  I32EnumAttrCase<"Half", 0, "half">,
  I32EnumAttrCase<"Interleaved", 1, "interleaved">]>;
def Moe_RopePairsAttr : EnumAttr<Moe_Dialect, Moe_RopePairs, "pairs"> {
  let assemblyFormat = "$value";
}

def Moe_Score : Moe_Enum<"Score", "how router logits become scores", [
  I32EnumAttrCase<"Softmax", 0, "softmax">,
  I32EnumAttrCase<"Sigmoid", 1, "sigmoid">]>;
def Moe_ScoreAttr : EnumAttr<Moe_Dialect, Moe_Score, "score"> {
  let assemblyFormat = "$value";
}

def Moe_GroupScore : Moe_Enum<"GroupScore", "how a group of experts is ranked", [
  I32EnumAttrCase<"Max", 0, "max">,
  I32EnumAttrCase<"Top2Sum", 1, "top2_sum">]>;

def Moe_Activation : Moe_Enum<"Activation", "nonlinearity of a gated linear unit", [
  I32EnumAttrCase<"Silu", 0, "silu">]>;
def Moe_ActivationAttr : EnumAttr<Moe_Dialect, Moe_Activation, "activation"> {
  let assemblyFormat = "$value";
}

//===--------------------------------------------------------------------------===//
// Attributes
//===--------------------------------------------------------------------------===//

class Moe_Attr<string name, string attrMnemonic> : AttrDef<Moe_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Moe_LimitsAttr : Moe_Attr<"Limits", "limits"> {
  let summary = "bounds of a step and of the caches";
  let description = [{
    At most `tokens` tokens in a step, of at most `sequences` sequences, each of at most `positions` positions.
  }];
  let parameters = (ins "int64_t":$tokens, "int64_t":$sequences, "int64_t":$positions);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Moe_CpuTargetAttr : Moe_Attr<"CpuTarget", "cpu"> {
  let summary = "native code for a CPU";
  let description = [{
    `name` as LLVM spells CPUs; `features` as LLVM spells target features (`+avx2,+fma,…`), resolved when the module is
    specialised so that a dump compiles to the same code on another machine.
  }];
  let parameters = (ins StringRefParameter<"CPU name">:$name,
                        OptionalParameter<"::mlir::StringAttr">:$features);
  let assemblyFormat = "`<` $name (`,` $features^)? `>`";
}

def Moe_CudaTargetAttr : Moe_Attr<"CudaTarget", "cuda"> {
  let summary = "CUDA kernels for GPUs of some architectures";
  let description = [{
    `architectures` as NVIDIA spells them (`"sm_90a"`). Device code is compiled for each of them.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$architectures);
  let assemblyFormat = "`<` $architectures `>`";
  let genVerifyDecl = 1;
}

def Moe_RopeScalingLinearAttr : Moe_Attr<"LinearScaling", "linear_scaling"> {
  let summary = "rotary frequencies divided by a factor";
  let parameters = (ins "::moec::moe::Real":$factor);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Moe_RopeScalingLlama3Attr : Moe_Attr<"Llama3Scaling", "llama3_scaling"> {
  let summary = "Llama 3.1's rotary scaling";
  let description = [{
    With λ = 2π/f and `original` the context of pre-training: f/factor for λ > original/low, f for λ < original/high,
    between them (1-s) f/factor + s f with s = (original/λ - low)/(high - low).
  }];
  let parameters = (ins "::moec::moe::Real":$factor, "::moec::moe::Real":$low, "::moec::moe::Real":$high, "int64_t":$original);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Moe_RopeScalingYarnAttr : Moe_Attr<"YarnScaling", "yarn_scaling"> {
  let summary = "YaRN rotary scaling (arXiv 2309.00071)";
  let description = [{
    dim(n) = r ln(original/(2πn)) / (2 ln base); the ramp goes from dim(beta_fast) to dim(beta_slow), rounded outwards
    when `truncate`, clamped to [0, r-1]; f' = f/factor ramp + f (1 - ramp). cos and sin are multiplied by
    `attention_factor`, which the frontend computes from mscale (the softmax scale is apart, in the attention op).
  }];
  let parameters = (ins "::moec::moe::Real":$factor, "::moec::moe::Real":$beta_fast, "::moec::moe::Real":$beta_slow, "int64_t":$original,
                        "::moec::moe::Real":$attention_factor, "bool":$truncate);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Moe_RopeAttr : Moe_Attr<"Rope", "rope"> {
  let summary = "rotary position embedding (arXiv 2104.09864)";
  let description = [{
    `width` elements of a head rotate, in width/2 pairs; pair i has frequency theta^(-2i/width), changed by `scaling`.
  }];
  let parameters = (ins "int64_t":$width, "::moec::moe::Real":$theta,
                        OptionalParameter<"::mlir::Attribute">:$scaling);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The width/2 frequencies, in f32 as the reference implementation computes them.
    ::llvm::SmallVector<float> getFrequencies() const;
    /// What cos and sin are multiplied by; 1 unless the scaling says otherwise.
    float getAttentionFactor() const;
  }];
}

def Moe_GroupsAttr : Moe_Attr<"Groups", "groups"> {
  let summary = "node-limited routing: only experts of the best groups are chosen";
  let description = [{
    The experts are cut into `count` equal groups; those of the `keep` best stay in the choice. A group is ranked by its
    best score (`max`, DeepSeek-V2) or by the sum of its two best (`top2_sum`, DeepSeek-V3).
  }];
  let parameters = (ins "int64_t":$count, "int64_t":$keep, EnumParameter<Moe_GroupScore>:$by);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Moe_PartAttr : Moe_Attr<"Part", "part"> {
  let summary = "a tensor of the checkpoint, or some rows of it";
  let description = [{
    `tensor` is a name in the checkpoint; `{expert}` in it stands for the index along the first dimension of the weight.
    With `heads`, the rows of the tensor are viewed as `heads` equal groups, of which rows [begin, end) are taken:
    `#moe.part<"…kv_b_proj.weight", heads = 4, begin = 0, end = 32>` is `4 x 32 x K`. `scale` is the tensor of the scales of
    its blocks, for weights of type `!moe.scaled` that are published so.
  }];
  let parameters = (ins StringRefParameter<"tensor name">:$tensor,
                        OptionalParameter<"::mlir::StringAttr">:$scale,
                        DefaultValuedParameter<"int64_t", "0">:$heads,
                        DefaultValuedParameter<"int64_t", "0">:$begin,
                        DefaultValuedParameter<"int64_t", "0">:$end);
  let assemblyFormat = "`<` $tensor (`scale` $scale^)? (`,` struct($heads, $begin, $end)^)? `>`";
  let genVerifyDecl = 1;
}

def Moe_PanelsAttr : Moe_Attr<"Panels", "panels"> {
  let summary = "layout of a weight matrix in panels of output columns";
  let description = [{
    An `N x K` matrix becomes `ceil(N/width) x K x width`: element (n, k) stands at (n / width, k, n mod width), the last
    panel padded with zeros, so that a kernel streams each panel once along K. With `parts` = 2 the rows are two matrices
    of N/2 rows, whose panels alternate (gate, up, gate, up, …). `transpose` packs the transposed matrix. Leading
    dimensions (experts, heads) stay outside.

    Of a matrix of `!moe.scaled<q, r x c, d>` the panels are of `!moe.scaled<q, 1 x c', d>`: each row has its own scales, one
    for every c' elements along K (c' = c, or a divisor of r that also divides a head's rows if transposed). A panel is then
    a sequence of blocks of c' steps along K: `width` scales, then the stored elements, of 8 bits in order (k, n), of
    4 bits in words of 32: the word (k / 8, n) holds elements k to k + 7 of row n, the first in the lowest bits. The last
    block is padded with zeros.
  }];
  let parameters = (ins "int64_t":$width, DefaultValuedParameter<"int64_t", "1">:$parts,
                        DefaultValuedParameter<"bool", "false">:$transpose);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The type of a weight in this layout.
    ::mlir::RankedTensorType getPackedType(::mlir::RankedTensorType type) const;
  }];
}

#endif // MOEC_DIALECTS_MOE_MOEATTRS_TD
