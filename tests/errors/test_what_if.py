# SPDX-License-Identifier: Apache-2.0
"""`cordata what-if`: the simulator under changes, plans found anew, and changes that can't be."""
import json

import pytest
from command import cordata, fails

MODEL = "mlp:layers=4,in=64,hidden=256,out=64,batch=64"
CLUSTER = {"format": "cordata.cluster/1", "name": "two hosts", "hosts": 2, "devices_per_host": 2,
           "device": {"kind": "any", "peak_flops_per_s": {"f32": 1e11}, "memory_bytes": 1e8, "memory_bandwidth_bytes_per_s": 2e10},
           "intra": {"alpha_s": 1e-6, "bandwidth_bytes_per_s": 1e10}, "inter": {"alpha_s": 1e-5, "bandwidth_bytes_per_s": 1e9}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("what-if")
    (folder / "cluster.json").write_text(json.dumps(CLUSTER))
    for name, planner in {"data": "data", "pipeline": "pipeline:stages=2,microbatches=4"}.items():
        got = cordata("plan", MODEL, "--cluster", folder / "cluster.json", "--planner", planner, "-o", folder / f"{name}.json")
        assert got.status == 0, got.err
    return folder


def what_if(folder, plan, *changes):
    got = cordata("what-if", folder / f"{plan}.json", *changes, "--json")
    assert got.status == 0, got.err
    return got.json()


@pytest.mark.parametrize("plan", ["data", "pipeline"])
def test_it_is_the_simulator_under_another_cluster(folder, tmp_path, plan):
    """The oracle: the plan's file with the cluster changed in it, simulated."""
    got = what_if(folder, plan, "inter.bandwidth=4x", "device.efficiency=0.5", "device.memory=1MiB")
    assert got["before"]["step_s"] == pytest.approx(cordata("simulate", folder / f"{plan}.json", "--json").json()["step_s"], rel=1e-6)
    whole = json.loads((folder / f"{plan}.json").read_text())
    whole["cluster"]["inter"]["bandwidth_bytes_per_s"] = 4e9
    whole["cluster"]["device"]["efficiency"] = 0.5
    (tmp_path / "edited.json").write_text(json.dumps(whole))
    simulated = cordata("simulate", tmp_path / "edited.json", "--json").json()
    assert got["after"]["step_s"] == pytest.approx(simulated["step_s"], rel=1e-6)
    assert got["after"]["peak_memory_bytes"] == simulated["peak_memory_bytes"]
    assert got["before"]["fits"] and not got["after"]["fits"] and got["after"]["memory_bytes"] == 2**20
    assert {c["field"] for c in got["changes"]} == {"device.efficiency", "device.memory_bytes", "inter.bandwidth_bytes_per_s"}


def test_what_binds_is_what_helps(folder):
    """The oracle: the change itself, as large as it gets."""
    binds = what_if(folder, "data", "device.launch=0")["before"]["binds"]
    assert binds[0]["share"] == max(b["share"] for b in binds)
    shares = {b["what"]: b["share"] for b in binds}
    free = what_if(folder, "data", "inter.bandwidth=1e30", "inter.alpha=0")
    assert shares["links between hosts"] == pytest.approx(1 - free["after"]["step_s"] / free["before"]["step_s"], rel=1e-6)


def test_other_steps(folder, tmp_path):
    got = what_if(folder, "pipeline", "microbatches=2x", "schedule=gpipe", "remat=layer")
    assert (got["after"]["microbatches"], got["after"]["schedule"]) == (8, "gpipe")
    more = what_if(folder, "pipeline", "microbatches=8")["after"]
    assert more["peak_memory_bytes"] < what_if(folder, "pipeline", "schedule=gpipe", "microbatches=8")["after"]["peak_memory_bytes"]
    assert got["after"]["step_s"] > what_if(folder, "pipeline", "microbatches=2x", "schedule=gpipe")["after"]["step_s"]
    refused = fails(2, "microbatches", "--replan", args=["what-if", folder / "pipeline.json", "microbatches=1"])
    assert "can't be kept" in refused.err


def test_planned_anew(folder, tmp_path):
    new = tmp_path / "new.json"
    got = cordata("what-if", folder / "data.json", "hosts=1", "--replan", "-o", new, "--json").json()
    assert "after" not in got and got["replanned"]["devices"] == 2
    found = json.loads(new.read_text())
    assert found["cluster"]["hosts"] == 1 and found["planner"] == "data"
    (tmp_path / "one.json").write_text(json.dumps({**CLUSTER, "hosts": 1}))
    direct = cordata("plan", MODEL, "--cluster", tmp_path / "one.json", "--planner", "data", "--json").json()
    assert found["stages"] == direct["stages"]
    text = cordata("what-if", folder / "data.json", "inter.bandwidth=0.1x", "--replan").out
    assert "as planned" in text and "changed" in text and "planned anew" in text
    nothing = cordata("what-if", folder / "data.json", "device.memory=1000", "--replan", "--json")
    assert nothing.status == 4 and not nothing.json()["after"]["fits"] and "--memory-limit" in nothing.err


WRONG = {
    "no change": ([], ["changes"]),
    "no value": (["inter.bandwidth"], ["FIELD=VALUE", "'inter.bandwidth'"]),
    "no field": (["=2x"], ["FIELD=VALUE"]),
    "unknown object": (["intre.bandwidth=2x"], ["Did you mean 'inter'?"]),
    "unknown step field": (["microbatch=4"], ["Did you mean 'microbatches'?"]),
    "unknown field": (["inter.bandwith=2x"], ["inter.bandwith", "Did you mean 'bandwidth'?"]),
    "no bandwidth": (["inter.bandwidth=fast"], ["inter.bandwidth", "25Gbps", "2x"]),
    "out of range": (["device.efficiency=3"], ["device.efficiency", "at most 1", "3"]),
    "an object": (["device=2x"], ["device", "fields"]),
    "other devices": (["hosts=4"], ["--replan", "4"]),
    "schedule": (["schedule=zigzag"], ["1f1b or gpipe", "'zigzag'"]),
    "remat": (["remat=all"], ["selective", "'all'"]),
    "microbatches": (["microbatches=some"], ["microbatches", "'some'"]),
    "microbatches that don't divide": (["microbatches=3"], ["3"]),
    "output of nothing": (["device.launch=0", "-o", "x.json"], ["--replan"]),
    "flag": (["device.launch=0", "--repan"], ["--repan", "--replan"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_it_refuses(folder, name):
    args, words = WRONG[name]
    fails(2, *words, args=["what-if", folder / "pipeline.json", *args])


def test_files_that_are_none(folder, tmp_path):
    fails(2, "/no/such/plan.json", args=["what-if", "/no/such/plan.json", "device.launch=0"])
    fails(2, "/no/such/new.json", args=["what-if", folder / "data.json", "device.launch=0", "--replan", "-o", "/no/such/new.json"])
