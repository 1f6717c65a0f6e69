// RUN: moe-opt %s --split-input-file --kernel-fuse-rowwise | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>
#plus8 = affine_map<(d0, d1) -> (d0, d1 + 8)>
#plus4 = affine_map<(d0, d1) -> (d0, d1 + 4)>

// Maps compose: columns 4 on of columns 8 on are columns 12 on. The producer goes away.
// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$PLUS12:.*]] = affine_map<(d0, d1) -> (d0, d1 + 12)>
// CHECK-LABEL: func @compose
// CHECK-SAME: (%[[X:.*]]: tensor<?x64xf32>,
func.func @compose(%x: tensor<?x64xf32>, %e0: tensor<?x16xf32>, %e1: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NEXT: kernel.rowwise [4] {{.*}} ins(%[[X]] : tensor<?x64xf32>) maps [#[[$PLUS12]]] outs(%{{.*}} : tensor<?x4xf32>) maps [#[[$ID]]]
  // CHECK-NEXT: (%[[V:.*]]: f32):
  // CHECK-NEXT: %[[N:.*]] = arith.negf %[[V]] : f32
  // CHECK-NEXT: %[[R:.*]] = math.absf %[[N]] : f32
  // CHECK-NEXT: kernel.yield %[[R]] : f32
  %0 = kernel.rowwise [16] rows(%e0 : tensor<?x16xf32>) ins(%x : tensor<?x64xf32>) maps [#plus8] outs(%e0 : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32):
      %n = arith.negf %a : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  %1 = kernel.rowwise [4] rows(%e1 : tensor<?x4xf32>) ins(%0 : tensor<?x16xf32>) maps [#plus4] outs(%e1 : tensor<?x4xf32>) maps [#id] {
    ^bb0(%a: f32):
      %n = math.absf %a : f32
      kernel.yield %n : f32
  } -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#scatter = affine_map<(d0, d1)[s0] -> (s0, d1)>

// A scatter takes over what its producer computes; that producer's rows are the rows.
// CHECK-DAG: #[[$HERE:.*]] = affine_map<(d0, d1)[s0] -> (d0, d1)>
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1)[s0] -> (d0)>
// CHECK-DAG: #[[$SCATTER:.*]] = affine_map<(d0, d1)[s0] -> (s0, d1)>
// CHECK-LABEL: func @into_scatter
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>, %[[S:.*]]: tensor<?xf32>, %[[I:.*]]: tensor<?xi32>, %[[E:.*]]: tensor<?x16xf32>, %[[C:.*]]: tensor<200x16xf32>)
func.func @into_scatter(%x: tensor<?x16xf32>, %s: tensor<?xf32>, %i: tensor<?xi32>, %e: tensor<?x16xf32>, %c: tensor<200x16xf32>) -> tensor<200x16xf32> {
  // CHECK-NEXT: kernel.rowwise [16] rows(%[[E]] : {{.*}}) indices(%[[I]] : tensor<?xi32>) ins(%[[X]], %[[S]] : {{.*}}) maps [#[[$HERE]], #[[$ROW]]] outs(%[[C]] : tensor<200x16xf32>) maps [#[[$SCATTER]]]
  %0 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) ins(%x, %s : tensor<?x16xf32>, tensor<?xf32>) maps [#id, #row] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %n = arith.mulf %a, %b : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  %1 = kernel.rowwise [16] rows(%0 : tensor<?x16xf32>) indices(%i : tensor<?xi32>) ins(%0 : tensor<?x16xf32>) maps [#here] outs(%c : tensor<200x16xf32>) maps [#scatter] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<200x16xf32>
  return %1 : tensor<200x16xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#gather = affine_map<(d0, d1)[s0] -> (s0, d1)>

// A gather of computed rows computes them where it reads: what the producer took by its row is taken by the gathered row.
// CHECK-DAG: #[[$ELEMENT:.*]] = affine_map<(d0, d1)[s0] -> (s0, d1)>
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1)[s0] -> (s0)>
// CHECK-LABEL: func @into_gather
// CHECK-NEXT: kernel.rowwise [16] {{.*}} maps [#[[$ELEMENT]], #[[$ROW]]]
// CHECK-NOT: kernel.rowwise
// CHECK: return
func.func @into_gather(%x: tensor<?x16xf32>, %s: tensor<?xf32>, %i: tensor<?xi32>, %e: tensor<?x16xf32>, %f: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) ins(%x, %s : tensor<?x16xf32>, tensor<?xf32>) maps [#id, #row] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %n = arith.mulf %a, %b : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  %1 = kernel.rowwise [16] rows(%f : tensor<?x16xf32>) indices(%i : tensor<?xi32>) ins(%0 : tensor<?x16xf32>) maps [#gather] outs(%f : tensor<?x16xf32>) maps [#here] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Two readers each repeat the work; both read the input, and the producer is gone.
// CHECK-LABEL: func @two_readers
// CHECK-SAME: (%[[X:.*]]: tensor<?x16xf32>,
// CHECK-NEXT: kernel.rowwise [16] {{.*}} ins(%[[X]] :
// CHECK: kernel.rowwise [16] {{.*}} ins(%[[X]] :
// CHECK-NOT: kernel.rowwise
// CHECK: return
func.func @two_readers(%x: tensor<?x16xf32>, %e: tensor<?x16xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>) {
  %0 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) ins(%x : tensor<?x16xf32>) maps [#id] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32):
      %n = arith.negf %a : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  %1 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) ins(%0 : tensor<?x16xf32>) maps [#id] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32):
      %n = math.absf %a : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  %2 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) ins(%0 : tensor<?x16xf32>) maps [#id] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32):
      %n = arith.addf %a, %a : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  return %1, %2 : tensor<?x16xf32>, tensor<?x16xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Should not fuse because an in_place kernel needs what stood in the buffer before.
// CHECK-LABEL: func @in_place
// CHECK-COUNT-2: kernel.rowwise [16]
func.func @in_place(%x: tensor<?x16xf32>, %y: tensor<?x16xf32>, %e: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = kernel.rowwise [16] rows(%y : tensor<?x16xf32>) ins(%x : tensor<?x16xf32>) maps [#id] in_place outs(%y : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32, %b: f32):
      %n = arith.addf %a, %b : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  %1 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) ins(%0 : tensor<?x16xf32>) maps [#id] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32):
      %n = arith.negf %a : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// -----

#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#gather = affine_map<(d0, d1)[s0] -> (s0, d1)>

// Should not fuse because a gather of a gather would need the index of an index.
// CHECK-LABEL: func @gather_of_gather
// CHECK-COUNT-2: kernel.rowwise [16]
func.func @gather_of_gather(%x: tensor<?x16xf32>, %i: tensor<?xi32>, %j: tensor<?xi32>, %e: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) indices(%i : tensor<?xi32>) ins(%x : tensor<?x16xf32>) maps [#gather] outs(%e : tensor<?x16xf32>) maps [#here] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x16xf32>
  %1 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) indices(%j : tensor<?xi32>) ins(%0 : tensor<?x16xf32>) maps [#gather] outs(%e : tensor<?x16xf32>) maps [#here] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>
#plus8 = affine_map<(d0, d1) -> (d0, d1 + 8)>

// Should not fuse because the producer fills only some columns: the others come from its init.
// CHECK-LABEL: func @part_of_row
// CHECK-COUNT-2: kernel.rowwise
func.func @part_of_row(%x: tensor<?x8xf32>, %y: tensor<?x16xf32>, %e: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = kernel.rowwise [8] rows(%y : tensor<?x16xf32>) ins(%x : tensor<?x8xf32>) maps [#id] outs(%y : tensor<?x16xf32>) maps [#plus8] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x16xf32>
  %1 = kernel.rowwise [16] rows(%e : tensor<?x16xf32>) ins(%0 : tensor<?x16xf32>) maps [#id] outs(%e : tensor<?x16xf32>) maps [#id] {
    ^bb0(%a: f32):
      %n = arith.negf %a : f32
      kernel.yield %n : f32
  } -> tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// -----

#in = affine_map<(d0, d1, d2) -> (d0, d1 * 48 + d2 + 8)>
#out = affine_map<(d0, d1, d2) -> (d0, d1 * 32 + d2)>
#half = affine_map<(d0, d1) -> (d0, d1 + 16)>
#id = affine_map<(d0, d1) -> (d0, d1)>

// What is done to all elements of a result joins the kernel that wrote them; not where that writes a part, or somebody else reads
// them too.
// CHECK-LABEL: func @append
// CHECK: kernel.rowwise [4, 32] rows(%[[E:.*]] : tensor<?x128xbf16>) ins(%{{.*}} : tensor<?x192xf32>)
// CHECK-SAME: outs(%[[E]] : tensor<?x128xbf16>)
// CHECK: arith.truncf
// CHECK-LABEL: func @part
// CHECK: kernel.rowwise [16]
// CHECK: kernel.rowwise [32]
// CHECK: arith.truncf
// CHECK-LABEL: func @twice
// CHECK: kernel.rowwise [4, 32]
// CHECK: kernel.rowwise [128]
func.func @append(%x: tensor<?x192xf32>, %e: tensor<?x128xf32>, %f: tensor<?x128xbf16>) -> tensor<?x128xbf16> {
  %0 = kernel.rowwise [4, 32] rows(%e : tensor<?x128xf32>) ins(%x : tensor<?x192xf32>) maps [#in] outs(%e : tensor<?x128xf32>) maps [#out] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x128xf32>
  %1 = kernel.rowwise [128] rows(%f : tensor<?x128xbf16>) ins(%0 : tensor<?x128xf32>) maps [#id] outs(%f : tensor<?x128xbf16>) maps [#id] {
    ^bb0(%a: f32):
      %r = arith.truncf %a : f32 to bf16
      kernel.yield %r : bf16
  } -> tensor<?x128xbf16>
  return %1 : tensor<?x128xbf16>
}
func.func @part(%x: tensor<?x192xf32>, %e: tensor<?x32xf32>, %f: tensor<?x32xbf16>) -> tensor<?x32xbf16> {
  %0 = kernel.rowwise [16] rows(%e : tensor<?x32xf32>) ins(%x : tensor<?x192xf32>) maps [#id] outs(%e : tensor<?x32xf32>) maps [#half] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x32xf32>
  %1 = kernel.rowwise [32] rows(%f : tensor<?x32xbf16>) ins(%0 : tensor<?x32xf32>) maps [#id] outs(%f : tensor<?x32xbf16>) maps [#id] {
    ^bb0(%a: f32):
      %r = arith.truncf %a : f32 to bf16
      kernel.yield %r : bf16
  } -> tensor<?x32xbf16>
  return %1 : tensor<?x32xbf16>
}
func.func @twice(%x: tensor<?x192xf32>, %e: tensor<?x128xf32>, %f: tensor<?x128xbf16>) -> (tensor<?x128xbf16>, tensor<?x128xf32>) {
  %0 = kernel.rowwise [4, 32] rows(%e : tensor<?x128xf32>) ins(%x : tensor<?x192xf32>) maps [#in] outs(%e : tensor<?x128xf32>) maps [#out] {
    ^bb0(%a: f32):
      kernel.yield %a : f32
  } -> tensor<?x128xf32>
  %1 = kernel.rowwise [128] rows(%f : tensor<?x128xbf16>) ins(%0 : tensor<?x128xf32>) maps [#id] outs(%f : tensor<?x128xbf16>) maps [#id] {
    ^bb0(%a: f32):
      %r = arith.truncf %a : f32 to bf16
      kernel.yield %r : bf16
  } -> tensor<?x128xbf16>
  return %1, %0 : tensor<?x128xbf16>, tensor<?x128xf32>
}
