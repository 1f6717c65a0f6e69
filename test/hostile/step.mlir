// RUN: moe-opt %s --host-lower-graphs --split-input-file --verify-diagnostics

// What a dump says of @step, from which code is made that the runtime calls (codegen/host/VerifyStep.h).

module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  // expected-error @below {{expected memrefs of arena, batch, caches and logits, got '(memref<?xi8>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<f32>) -> ()'}}
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<f32>) {
    return
  }
}

// -----

module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  // expected-error @below {{expected memrefs of arena, batch, caches and logits}}
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %c: memref<64xf32>, %l: memref<?x8xf32>) {
    return
  }
}

// -----

module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  // expected-error @below {{expected memrefs of arena, batch, caches and logits}}
  func.func @step(%a: memref<?xi8>, %t: memref<?xi64>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<?x8xf32>) {
    return
  }
}

// -----

module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  // expected-error @below {{expected memrefs of arena, batch, caches and logits}}
  func.func private @step(memref<?xi8>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?x8xf32>)
}

// -----

// A layer that calls itself.
module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  func.func private @layer(%a: memref<?xi8>) {
    // expected-error @below {{expected only @step to call layers}}
    call @layer(%a) : (memref<?xi8>) -> ()
    return
  }
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<?x8xf32>) {
    call @layer(%a) : (memref<?xi8>) -> ()
    return
  }
}

// -----

module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  func.func private @layer(memref<?xi8>)
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<?x8xf32>) {
    // expected-error @below {{expected a layer with a body, got @layer}}
    call @layer(%a) : (memref<?xi8>) -> ()
    return
  }
}

// -----

module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<?x8xf32>) {
    // expected-error @below {{expected a layer with a body, got @step}}
    call @step(%a, %t, %p, %r, %o, %l) : (memref<?xi8>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?xi32>, memref<?x8xf32>) -> ()
    return
  }
}

// -----

// Functions that tasks call may call others.
module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  func.func private @helper() {
    return
  }
  func.func private @library() {
    call @helper() : () -> ()
    return
  }
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<?x8xf32>) {
    return
  }
}

// -----

// expected-error @below {{expected 'kernel.arena_bytes' on the module (kernel-plan-arena sets it)}}
module attributes {moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<?x8xf32>) {
    return
  }
}

// -----

module attributes {kernel.arena_bytes = 64 : i64, moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>, moe.target = #moe.cpu<"haswell">} {
  // expected-error @below {{expected a place in the weight file (moe-plan-weights sets it)}}
  moe.weight @w : tensor<64xbf16> from [#moe.part<"w">]
  func.func @step(%a: memref<?xi8>, %t: memref<?xi32>, %p: memref<?xi32>, %r: memref<?xi32>, %o: memref<?xi32>, %l: memref<?x8xf32>) {
    return
  }
}
