// RUN: moe-opt %s --split-input-file --moe-set-target --verify-diagnostics | FileCheck %s
// RUN: not moe-opt %s --split-input-file --moe-set-target="cpu=znver3 max-tokens=16 max-sequences=2 max-context=1024" > %t 2> %t.err
// RUN: FileCheck %s --check-prefix=OPTIONS < %t
// RUN: FileCheck %s --check-prefix=REFUSED < %t.err
// RUN: not moe-opt %s --split-input-file --moe-set-target="max-tokens=0" 2>&1 | FileCheck %s --check-prefix=ZERO

// The context is the model's where that is at most 4096; `native` becomes a name and features.
// CHECK: module attributes
// CHECK-SAME: moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 2560>
// CHECK-SAME: moe.target = #moe.cpu<"{{[a-z0-9_-]+}}", "{{.*}}avx2{{.*}}">
// OPTIONS: module attributes
// OPTIONS-SAME: moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 1024>
// OPTIONS-SAME: moe.target = #moe.cpu<"znver3">
// ZERO: error:
module attributes {moe.model = {max_positions = 2560 : i64}} {}

// -----

// A longer context is cut to 4096 unless it is asked for.
// CHECK: moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 4096>
// OPTIONS: moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 1024>
module attributes {moe.model = {max_positions = 163840 : i64}} {}

// -----

// A module that says nothing of its model takes what is asked for.
// CHECK: moe.limits = #moe.limits<tokens = 512, sequences = 8, positions = 4096>
// OPTIONS: moe.limits = #moe.limits<tokens = 16, sequences = 2, positions = 1024>
module {}

// -----

// What the module has already stays, whatever the options say.
// CHECK: module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 1, positions = 32>,
// CHECK-SAME: moe.target = #moe.cpu<"haswell", "+avx2">}
// OPTIONS: module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 1, positions = 32>,
// OPTIONS-SAME: moe.target = #moe.cpu<"haswell", "+avx2">}
module attributes {moe.limits = #moe.limits<tokens = 4, sequences = 1, positions = 32>,
                   moe.model = {max_positions = 16 : i64}, moe.target = #moe.cpu<"haswell", "+avx2">} {}

// -----

// Positions beyond those of the model are refused: it was not trained on them.
// REFUSED: error: expected a context of at most 512 positions (based on the model), got 1024
// CHECK: positions = 512>
module attributes {moe.model = {max_positions = 512 : i64}} {}
