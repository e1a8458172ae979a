# SPDX-License-Identifier: Apache-2.0
"""`cordata explain`: what it shows, and plans that are of another model, edited or broken."""
import html.parser
import json

import pytest
from command import cordata, fails

MODEL = "mlp:layers=2,in=16,hidden=16,out=8"


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    file = tmp_path_factory.mktemp("explain") / "plan.json"
    assert cordata("plan", MODEL, "--cluster", "local:2", "--planner", "data", "-o", file).status == 0
    return file


class Page(html.parser.HTMLParser):
    """Tags that are opened and not closed, and links to the outside."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.outside = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.outside += [v for k, v in attrs if k in ("src", "href")]
        if tag in ("script", "link", "img"):
            self.outside.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_text_and_json_agree(plan):
    text = cordata("explain", plan)
    assert text.status == 0 and "all-reduce" in text.out and "Stage 0: ranks 0-1" in text.out
    got = cordata("explain", plan, "--json").json()
    ops = got["stages"][0]["ops"]
    dots = [o for o in ops if o["op"] == "dot_general"]
    assert dots and all(not o["replicated"] for o in dots), "the planner data shards every product by the batch"
    assert any(o["others"] for o in dots)
    assert all(o["compute_s"] >= 0 for o in ops)
    whole = json.loads(plan.read_text())
    stage = got["stages"][0]
    total = sum(stage[f"{part}_bytes"] for part in ("parameter", "optimizer", "gradient", "passing"))
    assert total == pytest.approx(whole["stages"][0]["predicted"]["peak_memory_bytes"])
    assert sum(r["bytes_per_device"] for r in stage["resting"] if r["role"] == "parameter") == stage["parameter_bytes"]


def test_parameters_are_counted_as_inspect_counts_them(plan):
    explained = cordata("explain", plan, "--json").json()["stages"][0]
    inspected = cordata("inspect", MODEL, "--json").json()
    assert explained["parameter_bytes"] == inspected["parameter_bytes"]  # data parallel: whole on every device


def test_the_page_stands_alone(plan, tmp_path):
    page = tmp_path / "plan.html"
    assert cordata("explain", plan, "--html", page, "--compare", "single", "zero-2").status == 0
    text = page.read_text()
    read = Page(text)
    assert (read.open, read.wrong, read.outside) == ([], [], [])
    for word in ("Stages", "The bill", "all-reduce", "dot_general", "Other planners", "zero-2", "optimizer state"):
        assert word in text


def test_other_planners_stand_beside(plan):
    got = cordata("explain", plan, "--compare", "single", "data", "--json").json()["others"]
    assert [o["planner"] for o in got] == ["single", "data"]
    assert got[1]["step_s"] == pytest.approx(json.loads(plan.read_text())["step_s"])
    fails(2, "'dtaa'", "'data'", args=["explain", plan, "--compare", "dtaa"])


def test_a_plan_for_another_model(plan):
    fails(2, "model_hash", "mlp:in=32", args=["explain", plan, "--model", "mlp:in=32"])


def edit(whole, path, value):
    copy = json.loads(json.dumps(whole))
    at = copy
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copy


EDITS = {
    "format": (["format"], "cordata.plan/99", ["format", "cordata.plan/1"]),
    "hash": (["model_hash"], "0123456789abcdef", ["0123456789abcdef"]),
    "hash no number": (["model_hash"], "xyz", ["model_hash", "16 hexadecimal"]),
    "rank twice": (["stages", 0, "ranks"], [0, 0], ["ranks", "device 0"]),
    "rank outside": (["stages", 0, "ranks"], [0, 5], ["ranks", "5"]),
    "too few ranks": (["stages", 0, "ranks"], [0], ["ranks"]),
    "layers": (["stages", 0, "layers"], [1], ["layers"]),
    "no stages": (["stages"], [], ["stages"]),
    "microbatches": (["microbatches"], 3, ["microbatches", "3"]),
    "ops": (["stages", 0, "ops"], [], ["ops", "0"]),
    "an op's strategy": (["stages", 0, "ops", 0], [77], ["ops[0]"]),
    "cluster": (["cluster", "hosts"], 0, ["hosts"]),
    "a list for a number": (["step_s"], [1], ["step_s", "number"]),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_plan(plan, tmp_path, name):
    path, value, words = EDITS[name]
    file = tmp_path / "edited.json"
    file.write_text(json.dumps(edit(json.loads(plan.read_text()), path, value)))
    fails(2, *words, args=["explain", file])


def test_no_plan_at_all(plan, tmp_path):
    fails(2, "/no/such/plan.json", args=["explain", "/no/such/plan.json"])
    cut = tmp_path / "cut.json"
    cut.write_text(plan.read_text()[:-40])
    fails(2, "JSON", str(cut), args=["explain", cut])
    fails(2, "/no/such/page", args=["explain", plan, "--html", "/no/such/page"])
    fails(3, "/dev/full", args=["explain", plan, "--html", "/dev/full"])
