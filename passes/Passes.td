//===- Passes.td - Passes over moe and kernel ---------------------------------===//
//
// Each pass says whether it is EXACT (results keep every bit) or REASSOCIATING (rounding changes; only in `optimize`).
//
//===------------------------------------------------------------------------===//

#ifndef MOEC_PASSES_PASSES_TD
#define MOEC_PASSES_PASSES_TD

include "mlir/Pass/PassBase.td"

//===--------------------------------------------------------------------------===//
// specialize
//===--------------------------------------------------------------------------===//

def SetTargetPass : Pass<"moe-set-target", "::mlir::ModuleOp"> {
  let summary = "record limits and target in the module";
  let description = [{
    EXACT. Sets `moe.limits` and `moe.target` where the module has none; `native` becomes the name and the features of
    this machine's CPU, so that a dump compiles to the same code elsewhere. Without `max-context` the context is the
    model's (`max_positions` of `moe.model`), at most 4096.
  }];
  let options = [
    Option<"cpu", "cpu", "std::string", "\"native\"", "CPU to compile for, as LLVM names it">,
    ListOption<"cuda", "cuda", "std::string", "GPU architectures to compile for instead, for example sm_90a">,
    Option<"maxTokens", "max-tokens", "int64_t", "512", "tokens in a step at most">,
    Option<"maxSequences", "max-sequences", "int64_t", "8", "sequences in a step at most">,
    Option<"maxContext", "max-context", "int64_t", "0", "positions of a sequence at most (0: the model's, up to 4096)">,
  ];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

//===--------------------------------------------------------------------------===//
// optimize
//===--------------------------------------------------------------------------===//

def AbsorbMlaPass : Pass<"moe-absorb-mla"> {
  let summary = "let MLA attend over the latent cache as it is";
  let description = [{
    REASSOCIATING. `q·(w_uk c) = (w_ukᵀ q)·c` and `Σ p (w_uv c) = w_uv Σ p c`: the two halves of `kv_b` move to the query
    and to the result, so that a step reads r + rotary elements a position instead of multiplying each by `kv_b`.

    ```mlir
    %o = moe.mla %q, %cache, %w_uk, %w_uv of %batch scale 0.1
    // becomes
    %qn = moe.slice %q begin 0 heads 4
    %qr = moe.slice %q begin 32 heads 4
    %ql = moe.head_linear %qn, %w_uk transposed
    %qk = moe.concat %ql, %qr heads 4
    %ol = moe.attention %qk, %cache of %batch heads 4 kv_heads 1 keys 2 value 0 scale 0.1
    %o = moe.head_linear %ol, %w_uv
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def RoundActivationsPass : Pass<"moe-round-activations"> {
  let summary = "what matrices multiply is rounded to bf16";
  let description = [{
    REASSOCIATING (and rounding: it makes another model). The inputs of `moe.linear`, `moe.head_linear` and `moe.expert_linear` pass
    through `moe.round`, but for those of the router, whose logits are computed from f32; `moe.attention` becomes `rounded`. Sums
    stay f32.

    ```mlir
    %q = moe.linear %h, %w : (tensor<?x160xf32>, tensor<96x160xbf16>) -> tensor<?x96xf32>
    // becomes
    %hb = moe.round %h : tensor<?x160xf32> -> tensor<?x160xbf16>
    %q = moe.linear %hb, %w : (tensor<?x160xbf16>, tensor<96x160xbf16>) -> tensor<?x96xf32>
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def QuantizeWeightsPass : Pass<"moe-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "matrices of 8- or 4-bit integers with a scale for each 32";
  let description = [{
    REASSOCIATING (and rounding: it makes another model). Matrices that multiply activations, in attention, MLPs, experts
    and the head, get the type `!moe.scaled<i8, 1x32, bf16>` or `!moe.scaled<i4, 1x32, bf16>`. The head keeps 8 bits.
    Embedding, router, gates of whole rows, vectors and the transposed half of MLA's `kv_b` stay as they are. What also
    serves otherwise (a tied embedding) becomes a second weight.

    ```mlir
    moe.weight @w : tensor<96x160xbf16> from […]   ->   moe.weight @w : tensor<96x160x!moe.scaled<i8, 1x32, bf16>> from […]
    ```
  }];
  let options = [Option<"bits", "bits", "int64_t", "8", "bits of an element: 8 or 4">];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

//===--------------------------------------------------------------------------===//
// fuse
//===--------------------------------------------------------------------------===//

def ConvertMoeToKernelPass : Pass<"convert-moe-to-kernel", "::mlir::ModuleOp"> {
  let summary = "each operation of the model becomes kernels";
  let description = [{
    EXACT. One for one, without fusion. `!moe.batch` becomes its four vectors, `!moe.cache` the tensor of its rows (sized
    by `moe.limits`), `!moe.routing` the results of `kernel.group`. Weights are wrapped in `moe.pack`.
  }];
  let dependentDialects = ["::moec::kernel::KernelDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::func::FuncDialect"];
}

def FuseRowwisePass : Pass<"kernel-fuse-rowwise"> {
  let summary = "elementwise work moves into the elementwise work that reads it";
  let description = [{
    EXACT. The body of a `kernel.rowwise` that writes every element of its result once is repeated in each rowwise kernel
    that reads it, with the maps composed. What is then still done to each element of a result alone joins the kernel that
    wrote it.
  }];
  let dependentDialects = ["::moec::kernel::KernelDialect"];
  let statistics = [Statistic<"numFused", "fused", "Producers moved into a reader">];
}

def FuseProloguesPass : Pass<"kernel-fuse-prologues"> {
  let summary = "elementwise work moves into the loads of the gemm that reads it";
  let description = [{
    EXACT. A gemm whose input is a `kernel.rowwise` loads the inputs of that kernel instead and applies its body to each
    element; a gather becomes the gemm's. It costs arithmetic in each column tile and saves a round trip through memory.

    ```mlir
    %h = kernel.rowwise … (x * inv[row] * g[column])        %q = kernel.gemm ins(%x, %w) prologue (%inv, %g) { … }
    %q = kernel.gemm ins(%h, %w) …                   ->
    ```
  }];
  let dependentDialects = ["::moec::kernel::KernelDialect"];
  let statistics = [Statistic<"numFused", "fused", "Producers moved into a gemm">];
}

def FuseEpiloguesPass : Pass<"kernel-fuse-epilogues"> {
  let summary = "elementwise work moves to the accumulators it reads";
  let description = [{
    EXACT. A `kernel.rowwise` that is the only reader of a gemm or of a combine becomes its epilogue. When it reads both
    halves of a gemm's rows (a gated linear unit), the weight is packed in two parts and the epilogue gets both
    accumulators of an element.
  }];
  let dependentDialects = ["::moec::kernel::KernelDialect", "::moec::moe::MoeDialect"];
  let statistics = [Statistic<"numFused", "fused", "Readers moved into a producer">];
}

def AssignLayoutsPass : Pass<"moe-assign-layouts", "::mlir::ModuleOp"> {
  let summary = "moe.pack moves from its use to the weight";
  let description = [{
    EXACT. Through arguments of layer functions up to `moe.weight`, whose `layout` the packer executes. A weight that is
    also read by rows (tied embeddings) is gathered from the panels.
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

def DestinationStylePass : Pass<"kernel-destination-style", "::mlir::ModuleOp"> {
  let summary = "functions write into tensors that their callers give";
  let description = [{
    EXACT. A result that starts in a `tensor.empty` gets an argument to start in, so that bufferization neither allocates
    in a layer nor copies out of it.
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

//===--------------------------------------------------------------------------===//
// schedule
//===--------------------------------------------------------------------------===//

def PlanWeightsPass : Pass<"moe-plan-weights", "::mlir::ModuleOp"> {
  let summary = "give each weight its place in the weight file";
  let description = [{
    EXACT. In the order of the module, at multiples of 64 bytes. `moe.get_weight` becomes `kernel.weight`.
  }];
  let dependentDialects = ["::moec::kernel::KernelDialect", "::mlir::bufferization::BufferizationDialect"];
}

def ChooseTilesPass : Pass<"kernel-choose-tiles", "::mlir::ModuleOp"> {
  let summary = "cut kernels into tiles for the target";
  let description = [{
    EXACT. Sets `tiles = [rows, columns]` on each kernel, and the rows of a tile of experts, as `moe.target` wants them.
  }];
  let dependentDialects = ["::moec::kernel::KernelDialect"];
}

def PlanArenaPass : Pass<"kernel-plan-arena", "::mlir::ModuleOp"> {
  let summary = "place all buffers of a step in one arena";
  let description = [{
    EXACT. Each `memref.alloc` becomes a `memref.view` of the function's arena argument at an offset computed from the
    bounds in `moe.limits`; buffers whose lifetimes do not overlap share memory. Layer functions, of which one runs at a
    time, start behind the buffers of `@step`. Sets `kernel.arena_bytes` on the module.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def BuildGraphsPass : Pass<"kernel-build-graphs", "::mlir::ModuleOp"> {
  let summary = "group kernels into graphs and derive what each waits for";
  let description = [{
    EXACT. Runs of kernels become a `kernel.graph`. A kernel waits for each earlier one whose memory it reads or
    overwrites: for the same rows when both stay in their rows of the same buffer, else for all tiles. Waits that follow
    from others are left out.
  }];
  let dependentDialects = ["::moec::kernel::KernelDialect"];
  let statistics = [Statistic<"numWaits", "waits", "Waits kept">];
}

#endif // MOEC_PASSES_PASSES_TD
