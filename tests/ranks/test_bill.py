# SPDX-License-Identifier: Apache-2.0
"""Three counts of what a step communicates are one, to the byte: a plan's bill, written before anything is cut; the collectives in the
text that ranks compile and the messages in their lists; and what really passes through MPI."""
import collections
import itertools
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools"))
import pmpi  # noqa: E402
import programs  # noqa: E402

MODEL = "gpt:layers=1,hidden=32,heads=4,seq=16,vocab=64,batch=16"
PLANS = [("single", 1, "none"), ("data", 4, "none"), ("tensor", 4, "none"), ("zero-3", 4, "none"), ("pipeline:stages=2,data=2", 4, "none"),
         ("pipeline:stages=4,microbatches=8,schedule=1f1b", 4, "none"), ("auto", 4, "none"), ("tensor", 4, "layer"),
         ("pipeline:stages=2,data=2", 4, "selective")]


STEPS = 2


def cordata(*words, env=None):
    done = subprocess.run([os.environ["CORDATA_BIN"], *map(str, words)], capture_output=True, text=True, timeout=240,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0, done.stderr


def groups(stage, axes):
    """Ranks that differ along these axes only, each group in row-major order."""
    shape = stage["mesh"]["shape"]
    found = collections.defaultdict(list)
    for rank, place in zip(stage["ranks"], itertools.product(*map(range, shape)), strict=True):
        found[tuple(at for axis, at in enumerate(place) if axis not in axes)].append(rank)
    return list(found.values())


def billed(plan):
    """(kind, bytes a call, ranks of the group) -> calls, all ranks together; ("send", stage) -> bytes."""
    total = collections.Counter()
    for line in plan["bill"]:
        if line["kind"] == "send":
            total["send", line["stage"]] += int(line["bytes"]) * line["count"]
            continue
        for group in groups(plan["stages"][line["stage"]], line["axes"]):
            total[line["kind"], int(line["bytes"]), tuple(group)] += line["count"] * len(group)
    return total


def passed(plan, path, folder):
    """The same of a step, counted under MPI's own profiling interface: what each step of a run hands to MPI."""
    prefix = folder / "count"
    ranks = sum(len(s["ranks"]) for s in plan["stages"])
    cordata("train", MODEL, "-n", ranks, "--plan", path, "--steps", STEPS, "--programs", folder / "programs", env=pmpi.environment(prefix))
    counted = pmpi.read(prefix)
    assert sorted(counted) == list(range(ranks))
    stage_of = {rank: s for s, stage in enumerate(plan["stages"]) for rank in stage["ranks"]}
    total = collections.Counter()
    for rank, lines in counted.items():
        for line in lines:
            if line["barriers"] != 1:  # ranks meet before the first step and after the last one
                continue
            if pmpi.kind(line) == "send":
                total["send", stage_of[rank]] += line["bytes"] * line["count"]
            elif line["call"] not in pmpi.IGNORED:
                total[pmpi.kind(line), line["bytes"], tuple(line["ranks"])] += line["count"]
    assert all(n % STEPS == 0 for n in total.values())
    return {key: n // STEPS for key, n in total.items()}


@pytest.mark.parametrize("planner, ranks, remat", PLANS)
def test_bill_is_what_stands_in_the_text_and_what_passes(planner, ranks, remat, tmp_path):
    if not pmpi.library():
        pytest.skip("no PMPI counter: run through ctest, built with MPI")
    path = tmp_path / "plan.json"
    cordata("plan", MODEL, "--cluster", f"local:{ranks}", "--planner", planner, "--remat", remat, "-o", path)
    plan = json.loads(path.read_text())
    bill = billed(plan)
    a_step = passed(plan, path, tmp_path)
    assert programs.count(tmp_path / "programs") == bill
    assert a_step == bill
    assert bool(bill) == (ranks > 1)
    if planner.startswith("pipeline"):
        assert sum(key[0] == "send" for key in bill) == len(plan["stages"]), "the last stage sends the loss"


def test_the_reader_of_texts_sees_what_stands_there():
    call = ('    %1:2 = "stablehlo.custom_call"(%0, %t) {{backend_config = {{comm = 3 : i64{more}}}, call_target_name = "cordata.{name}"}} : '
            "(tensor<4x8xbf16>, !stablehlo.token) -> (tensor<4x8xbf16>, !stablehlo.token)\n")
    text = ('module {\n  func.func @main() {\n' + call.format(name="all_reduce", more=', reduce = "add"') +
            call.format(name="permute", more=", pairs = array<i64: 0, 1, 1, 0>") + "  }\n}\n")
    assert programs.calls(text) == [("all-reduce", 3, 64, []), ("permute", 3, 64, [(0, 1), (1, 0)])]
    inside = text.replace("  func.func @main() {\n", "  func.func @main() {\n    \"stablehlo.while\"() ({\n").replace("  }\n}", "    }) : () -> ()\n  }\n}")
    with pytest.raises(AssertionError, match="inside a region"):
        programs.calls(inside)
