//===- KernelOps.td - Operations of the kernel dialect ------------------------===//

#ifndef MOEC_DIALECTS_KERNEL_KERNELOPS_TD
#define MOEC_DIALECTS_KERNEL_KERNELOPS_TD

include "dialects/kernel/KernelDialect.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

def Kernel_Buffer : AnyTypeOf<[AnyRankedTensor, AnyMemRef], "ranked tensor or memref", "::mlir::ShapedType">;

/// A kernel: destination style, reads its operands and writes its inits. Its regions see nothing but their arguments.
class Kernel_Task<string mnemonic, list<Trait> traits = [], list<string> overrides = []> : Kernel_Op<mnemonic, traits # [
    DestinationStyleOpInterface, IsolatedFromAbove, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<Kernel_TaskInterface, overrides>]> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  code taskDeclarations = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
  }];
  let extraClassDeclaration = taskDeclarations;
}

//===--------------------------------------------------------------------------===//
// Kernels
//===--------------------------------------------------------------------------===//

def Kernel_GemmOp : Kernel_Task<"gemm", [AttrSizedOperandSegments], ["getColumnTiles", "getRoutedExperts"]> {
  let summary = "matrix product of rows by packed panels, plain, by head or by expert";
  let description = [{
    `acc[t, n] = Σ_k prologue(input[row(t), k]) weight[n, k]`, sequentially in k by fused multiply-add from zero, and
    `init[t, n] = epilogue(acc[t, n])`.

    - The weight stands in panels (`moe.panels`): `panels x K x width`, with a leading dimension for heads or experts.
    - `gather`: `row(t) = gather[t]`; without it `row(t) = t`.
    - `heads` > 1: head h of the input (its columns by `in`) times matrix h gives head h of the result.
    - `groups`: rows are ordered by expert; a row tile i is `groups[i] = (expert, first row, rows)`; 0 rows is no tile.
    - `parts` = 2: two interleaved matrices; the epilogue gets both accumulators of an element (gate and up).
    - The prologue's first argument is the element loaded, the others are `prologue_ins` by their access (`row`: of the
      gathered row, `column`: of k). The epilogue's first arguments are the accumulators, the others `epilogue_ins`
      (`element`, `row`, `column`: of the result).
  }];
  let arguments = (ins Kernel_Buffer:$input, Kernel_Buffer:$weight, Optional<Kernel_Buffer>:$gather,
                       Optional<Kernel_Buffer>:$groups, Variadic<Kernel_Buffer>:$prologue_ins,
                       Variadic<Kernel_Buffer>:$epilogue_ins, Variadic<Kernel_Buffer>:$inits,
                       Kernel_AccessArray:$prologue_access, Kernel_AccessArray:$epilogue_access,
                       DefaultValuedAttr<I64Attr, "1">:$heads, DefaultValuedAttr<I64Attr, "1">:$parts,
                       OptionalAttr<Kernel_ColumnsAttr>:$in);
  let regions = (region AnyRegion:$prologue, AnyRegion:$epilogue);
  let assemblyFormat = [{
    `ins` `(` $input `,` $weight `:` type($input) `,` type($weight) `)`
    (`gather` `(` $gather^ `:` type($gather) `)`)?
    (`groups` `(` $groups^ `:` type($groups) `)`)?
    `prologue` $prologue_access `(` ($prologue_ins^ `:` type($prologue_ins))? `)` $prologue
    `epilogue` $epilogue_access `(` ($epilogue_ins^ `:` type($epilogue_ins))? `)` $epilogue
    `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = taskDeclarations # [{
    /// What is multiplied: an element of the input, or what the prologue makes of it.
    ::mlir::Type getInputElement();
    /// Columns of the result of one head.
    int64_t getN();
    /// Columns of the input of one head.
    int64_t getK() { return getWeight().getType().getShape().take_back(2)[0]; }
    int64_t getPanelWidth() { return getWeight().getType().getShape().back(); }
    /// First column of head `head` of the input, and distance between heads.
    ::std::pair<int64_t, int64_t> getInputColumns();
  }];
}

def Kernel_RowReduceOp : Kernel_Task<"row_reduce"> {
  let summary = "reduction of each head of a row to a number";
  let description = [{
    `init[t, h] = epilogue(reduction(input[t, h, :]))`. Element i goes to virtual lane i mod 16, lanes accumulate in order,
    then a tree of 8, 4, 2, 1 adds them (`docs/numerics.md`).
  }];
  let arguments = (ins Kernel_ReductionAttr:$reduction, Kernel_Buffer:$input, Variadic<Kernel_Buffer>:$inits,
                       DefaultValuedAttr<I64Attr, "1">:$heads);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `` $reduction `ins` `(` $input `:` type($input) `)` (`heads` $heads^)? $epilogue `outs` `(` $inits `:` type($inits) `)`
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Kernel_RowwiseOp : Kernel_Task<"rowwise", [AttrSizedOperandSegments]> {
  let summary = "elementwise work on rows";
  let description = [{
    For each row d0 and each point (d1, …) of the static `sizes`, the region maps one element of each input to the elements
    stored. `input_maps` and `output_maps` map (d0, d1, …) and the symbols s_i = indices[i][d0] to a place: a gather or a
    scatter is a map of a symbol. The results of the region go to the places of `output_maps` in the one init; with
    `in_place` the region also gets what stands there before.

    ```mlir
    // Rows of a table by token id.
    %x = kernel.rowwise [160] indices(%tokens : tensor<?xi32>) ins(%table : tensor<768x160xbf16>)
        maps [affine_map<(d0, d1)[s0] -> (s0, d1)>] outs(%e : tensor<?x160xf32>) maps [affine_map<(d0, d1)[s0] -> (d0, d1)>]
    { ^bb0(%v: bf16): %f = arith.extf %v : bf16 to f32  kernel.yield %f : f32 } -> tensor<?x160xf32>
    ```
    The number of rows is that of `rows`.
  }];
  let arguments = (ins DenseI64ArrayAttr:$sizes, Kernel_Buffer:$rows, Variadic<Kernel_Buffer>:$indices,
                       Variadic<Kernel_Buffer>:$inputs, Variadic<Kernel_Buffer>:$inits, AffineMapArrayAttr:$input_maps,
                       AffineMapArrayAttr:$output_maps, UnitAttr:$in_place);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sizes `rows` `(` $rows `:` type($rows) `)` (`indices` `(` $indices^ `:` type($indices) `)`)?
    `ins` `(` ($inputs^ `:` type($inputs))? `)` `maps` $input_maps (`in_place` $in_place^)?
    `outs` `(` $inits `:` type($inits) `)` `maps` $output_maps $body attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Kernel_AttentionOp : Kernel_Task<"attention", [], ["getColumnTiles"]> {
  let summary = "causal softmax attention over cache rows";
  let description = [{
    The row of the cache of token t's position j is `cache_rows[t] - positions[t] + j`. In it, the key of kv head g starts at
    `key_begin + g * key`, the value at `value_begin + g * value`. Query head h reads kv head `h / (heads / kv_heads)`.

    `rounded`: queries, keys, values and the weights of the softmax are rounded to bf16 before they are multiplied.

    Keys are cut into splits of 256 at absolute positions, splits into blocks of 16; orders are those of
    `docs/numerics.md`, the same for prefill and decode.
  }];
  let arguments = (ins Kernel_Buffer:$query, Kernel_Buffer:$cache, Kernel_Buffer:$positions, Kernel_Buffer:$cache_rows,
                       Variadic<Kernel_Buffer>:$inits, I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$key, I64Attr:$value,
                       I64Attr:$key_begin, I64Attr:$value_begin, F32Attr:$scale, UnitAttr:$rounded);
  let assemblyFormat = [{
    `ins` `(` $query `,` $cache `,` $positions `,` $cache_rows `:` type($query) `,` type($cache) `,` type($positions) `,`
    type($cache_rows) `)` `heads` $heads `kv_heads` $kv_heads `key` $key `from` $key_begin `value` $value `from`
    $value_begin `scale` $scale (`rounded` $rounded^)? `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Kernel_RouteOp : Kernel_Task<"route", [AttrSizedOperandSegments]> {
  let summary = "chooses the experts of each row";
  let description = [{
    The steps of `moe.route`. Inits: `experts` i32 [T, top_k] ascending, `weights` f32 [T, top_k].
    `group_count` 0 means no groups; `group_top2` ranks groups by the sum of their two best, else by the best.
  }];
  let arguments = (ins Kernel_ScoreAttr:$score, Kernel_Buffer:$logits, Optional<Kernel_Buffer>:$bias,
                       Variadic<Kernel_Buffer>:$inits, I64Attr:$top_k, DefaultValuedAttr<I64Attr, "0">:$group_count,
                       DefaultValuedAttr<I64Attr, "0">:$group_keep, UnitAttr:$group_top2, UnitAttr:$renormalize,
                       F32Attr:$scale);
  let assemblyFormat = [{
    `` $score `ins` `(` $logits `:` type($logits) `)` (`bias` `(` $bias^ `:` type($bias) `)`)? `top_k` $top_k
    (`groups` $group_count^ `keep` $group_keep (`by_top2_sum` $group_top2^)?)? (`renormalize` $renormalize^)?
    `scale` $scale `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = taskDeclarations # [{
    int64_t getExperts() { return getLogits().getType().getDimSize(1); }
  }];
}

def Kernel_GroupOp : Kernel_Task<"group"> {
  let summary = "orders the chosen rows by expert";
  let description = [{
    A counting sort, stable in the tokens. With N = T * top_k rows the inits are
    - `rows` i32 [N]: the token of each row in the order of experts,
    - `row_weights` f32 [N]: its routing weight,
    - `places` i32 [T, top_k]: where the rows of a token stand, by ascending expert,
    - `merges` i32 [T, top_k]: how many additions of the tree over experts follow each of them,
    - `tiles` i32 [N, 3]: (expert, first row, rows) of each row tile of at most `row_tile` rows; the rest is zero.
  }];
  let arguments = (ins Kernel_Buffer:$experts, Kernel_Buffer:$weights, Variadic<Kernel_Buffer>:$inits,
                       I64Attr:$num_experts, OptionalAttr<I64Attr>:$row_tile);
  let assemblyFormat = [{
    `ins` `(` $experts `,` $weights `:` type($experts) `,` type($weights) `)` `experts` $num_experts
    (`row_tile` $row_tile^)? `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Kernel_CombineOp : Kernel_Task<"combine", [AttrSizedOperandSegments]> {
  let summary = "adds the experts' rows of each token along the tree over experts";
  let description = [{
    `init[t, :] = epilogue(tree of input[places[t, i], :], epilogue_ins…)`: the rows are pushed in order, and `merges[t, i]`
    additions of the two topmost follow the i-th.
  }];
  let arguments = (ins Kernel_Buffer:$input, Kernel_Buffer:$places, Kernel_Buffer:$merges,
                       Variadic<Kernel_Buffer>:$epilogue_ins, Variadic<Kernel_Buffer>:$inits,
                       Kernel_AccessArray:$epilogue_access);
  let regions = (region AnyRegion:$epilogue);
  let assemblyFormat = [{
    `ins` `(` $input `,` $places `,` $merges `:` type($input) `,` type($places) `,` type($merges) `)`
    `epilogue` $epilogue_access `(` ($epilogue_ins^ `:` type($epilogue_ins))? `)` $epilogue
    `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator]> {
  let summary = "the elements that a region gives";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

//===--------------------------------------------------------------------------===//
// Host side
//===--------------------------------------------------------------------------===//

def Kernel_WeightOp : Kernel_Op<"weight", [Pure]> {
  let summary = "where a weight stands in the mapped weight file";
  let description = [{
    ```mlir
    %w = kernel.weight @layers.3.gate_up : memref<16x6x160x16xbf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Kernel_GraphOp : Kernel_Op<"graph", [NoTerminator, SingleBlock]> {
  let summary = "kernels that are submitted together, in topological order";
  let description = [{
    Submitting returns at once; a graph starts when the one submitted before it has completed. The operations of the body
    are kernels over memrefs defined outside; each waits for tiles of earlier ones (`waits`).
  }];
  let arguments = (ins SymbolNameAttr:$name);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name $body attr-dict";
  let hasVerifier = 1;
}

#endif // MOEC_DIALECTS_KERNEL_KERNELOPS_TD
