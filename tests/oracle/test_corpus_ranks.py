# SPDX-License-Identifier: Apache-2.0
"""Modules that check themselves, sharded over 4 ranks by `cordata run`: right answers, and altered ones are found. CORDATA_CORPUS_STEP=1
takes every module of the corpus."""
import json
import os
import re
import subprocess

import corpus
import pytest

BIN = os.environ["CORDATA_BIN"]
SAMPLE = corpus.MODULES[::int(os.environ.get("CORDATA_CORPUS_STEP", "16"))]


def run(files, *options):
    done = subprocess.run([BIN, "run", "-n", "4", "--json", *map(str, options), "--", *map(str, files)], capture_output=True, text=True,
                          timeout=1800)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("planner", ["tensor", "data", "auto"])
def test_right_answers_on_four_ranks(planner):
    status, got = run(SAMPLE if planner == "tensor" else SAMPLE[::4], "--planner", planner)
    assert not [m for m in got["modules"] if m.get("error") or m["passed"] != m["checks"] or m["checks"] == 0]
    assert status == 0 and got["passed"] == got["checks"] and got["ranks"] == 4
    if planner == "tensor":
        sharded = sum(m["sharded_ops"] > 0 for m in got["modules"])
        assert sharded > 0.5 * len(SAMPLE), "most have an op with a dim that 4 devices or 2 divide"


def test_what_ranks_compile_is_sharded(tmp_path):
    module = next(path for path in corpus.MODULES if path.stem == "neg_float32_20_20")
    run([module], "--planner", "tensor", "--programs", tmp_path)
    text = (tmp_path / module.stem / "stage0.step.mlir").read_text()
    assert re.search(r'"stablehlo.negate"\(%\w+\)[^:]*: \(tensor<(5x20|20x5|10x10)xf32>\)', text)


def test_altered_values_are_found_on_four_ranks(tmp_path):
    files = []
    for path in SAMPLE[::2]:
        for i, altered in enumerate(corpus.alter(path.read_text(), corpus.pick(path.stem))):
            files.append(tmp_path / f"{path.stem}@{i}.mlir")
            files[-1].write_text(altered)
    status, got = run(files, "--planner", "tensor")
    assert status == 5
    assert not [m["module"] for m in got["modules"] if m.get("error") or m["passed"] == m["checks"]]


def test_one_that_can_not_run_does_not_stop_the_others(tmp_path):
    odd = tmp_path / "odd.mlir"
    odd.write_text("func.func @main() -> tensor<4xf32> { %0 = stablehlo.custom_call @no_such() : () -> tensor<4xf32> return %0 : tensor<4xf32> }")
    status, got = run([SAMPLE[0], odd, SAMPLE[1]], "--planner", "tensor")
    assert status == 3
    assert [m.get("status") for m in got["modules"]] == [None, 3, None]
    assert "no_such" in got["modules"][1]["error"] and got["passed"] == 2
