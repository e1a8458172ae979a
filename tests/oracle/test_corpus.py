# SPDX-License-Identifier: Apache-2.0
"""The modules that check themselves: read, written, compared with MLIR's own reading, run, and run with a wrong expectation."""
import json
import os
import subprocess

import corpus
import pytest
from jax._src.interpreters import mlir

RUN_MODULES = corpus.BUILD / "run_modules"
REFUSED = ("dynamic shapes are not supported", "quantised types are not supported")
PAGE = corpus.ROOT / "docs" / "stablehlo-corpus.md"


def run_modules(files, *options, env=None):
    done = subprocess.run([RUN_MODULES, *options, *files], capture_output=True, text=True, timeout=900, env={**os.environ, **(env or {})})
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(rows) == len(files), done.stderr[-2000:]
    return {row["module"]: row for row in rows}


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Where the writer's text of each module lies."""
    return tmp_path_factory.mktemp("printed")


@pytest.fixture(scope="module")
def runs(printed):
    return run_modules(corpus.MODULES, "--print", printed, env={"XLA_FLAGS": ""})  # as everybody runs them


@pytest.fixture(scope="module")
def uncompilable(runs):
    """All that matters here: what doesn't pass, and a sample of what does."""
    return corpus.uncompilable([path for i, path in enumerate(corpus.MODULES) if i % 8 == 0 or runs[path.stem]["status"] != "passed"])


def test_the_corpus_is_there():
    assert len(corpus.MODULES) == 561


def test_every_module_is_read_or_refused(runs):
    wrong = {name: row["error"] for name, row in runs.items()
             if not row["read"] and not any(words in row["error"] for words in REFUSED)}
    assert not wrong


def test_what_is_printed_is_the_original_with_its_calls_inlined(runs, printed):
    differences = {}
    with mlir.make_ir_context():
        for path in corpus.MODULES:
            if runs[path.stem]["read"]:
                differences[path.stem] = corpus.difference(path.read_text(), (printed / path.name).read_text())
    assert not {name: words for name, words in differences.items() if words}
    assert len(differences) > 500


@pytest.mark.parametrize("form", [{"print_generic_op_form": True}, {"enable_debug_info": True}, {"use_local_scope": True},
                                  {"print_generic_op_form": True, "enable_debug_info": True}, {"large_elements_limit": None}, None],
                         ids=lambda form: "+".join(form) if form else "as it stands")
def test_each_form_in_which_mlir_prints_is_the_same_module(form, tmp_path):
    """forms/ has every op's own assembly, and the corpus what JAX makes of its ops."""
    files = corpus.FORMS + corpus.MODULES[::8]
    (tmp_path / "printed").mkdir()
    with mlir.make_ir_context():
        for path in files:
            text = path.read_text()
            if form:
                text = corpus.ir.Module.parse(text).operation.get_asm(**form)
            (tmp_path / path.name).write_text(text)
        rows = run_modules([tmp_path / path.name for path in files], "--no-run", "--print", tmp_path / "printed")
        assert not {name: row["error"] for name, row in rows.items() if not row["read"]}
        for path in files:
            assert not corpus.difference(path.read_text(), (tmp_path / "printed" / path.name).read_text()), path.stem


def test_the_comparison_sees_one_altered_value(runs):
    with mlir.make_ir_context():
        for path in corpus.MODULES[::10]:
            text = path.read_text()
            for altered in corpus.alter(text, corpus.pick(path.stem)):
                assert corpus.difference(text, altered), path.stem


def test_all_modules_that_compile_pass(runs, uncompilable):
    wrong = {name: row for name, row in runs.items() if row["status"] != "passed" and name not in uncompilable}
    assert not wrong
    assert all(row["checks"] >= 1 for name, row in runs.items() if name not in uncompilable)


def test_the_page_says_what_the_command_says(uncompilable):
    assert PAGE.read_text() == corpus.page(uncompilable), "run tests/oracle/corpus.py --write docs/stablehlo-corpus.md"


def test_one_altered_value_makes_each_passing_module_fail(runs, tmp_path):
    without = []
    for path in corpus.MODULES:
        if runs[path.stem]["status"] != "passed":
            continue
        text, count = path.read_text(), 0
        for i, altered in enumerate(corpus.alter(text, corpus.pick(path.stem))):
            assert altered != text
            (tmp_path / f"{path.stem}@{i}.mlir").write_text(altered)
            count += 1
        if count == 0:
            without.append(path.stem)
    rows = run_modules(sorted(tmp_path.glob("*.mlir")))
    assert not [name for name, row in rows.items() if row["status"] != "failed"]
    # Every module but those that expect a tensor without elements was altered.
    assert without == ["fft_complex128_14_15_0_17"]
