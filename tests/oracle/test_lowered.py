# SPDX-License-Identifier: Apache-2.0
"""What JAX lowers today is read, written and run, with JAX's own results; in the pretty, the generic and the located form."""
import re

import corpus
import jax
import numpy as np
import pytest
from jax._src.interpreters import mlir
from lowered_cases import CASES
from test_corpus import run_modules


def constant(value, type):
    if value.dtype == bool:
        elements = str(value.tolist()).lower()
    else:
        elements = f'"0x{np.ascontiguousarray(value).tobytes().hex()}"' if value.size else ""
    return f"stablehlo.constant dense<{elements}> : {type}"


def check(value, i, expected, type):
    """Sums in another order differ by roundings of the largest element."""
    exact = value.dtype.kind in "biu"
    tolerance = "" if exact else f", tolerance = {1e-5 * max(1.0, np.nanmax(np.abs(value), initial=0)):e} : f64"
    kind = "eq" if exact else "almost_eq"
    return f"stablehlo.custom_call @check.expect_{kind}(%r#{i}, {expected}) {{has_side_effect = true{tolerance}}} : ({type}, {type}) -> ()"


def checked(fn, args):
    """The text JAX lowers `fn` to, under a @main that gives it `args` and expects JAX's results."""
    lowered = (fn if hasattr(fn, "lower") else jax.jit(fn)).lower(*args)
    results = [np.asarray(v) for v in jax.tree.leaves(lowered.compile()(*jax.tree.map(np.array, args)))]
    given = jax.tree.leaves(args)
    given = [np.asarray(given[i]) for i in sorted(lowered._lowering.compile_args["kept_var_idx"])]
    text = lowered.as_text().replace("func.func public @main", "func.func private @lowered", 1)
    signature = re.search(r"@lowered\((.*?)\) -> \(?(.*?) \{\n", text, re.S)
    arguments, returned = (re.findall(r"tensor<\S*>", part) for part in signature.groups())
    assert len(arguments) == len(given) and len(returned) == len(results)
    lines = [f"%a{i} = {constant(v, arguments[i])}" for i, v in enumerate(given)]
    lines += [f"%r:{len(results)} = func.call @lowered({', '.join(f'%a{i}' for i in range(len(given)))}) : "
              f"({', '.join(arguments)}) -> ({', '.join(returned)})"]
    for i, (value, type) in enumerate(zip(results, returned)):
        lines += [f"%e{i} = {constant(value, type)}", check(value, i, f"%e{i}", type)]
    return text.rstrip().removesuffix("}") + "func.func public @main() {\n" + "\n".join(lines) + "\nreturn\n}\n}\n"


@pytest.fixture(scope="module")
def texts():
    with mlir.make_ir_context():
        return {name: checked(fn, args) for name, fn, args in CASES}


@pytest.mark.parametrize("form", [None, {"print_generic_op_form": True}, {"enable_debug_info": True}],
                         ids=lambda form: "+".join(form) if form else "as lowered")
def test_lowered_functions_give_what_they_give_in_jax(form, texts, tmp_path):
    (tmp_path / "printed").mkdir()
    for name, text in texts.items():
        with mlir.make_ir_context():
            module = corpus.ir.Module.parse(text).operation.get_asm(**form) if form else text
        (tmp_path / f"{name}.mlir").write_text(module)
    options = ["--no-run"] if form else []
    rows = run_modules(sorted(tmp_path.glob("*.mlir")), *options, "--print", tmp_path / "printed")
    assert not {name: row for name, row in rows.items() if row["status"] != ("read" if form else "passed")}
    with mlir.make_ir_context():
        for name, text in texts.items():
            assert not corpus.difference(text, (tmp_path / "printed" / f"{name}.mlir").read_text()), name
