# SPDX-License-Identifier: Apache-2.0
"""`cordata diff`: what it says of plans that differ, and of what is none."""
import json

import pytest
from command import cordata, fails
from test_explain import Page

MODEL = "mlp:layers=4,in=64,hidden=64,out=64,batch=16"
WAYS = {"data": ["--planner", "data", "--microbatches", "2"], "tensor": ["--planner", "tensor", "--microbatches", "2"],
        "pipeline": ["--planner", "pipeline:stages=2,microbatches=2"], "one": ["--planner", "data", "--microbatches", "1"]}


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diff")
    for name, words in WAYS.items():
        got = cordata("plan", MODEL, "--cluster", "local:2", *words, "-o", folder / f"{name}.json")
        assert got.status == 0, got.err
    assert cordata("plan", "mlp:layers=2", "--cluster", "local:2", "--planner", "data", "-o", folder / "other.json").status == 0
    return folder


def diff(plans, a, b, *more):
    return cordata("diff", plans / f"{a}.json", plans / f"{b}.json", *more)


def test_the_same(plans):
    got = diff(plans, "data", "data")
    assert got.status == 0 and "The plans are the same." in got.out
    assert diff(plans, "data", "data", "--json").json()["same"] is True


def test_ops_that_are_cut_in_another_way(plans):
    a, b = (json.loads((plans / f"{name}.json").read_text()) for name in ("data", "tensor"))
    got = diff(plans, "data", "tensor", "--json").json()
    assert got["same"] is False and got["same_model"] and got["layers_moved"] == 0
    changed = sum(1 for x, y in zip(a["stages"][0]["ops"], b["stages"][0]["ops"]) if x != y)
    assert 0 < sum(row["count"] for row in got["ops"]) <= changed  # constants aren't told
    assert all(row["a"] != row["b"] for row in got["ops"])
    dots = [row for row in got["ops"] if row["op"] == "dot_general" and row["pass"] == "forward"]
    assert dots and all(row["a"].endswith(" on 2") for row in dots)
    weights = [row for row in got["resting"] if row["role"] == "parameter" and row["type"] == "f32[64,64]"]
    assert weights and weights[0]["a"].startswith("[{}, {}] on 2")
    for name, plan in (("a", a), ("b", b)):
        bill = {}
        for line in plan["bill"]:
            bill[line["kind"]] = bill.get(line["kind"], 0) + line["bytes"] * line["count"]
        assert {row["kind"]: row[f"{name}_bytes"] for row in got["bill"] if row[f"{name}_bytes"]} == bill
        assert got[name]["step_s"] == plan["step_s"] and got[name]["peak_memory_bytes"] == plan["peak_memory_bytes"]
    text = diff(plans, "data", "tensor").out
    assert "B's step takes" in text and "run in another way" in text and "all-reduce" in text


def test_layers_that_move(plans):
    got = diff(plans, "data", "pipeline", "--json").json()
    assert [len(got[p]["stages"]) for p in "ab"] == [1, 2]
    assert got["layers_moved"] > 0 or not got["same_layers"]
    assert "send" in {row["kind"] for row in got["bill"]}
    assert "schedule" in diff(plans, "data", "pipeline").out


def test_other_microbatches(plans):
    got = diff(plans, "data", "one")
    assert got.status == 0 and "microbatches" in got.out and "other ops" in got.out


def test_plans_of_different_models(plans):
    got = diff(plans, "data", "other")
    assert got.status == 0 and "for different models" in got.out
    whole = diff(plans, "data", "other", "--json").json()
    assert whole["same_model"] is False and "ops" not in whole


def test_another_cluster(plans, tmp_path):
    whole = json.loads((plans / "data.json").read_text())
    whole["cluster"]["device"]["efficiency"] = 0.125
    (tmp_path / "edited.json").write_text(json.dumps(whole))
    got = cordata("diff", plans / "data.json", tmp_path / "edited.json", "--json").json()
    assert [row["field"] for row in got["cluster"]] == ["device.efficiency"] and got["cluster"][0]["b"] == "0.125"


def test_the_page_stands_alone(plans, tmp_path):
    page = tmp_path / "diff.html"
    assert diff(plans, "data", "tensor", "--html", page).status == 0
    read = Page(page.read_text())
    assert (read.open, read.wrong, read.outside) == ([], [], [])
    assert "dot_general" in page.read_text()


def test_what_it_refuses(plans, tmp_path):
    fails(2, "b is required", args=["diff", plans / "data.json"])
    fails(2, "/no/such/plan.json", args=["diff", plans / "data.json", "/no/such/plan.json"])
    (tmp_path / "cut.json").write_text((plans / "data.json").read_text()[:-40])
    fails(2, "JSON", "cut.json", args=["diff", tmp_path / "cut.json", plans / "data.json"])
    fails(2, "model_hash", args=["diff", plans / "data.json", plans / "tensor.json", "--model", "mlp:layers=3"])
    fails(2, "/no/such/page", args=["diff", plans / "data.json", plans / "tensor.json", "--html", "/no/such/page"])
    fails(3, "/dev/full", args=["diff", plans / "data.json", plans / "tensor.json", "--html", "/dev/full"])
    fails(2, "--htm", "--html", args=["diff", plans / "data.json", plans / "tensor.json", "--htm", "x"])
