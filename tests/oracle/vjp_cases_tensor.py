# SPDX-License-Identifier: Apache-2.0
"""The cases of vjp_cases.py for ops that move, join, reduce and multiply tensors."""
import jax.numpy as jnp
import numpy as np
from jax import lax

from vjp_cases import case, normal

# --- shapes ----------------------------------------------------------------------------------------------------------
case("broadcast", lambda x: jnp.broadcast_to(x, (2, 4, 3)), normal(3),
     text='%y = "stablehlo.broadcast"(%0) {broadcast_sizes = array<i64: 2, 4>} : (tensor<3xf64>) -> tensor<2x4x3xf64>')
case("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (2, 3, 4), (1,)), normal(3))
case("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (2, 3, 4, 5), (1, 2)), normal(1, 4), label="size-1")
case("broadcast_in_dim", lambda x: lax.broadcast_in_dim(x, (2, 3), ()), np.array(1.5), label="scalar")
case("broadcast_in_dim", lambda x: x.T[None].repeat(2, 0), normal(3, 4), label="crossed", text=
     '%y = "stablehlo.broadcast_in_dim"(%0) {broadcast_dimensions = array<i64: 2, 1>} : (tensor<3x4xf64>) -> tensor<2x4x3xf64>')
case("reshape", lambda x: lax.reshape(x, (2, 6)), normal(3, 4))
case("transpose", lambda x: lax.transpose(x, (2, 0, 1)), normal(2, 3, 4))
case("reverse", lambda x: lax.rev(x, (0, 2)), normal(2, 3, 4))
case("concatenate", lambda *xs: lax.concatenate(xs, 1), normal(2, 3), normal(2, 1), normal(2, 4))
case("slice", lambda x: lax.slice(x, (1, 0), (6, 4), (2, 3)), normal(7, 5))
case("slice", lambda x: lax.slice(x, (1, 2), (6, 2)), normal(7, 5), label="empty")
case("pad", lambda x, k: lax.pad(x, k, ((1, 2, 1), (0, 3, 2))), normal(3, 4), np.array(0.5))
case("pad", lambda x, k: lax.pad(x, k, ((-1, 2, 1), (1, -2, 0))), normal(4, 5), np.array(0.5), label="negative")
case("optimization_barrier", lambda x, y: sum(lax.optimization_barrier((x * y, y))), normal(3), normal(3, seed=1))

# --- slices at positions that are data -------------------------------------------------------------------------------
case("dynamic_slice", lambda x, i: lax.dynamic_slice(x, (i, i + 9), (2, 3)), normal(5, 6), np.int32(2))
case("dynamic_update_slice", lambda x, u, i: lax.dynamic_update_slice(x, u, (i, i + 9)), normal(5, 6), normal(2, 3), np.int32(2))


def gather_of(offset, collapsed, start_map, sizes, mode=lax.GatherScatterMode.CLIP, operand_batch=(), indices_batch=()):
    dims = lax.GatherDimensionNumbers(offset, collapsed, start_map, operand_batch, indices_batch)
    return lambda x, i: lax.gather(x, i, dims, sizes, mode=mode)


case("gather", gather_of((1,), (0,), (0,), (1, 4)), normal(6, 4), np.array([[3], [0], [3], [5]], np.int32), label="rows")
case("gather", lambda x, i: x[jnp.clip(i[:, 0], 0, 5)], normal(6, 4),
     np.array([[3], [-2], [9]], np.int64), label="outside", text="""
  %y = "stablehlo.gather"(%0, %1) {dimension_numbers = #stablehlo.gather<offset_dims = [1], collapsed_slice_dims = [0],
    start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false}
    : (tensor<6x4xf64>, tensor<3x1xi64>) -> tensor<3x4xf64>""")
case("gather", lambda x, i: x[i], normal(6, 4), np.array([[3, 0], [3, 5]], np.int32), label="no-vector", text="""
  %y = "stablehlo.gather"(%0, %1) {dimension_numbers = #stablehlo.gather<offset_dims = [2], collapsed_slice_dims = [0],
    start_index_map = [0], index_vector_dim = 2>, slice_sizes = array<i64: 1, 4>, indices_are_sorted = false}
    : (tensor<6x4xf64>, tensor<2x2xi32>) -> tensor<2x2x4xf64>""")
case("gather", gather_of((0, 2), (), (1, 0), (2, 3)), normal(5, 6), np.array([[3, 0], [2, 3]], np.int32), label="windows")
case("gather", gather_of((1,), (1,), (1,), (1, 1, 4), operand_batch=(0,), indices_batch=(0,)),
     normal(3, 6, 4), np.array([[1], [5], [1]], np.int32), label="batch")


def scatter_of(window, inserted, dims, scatter=lax.scatter_add, **kw):
    numbers = lax.ScatterDimensionNumbers(window, inserted, dims)
    return lambda x, i, u: scatter(x, i, u, numbers, mode=lax.GatherScatterMode.FILL_OR_DROP, **kw)


ROWS = np.array([[3], [0], [3], [9], [-1]], np.int32)  # one twice, two outside
case("scatter", scatter_of((1,), (0,), (0,)), normal(6, 4), ROWS, normal(5, 4), label="rows")
case("scatter", scatter_of((1, 2), (), (1, 0)), normal(5, 6), np.array([[3, 0], [2, 2], [5, 0]], np.int32), normal(3, 2, 3),
     label="windows")

# --- reductions and products -----------------------------------------------------------------------------------------
case("reduce", lambda x: jnp.sum(x, (0, 2)), normal(2, 3, 4), label="add")
def reduce_text(op):
    return f"""
  %y = "stablehlo.reduce"(%0, %1) <{{dimensions = array<i64: 1>}}> ({{
  ^bb0(%a: tensor<f64>, %b: tensor<f64>):
    %c = "stablehlo.{op}"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
    "stablehlo.return"(%c) : (tensor<f64>) -> ()
  }}) : (tensor<4x3xf64>, tensor<f64>) -> tensor<4xf64>"""


for _op, _fn in {"add": lambda x, k: jnp.sum(x, 1) + k, "maximum": lambda x, k: jnp.maximum(jnp.max(x, 1), k),
                 "minimum": lambda x, k: jnp.minimum(jnp.min(x, 1), k), "multiply": lambda x, k: jnp.prod(x, 1) * k}.items():
    case("reduce", _fn, normal(4, 3), np.array(0.4), text=reduce_text(_op), label=f"initial-{_op}")
case("reduce", lambda x: jnp.max(x, 1), normal(2, 3, 4), label="max")
case("reduce", lambda x: jnp.min(x, (0, 2)), normal(2, 3, 4), label="min")
case("reduce", lambda x: jnp.max(x, 0), [1.0, 2.0, 2.0, 0.0], label="max-ties")
case("reduce", lambda x: jnp.prod(x, 1), normal(3, 4), label="product")
case("reduce", lambda x: jnp.prod(x, 1), [[1.0, 2, 3], [0, 2, 3], [0, 2, 0]], label="product-zeros")
case("dot", jnp.dot, normal(3, 4), normal(4, 5),
     text='%y = "stablehlo.dot"(%0, %1) : (tensor<3x4xf64>, tensor<4x5xf64>) -> tensor<3x5xf64>')
case("dot", jnp.dot, normal(4), normal(4, seed=1), label="vectors",
     text='%y = "stablehlo.dot"(%0, %1) : (tensor<4xf64>, tensor<4xf64>) -> tensor<f64>')
case("dot_general", jnp.matmul, normal(3, 4), normal(4, 5))
case("dot_general", lambda x, y: lax.dot_general(x, y, (((4, 1), (0, 3)), ((2, 0), (1, 4)))), normal(2, 3, 4, 5, 6),
     normal(6, 4, 7, 3, 2), label="batch")
case("dot_general", lambda x, y: jnp.einsum("i,j->ij", x, y), normal(3), normal(4), label="outer")
case("dot_general", lambda x, y: lax.dot_general(x.astype(jnp.float32), y.astype(jnp.float32), (((1,), (0,)), ((), ())),
                                                preferred_element_type=jnp.float64), normal(3, 4), normal(4, 5), label="widened")
