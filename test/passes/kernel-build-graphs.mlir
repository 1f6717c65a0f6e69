// RUN: moe-opt %s --split-input-file --kernel-build-graphs | FileCheck %s

#id = affine_map<(d0, d1) -> (d0, d1)>

// A task waits for the same rows where both stay in their rows of one buffer. Kernel 2 needs what kernel 0 wrote as well, but
// 1 has waited for that.
// CHECK-LABEL: func @rows
// CHECK: kernel.graph @rows {
func.func @rows(%x: memref<?x8xf32>, %a: memref<?x8xf32>, %b: memref<?x8xf32>, %c: memref<?x8xf32>) {
  // CHECK: kernel.rowwise {{.*}} outs(%[[A:.*]] : memref<?x8xf32>)
  // CHECK: } {waits = []}
  kernel.rowwise [8] rows(%a : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%a : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = [#kernel.wait<0, rows>]}
  kernel.rowwise [8] rows(%b : memref<?x8xf32>) ins(%a : memref<?x8xf32>) maps [#id] outs(%b : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = [#kernel.wait<1, rows>]}
  kernel.rowwise [8] rows(%c : memref<?x8xf32>) ins(%a, %b : memref<?x8xf32>, memref<?x8xf32>) maps [#id, #id] outs(%c : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32, %w: f32):
      kernel.yield %v : f32
  }
  // CHECK: }
  // CHECK-NEXT: return
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Two that only read wait for nobody; who overwrites what they read waits for both.
// CHECK-LABEL: func @write_after_read
func.func @write_after_read(%x: memref<?x8xf32>, %a: memref<?x8xf32>, %b: memref<?x8xf32>, %c: memref<?x8xf32>) {
  // CHECK: } {waits = []}
  kernel.rowwise [8] rows(%a : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%a : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = []}
  kernel.rowwise [8] rows(%b : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%b : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = [#kernel.wait<1, rows>, #kernel.wait<0, rows>]}
  kernel.rowwise [8] rows(%x : memref<?x8xf32>) ins(%c : memref<?x8xf32>) maps [#id] outs(%x : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  return
}

// -----

#here = affine_map<(d0, d1)[s0] -> (d0, d1)>
#gather = affine_map<(d0, d1)[s0] -> (s0, d1)>
#id = affine_map<(d0, d1) -> (d0, d1)>

// Gathered rows may be any: a gather waits for all, a scatter makes its readers wait for all. Attention reads the whole cache.
// CHECK-LABEL: func @all
func.func @all(%x: memref<?x8xf32>, %i: memref<?xi32>, %p: memref<?xi32>, %a: memref<?x8xf32>, %b: memref<?x8xf32>, %cache: memref<200x8xf32>, %o: memref<?x8xf32>) {
  // CHECK: } {waits = []}
  kernel.rowwise [8] rows(%a : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%a : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = [#kernel.wait<0, all>]}
  kernel.rowwise [8] rows(%b : memref<?x8xf32>) indices(%i : memref<?xi32>) ins(%a : memref<?x8xf32>) maps [#gather] outs(%b : memref<?x8xf32>) maps [#here] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = [#kernel.wait<0, rows>]}
  kernel.rowwise [8] rows(%a : memref<?x8xf32>) indices(%i : memref<?xi32>) ins(%a : memref<?x8xf32>) maps [#here] outs(%cache : memref<200x8xf32>) maps [#gather] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: kernel.attention {{.*}} {waits = [#kernel.wait<2, all>, #kernel.wait<1, rows>]}
  kernel.attention ins(%b, %cache, %p, %p : memref<?x8xf32>, memref<200x8xf32>, memref<?xi32>, memref<?xi32>)
      heads 1 kv_heads 1 key 8 from 0 value 8 from 0 scale 1.0 outs(%o : memref<?x8xf32>)
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Buffers that share memory in the arena: who writes the later one waits for all readers of the earlier, whose rows lie
// elsewhere. The buffer beside them, which ends where they begin, is nobody's concern.
// CHECK-LABEL: func @arena
func.func @arena(%arena: memref<?xi8>, %x: memref<?x8xf32>, %o: memref<?x8xf32>, %t: index) {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %c768 = arith.constant 768 : index
  %beside = memref.view %arena[%c0][%t] {kernel.bytes = 512 : i64} : memref<?xi8> to memref<?x8xf32>
  %early = memref.view %arena[%c512][%t] {kernel.bytes = 512 : i64} : memref<?xi8> to memref<?x8xf32>
  %late = memref.view %arena[%c768][%t] {kernel.bytes = 1024 : i64} : memref<?xi8> to memref<?x16xf32>
  // CHECK: } {waits = []}
  kernel.rowwise [8] rows(%x : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%early : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = []}
  kernel.rowwise [8] rows(%x : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%beside : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = [#kernel.wait<0, rows>]}
  kernel.rowwise [8] rows(%x : memref<?x8xf32>) ins(%early : memref<?x8xf32>) maps [#id] outs(%o : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: } {waits = [#kernel.wait<2, all>]}
  kernel.rowwise [8] rows(%x : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%late : memref<?x16xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// Tokens and rows ordered by expert: a routed gemm waits for all of the gather's source and of the group, one routed gemm for
// the rows of another, and a sum over experts for all.
// CHECK-LABEL: func @routed
func.func @routed(%x: memref<?x8xf32>, %a: memref<?x8xf32>, %e: memref<?x2xi32>, %w: memref<?x2xf32>, %r: memref<?xi32>, %rw: memref<?xf32>,
    %pl: memref<?x2xi32>, %me: memref<?x2xi32>, %tiles: memref<?x3xi32>, %we: memref<4x1x8x16xf32>, %we2: memref<4x1x16x16xf32>, %y: memref<?x16xf32>, %z: memref<?x16xf32>, %o: memref<?x16xf32>) {
  // CHECK: } {waits = []}
  kernel.rowwise [8] rows(%a : memref<?x8xf32>) ins(%x : memref<?x8xf32>) maps [#id] outs(%a : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: kernel.group {{.*}} {waits = []}
  kernel.group ins(%e, %w : memref<?x2xi32>, memref<?x2xf32>) experts 4 row_tile 24
      outs(%r, %rw, %pl, %me, %tiles : memref<?xi32>, memref<?xf32>, memref<?x2xi32>, memref<?x2xi32>, memref<?x3xi32>)
  // CHECK: } outs(%{{.*}}) {waits = [#kernel.wait<1, all>, #kernel.wait<0, all>]}
  kernel.gemm ins(%a, %we : memref<?x8xf32>, memref<4x1x8x16xf32>) gather(%r : memref<?xi32>) groups(%tiles : memref<?x3xi32>)
      prologue []() {} epilogue []() {} outs(%y : memref<?x16xf32>)
  // CHECK: } outs(%{{.*}}) {waits = [#kernel.wait<2, rows>]}
  kernel.gemm ins(%y, %we2 : memref<?x16xf32>, memref<4x1x16x16xf32>) groups(%tiles : memref<?x3xi32>)
      prologue []() {} epilogue []() {} outs(%z : memref<?x16xf32>)
  // CHECK: } outs(%{{.*}}) {waits = [#kernel.wait<3, all>]}
  kernel.combine ins(%z, %pl, %me : memref<?x16xf32>, memref<?x2xi32>, memref<?x2xi32>) epilogue []() {} outs(%o : memref<?x16xf32>)
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// T rows and routed rows have tiles that do not correspond: an elementwise kernel over routed rows waits for all of the gemm.
// CHECK-LABEL: func @rows_of_tokens_and_of_experts
func.func @rows_of_tokens_and_of_experts(%x: memref<?x8xf32>, %tiles: memref<?x3xi32>, %we: memref<4x1x8x16xf32>, %y: memref<?x16xf32>) {
  // CHECK: } outs(%{{.*}}) {waits = []}
  kernel.gemm ins(%x, %we : memref<?x8xf32>, memref<4x1x8x16xf32>) groups(%tiles : memref<?x3xi32>) prologue []() {} epilogue []() {} outs(%y : memref<?x16xf32>)
  // CHECK: } {waits = [#kernel.wait<0, all>]}
  kernel.rowwise [16] rows(%y : memref<?x16xf32>) ins() maps [] in_place outs(%y : memref<?x16xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  return
}

// -----

#id = affine_map<(d0, d1) -> (d0, d1)>

// A call ends a graph: what follows is the next one, which starts when the last has completed, and waits for nothing of it.
func.func private @layer(%x: memref<?x8xf32>) {
  return
}
// CHECK-LABEL: func @calls
func.func @calls(%x: memref<?x8xf32>) {
  // CHECK: kernel.graph @calls {
  // CHECK: waits = []
  kernel.rowwise [8] rows(%x : memref<?x8xf32>) ins() maps [] in_place outs(%x : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  // CHECK: call @layer
  call @layer(%x) : (memref<?x8xf32>) -> ()
  // CHECK: kernel.graph @calls.1 {
  // CHECK: waits = []
  kernel.rowwise [8] rows(%x : memref<?x8xf32>) ins() maps [] in_place outs(%x : memref<?x8xf32>) maps [#id] {
    ^bb0(%v: f32):
      kernel.yield %v : f32
  }
  return
}
