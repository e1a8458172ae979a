# SPDX-License-Identifier: Apache-2.0
"""Gradients made on the IR against JAX's, in f64, for every op of the table that has a VJP."""
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


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_gradient_is_jaxs(case, tmp_path):
    shape = jax.eval_shape(case.fn, *case.args)
    weights = np.random.default_rng(7).uniform(0.5, 1.5, size=shape.shape)

    def loss(*args):
        return jnp.sum(case.fn(*args[:-1]) * args[-1])

    args = [*case.args, weights]
    text = loss_text(case, weights) if case.text else jax.jit(loss, keep_unused=True).lower(*args).as_text()
    assert re.search(re.escape(case.op) + r"\b", text), f"the case doesn't use {case.op}"
    path = tmp_path / "loss.mlir"
    path.write_text(text)
    ours = [np.asarray(v) for v in compile_text(tool(str(path)))(args)]

    wrt = [i for i, a in enumerate(args) if a.dtype.kind == "f"]
    value, grads = jax.jit(jax.value_and_grad(loss, argnums=wrt))(*args)
    np.testing.assert_allclose(ours[0], value, rtol=case_tolerance(case))
    assert len(ours) == 1 + len(grads)
    for i, mine, theirs in zip(wrt, ours[1:], grads):
        assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
        error = np.linalg.norm((mine - theirs).ravel())
        assert error <= case_tolerance(case) * np.linalg.norm(np.ravel(theirs)), f"argument {i}: {mine} for {theirs}"


def case_tolerance(case):
    return 1e-6 if "float32" in case.label or case.label == "widened" else 1e-11


def test_every_differentiable_op_has_a_case():
    ops = tool("--differentiable").split() + tool("--zero").split()
    assert sorted(set(ops) - {c.op for c in CASES}) == []
    assert sorted({c.op for c in CASES} - set(ops)) == []
