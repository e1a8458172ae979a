# SPDX-License-Identifier: Apache-2.0
"""The cases of vjp_cases.py for ops that run regions."""
import jax.numpy as jnp
import numpy as np
from jax import lax

from vjp_cases import case, normal


def branches(i, x, y):
    return lax.switch(i, [lambda a, b: a * b, lambda a, b: jnp.tanh(a), lambda a, b: a - b * jnp.sum(a)], x, y)


for _i in (0, 1, 2, 7):
    case("case", branches, np.int32(_i), normal(4), normal(4, seed=1), label=str(_i))
for _p in (True, False):
    case("if", lambda p, x, y: jnp.where(p, x * y, x), np.array(_p), normal(3), normal(3, seed=1), label=str(_p), text="""
  %y = "stablehlo.if"(%0) ({
    %t = "stablehlo.multiply"(%1, %2) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>
    "stablehlo.return"(%t) : (tensor<3xf64>) -> ()
  }, {
    "stablehlo.return"(%1) : (tensor<3xf64>) -> ()
  }) : (tensor<i1>) -> tensor<3xf64>""")


def powers(x, w):
    return lax.fori_loop(0, 5, lambda i, c: jnp.tanh(c @ w) + i, x)


def scanned(x, layers, bias):
    """Over layers, as a transformer's blocks are: what is scanned over, what stays the same, and what every turn gives."""
    def layer(c, wb):
        w, b = wb
        c = jnp.sin(c @ w + b) * jnp.sum(bias ** 2)
        return c, c[0] * b
    last, each = lax.scan(layer, x, layers)
    return last.sum() + (each * bias).sum()


def linear(x, xs):
    return lax.scan(lambda c, v: (c + v, c), x, xs)[1]


def nested(x, w):
    def outer(c, v):
        inner = lax.fori_loop(0, 3, lambda i, a: jnp.cos(a * v) + i * c, c)
        return inner, inner.sum()
    last, sums = lax.scan(outer, x, w)
    return last * sums.sum()


def of_branches(x, w):
    def turn(c, iv):
        i, v = iv
        return lax.cond(i % 2 == 0, lambda a: jnp.sin(a) * v, lambda a: a - v * a ** 2, c), None
    return lax.scan(turn, x, (jnp.arange(4), w))[0]


def reset(x, w):
    """One carried value forgets what it was; another only gets it later."""
    def turn(i, c):
        a, b, late = c
        return w * b, jnp.tanh(a + b), late + a
    a, b, late = lax.fori_loop(0, 4, turn, (x, x * w, jnp.zeros_like(x)))
    return a + b * late


case("while", powers, normal(2, 3), normal(3, 3))
case("while", lambda x, w, b, bias: scanned(x, (w, b), bias), normal(2, 3), normal(4, 3, 3), normal(4, 3), normal(3), label="scan")
case("while", linear, normal(3), normal(5, 3), label="linear")
case("while", nested, normal(3), normal(4, 3), label="nested")
case("while", of_branches, normal(3), normal(4, 3), label="branches")
case("while", reset, normal(3), normal(3, seed=1), label="reset")
case("while", lambda x: x, normal(3), label="never", text="""
  %start = "stablehlo.constant"() {value = dense<3> : tensor<i32>} : () -> tensor<i32>
  %loop:2 = "stablehlo.while"(%start, %0) ({
  ^bb0(%i: tensor<i32>, %c: tensor<3xf64>):
    %limit = "stablehlo.constant"() {value = dense<3> : tensor<i32>} : () -> tensor<i32>
    %more = "stablehlo.compare"(%i, %limit) {comparison_direction = #stablehlo<comparison_direction LT>}
      : (tensor<i32>, tensor<i32>) -> tensor<i1>
    "stablehlo.return"(%more) : (tensor<i1>) -> ()
  }, {
  ^bb0(%i: tensor<i32>, %c: tensor<3xf64>):
    %one = "stablehlo.constant"() {value = dense<1> : tensor<i32>} : () -> tensor<i32>
    %next = "stablehlo.add"(%i, %one) : (tensor<i32>, tensor<i32>) -> tensor<i32>
    %s = "stablehlo.sine"(%c) : (tensor<3xf64>) -> tensor<3xf64>
    "stablehlo.return"(%next, %s) : (tensor<i32>, tensor<3xf64>) -> ()
  }) : (tensor<i32>, tensor<3xf64>) -> (tensor<i32>, tensor<3xf64>)
  %y = "stablehlo.add"(%loop#1, %nothing) : (tensor<3xf64>, tensor<3xf64>) -> tensor<3xf64>"""
     .replace("%start =", '%nothing = "stablehlo.constant"() {value = dense<0.0> : tensor<3xf64>} : () -> tensor<3xf64>\n  %start =', 1))
case("while", lambda x, xs: lax.scan(lambda c, v: (c * v, c), x, xs, reverse=True)[1], normal(3), normal(5, 3), label="reverse")
