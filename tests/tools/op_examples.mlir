// SPDX-License-Identifier: Apache-2.0
// One use of each op that has a rule, for docs/ops.md (tests/tools/op_table.cc).
func.func @main(%x: tensor<8x16xf32>, %y: tensor<8x16xf32>, %i: tensor<8x16xi32>, %c: tensor<8x16xi1>, %z: tensor<8x16xcomplex<f32>>, %v: tensor<16xf32>, %w: tensor<16x32xf32>, %s: tensor<f32>, %k: tensor<i32>,
    %p: tensor<4x8x16xf32>, %q: tensor<4x16x32xf32>, %image: tensor<8x10x10x4xf32>, %kernel: tensor<3x3x4x16xf32>, %u: tensor<8x4xf32>,
    %ids: tensor<32xi32>, %rows: tensor<32x16xf32>, %m: tensor<8x16x16xf32>) -> tensor<8x16xf32> {
  %1 = "stablehlo.abs"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %2 = "stablehlo.cbrt"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %3 = "stablehlo.ceil"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %4 = "stablehlo.cosine"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %5 = "stablehlo.exponential"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %6 = "stablehlo.exponential_minus_one"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %7 = "stablehlo.floor"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %8 = "stablehlo.log"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %9 = "stablehlo.log_plus_one"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %10 = "stablehlo.logistic"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %11 = "stablehlo.negate"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %12 = "stablehlo.round_nearest_afz"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %13 = "stablehlo.round_nearest_even"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %14 = "stablehlo.rsqrt"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %15 = "stablehlo.sign"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %16 = "stablehlo.sine"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %17 = "stablehlo.sqrt"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %18 = "stablehlo.tan"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %19 = "stablehlo.tanh"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %20 = "stablehlo.add"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %21 = "stablehlo.atan2"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %22 = "stablehlo.divide"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %23 = "stablehlo.maximum"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %24 = "stablehlo.minimum"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %25 = "stablehlo.multiply"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %26 = "stablehlo.power"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %27 = "stablehlo.remainder"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %28 = "stablehlo.subtract"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %29 = "stablehlo.count_leading_zeros"(%i) : (tensor<8x16xi32>) -> tensor<8x16xi32>
  %30 = "stablehlo.not"(%i) : (tensor<8x16xi32>) -> tensor<8x16xi32>
  %31 = "stablehlo.popcnt"(%i) : (tensor<8x16xi32>) -> tensor<8x16xi32>
  %32 = "stablehlo.and"(%i, %i) : (tensor<8x16xi32>, tensor<8x16xi32>) -> tensor<8x16xi32>
  %33 = "stablehlo.or"(%i, %i) : (tensor<8x16xi32>, tensor<8x16xi32>) -> tensor<8x16xi32>
  %34 = "stablehlo.shift_left"(%i, %i) : (tensor<8x16xi32>, tensor<8x16xi32>) -> tensor<8x16xi32>
  %35 = "stablehlo.shift_right_arithmetic"(%i, %i) : (tensor<8x16xi32>, tensor<8x16xi32>) -> tensor<8x16xi32>
  %36 = "stablehlo.shift_right_logical"(%i, %i) : (tensor<8x16xi32>, tensor<8x16xi32>) -> tensor<8x16xi32>
  %37 = "stablehlo.xor"(%i, %i) : (tensor<8x16xi32>, tensor<8x16xi32>) -> tensor<8x16xi32>
  %38 = "chlo.acos"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %39 = "chlo.acosh"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %40 = "chlo.asin"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %41 = "chlo.asinh"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %42 = "chlo.atan"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %43 = "chlo.atanh"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %44 = "chlo.bessel_i1e"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %45 = "chlo.conj"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %46 = "chlo.cosh"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %47 = "chlo.digamma"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %48 = "chlo.erf"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %49 = "chlo.erf_inv"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %50 = "chlo.erfc"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %51 = "chlo.lgamma"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %52 = "chlo.sinh"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %53 = "chlo.square"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %54 = "chlo.tan"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %55 = "chlo.is_inf"(%x) : (tensor<8x16xf32>) -> tensor<8x16xi1>
  %56 = "chlo.is_neg_inf"(%x) : (tensor<8x16xf32>) -> tensor<8x16xi1>
  %57 = "chlo.is_pos_inf"(%x) : (tensor<8x16xf32>) -> tensor<8x16xi1>
  %58 = "chlo.next_after"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %59 = "chlo.polygamma"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %60 = "chlo.zeta"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %61 = "cordata.accumulate"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %after = "cordata.after"(%x, %s) : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xf32>
  %62 = "stablehlo.is_finite"(%x) : (tensor<8x16xf32>) -> tensor<8x16xi1>
  %63 = "stablehlo.compare"(%x, %y) {comparison_direction = #stablehlo<comparison_direction LT>} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xi1>
  %64 = "stablehlo.select"(%c, %x, %y) : (tensor<8x16xi1>, tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %65 = "stablehlo.clamp"(%s, %x, %s) : (tensor<f32>, tensor<8x16xf32>, tensor<f32>) -> tensor<8x16xf32>
  %66 = "stablehlo.complex"(%x, %y) : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xcomplex<f32>>
  %67 = "stablehlo.real"(%z) : (tensor<8x16xcomplex<f32>>) -> tensor<8x16xf32>
  %68 = "stablehlo.imag"(%z) : (tensor<8x16xcomplex<f32>>) -> tensor<8x16xf32>
  %69 = "stablehlo.convert"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf64>
  %70 = "stablehlo.bitcast_convert"(%x) : (tensor<8x16xf32>) -> tensor<8x16xi32>
  %71 = "stablehlo.reduce_precision"(%x) {exponent_bits = 8 : i32, mantissa_bits = 7 : i32} : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %72 = "stablehlo.optimization_barrier"(%x) : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %73 = "stablehlo.broadcast"(%v) {broadcast_sizes = array<i64: 8>} : (tensor<16xf32>) -> tensor<8x16xf32>
  %74 = "stablehlo.broadcast_in_dim"(%v) {broadcast_dimensions = array<i64: 1>} : (tensor<16xf32>) -> tensor<8x16xf32>
  %75 = "stablehlo.concatenate"(%x, %y) {dimension = 0 : i64} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<16x16xf32>
  %76 = "stablehlo.pad"(%x, %s) {edge_padding_low = array<i64: 0, 1>, edge_padding_high = array<i64: 0, 1>, interior_padding = array<i64: 0, 0>} : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x18xf32>
  %77 = "stablehlo.reshape"(%x) : (tensor<8x16xf32>) -> tensor<8x4x4xf32>
  %78 = "stablehlo.reverse"(%x) {dimensions = array<i64: 0>} : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %79 = "stablehlo.slice"(%x) {start_indices = array<i64: 0, 0>, limit_indices = array<i64: 8, 4>, strides = array<i64: 1, 1>} : (tensor<8x16xf32>) -> tensor<8x4xf32>
  %80 = "stablehlo.transpose"(%x) {permutation = array<i64: 1, 0>} : (tensor<8x16xf32>) -> tensor<16x8xf32>
  %81 = "stablehlo.constant"() {value = dense<1.0> : tensor<8x16xf32>} : () -> tensor<8x16xf32>
  %82 = "stablehlo.iota"() {iota_dimension = 1 : i64} : () -> tensor<8x16xi32>
  %83 = "stablehlo.dot"(%x, %w) : (tensor<8x16xf32>, tensor<16x32xf32>) -> tensor<8x32xf32>
  %84 = "stablehlo.dot_general"(%p, %q) {dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = [0], rhs_batching_dimensions = [0], lhs_contracting_dimensions = [2], rhs_contracting_dimensions = [1]>} : (tensor<4x8x16xf32>, tensor<4x16x32xf32>) -> tensor<4x8x32xf32>
  %85 = "stablehlo.convolution"(%image, %kernel) {window_strides = array<i64: 1, 1>, padding = dense<1> : tensor<2x2xi64>, lhs_dilation = array<i64: 1, 1>, rhs_dilation = array<i64: 1, 1>, window_reversal = array<i1: false, false>, dimension_numbers = #stablehlo.conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>, feature_group_count = 1 : i64, batch_group_count = 1 : i64} : (tensor<8x10x10x4xf32>, tensor<3x3x4x16xf32>) -> tensor<8x10x10x16xf32>
  %86 = "stablehlo.dynamic_slice"(%x, %k, %k) {slice_sizes = array<i64: 8, 4>} : (tensor<8x16xf32>, tensor<i32>, tensor<i32>) -> tensor<8x4xf32>
  %87 = "stablehlo.dynamic_update_slice"(%x, %u, %k, %k) : (tensor<8x16xf32>, tensor<8x4xf32>, tensor<i32>, tensor<i32>) -> tensor<8x16xf32>
  %88 = "stablehlo.gather"(%x, %ids) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 16>, indices_are_sorted = false} : (tensor<8x16xf32>, tensor<32xi32>) -> tensor<32x16xf32>
  %scattered = "stablehlo.scatter"(%x, %ids, %rows) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%sum) : (tensor<f32>) -> ()
  }) {scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [1], inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, indices_are_sorted = false, unique_indices = false} : (tensor<8x16xf32>, tensor<32xi32>, tensor<32x16xf32>) -> tensor<8x16xf32>
  %89 = "stablehlo.reduce"(%x, %s) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%sum) : (tensor<f32>) -> ()
  }) {dimensions = array<i64: 1>} : (tensor<8x16xf32>, tensor<f32>) -> tensor<8xf32>
  %90 = "stablehlo.reduce_window"(%x, %s) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%sum) : (tensor<f32>) -> ()
  }) {window_dimensions = array<i64: 1, 2>, window_strides = array<i64: 1, 2>} : (tensor<8x16xf32>, tensor<f32>) -> tensor<8x8xf32>
  %91 = "stablehlo.sort"(%x) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %less = "stablehlo.compare"(%a, %b) {comparison_direction = #stablehlo<comparison_direction LT>} : (tensor<f32>, tensor<f32>) -> tensor<i1>
      "stablehlo.return"(%less) : (tensor<i1>) -> ()
  }) {dimension = 1 : i64, is_stable = true} : (tensor<8x16xf32>) -> tensor<8x16xf32>
  %top:2 = "chlo.top_k"(%x) {k = 4 : i64} : (tensor<8x16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>)
  %92 = "stablehlo.cholesky"(%m) {lower = true} : (tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
  %93 = "stablehlo.triangular_solve"(%m, %m) {left_side = true, lower = true, unit_diagonal = false, transpose_a = #stablehlo<transpose NO_TRANSPOSE>} : (tensor<8x16x16xf32>, tensor<8x16x16xf32>) -> tensor<8x16x16xf32>
  %94 = "stablehlo.fft"(%z) {fft_type = #stablehlo<fft_type FFT>, fft_length = array<i64: 16>} : (tensor<8x16xcomplex<f32>>) -> tensor<8x16xcomplex<f32>>
  %95 = "stablehlo.map"(%x, %y) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %product = "stablehlo.multiply"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%product) : (tensor<f32>) -> ()
  }) {dimensions = array<i64: 0, 1>} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
  %96 = "stablehlo.select_and_scatter"(%x, %90, %s) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %larger = "stablehlo.compare"(%a, %b) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<f32>, tensor<f32>) -> tensor<i1>
      "stablehlo.return"(%larger) : (tensor<i1>) -> ()
  }, {
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %sum = "stablehlo.add"(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
      "stablehlo.return"(%sum) : (tensor<f32>) -> ()
  }) {window_dimensions = array<i64: 1, 2>, window_strides = array<i64: 1, 2>} : (tensor<8x16xf32>, tensor<8x8xf32>, tensor<f32>) -> tensor<8x16xf32>
  %97:2 = "stablehlo.while"(%k, %x) ({
    ^bb0(%turn: tensor<i32>, %a: tensor<8x16xf32>):
      %end = "stablehlo.constant"() {value = dense<5> : tensor<i32>} : () -> tensor<i32>
      %more = "stablehlo.compare"(%turn, %end) {comparison_direction = #stablehlo<comparison_direction LT>} : (tensor<i32>, tensor<i32>) -> tensor<i1>
      "stablehlo.return"(%more) : (tensor<i1>) -> ()
  }, {
    ^bb0(%turn: tensor<i32>, %a: tensor<8x16xf32>):
      %one = "stablehlo.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
      %next = "stablehlo.add"(%turn, %one) : (tensor<i32>, tensor<i32>) -> tensor<i32>
      %sine = "stablehlo.sine"(%a) : (tensor<8x16xf32>) -> tensor<8x16xf32>
      "stablehlo.return"(%next, %sine) : (tensor<i32>, tensor<8x16xf32>) -> ()
  }) : (tensor<i32>, tensor<8x16xf32>) -> (tensor<i32>, tensor<8x16xf32>)
  return %x : tensor<8x16xf32>
}
