//===- Check.td - The check dialect -------------------------------------------===//

#ifndef MOEC_DIALECTS_CHECK_CHECK_TD
#define MOEC_DIALECTS_CHECK_CHECK_TD

include "dialects/moe/MoeTypes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Check_Dialect : Dialect {
  let name = "check";
  let cppNamespace = "::moec::check";
  let summary = "inputs and expectations of tests that are interpreted";
  let description = [{
    A test is a function without arguments that makes its inputs, computes, and states what it expects;
    `moe-translate --interpret` runs every such function of a module. Tensors come from `arith.constant`; what has no
    literal elsewhere (batches, caches, routings) is made here.

    ```mlir
    func.func @embedding() {
      %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
      %batch = check.batch tokens [1] positions [0] slots [0] outputs []
      %x = moe.embedding %table of %batch : tensor<2x2xf32> -> tensor<?x2xf32>
      check.expect_equal %x, dense<[[3.0, 4.0]]> : tensor<1x2xf32> : tensor<?x2xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["::moec::moe::MoeDialect"];
}

class Check_Op<string mnemonic, list<Trait> traits = []> : Op<Check_Dialect, mnemonic, traits>;

//===--------------------------------------------------------------------------===//
// Inputs
//===--------------------------------------------------------------------------===//

def Check_BatchOp : Check_Op<"batch", [Pure]> {
  let summary = "the tokens of a step";
  let description = [{
    ```mlir
    %batch = check.batch tokens [7, 8, 9] positions [0, 1, 0] slots [0, 0, 1] outputs [1, 2]
    ```
    Constraints: (c1) a position and a slot for each token; (c2) nothing is negative; (c3) an output is a row of the
    step; (c4) positions grow along the tokens of a slot.
  }];
  let arguments = (ins DenseI64ArrayAttr:$tokens, DenseI64ArrayAttr:$positions, DenseI64ArrayAttr:$slots,
                       DenseI64ArrayAttr:$outputs);
  let results = (outs Moe_BatchType:$result);
  let assemblyFormat = "`tokens` $tokens `positions` $positions `slots` $slots `outputs` $outputs attr-dict";
  let hasVerifier = 1;
}

def Check_CacheOp : Check_Op<"cache", [Pure]> {
  let summary = "a cache that has seen nothing";
  let description = [{
    ```mlir
    %cache = check.cache : !moe.cache<[4, 2], f32>
    ```
  }];
  let results = (outs Moe_CacheType:$result);
  let assemblyFormat = "attr-dict `:` qualified(type($result))";
}

def Check_RoutingOp : Check_Op<"routing", [Pure]> {
  let summary = "given experts and weights";
  let description = [{
    The `top_k` experts of the first token, then those of the second, and so on; their weights in the same order.

    ```mlir
    %r = check.routing experts [0, 3, 1, 2] weights [0.75, 0.25, 0.5, 0.5] : !moe.routing<experts = 4, top_k = 2>
    ```
    Constraints: (c1) top_k experts for each token; (c2) a weight for each; (c3) experts exist; (c4) those of a token
    are distinct.
  }];
  let arguments = (ins DenseI64ArrayAttr:$experts, DenseF32ArrayAttr:$weights);
  let results = (outs Moe_RoutingType:$result);
  let assemblyFormat = "`experts` $experts `weights` $weights attr-dict `:` qualified(type($result))";
  let hasVerifier = 1;
}

//===--------------------------------------------------------------------------===//
// Expectations
//===--------------------------------------------------------------------------===//

def Check_Tensor : TensorOf<[F32, BF16, F16]>;

def Check_ExpectEqualOp : Check_Op<"expect_equal"> {
  let summary = "expects a tensor bit for bit";
  let description = [{
    What is expected is another value or a literal.

    ```mlir
    check.expect_equal %x, dense<[[3.0, 4.0]]> : tensor<1x2xf32> : tensor<?x2xf32>
    check.expect_equal %x, %y : tensor<?x2xf32>, tensor<?x2xf32>
    ```
    Constraints: (c1) the literal has the element type and, where it is known, the shape of the tensor.
  }];
  let arguments = (ins Check_Tensor:$actual, Optional<Check_Tensor>:$expected,
                       OptionalAttr<ElementsAttr>:$literal);
  let assemblyFormat = [{
    $actual `,` ($expected^):($literal)? attr-dict `:` type($actual) (`,` type($expected)^)?
  }];
  let hasVerifier = 1;
}

def Check_ExpectCloseOp : Check_Op<"expect_close"> {
  let summary = "expects a tensor within a tolerance";
  let description = [{
    `|actual - expected| <= tolerance` for every element; NaN is close to nothing.

    ```mlir
    check.expect_close %x, dense<[[3.0, 4.0]]> : tensor<1x2xf32> within 1.0e-6 : tensor<?x2xf32>
    check.expect_close %x, %y within 1.0e-6 : tensor<?x2xf32>, tensor<?x2xf32>
    ```
    Constraints: (c1) as of `check.expect_equal`; (c2) the tolerance is not negative.
  }];
  let arguments = (ins Check_Tensor:$actual, Optional<Check_Tensor>:$expected,
                       OptionalAttr<ElementsAttr>:$literal, F64Attr:$tolerance);
  let assemblyFormat = [{
    $actual `,` ($expected^):($literal)? `within` $tolerance attr-dict `:` type($actual) (`,` type($expected)^)?
  }];
  let hasVerifier = 1;
}

def Check_ExpectRoutingOp : Check_Op<"expect_routing"> {
  let summary = "expects the experts and, within a tolerance, the weights of each token";
  let description = [{
    The `top_k` experts of the first token in ascending order, then those of the second, and so on; their weights in the
    same order.

    ```mlir
    check.expect_routing %r experts [0, 3, 1, 2] weights [0.75, 0.25, 0.5, 0.5] within 1.0e-6
        : !moe.routing<experts = 4, top_k = 2>
    ```
    Constraints: (c1) a weight for each expert; (c2) the tolerance is not negative.
  }];
  let arguments = (ins Moe_RoutingType:$routing, DenseI64ArrayAttr:$experts, DenseF32ArrayAttr:$weights,
                       F64Attr:$tolerance);
  let assemblyFormat = [{
    $routing `experts` $experts `weights` $weights `within` $tolerance attr-dict `:` qualified(type($routing))
  }];
  let hasVerifier = 1;
}

#endif // MOEC_DIALECTS_CHECK_CHECK_TD
