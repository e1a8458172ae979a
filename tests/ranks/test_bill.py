# SPDX-License-Identifier: Apache-2.0
"""A plan's bill, written before anything is cut, is what really passes through MPI, to the byte."""
import collections
import json
import math
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools"))
import pmpi  # noqa: E402

MODEL = "gpt:layers=4,hidden=32,heads=4,seq=16,vocab=64,batch=16"
PLANS = [("data", 4), ("pipeline:stages=2,data=2", 4)]
KINDS = {"all-reduce", "reduce-scatter", "all-gather", "all-to-all", "permute", "send"}


def cordata(*words, env=None):
    done = subprocess.run([os.environ["CORDATA_BIN"], *map(str, words)], capture_output=True, text=True, timeout=240,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0, done.stderr


def passed(plan, ranks, steps, folder):
    """kind -> bytes of a whole run."""
    prefix = folder / f"count{steps}"
    cordata("train", MODEL, "-n", ranks, "--plan", plan, "--steps", steps, env=pmpi.environment(prefix))
    counted = pmpi.read(prefix)
    assert sorted(counted) == list(range(ranks))
    return pmpi.bytes_by_kind(counted)


@pytest.mark.parametrize("planner, ranks", PLANS)
def test_bill_is_what_passes(planner, ranks, tmp_path):
    if not pmpi.library():
        pytest.skip("no PMPI counter: run through ctest, built with MPI")
    plan = tmp_path / "plan.json"
    cordata("plan", MODEL, "--cluster", f"local:{ranks}", "--planner", planner, "-o", plan)
    plan_json = json.loads(plan.read_text())
    bill = collections.Counter()
    for line in plan_json["bill"]:
        everyone = math.prod(plan_json["stages"][line["stage"]]["mesh"]["shape"])
        bill[line["kind"]] += int(line["bytes"]) * line["count"] * (1 if line["kind"] == "send" else everyone)
    # Only rank 0 speaks: where another stage has the loss, four bytes more a step, which are no part of the bill.
    bill["send"] += 4 * (0 not in plan_json["stages"][-1]["ranks"])
    # What a step costs is what two more steps add: starting and ending are no part of the bill.
    few, more = passed(plan, ranks, 1, tmp_path), passed(plan, ranks, 3, tmp_path)
    a_step = {kind: (more[kind] - few[kind]) / 2 for kind in KINDS if more[kind] != few[kind]}
    assert a_step == {kind: float(total) for kind, total in bill.items() if total}
    assert a_step
