# SPDX-License-Identifier: Apache-2.0
"""The cases of vjp_cases.py for ops with windows, order, linear algebra and control flow."""
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from vjp_cases import between, case, normal, on_complex, parts
from vjp_cases_tensor import ROWS, scatter_of

# --- windows ---------------------------------------------------------------------------------------------------------
CONVOLUTIONS = {  # input, kernel, then conv_general_dilated's options
    "1d": ((2, 3, 9), (4, 3, 3), {"window_strides": (1,), "padding": "SAME"}),
    "strided": ((2, 3, 9, 8), (4, 3, 3, 2), {"window_strides": (2, 3), "padding": ((1, 2), (0, 1))}),
    "dilated": ((2, 3, 9, 8), (4, 3, 3, 2), {"window_strides": (1, 2), "padding": ((2, 1), (1, 0)), "lhs_dilation": (2, 1),
                                             "rhs_dilation": (1, 3)}),
    "cropped": ((2, 3, 9), (4, 3, 2), {"window_strides": (2,), "padding": ((-1, -2),)}),
    "groups": ((2, 6, 9), (4, 3, 3), {"window_strides": (2,), "padding": ((1, 1),), "feature_group_count": 2}),
    "depthwise": ((2, 3, 5, 5), (6, 1, 3, 3), {"window_strides": (1, 1), "padding": "VALID", "feature_group_count": 3}),
    "batch-groups": ((4, 3, 9), (4, 3, 3), {"window_strides": (2,), "padding": ((1, 1),), "batch_group_count": 2}),
    "nhwc": ((2, 9, 8, 3), (3, 3, 3, 4), {"window_strides": (2, 2), "padding": "SAME", "dimension_numbers": ("NHWC", "HWIO", "NHWC")}),
    "nhwc-groups": ((2, 9, 8, 6), (3, 3, 3, 4), {"window_strides": (2, 1), "padding": "SAME", "feature_group_count": 2,
                                                 "dimension_numbers": ("NHWC", "HWIO", "NHWC")}),
    "1x1": ((2, 5, 5, 3), (1, 1, 3, 4), {"window_strides": (2, 2), "padding": "VALID", "dimension_numbers": ("NHWC", "HWIO", "NHWC")}),
}
for _label, (_x, _k, _options) in CONVOLUTIONS.items():
    case("convolution", lambda x, k, o=_options: lax.conv_general_dilated(x, k, **o), normal(*_x), normal(*_k), label=_label)
case("convolution", lambda x, k: lax.conv_general_dilated(x, k[:, :, ::-1], (2,), ((1, 1),)), normal(2, 3, 9), normal(4, 3, 2),
     label="reversed", text="""
  %y = "stablehlo.convolution"(%0, %1) {window_strides = array<i64: 2>, padding = dense<1> : tensor<1x2xi64>,
    window_reversal = array<i1: true>, batch_group_count = 1 : i64, feature_group_count = 1 : i64,
    dimension_numbers = #stablehlo.conv<[b, f, 0]x[o, i, 0]->[b, f, 0]>} : (tensor<2x3x9xf64>, tensor<4x3x2xf64>) -> tensor<2x4x5xf64>""")


def pool(op, start, **kw):
    return lambda x: lax.reduce_window(x, start, op, **kw)


case("reduce_window", pool(lax.add, 0.0, window_dimensions=(1, 3, 2), window_strides=(1, 2, 1), padding=((0, 0), (1, 2), (0, 1))),
     normal(2, 7, 5), label="sum")
case("reduce_window", pool(lax.add, 0.0, window_dimensions=(3, 2), window_strides=(2, 1), padding=((0, 1), (1, 0)),
                           base_dilation=(2, 1), window_dilation=(1, 2)), normal(6, 5), label="dilated")
case("reduce_window", pool(lax.max, -np.inf, window_dimensions=(2, 3), window_strides=(2, 2), padding="VALID"), normal(6, 7),
     label="max")
case("reduce_window", pool(lax.max, -np.inf, window_dimensions=(3, 3), window_strides=(2, 2), padding="SAME"), normal(6, 7) - 5,
     label="max-padded")
case("reduce_window", pool(lax.min, np.inf, window_dimensions=(3,), window_strides=(1,), padding="SAME"), normal(7) + 5, label="min")
case("reduce_window", lambda x: lax.cumsum(x, 1), normal(2, 5), label="cumsum")
case("reduce_window", lambda x: lax.cummax(x, 0), normal(5, 2), label="cummax")

WINDOW = """
  %y = "stablehlo.reduce_window"(%0, %1) <{{window_dimensions = array<i64: 2>}}> ({{
  ^bb0(%a: tensor<f64>, %b: tensor<f64>):
    %c = "stablehlo.{}"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
    "stablehlo.return"(%c) : (tensor<f64>) -> ()
  }}) : (tensor<9xf64>, tensor<f64>) -> tensor<8xf64>"""
for _op, _fn in {"add": lambda x, k: x[1:] + x[:-1] + k, "maximum": lambda x, k: jnp.maximum(jnp.maximum(x[1:], x[:-1]), k)}.items():
    case("reduce_window", _fn, normal(9), np.array(0.1), text=WINDOW.format(_op), label=f"initial-{_op}")

case("reduce_window", lambda x: jnp.prod(jnp.stack([x[i:i + 7:2, j:j + 4] for i in (0, 1, 2) for j in (0, 2)]), 0), normal(9, 6),
     label="product", text="""
  %one = "stablehlo.constant"() {value = dense<1.0> : tensor<f64>} : () -> tensor<f64>
  %y = "stablehlo.reduce_window"(%0, %one) <{window_dimensions = array<i64: 3, 2>, window_strides = array<i64: 2, 1>,
    window_dilations = array<i64: 1, 2>}> ({
  ^bb0(%a: tensor<f64>, %b: tensor<f64>):
    %c = "stablehlo.multiply"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
    "stablehlo.return"(%c) : (tensor<f64>) -> ()
  }) : (tensor<9x6xf64>, tensor<f64>) -> tensor<4x4xf64>""")
case("reduce_window", lambda x: lax.cumprod(x, 0), normal(5, 2), label="cumprod")
case("reduce_window", lambda x: lax.cumprod(x, 1, reverse=True), [[2.0, 0.0, 3.0, 0.0, 1.0], [1.0, 2.0, 0.0, 4.0, 5.0]],
     label="cumprod-zeros")

SCATTER_BACK = """
  %start = "stablehlo.constant"() {value = dense<0.0> : tensor<f64>} : () -> tensor<f64>
  %y = "stablehlo.select_and_scatter"(%0, %1, %start) <{window_dimensions = array<i64: 2, 3>, window_strides = array<i64: 2, 2>,
    padding = dense<[[0, 1], [1, 0]]> : tensor<2x2xi64>}> ({
  ^bb0(%a: tensor<f64>, %b: tensor<f64>):
    %c = "stablehlo.compare"(%a, %b) {comparison_direction = #stablehlo<comparison_direction GE>} : (tensor<f64>, tensor<f64>) -> tensor<i1>
    "stablehlo.return"(%c) : (tensor<i1>) -> ()
  }, {
  ^bb0(%a: tensor<f64>, %b: tensor<f64>):
    %c = "stablehlo.add"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
    "stablehlo.return"(%c) : (tensor<f64>) -> ()
  }) : (tensor<5x6xf64>, tensor<3x3xf64>, tensor<f64>) -> tensor<5x6xf64>"""


def scatter_back(x, source):
    """What select_and_scatter means: the derivative of the pooling in the direction of the source, transposed."""
    pooled = pool(lax.max, -np.inf, window_dimensions=(2, 3), window_strides=(2, 2), padding=((0, 1), (1, 0)))
    return jax.vjp(pooled, lax.stop_gradient(x))[1](source)[0]


case("select_and_scatter", scatter_back, normal(5, 6), normal(3, 3), text=SCATTER_BACK)

# --- order -----------------------------------------------------------------------------------------------------------
case("sort", lambda x: lax.sort(x, dimension=1), normal(3, 5))
case("sort", lambda x, y: sum(lax.sort((x, y), dimension=0, num_keys=1)) * jnp.arange(1.0, 6)[:, None], normal(5, 2), normal(5, 2, seed=1),
     label="two")
case("sort", lambda x, y: lax.sort((x, y), dimension=0, num_keys=1)[1], np.array([3, 1, 2, 1], np.int32), normal(4), label="by-integers")
case("chlo.top_k", lambda x: lax.top_k(x, 3)[0], normal(2, 4, 6))

# --- scatters that don't add -----------------------------------------------------------------------------------------
TWICE = np.array([[3], [0], [9], [2]], np.int32)  # one outside
case("scatter", scatter_of((1,), (0,), (0,), lax.scatter), normal(6, 4), TWICE, normal(4, 4), label="replace")
case("scatter", scatter_of((1,), (0,), (0,), lax.scatter), normal(6, 4), ROWS, normal(5, 4), label="replace-twice")
case("scatter", scatter_of((1,), (0,), (0,), lax.scatter_mul, unique_indices=True), normal(6, 4), TWICE, normal(4, 4), label="multiply")
case("scatter", scatter_of((1,), (0,), (0,), lax.scatter_max), normal(6, 4), ROWS, normal(5, 4), label="max")
case("scatter", scatter_of((1,), (0,), (0,), lax.scatter_min), np.zeros((6, 4)), ROWS, np.round(normal(5, 4)), label="min-ties")

# --- linear algebra --------------------------------------------------------------------------------------------------
MATRIX = normal(2, 4, 4) + 4 * np.eye(4)


def solve_case(left, lower, turned):
    unit, side = lower == turned, normal(2, 4, 3) if left else normal(2, 3, 4)
    fn = functools.partial(lax.linalg.triangular_solve, left_side=left, lower=lower, transpose_a=turned, unit_diagonal=unit)
    t = "x".join(map(str, side.shape))
    case("triangular_solve", fn, MATRIX, side, label=f"{left}-{lower}-{turned}", text=f"""
  %y = "stablehlo.triangular_solve"(%0, %1) {{left_side = {str(left).lower()}, lower = {str(lower).lower()},
    unit_diagonal = {str(unit).lower()}, transpose_a = #stablehlo<transpose {"" if turned else "NO_"}TRANSPOSE>}}
    : (tensor<2x4x4xf64>, tensor<{t}xf64>) -> tensor<{t}xf64>""")


for _flags in itertools.product((True, False), repeat=3):
    solve_case(*_flags)


def cholesky_text(lower):
    """Of the symmetric part; the half that the op leaves undefined is cleared."""
    return f"""
  %t = "stablehlo.transpose"(%0) {{permutation = array<i64: 0, 2, 1>}} : (tensor<2x4x4xf64>) -> tensor<2x4x4xf64>
  %s = "stablehlo.add"(%0, %t) : (tensor<2x4x4xf64>, tensor<2x4x4xf64>) -> tensor<2x4x4xf64>
  %half = "stablehlo.constant"() {{value = dense<0.5> : tensor<2x4x4xf64>}} : () -> tensor<2x4x4xf64>
  %m = "stablehlo.multiply"(%s, %half) : (tensor<2x4x4xf64>, tensor<2x4x4xf64>) -> tensor<2x4x4xf64>
  %u = "stablehlo.cholesky"(%m) {{lower = {str(lower).lower()}}} : (tensor<2x4x4xf64>) -> tensor<2x4x4xf64>
  %i = "stablehlo.iota"() {{iota_dimension = 1 : i64}} : () -> tensor<2x4x4xi32>
  %j = "stablehlo.iota"() {{iota_dimension = 2 : i64}} : () -> tensor<2x4x4xi32>
  %c = "stablehlo.compare"(%i, %j) {{comparison_direction = #stablehlo<comparison_direction {"GE" if lower else "LE"}>}}
    : (tensor<2x4x4xi32>, tensor<2x4x4xi32>) -> tensor<2x4x4xi1>
  %z = "stablehlo.constant"() {{value = dense<0.0> : tensor<2x4x4xf64>}} : () -> tensor<2x4x4xf64>
  %y = "stablehlo.select"(%c, %u, %z) : (tensor<2x4x4xi1>, tensor<2x4x4xf64>, tensor<2x4x4xf64>) -> tensor<2x4x4xf64>"""


case("cholesky", lax.linalg.cholesky, MATRIX @ MATRIX.swapaxes(1, 2), label="lower", text=cholesky_text(True))
case("cholesky", lambda x: lax.linalg.cholesky(x).mT, MATRIX @ MATRIX.swapaxes(1, 2), label="upper", text=cholesky_text(False))
on_complex("fft", jnp.fft.fft2, normal(3, 4), normal(3, 4, seed=1), label="forward")
on_complex("fft", jnp.fft.ifft, normal(3, 4), normal(3, 4, seed=1), label="inverse")
for _n in (6, 7):
    case("fft", lambda x: parts(jnp.fft.rfft2(x)), normal(3, _n), label=f"real-{_n}")
    case("fft", lambda x, y, n=_n: jnp.fft.irfft2(lax.complex(x, y), s=(3, n)), normal(3, 4), normal(3, 4, seed=1), label=f"to-real-{_n}")

# --- batch norm ------------------------------------------------------------------------------------------------------
T, V = "tensor<2x3x4xf64>", "tensor<3xf64>"


def over_features(v):
    return v[None, :, None]


def normalised(x, scale, offset, mean, variance):
    return over_features(scale) * (x - over_features(mean)) / jnp.sqrt(over_features(variance) + 0.25) + over_features(offset)


def trained(x, scale, offset):
    mean, variance = x.mean((0, 2)), x.var((0, 2))
    return normalised(x, scale, offset, mean, variance) + over_features(mean * variance)


case("batch_norm_inference", normalised, normal(2, 3, 4), normal(3), normal(3, seed=1), normal(3, seed=2), between(0.5, 2, 3), text=f"""
  %y = "stablehlo.batch_norm_inference"(%0, %1, %2, %3, %4) {{epsilon = 0.25 : f32, feature_index = 1 : i64}}
    : ({T}, {V}, {V}, {V}, {V}) -> {T}""")
case("batch_norm_training", trained, normal(2, 3, 4), normal(3), normal(3, seed=1), text=f"""
  %n:3 = "stablehlo.batch_norm_training"(%0, %1, %2) {{epsilon = 0.25 : f32, feature_index = 1 : i64}}
    : ({T}, {V}, {V}) -> ({T}, {V}, {V})
  %m = "stablehlo.multiply"(%n#1, %n#2) : ({V}, {V}) -> {V}
  %b = "stablehlo.broadcast_in_dim"(%m) {{broadcast_dimensions = array<i64: 1>}} : ({V}) -> {T}
  %y = "stablehlo.add"(%n#0, %b) : ({T}, {T}) -> {T}""")
