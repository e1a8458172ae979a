# SPDX-License-Identifier: Apache-2.0
"""For every differentiable op of the table: functions that use it, and where to differentiate them.

A case is (op, function, arguments): float arguments are differentiated by, others are data. Where JAX has no way to emit
an op (or emits another for it), `text` gives the op in MLIR and the function says what it means.
"""
import dataclasses
import functools
from typing import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

CASES = []


@dataclasses.dataclass
class Case:
    op: str
    fn: Callable
    args: list
    text: str = ""  # ops that define %y from %0, %1, ... ; then fn is only the oracle
    label: str = ""

    def __repr__(self):
        return f"{self.op.split('.')[1]}{'-' if self.label else ''}{self.label}"


def case(op, fn, *args, text="", label=""):
    CASES.append(Case(op if "." in op else "stablehlo." + op, fn, [np.asarray(a) for a in args], text, label))


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def between(low, high, *shape, seed=0):
    return np.random.default_rng([seed, *shape]).uniform(low, high, size=shape)


# --- elementwise -----------------------------------------------------------------------------------------------------
UNARY = {
    "cbrt": (lax.cbrt, (0.1, 3)), "cosine": (lax.cos, (-3, 3)), "exponential": (lax.exp, (-3, 3)),
    "exponential_minus_one": (lax.expm1, (-3, 3)), "log": (lax.log, (0.1, 3)), "log_plus_one": (lax.log1p, (-0.9, 3)),
    "negate": (lax.neg, (-3, 3)), "rsqrt": (lax.rsqrt, (0.1, 3)), "sine": (lax.sin, (-3, 3)), "sqrt": (lax.sqrt, (0.1, 3)),
    "tan": (lax.tan, (-1, 1)), "tanh": (lax.tanh, (-3, 3)), "abs": (lax.abs, (-3, 3)),
    "chlo.acos": (lax.acos, (-0.9, 0.9)), "chlo.acosh": (lax.acosh, (1.1, 3)), "chlo.asin": (lax.asin, (-0.9, 0.9)),
    "chlo.asinh": (lax.asinh, (-3, 3)), "chlo.atan": (lax.atan, (-3, 3)), "chlo.atanh": (lax.atanh, (-0.9, 0.9)),
    "chlo.cosh": (lax.cosh, (-3, 3)), "chlo.digamma": (lax.digamma, (0.5, 5)), "chlo.erf": (lax.erf, (-2, 2)),
    "chlo.erf_inv": (lax.erf_inv, (-0.9, 0.9)), "chlo.erfc": (lax.erfc, (-2, 2)), "chlo.lgamma": (lax.lgamma, (0.5, 5)),
    "chlo.sinh": (lax.sinh, (-3, 3)), "chlo.square": (lax.square, (-3, 3)),
}
for _op, (_fn, _range) in UNARY.items():
    case(_op, _fn, between(*_range, 3, 4))

for _op, _fn in {"logistic": jax.nn.sigmoid, "chlo.tan": jnp.tan}.items():
    _name = _op if "." in _op else "stablehlo." + _op
    case(_op, _fn, between(-1, 1, 3), text=f'%y = "{_name}"(%0) : (tensor<3xf64>) -> tensor<3xf64>')

for _op, _fn in {"add": lax.add, "subtract": lax.sub, "multiply": lax.mul, "divide": lax.div, "maximum": lax.max,
                 "minimum": lax.min, "power": lax.pow, "atan2": lax.atan2, "remainder": lax.rem}.items():
    case(_op, _fn, between(0.5, 3, 3, 4), between(0.5, 3, 3, 4, seed=1))
case("maximum", lax.max, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0], label="ties")
case("minimum", lax.min, [1.0, 2.0, 3.0], [1.0, 3.0, 2.0], label="ties")
case("multiply", lambda x: x * x * x, normal(5), label="read-twice")
case("power", lax.pow, [2.0, 0.0, 3.0, 0.0], [0.0, 2.0, 3.0, 1.0], label="zeros")
case("remainder", lax.rem, between(-5, 5, 8), between(0.5, 2, 8, seed=1), label="negative")
case("atan2", lax.atan2, normal(8), normal(8, seed=1), label="quadrants")
case("chlo.polygamma", lambda x: lax.polygamma(jnp.full_like(x, 2.0), x), between(0.5, 5, 6))
# zeta(3, q) = -polygamma(2, q) / 2, which JAX can differentiate.
case("chlo.zeta", lambda q: -lax.polygamma(jnp.full_like(q, 2.0), q) / 2, between(0.5, 5, 6), text="""
  %s = "stablehlo.constant"() {value = dense<3.0> : tensor<6xf64>} : () -> tensor<6xf64>
  %y = "chlo.zeta"(%s, %0) : (tensor<6xf64>, tensor<6xf64>) -> tensor<6xf64>""")
case("clamp", lambda x: lax.clamp(-0.5, x, 0.5), normal(3, 4), label="constants")
case("clamp", lambda low, x, high: jnp.clip(x, low, high), -np.array(0.5), normal(9), np.array(0.5), label="scalars",
     text='%y = "stablehlo.clamp"(%0, %1, %2) : (tensor<f64>, tensor<9xf64>, tensor<f64>) -> tensor<9xf64>')
case("clamp", lax.clamp, between(-1, 0, 9), normal(9, seed=1), between(0, 1, 9, seed=2), label="tensors")
case("clamp", lambda low, x, high: high, np.full(3, 2.0), [-3.0, 1.5, 3.0], np.full(3, 1.0), label="crossed",
     text='%y = "stablehlo.clamp"(%0, %1, %2) : (tensor<3xf64>, tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>')
case("select", lambda p, x, y: lax.select(p, x, y), normal(3, 4) > 0, normal(3, 4), normal(3, 4, seed=1))
case("select", lambda p, x, y: jnp.where(p, x, y), np.array(True), normal(3), normal(3, seed=1), label="scalar",
     text='%y = "stablehlo.select"(%0, %1, %2) : (tensor<i1>, tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>')

# --- derivative zero: what they give counts as a constant ------------------------------------------------------------
for _op, _fn in {"ceil": lax.ceil, "floor": lax.floor, "sign": lax.sign,
                 "round_nearest_afz": functools.partial(lax.round, rounding_method=lax.RoundingMethod.AWAY_FROM_ZERO),
                 "round_nearest_even": functools.partial(lax.round, rounding_method=lax.RoundingMethod.TO_NEAREST_EVEN)}.items():
    case(_op, lambda x, f=_fn: f(x) * x, normal(6))
case("bitcast_convert", lambda x: lax.bitcast_convert_type(x, jnp.float32)[:, 0].astype(x.dtype) * x, normal(6))

# --- element types, complex numbers ----------------------------------------------------------------------------------
case("convert", lambda x: x.astype(jnp.float32).astype(jnp.float64) * x.astype(jnp.int32), 5 * between(0, 1, 6))
case("convert", lambda x: (x.astype(jnp.complex128) * (1 + 2j)).real, normal(4), label="complex")
case("reduce_precision", lambda x: lax.reduce_precision(x, 8, 10) * x, normal(6))


def parts(z):
    return z.real * 2 + z.imag * 3


def on_complex(op, fn, *args, label="complex"):
    """fn of complex numbers made of pairs of the arguments."""
    def real_fn(*xs):
        return parts(fn(*[lax.complex(xs[i], xs[i + 1]) for i in range(0, len(xs), 2)]))
    case(op, real_fn, *args, label=label)


on_complex("complex", lambda z: z * z, normal(5), normal(5, seed=1), label="")
case("real", lambda x, y: lax.real(lax.complex(x, y) ** 2), normal(5), normal(5, seed=1))
case("imag", lambda x, y: lax.imag(lax.complex(x, y) ** 2), normal(5), normal(5, seed=1))
for _op, _fn in {"exponential": jnp.exp, "log": jnp.log, "tanh": jnp.tanh, "sqrt": jnp.sqrt, "sine": jnp.sin,
                 "negate": jnp.negative}.items():
    on_complex(_op, _fn, normal(5), normal(5, seed=1))
for _op, _fn in {"divide": lax.div, "multiply": lax.mul, "power": lax.pow}.items():
    on_complex(_op, _fn, *[between(0.5, 2, 5, seed=i) for i in range(4)])
on_complex("dot_general", jnp.matmul, *[normal(3, 3, seed=i) for i in range(4)])
case("abs", lambda x, y: lax.abs(lax.complex(x, y)), normal(5), normal(5, seed=1), label="complex")
case("chlo.conj", lambda x, y: parts(jnp.conj(lax.complex(x, y)) ** 2), normal(3), normal(3, seed=1), text="""
  %z = "stablehlo.complex"(%0, %1) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xcomplex<f64>>
  %c = "chlo.conj"(%z) : (tensor<3xcomplex<f64>>) -> tensor<3xcomplex<f64>>
  %s = "stablehlo.multiply"(%c, %c) : (tensor<3xcomplex<f64>>, tensor<3xcomplex<f64>>) -> tensor<3xcomplex<f64>>
  %r = "stablehlo.real"(%s) : (tensor<3xcomplex<f64>>) -> tensor<3xf64>
  %i = "stablehlo.imag"(%s) : (tensor<3xcomplex<f64>>) -> tensor<3xf64>
  %2 = "stablehlo.add"(%r, %r) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  %3 = "stablehlo.add"(%i, %i) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  %4 = "stablehlo.add"(%3, %i) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
  %y = "stablehlo.add"(%2, %4) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>""")
