// The greatest error of the expanded functions over their ranges, against the C library in f64.
//
// RUN: moe-opt %s --cpu-expand-math --convert-vector-to-llvm --convert-math-to-libm --convert-scf-to-cf --convert-to-llvm \
// RUN:   --reconcile-unrealized-casts | mlir-runner -e main --entry-point-result=void \
// RUN:   --shared-libs=%llvm_lib/libmlir_c_runner_utils.so | FileCheck %s

func.func private @printI64(i64)
func.func private @printNewline()
func.func private @exp(f64) -> f64
func.func private @cos(f64) -> f64
func.func private @sin(f64) -> f64

func.func private @relative_error(%found: f64, %expected: f64) -> f64 {
  %difference = arith.subf %found, %expected : f64
  %ratio = arith.divf %difference, %expected : f64
  %error = math.absf %ratio : f64
  return %error : f64
}

// Errors in parts of 2^-24, the rounding of f32.
func.func private @print_parts(%error: f64) {
  %scale = arith.constant 16777216.0 : f64
  %parts = arith.mulf %error, %scale : f64
  %up = math.ceil %parts : f64
  %n = arith.fptosi %up : f64 to i64
  call @printI64(%n) : (i64) -> ()
  call @printNewline() : () -> ()
  return
}

func.func @main() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 200000 : index
  %zero = arith.constant 0.0 : f64

  // exp from -87 to 0: what softmax and sigmoid of moderate arguments need.
  %step = arith.constant 4.35e-4 : f32
  %worst = scf.for %i = %c0 to %n step %c1 iter_args(%most = %zero) -> f64 {
    %i32 = arith.index_cast %i : index to i32
    %fi = arith.sitofp %i32 : i32 to f32
    %up = arith.mulf %fi, %step : f32
    %x = arith.negf %up : f32
    %e = math.exp %x : f32
    %found = arith.extf %e : f32 to f64
    %xd = arith.extf %x : f32 to f64
    %expected = func.call @exp(%xd) : (f64) -> f64
    %error = func.call @relative_error(%found, %expected) : (f64, f64) -> f64
    %next = arith.maximumf %most, %error : f64
    scf.yield %next : f64
  }
  // At most 2 units of 2^-24: within one rounding of the true value.
  // CHECK: {{^[12]$}}
  func.call @print_parts(%worst) : (f64) -> ()

  // cos and sin of angles up to 200000, absolute.
  %one_point = arith.constant 1.0000001 : f64
  %angles:2 = scf.for %i = %c0 to %n step %c1 iter_args(%wc = %zero, %ws = %zero) -> (f64, f64) {
    %i32 = arith.index_cast %i : index to i32
    %fi = arith.sitofp %i32 : i32 to f64
    %x = arith.mulf %fi, %one_point : f64
    %c = math.cos %x : f64
    %s = math.sin %x : f64
    %ce = func.call @cos(%x) : (f64) -> f64
    %se = func.call @sin(%x) : (f64) -> f64
    %dc = arith.subf %c, %ce : f64
    %ds = arith.subf %s, %se : f64
    %ac = math.absf %dc : f64
    %as = math.absf %ds : f64
    %nc = arith.maximumf %wc, %ac : f64
    %ns = arith.maximumf %ws, %as : f64
    scf.yield %nc, %ns : f64, f64
  }
  // In parts of 2^-50: a few roundings of f64, nothing after rounding to f32.
  %fine = arith.constant 67108864.0 : f64
  %cp = arith.mulf %angles#0, %fine : f64
  %sp = arith.mulf %angles#1, %fine : f64
  // CHECK-NEXT: {{^[12]$}}
  func.call @print_parts(%cp) : (f64) -> ()
  // CHECK-NEXT: {{^[12]$}}
  func.call @print_parts(%sp) : (f64) -> ()

  // Minus infinity gives exactly zero: a masked key contributes nothing.
  %minus_inf = arith.constant dense<0xFF800000> : vector<16xf32>
  %none = math.exp %minus_inf : vector<16xf32>
  %sum = vector.reduction <add>, %none : vector<16xf32> into f32
  %bits = arith.bitcast %sum : f32 to i32
  %wide = arith.extui %bits : i32 to i64
  // CHECK-NEXT: {{^0$}}
  func.call @printI64(%wide) : (i64) -> ()
  func.call @printNewline() : () -> ()
  return
}
