// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cordata/ir/op_table.h"
#include "cordata/ir/ops/expr.h"
#include "cordata/ir/ops/gather.h"
#include "cordata/ir/ops/view.h"

// The vector-Jacobian products that the op table's rows name. Conventions are JAX's: the cotangent of a
// maximum is shared evenly by equal operands; a complex cotangent is the linear transpose's, without
// conjugation.
namespace cordata::ir::ops {

// What a VJP is written with: operands, results and cotangents as expressions.
class Flow {
 public:
  explicit Flow(VjpView& v) : node(v.graph, v.node), v_(v) {}

  GraphBuilder& b() const { return v_.builder; }
  const OpView& op() const { return node.view; }
  Expr x(int i = 0) const { return {v_.builder, v_.operands[i]}; }
  Expr y(int i = 0) const { return {v_.builder, v_.results[i]}; }
  Expr ct(int i = 0) const { return {v_.builder, v_.cotangents[i]}; }  // only where has_ct(i)
  bool has_ct(int i) const { return v_.cotangents[i].valid(); }
  bool wants(int i) const { return v_.wanted[i]; }
  void give(int i, Expr ct) { v_.operand_cotangents[i] = ct; }
  const VjpView& view() const { return v_; }
  // "[ir.OP] wanted WHAT to differentiate it, got ..."
  [[noreturn]] void refuse(const std::string& wanted, const std::string& got) const {
    fail(op(), wanted + " to differentiate it", got);
  }

  NodeView node;

 private:
  VjpView& v_;
};

using Vjp = void (*)(VjpView&);

void vjp_zero(VjpView&);  // the derivative is zero wherever it exists

// vjp_elementwise.cc
void vjp_abs(VjpView&);
void vjp_add(VjpView&);
void vjp_atan2(VjpView&);
void vjp_cbrt(VjpView&);
void vjp_clamp(VjpView&);
void vjp_cosine(VjpView&);
void vjp_divide(VjpView&);
void vjp_exponential(VjpView&);
void vjp_exponential_minus_one(VjpView&);
void vjp_log(VjpView&);
void vjp_log_plus_one(VjpView&);
void vjp_logistic(VjpView&);
void vjp_maximum(VjpView&);
void vjp_minimum(VjpView&);
void vjp_multiply(VjpView&);
void vjp_negate(VjpView&);
void vjp_power(VjpView&);
void vjp_remainder(VjpView&);
void vjp_rsqrt(VjpView&);
void vjp_select(VjpView&);
void vjp_sine(VjpView&);
void vjp_sqrt(VjpView&);
void vjp_subtract(VjpView&);
void vjp_tan(VjpView&);
void vjp_tanh(VjpView&);

// vjp_convert.cc
void vjp_complex(VjpView&);
void vjp_convert(VjpView&);
void vjp_imag(VjpView&);
void vjp_pass(VjpView&);  // every cotangent goes to the operand in its place
void vjp_real(VjpView&);
void vjp_reduce_precision(VjpView&);

// vjp_chlo.cc
void vjp_chlo_acos(VjpView&);
void vjp_chlo_acosh(VjpView&);
void vjp_chlo_asin(VjpView&);
void vjp_chlo_asinh(VjpView&);
void vjp_chlo_atan(VjpView&);
void vjp_chlo_atanh(VjpView&);
void vjp_chlo_conj(VjpView&);
void vjp_chlo_cosh(VjpView&);
void vjp_chlo_digamma(VjpView&);
void vjp_chlo_erf(VjpView&);
void vjp_chlo_erf_inv(VjpView&);
void vjp_chlo_erfc(VjpView&);
void vjp_chlo_lgamma(VjpView&);
void vjp_chlo_polygamma(VjpView&);
void vjp_chlo_sinh(VjpView&);
void vjp_chlo_square(VjpView&);
void vjp_chlo_zeta(VjpView&);

// vjp_shape.cc
void vjp_broadcast(VjpView&);
void vjp_broadcast_in_dim(VjpView&);
void vjp_concatenate(VjpView&);
void vjp_pad(VjpView&);
void vjp_reshape(VjpView&);
void vjp_reverse(VjpView&);
void vjp_slice(VjpView&);
void vjp_transpose(VjpView&);

// vjp_reduce.cc, vjp_dot.cc, vjp_gather.cc, vjp_scatter.cc
void vjp_reduce(VjpView&);
void vjp_dot(VjpView&);
void vjp_dot_general(VjpView&);
void vjp_dynamic_slice(VjpView&);
void vjp_dynamic_update_slice(VjpView&);
void vjp_gather(VjpView&);
void vjp_scatter(VjpView&);

// vjp_convolution.cc, vjp_window.cc, vjp_window_product.cc, vjp_sort.cc
void vjp_chlo_top_k(VjpView&);
void vjp_convolution(VjpView&);
void vjp_reduce_window(VjpView&);
void vjp_select_and_scatter(VjpView&);
void vjp_sort(VjpView&);
void vjp_window_product(VjpView&);  // of a reduce_window that multiplies

// vjp_control.cc
void vjp_case(VjpView&);
void vjp_while(VjpView&);

// vjp_linalg.cc, vjp_norm.cc
void vjp_batch_norm_inference(VjpView&);
void vjp_batch_norm_training(VjpView&);
void vjp_cholesky(VjpView&);
void vjp_fft(VjpView&);
void vjp_triangular_solve(VjpView&);

// Shared by ops that index. The last start of a window inside the operand, as a value of the indices' shape.
Expr last_start_of_windows(const GatherDims& d, const Shape& operand, const Ints& window, Expr indices);
Expr scatter_add(Expr into, ValueId indices, ValueId updates, const GatherDims& d, bool sorted, bool unique);

}  // namespace cordata::ir::ops
