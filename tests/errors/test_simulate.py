# SPDX-License-Identifier: Apache-2.0
"""`cordata simulate`: its keys, its trace, and the page's timeline."""
import json
import re

import pytest
from command import cordata, fails

MODEL = "mlp:layers=4"


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulate")
    found = {}
    for name, planner in {"data": "data", "pipeline": "pipeline:stages=2,microbatches=4"}.items():
        found[name] = folder / f"{name}.json"
        got = cordata("plan", MODEL, "--cluster", "local:2", "--planner", planner, "-o", found[name])
        assert got.status == 0, got.err
    return found


@pytest.mark.parametrize("name", ["data", "pipeline"])
def test_keys_and_sense(plans, name):
    plan = json.loads(plans[name].read_text())
    got = cordata("simulate", plans[name], "--json").json()
    assert got["planned_step_s"] == plan["step_s"]
    assert got["step_s"] == pytest.approx(plan["step_s"], rel=0.5)  # one cost model, looked at in two ways
    assert got["peak_memory_bytes"] > 0 and len(got["ranks"]) == 2
    assert all(0 < r["busy_s"] <= 3 * got["step_s"] * 1.01 for r in got["ranks"])
    assert got["tflops_per_device"] == pytest.approx(got["model_flops"] / got["step_s"] / 2 / 1e12)
    assert got["model_flops"] == pytest.approx(cordata("inspect", MODEL, "--json").json()["flops"], rel=0.2)


def test_work_done_twice_is_no_more_useful(tmp_path):
    got = {}
    for remat in ("none", "layer"):
        plan = tmp_path / f"{remat}.json"
        assert cordata("plan", MODEL, "--cluster", "local:2", "--planner", "data", "--microbatches", "1", "--remat", remat, "-o", plan).status == 0
        assert json.loads(plan.read_text()).get("remat", ["none"])[0] == remat
        got[remat] = cordata("simulate", plan, "--json").json()
    assert got["layer"]["model_flops"] == got["none"]["model_flops"]
    assert got["layer"]["executed_flops"] > got["none"]["executed_flops"]


def test_the_trace_has_every_microbatch(plans, tmp_path):
    trace = tmp_path / "trace.json"
    assert cordata("simulate", plans["pipeline"], "--trace", trace, "--steps", "1").status == 0
    events = json.loads(trace.read_text())["traceEvents"]
    ran = [e["name"] for e in events if e["ph"] == "X" and e["cat"] == "compute" and e["pid"] == 0]
    assert [f"F{m}" for m in range(4)] == [n for n in ran if re.fullmatch(r"F\d+", n)]
    assert [f"B{m}" for m in range(4)] == [n for n in ran if re.fullmatch(r"B\d+", n)]


def test_the_page_has_the_timeline(plans, tmp_path):
    page = tmp_path / "page.html"
    assert cordata("explain", plans["pipeline"], "--html", page).status == 0
    svg = re.search(r"<svg.*?</svg>", page.read_text(), re.S).group(0)
    assert svg.count('class="f"') >= 4 and svg.count('class="b"') >= 4 and "rank 1" in svg


def test_what_it_refuses(plans):
    fails(2, "--steps", args=["simulate", plans["data"], "--steps", "0"])
    fails(2, "model_hash", args=["simulate", plans["data"], "--model", "mlp"])
    fails(2, "/no/such/trace", args=["simulate", plans["data"], "--trace", "/no/such/trace"])
    fails(3, "/dev/full", args=["simulate", plans["data"], "--trace", "/dev/full"])
