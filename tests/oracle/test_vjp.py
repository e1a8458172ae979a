# SPDX-License-Identifier: Apache-2.0
"""Gradients made on the IR against JAX's, in f64, for every op of the table that has a VJP."""
import functools
import os
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

sys.path.insert(0, os.path.dirname(__file__))
jax.config.update("jax_enable_x64", True)
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "foreign"))
import steps  # noqa: E402
import vjp_cases_control  # noqa: E402, F401  (adds its cases)
import vjp_cases_loops  # noqa: E402, F401
import vjp_cases_tensor  # noqa: E402, F401
from run_step import compile_text  # noqa: E402
from vjp_cases import CASES  # noqa: E402

TOOL = os.path.join(os.path.dirname(os.environ["CORDATA_BIN"]), "ir_gradient")
MLIR = {"float64": "f64", "float32": "f32", "int32": "i32", "int64": "i64", "bool": "i1"}


def tool(*args):
    run = subprocess.run([TOOL, *args], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def tensor(a):
    return "tensor<" + "".join(f"{n}x" for n in a.shape) + MLIR[a.dtype.name] + ">"


def loss_text(case, weights):
    """sum(weights * op(...)) with the case's own text of the op."""
    args = ", ".join(f"%{i}: {tensor(a)}" for i, a in enumerate(case.args))
    t, dims = tensor(weights), ", ".join(str(d) for d in range(weights.ndim))
    return f"""module {{ func.func @main({args}, %w: {t}) -> tensor<f64> {{
  {case.text}
  %wy = "stablehlo.multiply"(%w, %y) : ({t}, {t}) -> {t}
  %zero = "stablehlo.constant"() {{value = dense<0.0> : tensor<f64>}} : () -> tensor<f64>
  %loss = "stablehlo.reduce"(%wy, %zero) <{{dimensions = array<i64{': ' if dims else ''}{dims}>}}> ({{
  ^bb0(%ra: tensor<f64>, %rb: tensor<f64>):
    %rc = "stablehlo.add"(%ra, %rb) : (tensor<f64>, tensor<f64>) -> tensor<f64>
    "stablehlo.return"(%rc) : (tensor<f64>) -> ()
  }}) : ({t}, tensor<f64>) -> tensor<f64>
  "func.return"(%loss) : (tensor<f64>) -> () }} }}"""


def floats(args):
    return [i for i, a in enumerate(args) if a.dtype.kind == "f"]


def value_and_gradient(loss, args):
    return jax.value_and_grad(loss, argnums=floats(args))(*args)


def check(text, args, wanted, tolerance, tmp_path):
    """The gradient of `text` by its float arguments, made by us, is what JAX made of the same function."""
    path = tmp_path / "loss.mlir"
    path.write_text(text)
    ours = [np.asarray(v) for v in compile_text(tool(str(path)))(args)]
    value, grads = wanted
    np.testing.assert_allclose(ours[0], value, rtol=tolerance)
    assert len(ours) == 1 + len(grads)
    rounding = 1e-15 * np.sqrt(sum(np.sum(np.square(g)) for g in grads))  # all that is left of a gradient that is truly zero
    for i, mine, theirs in zip(floats(args), ours[1:], grads):
        assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
        error = np.linalg.norm((mine - theirs).ravel())
        assert error <= max(rounding, tolerance * np.linalg.norm(np.ravel(theirs))), f"argument {i}: {mine} for {theirs}"


class Weighted:
    """The sum of a function's results, each with its own weight, and arguments: the function's, then the weights."""

    def __init__(self, fn, args):
        shape = jax.eval_shape(fn, *args)
        self.fn, self.weights = fn, np.random.default_rng(7).uniform(0.5, 1.5, size=shape.shape)
        self.args = [*args, self.weights]

    def __call__(self, *args):
        return jnp.sum(self.fn(*args[:-1]) * args[-1])

    def text(self):
        return jax.jit(self, keep_unused=True).lower(*self.args).as_text()


TOGETHER = 32  # cases that JAX compiles at once: a module costs more than what is in it


@functools.cache
def wanted_of(first):
    """JAX's values and gradients of TOGETHER cases from this one on."""
    losses = [Weighted(c.fn, c.args) for c in CASES[first:first + TOGETHER]]

    def all_of_them(args):
        return [value_and_gradient(loss, of) for loss, of in zip(losses, args)]
    return jax.jit(all_of_them)([loss.args for loss in losses])


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda i: repr(CASES[i]))
def test_gradient_is_jaxs(number, tmp_path):
    case = CASES[number]
    loss = Weighted(case.fn, case.args)
    text = loss_text(case, loss.weights) if case.text else loss.text()
    assert re.search(re.escape(case.op) + r"\b", text), f"the case doesn't use {case.op}"
    wanted = wanted_of(number // TOGETHER * TOGETHER)[number % TOGETHER]
    check(text, loss.args, wanted, 1e-6 if case.label == "widened" else 1e-11, tmp_path)


# Two matrices [3, 4] in, anything out: functions of many ops as people write them.
COMPOSED = {
    "log-softmax": lambda x, y: jax.nn.log_softmax(x) * y,
    "logsumexp": lambda x, y: jax.nn.logsumexp(x * y, axis=0),
    "variance": lambda x, y: jnp.var(x, 0) / jnp.std(y),
    "softplus": lambda x, y: jax.nn.softplus(x) + jax.nn.silu(y) + jax.nn.elu(x * y) + jax.nn.gelu(x - y, approximate=False),
    "norm": lambda x, y: x / jnp.linalg.norm(y, axis=1, keepdims=True),
    "median": lambda x, y: jnp.median(x * y, axis=1),
    "quantile": lambda x, y: jnp.quantile(x, 0.3, axis=0) * y,
    "einsum": lambda x, y: jnp.einsum("ij,kj,il->kl", x, y, x),
    "where": lambda x, y: jnp.where(x > y, jnp.sqrt(jnp.abs(x)), y ** 3),
    "roll": lambda x, y: jnp.roll(x, 2, 1) + jnp.flip(x) @ y.T @ x,
    "take": lambda x, y: jnp.take_along_axis(x, jnp.argsort(y, 1), 1),
    "update": lambda x, y: x.at[1:, ::2].multiply(y[1:, ::2]).at[0, jnp.array([1, 1])].add(y[0, :2]),
    "argmax": lambda x, y: x[:, jnp.argmax(y, 1)] * jnp.max(y, 1),
    "pool": lambda x, y: jax.lax.reduce_window(jnp.outer(x, y), -jnp.inf, jax.lax.max, (3, 3), (2, 2), "SAME"),
    "map": lambda x, y: jax.lax.map(lambda r: jnp.outer(r, r) @ y.T, x),
    "checkpoint": lambda x, y: jax.checkpoint(lambda a: jnp.sin(jnp.sin(a)))(x) * y,
    "vmapped": lambda x, y: jax.vmap(lambda a, b: jnp.convolve(a, b))(x, y),
    "cumulative": lambda x, y: jnp.cumsum(x, 0) * jnp.cumsum(y[::-1], 1),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_gradient_of_composed_functions(name, tmp_path):
    draw = np.random.default_rng(9)
    args = [draw.normal(size=(3, 4)), draw.normal(size=(3, 4))]
    loss = Weighted(COMPOSED[name], args)
    wanted = jax.jit(functools.partial(value_and_gradient, loss))(loss.args)
    check(loss.text(), loss.args, wanted, 1e-11, tmp_path)


@pytest.mark.parametrize("name", steps.STEPS)
def test_gradient_of_foreign_models(name, tmp_path):
    loss_fn, params, data, _ = steps.STEPS[name](blocks=1)
    leaves, tree = jax.tree.flatten((params, data(0)))
    draw = np.random.default_rng(4)
    args = [np.asarray(v) for v in leaves]
    args = [a.astype(np.float64) + 0.05 * draw.normal(size=a.shape) if a.dtype.kind == "f" else a for a in args]

    def loss(*args):
        return loss_fn(*jax.tree.unflatten(tree, args))

    wanted = jax.jit(functools.partial(value_and_gradient, loss))(args)
    check(jax.jit(loss, keep_unused=True).lower(*args).as_text(), args, wanted, 1e-9, tmp_path)


# Ops that could have a derivative and don't, and why. All others without one have no float results, do something to the
# world, or belong to programs that are partitioned already.
WITHOUT = {
    "cordata.accumulate": "made by the partitioner, after differentiation",
    "cordata.after": "made where values are computed again, after differentiation",
    "stablehlo.batch_norm_grad": "a derivative already; second derivatives aren't asked for",
    "chlo.bessel_i1e": "its derivative needs bessel_i0e, which isn't an op",
    "chlo.next_after": "JAX has none either",
    "chlo.ragged_dot": "not used in training graphs yet",
    "stablehlo.composite": "opaque; JAX inlines its own",
    "stablehlo.custom_call": "opaque",
    "stablehlo.einsum": "deprecated; JAX emits dot_general",
    "stablehlo.unary_einsum": "deprecated; JAX emits reduce and transpose",
    "stablehlo.get_tuple_element": "deprecated with tuples",
    "stablehlo.tuple": "deprecated",
    "stablehlo.map": "JAX emits the ops of its region",
    "stablehlo.rng": "deprecated; what it draws isn't a function of its bounds alone",
    "stablehlo.torch_index_select": "deprecated; JAX emits gather",
}
NO_FLOATS = """stablehlo.and stablehlo.compare stablehlo.count_leading_zeros stablehlo.get_dimension_size stablehlo.is_finite
chlo.is_inf chlo.is_neg_inf chlo.is_pos_inf stablehlo.not stablehlo.or stablehlo.popcnt stablehlo.rng_bit_generator
stablehlo.shift_left stablehlo.shift_right_arithmetic stablehlo.shift_right_logical stablehlo.xor stablehlo.create_token
stablehlo.after_all stablehlo.constant chlo.constant chlo.constant_like stablehlo.iota stablehlo.partition_id
stablehlo.replica_id""".split()
WORLD = """stablehlo.infeed stablehlo.outfeed stablehlo.send stablehlo.recv stablehlo.all_gather stablehlo.all_reduce
stablehlo.all_to_all stablehlo.collective_broadcast stablehlo.collective_permute stablehlo.cross-replica-sum
stablehlo.reduce_scatter""".split()


def test_every_differentiable_op_has_a_case():
    ops = tool("--differentiable").split() + tool("--zero").split()
    assert sorted(set(ops) - {c.op for c in CASES}) == []
    assert sorted({c.op for c in CASES} - set(ops)) == []


def test_every_other_op_is_known_to_have_no_derivative():
    assert sorted(tool("--none").split()) == sorted([*WITHOUT, *NO_FLOATS, *WORLD])
