# SPDX-License-Identifier: Apache-2.0
"""What `cordata validate` refuses, what it leaves, and that a plan called feasible runs within its limit."""
import json

import pytest
from command import cordata, fails

MLP = "mlp:layers=3,in=64,hidden=256,out=64,batch=32"

WRONG = {
    "no list": ("{}", ["JSON list"]),
    "no object": ('["data"]', ["plan 0", "object"]),
    "key": ('[{"planner": "data"}, {"plan": "data"}]', ["plan 1", "'plan'", "microbatches"]),
    "planner": ('[{"planner": "dtaa"}]', ["'dtaa'", "'data'"]),
    "microbatches": ('[{"microbatches": "many"}]', ["--microbatches", "'many'"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_plans(name, tmp_path):
    text, words = WRONG[name]
    file = tmp_path / "plans.json"
    file.write_text(text)
    fails(2, *words, args=["validate", MLP, "--plans", file])


def test_wrong_usage(tmp_path):
    file = tmp_path / "plans.json"
    file.write_text('[{"planner": "data"}]')
    fails(2, "wanted a model", args=["validate", "--plans", file])
    fails(2, "/no/such/plans.json", args=["validate", MLP, "--plans", "/no/such/plans.json"])
    fails(2, "--bind", "512 ranks", args=["validate", MLP, "--cluster", "local:512", "--bind"])
    fails(2, "--rounds", args=["validate", MLP, "--rounds", "0"])


def test_a_plan_runs_within_its_limit(tmp_path):
    """A limit 1 % under what a plan needs gives another plan or none; what is planned within a limit is measured within 5 % of it."""
    free = cordata("plan", MLP, "--cluster", "local:2", "--json").json()
    entries = []
    for planner in ("auto", "data"):
        args = ["plan", MLP, "--cluster", "local:2", "--planner", planner]
        peak = cordata(*args, "--json").json()["peak_memory_bytes"]
        tight = int(0.99 * peak)
        got = cordata(*args, "--memory-limit", tight, "--json")
        assert got.status in (0, 4)
        if got.status == 0:
            assert got.json()["peak_memory_bytes"] <= tight < free["peak_memory_bytes"] or planner != "auto"
        entries.append((int(peak), {"planner": planner, "memory_limit": str(int(peak))}))
    file, out = tmp_path / "plans.json", tmp_path / "out"
    file.write_text(json.dumps([e for _, e in entries]))
    done = cordata("validate", MLP, "--cluster", "local:2", "--plans", file, "--steps", "2", "-o", out, "--json", timeout=300)
    assert done.status == 0, done.err
    result = done.json()
    assert json.loads((out / "validation.json").read_text()) == result
    assert (out / "validation.svg").read_text().startswith("<svg")
    assert result["auto_behind"] >= 0 and len(result["plans"]) == len(entries)
    for (limit, _), plan in zip(entries, result["plans"]):
        assert len(plan["ranks"]) == 2 and plan["measured_step_s"] > 0 and plan["rounds_s"] == [plan["measured_step_s"]]
        assert all(rank["resident_growth_bytes"] > 0 for rank in plan["ranks"])
        assert plan["planned_peak_memory_bytes"] <= limit
        assert plan["measured_peak_memory_bytes"] <= 1.05 * limit
