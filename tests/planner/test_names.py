# SPDX-License-Identifier: Apache-2.0
"""A plan depends on structure and numbers only: names and the order of independent ops change nothing."""
import json
import pathlib
import re
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "errors"), str(ROOT / "tests" / "oracle" / "foreign")]
from command import cordata  # noqa: E402
from rewrite import rewrite  # noqa: E402


def zoo(spec, *how):
    def make(directory):
        got = cordata("export", spec, "-o", directory, *how)
        assert got.status == 0, got.err
    return make


def foreign(directory):
    import steps  # noqa: PLC0415 (loads JAX)
    directory.mkdir()
    steps.write("mixer", str(directory), steps=1)


STEPS = {"mlp": (zoo("mlp:layers=3,in=24,hidden=96,out=16,batch=8"), "auto"),
         "gpt": (zoo("gpt:layers=1,hidden=32,heads=2,seq=16,vocab=64,batch=8"), "auto"),
         "many blocks": (zoo("gpt:layers=32,hidden=32,heads=2,seq=16,vocab=64,batch=8", "--no-values"), "auto"),
         "foreign mixer": (foreign, "1")}


def cluster(path):
    """Numbers of this file, so that nothing depends on the machine."""
    link = {"alpha_s": 2e-6, "bandwidth_bytes_per_s": 2e10}
    path.write_text(json.dumps({
        "format": "cordata.cluster/1", "name": "any", "hosts": 1, "devices_per_host": 2, "intra": link, "inter": link,
        "device": {"kind": "any", "peak_flops_per_s": {"f32": 1e12}, "memory_bytes": 1e9, "memory_bandwidth_bytes_per_s": 2e11, "launch_s": 1e-7}}))
    return path


def plan(directory, tmp_path, microbatches):
    got = cordata("plan", directory, "--cluster", cluster(tmp_path / "cluster.json"), "--microbatches", microbatches, "--json", timeout=300)
    assert got.status == 0, got.err
    return got.json()


@pytest.mark.parametrize("name", STEPS)
def test_names_and_order_change_nothing(name, tmp_path):
    make, microbatches = STEPS[name]
    make(tmp_path / "step")
    before = plan(tmp_path / "step", tmp_path, microbatches)
    shutil.copytree(tmp_path / "step", tmp_path / "other")
    for module in (tmp_path / "other").glob("*.mlir"):
        text, moved, named = rewrite(module.read_text(), seed=len(name))
        assert moved > 20 and named > 20, f"{module}: {moved} ops moved, {named} names changed"
        module.write_text(text)
    after = plan(tmp_path / "other", tmp_path, microbatches)
    assert before["model_hash"] == after["model_hash"]
    assert before["step_s"] == after["step_s"] and before["peak_memory_bytes"] == after["peak_memory_bytes"]
    assert before["stages"] == after["stages"]


# Where nobody may ask what something is called. (`name` of PlannerOptions is which planner; of a Mesh or kind, what is printed.)
BLIND = ["planner", "cost", "simulate"]
ASKS_A_NAME = re.compile(r"(value\([^()]*\)|node\([^()]*\)|graph\w*|g|step|model|cluster\w*|port\w*|args?\[[^\]]*\])(\.|->)name\b")
ALLOWED = {("planner/planner.cc", "out.model = step.name;")}  # for people, in plan.json


def test_planners_costs_and_the_simulator_read_no_names():
    seen = 0
    for room in BLIND:
        for path in sorted((ROOT / "cordata" / room).rglob("*.cc")) + sorted((ROOT / "cordata" / room).rglob("*.h")):
            seen += 1
            for line in path.read_text().splitlines():
                where = (str(path.relative_to(ROOT / "cordata")), line.strip())
                assert path.name.endswith("_test.cc") or where in ALLOWED or not ASKS_A_NAME.search(line), where
    assert seen > 20
    assert ASKS_A_NAME.search("if (graph.value(v).name == x)") and ASKS_A_NAME.search("cluster_.name") and ASKS_A_NAME.search("port.name")
