// SPDX-License-Identifier: Apache-2.0
// Every assembly that StableHLO and CHLO have of their own, as JAX and MLIR print them.
module @pretty attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%x: tensor<2x3xf32> {tf.aliasing_output = 0 : i32}, %y: tensor<2x3xf32>, %i: tensor<i32>,
                         %p: tensor<2x3xi1>, %n: tensor<2x3xi32>, %t: !stablehlo.token)
      -> (tensor<2x3xf32> {jax.result_info = "out"}, !stablehlo.token) {
    %0 = stablehlo.abs %x : tensor<2x3xf32>
    %1 = stablehlo.cosine %0 {mhlo.frontend_attributes = {note = "a \22quoted\22 one"}} : tensor<2x3xf32>
    %2 = stablehlo.exponential %1 {result_accuracy = #stablehlo.result_accuracy<mode = #stablehlo.result_accuracy_mode<HIGHEST>>} : tensor<2x3xf32>
    %3 = stablehlo.add %2, %y : tensor<2x3xf32>
    %4 = stablehlo.atan2 %3, %y : tensor<2x3xf32>
    %5 = stablehlo.and %p, %p : tensor<2x3xi1>
    %6 = stablehlo.shift_right_logical %n, %n : tensor<2x3xi32>
    %7 = stablehlo.after_all %t, %t : !stablehlo.token
    %8 = stablehlo.bitcast_convert %x : (tensor<2x3xf32>) -> tensor<2x3x4xi8>
    %9 = stablehlo.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
    %10 = stablehlo.is_finite %x : (tensor<2x3xf32>) -> tensor<2x3xi1>
    %11 = stablehlo.dynamic_update_slice %x, %y, %i, %i : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<i32>, tensor<i32>) -> tensor<2x3xf32>
    %12 = stablehlo.broadcast_in_dim %i, dims = [] : (tensor<i32>) -> tensor<2x3xi32>
    %13 = stablehlo.broadcast_in_dim %9, dims = [1] : (tensor<6xf32>) -> tensor<2x6xf32>
    %14 = chlo.erf %x : tensor<2x3xf32> -> tensor<2x3xf32>
    %15 = chlo.next_after %x, %y : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x3xf32>
    %values, %indices = chlo.top_k(%x, k = 2) : tensor<2x3xf32> -> (tensor<2x2xf32>, tensor<2x2xi32>)
    %c = stablehlo.constant dense<[[1, 2, 3], [-4, 5, 6]]> : tensor<2x3xi32>
    %cst = stablehlo.constant {note} dense<0x7FC00000> : tensor<f32>
    %cst_0 = stablehlo.constant dense<[[1.0, -2.5e-3, 3.0e+10], [0xFF800000, 0.1, -0.0]]> : tensor<2x3xf32>
    %cst_1 = stablehlo.constant dense<"0x0000803F000000400000404000008040"> : tensor<4xf32>
    %cst_2 = stablehlo.constant dense<(1.0, -2.0)> : tensor<2xcomplex<f32>>
    %cst_3 = stablehlo.constant dense<> : tensor<0x3xbf16>
    %cst_4 = stablehlo.constant dense<[true, false]> : tensor<2xi1>
    %cst_5 = stablehlo.constant dense<[-8, 7]> : tensor<2xi4>
    %cst_6 = stablehlo.constant dense<[1.0, 0x7F, 4.48e+02]> : tensor<3xf8E4M3FN>
    %16 = stablehlo.constant dense<[[4.0, 0.0], [2.0, 5.0]]> : tensor<2x2xf64>
    %17 = stablehlo.cholesky %16, lower = true : tensor<2x2xf64>
    %18 = stablehlo.clamp %cst, %x, %cst : (tensor<f32>, tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
    %19 = stablehlo.clamp %x, %y, %x : tensor<2x3xf32>
    %20 = stablehlo.compare LT, %x, %y, TOTALORDER : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
    %21 = stablehlo.compare  EQ, %n, %c,  SIGNED : (tensor<2x3xi32>, tensor<2x3xi32>) -> tensor<2x3xi1>
    %22 = stablehlo.compare GE, %x, %y : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
    %23 = stablehlo.complex %x, %y : tensor<2x3xcomplex<f32>>
    %24 = stablehlo.real %23 : (tensor<2x3xcomplex<f32>>) -> tensor<2x3xf32>
    %25 = stablehlo.concatenate %x, %y, %x, dim = 1 : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x9xf32>
    %26 = stablehlo.convert %x : (tensor<2x3xf32>) -> tensor<2x3xbf16>
    %27 = stablehlo.create_token : !stablehlo.token
    %28 = stablehlo.replica_id : tensor<ui32>
    %29:2 = stablehlo.custom_call @some_call(%x, %i) {api_version = 4 : i32, backend_config = {a = 1 : i64}, has_side_effect = true} : (tensor<2x3xf32>, tensor<i32>) -> (tensor<2xf32>, tensor<i32>)
    %30 = stablehlo.dot_general %x, %y, contracting_dims = [1] x [1], precision = [DEFAULT, HIGHEST] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
    %31 = stablehlo.dot_general %x, %y, batching_dims = [0] x [0], contracting_dims = [1] x [1], algorithm = <lhs_precision_type = f32, rhs_precision_type = f32, accumulation_type = f32, lhs_component_count = 1, rhs_component_count = 1, num_primitive_operations = 1, allow_imprecise_accumulation = false> : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2xf32>
    %32 = stablehlo.dot_general %x, %y, contracting_dims = [] x [] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3x2x3xf32>
    %33 = stablehlo.dynamic_slice %x, %i, %i, sizes = [1, 2] : (tensor<2x3xf32>, tensor<i32>, tensor<i32>) -> tensor<1x2xf32>
    %34 = stablehlo.fft %23, type =  FFT, length = [3] : (tensor<2x3xcomplex<f32>>) -> tensor<2x3xcomplex<f32>>
    %35 = stablehlo.tuple %x, %i : tuple<tensor<2x3xf32>, tensor<i32>>
    %36 = stablehlo.get_tuple_element %35[1] : (tuple<tensor<2x3xf32>, tensor<i32>>) -> tensor<i32>
    %37 = stablehlo.iota dim = 1 : tensor<2x3xi64>
    %38:2 = stablehlo.optimization_barrier %x, %i : tensor<2x3xf32>, tensor<i32>
    %39 = stablehlo.pad %x, %cst, low = [0, -1], high = [2, 0], interior = [1, 0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<5x2xf32>
    %40 = stablehlo.reduce_precision %x, format = e5m10 : tensor<2x3xf32>
    %41 = stablehlo.reverse %x, dims = [0, 1] : tensor<2x3xf32>
    %42 = stablehlo.select %p, %x, %y : tensor<2x3xi1>, tensor<2x3xf32>
    %43 = stablehlo.slice %x [0:2, 1:3:2] : (tensor<2x3xf32>) -> tensor<2x1xf32>
    %44 = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
    %45 = stablehlo.reduce(%x init: %cst) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
    %46:2 = stablehlo.reduce(%x init: %cst), (%n init: %i) across dimensions = [0, 1] : (tensor<2x3xf32>, tensor<2x3xi32>, tensor<f32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
     reducer(%a: tensor<f32>, %b: tensor<f32>) (%c1: tensor<i32>, %d: tensor<i32>)  {
      %60 = stablehlo.maximum %a, %b : tensor<f32>
      %61 = stablehlo.minimum %c1, %d : tensor<i32>
      stablehlo.return %60, %61 : tensor<f32>, tensor<i32>
    }
    %47:2 = stablehlo.while(%iterArg = %i, %iterArg_7 = %x) : tensor<i32>, tensor<2x3xf32>
     cond {
      %60 = stablehlo.compare LT, %iterArg, %36, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %60 : tensor<i1>
    } do {
      %60 = stablehlo.add %iterArg, %iterArg : tensor<i32>
      %61 = func.call @helper(%iterArg_7, %y) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
      stablehlo.return %60, %61 : tensor<i32>, tensor<2x3xf32>
    }
    %48 = stablehlo.reshape %x : (tensor<2x3xf32>) -> tensor<1x2x3x1xf32>
    %49 = stablehlo.iota dim = 0 : tensor<1x2x1x4xf32>
    %50 = stablehlo.convolution(%48, %49) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, f, 0, 1], window = {stride = [1, 2], pad = [[0, 1], [1, -1]], lhs_dilate = [1, 1], rhs_dilate = [1, 1], reverse = [false, true]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision HIGH>]} : (tensor<1x2x3x1xf32>, tensor<1x2x1x4xf32>) -> tensor<1x4x3x1xf32>
    %51 = "stablehlo.case"(%i) ({
      stablehlo.return %x : tensor<2x3xf32>
    }, {
      %60 = stablehlo.negate %x : tensor<2x3xf32>
      stablehlo.return %60 : tensor<2x3xf32>
    }) : (tensor<i32>) -> tensor<2x3xf32>
    %52:2 = call @two(%x) : (tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<6xf32>)
    %53 = stablehlo.multiply %52#0, %47#1 : tensor<2x3xf32>
    return %53, %7 : tensor<2x3xf32>, !stablehlo.token
  }
  func.func private @helper(%arg0: tensor<2x3xf32>, %arg1: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = stablehlo.subtract %arg0, %arg1 : tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
  func.func private @two(%arg0: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<6xf32>) {
    %0 = call @helper(%arg0, %arg0) : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    %1 = stablehlo.reshape %0 : (tensor<2x3xf32>) -> tensor<6xf32>
    return %0, %1 : tensor<2x3xf32>, tensor<6xf32>
  }
}
