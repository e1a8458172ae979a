# SPDX-License-Identifier: Apache-2.0
"""The cases of vjp_cases.py for ops with windows, order, linear algebra and control flow."""
import functools

import jax.numpy as jnp
import numpy as np
from jax import lax

from vjp_cases import between, case, normal

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
