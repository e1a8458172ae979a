# SPDX-License-Identifier: Apache-2.0
"""What `cordata plan` refuses, and what it says when nothing fits."""
import json
import re

import pytest
from command import cordata, fails

MLP = "mlp:layers=2,in=16,hidden=16,out=8"

WRONG = {
    "planner": (["--planner", "dtaa"], ["no planner 'dtaa'", "'data'"]),
    "planner option": (["--planner", "pipeline:stage=2"], ["stage=2", "stages="]),
    "planner option of another": (["--planner", "data:stages=2"], ["data", "stages=2"]),
    "planner option no number": (["--planner", "pipeline:stages=two"], ["stages", "'two'"]),
    "planner option without value": (["--planner", "pipeline:stages"], ["KEY=VALUE", "'stages'"]),
    "stages that aren't the devices": (["--planner", "pipeline:stages=3"], ["2 devices", "3"]),
    "schedule": (["--planner", "pipeline:schedule=zigzag"], ["zigzag", "1f1b"]),
    "microbatches": (["--microbatches", "many"], ["--microbatches", "auto", "'many'"]),
    "microbatches that don't divide": (["--planner", "data", "--microbatches", "3"], ["microbatches", "1, 2, 4, 8", "3"]),
    "memory limit": (["--memory-limit", "12Gb"], ["12Gb", "16GiB"]),
    "memory limit of nothing": (["--memory-limit", "0"], ["--memory-limit", "'0'"]),
    "what to compute again": (["--remat", "all"], ["--remat", "auto, none, selective or layer", "'all'"]),
    "objective": (["--objective", "speed"], ["--objective", "time, memory or cost-per-token", "'speed'"]),
    "time limit": (["--time-limit", "0"], ["--time-limit", "above 0", "'0'"]),
    "fixed layers that there aren't": (["--fix", "stage=0-99"], ["--fix", "stage=0-99", "layers"]),
    "fixed devices that there aren't": (["--fix", "stage=0", "devices=0-5"], ["devices=0-5", "2 devices"]),
    "no such sharding": (["--fix", "stage=0", "sharding=all"], ["'all'", "batch, data", "zero-3"]),
    "fixed before a stage": (["--fix", "mesh=2"], ["stage=", "'mesh=2'"]),
    "fixed for a baseline": (["--planner", "data", "--fix", "stage=0"], ["--fix", "auto", "data"]),
    "output": (["-o", "/no/such/folder/plan.json"], ["/no/such/folder/plan.json", "No such file"]),
    "flag": (["--planer", "data"], ["--planer", "--planner"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage(name):
    args, words = WRONG[name]
    fails(2, *words, args=["plan", MLP, "--cluster", "local:2", *args])


def test_cluster_is_asked_for():
    fails(2, "--cluster", args=["plan", MLP])
    fails(2, "'h10:2'", "'h100'", args=["plan", MLP, "--cluster", "h10:2"])


def test_a_module_is_no_train_step(tmp_path):
    module = tmp_path / "m.mlir"
    module.write_text("func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  return %x : tensor<4xf32>\n}\n")
    fails(2, "train step", str(module), args=["plan", module, "--cluster", "local:2"])


def test_three_devices_dont_divide_eight_samples():
    """Never silently replicated: the nearest batches that would do are named."""
    fails(2, "3 devices", "8 samples", "6 or 9", args=["plan", MLP, "--planner", "data", "--cluster", "local:3"])


    fails(2, "3 devices", "8 samples", "6 or 9", args=["train", MLP, "--planner", "data", "-n", "3", "--steps", "1"])


def test_auto_finds_what_three_devices_can_do():
    plan = cordata("plan", MLP, "--cluster", "local:3", "--json").json()
    assert sorted(rank for stage in plan["stages"] for rank in stage["ranks"]) == [0, 1, 2]
    fails(4, "no plan fits", "--memory-limit", args=["plan", MLP, "--cluster", "local:3", "--memory-limit", "64"])


@pytest.mark.parametrize("planner", ["auto", "data", "zero-3", "tensor", "pipeline"])
def test_infeasible_says_by_how_much_and_what_would_fit(planner):
    args = ["plan", MLP, "--planner", planner, "--cluster", "local:2", "--memory-limit"]
    got = fails(4, "--memory-limit", "more", args=[*args, "2KiB"])
    nearest = int(re.search(r"--memory-limit (\d+) would fit", got.err).group(1))
    more = re.search(r"([\d.]+) KiB more", got.err).group(1)
    assert abs(float(more) - (nearest - 2048) / 1024) < 0.01
    fits = cordata(*args, nearest, "--json")
    assert fits.status == 0 and fits.json()["peak_memory_bytes"] <= nearest


def test_a_full_disk_is_no_plan():
    fails(3, "/dev/full", "No space", args=["plan", MLP, "--planner", "data", "--cluster", "local:2", "-o", "/dev/full"])


def test_the_plan_has_the_promised_keys(tmp_path):
    file = tmp_path / "plan.json"
    got = cordata("plan", MLP, "--planner", "data", "--cluster", "local:2", "-o", file, "--json").json()
    assert got == json.loads(file.read_text())
    assert {"format", "model_hash", "cluster", "planner", "microbatches", "schedule", "step_s", "peak_memory_bytes", "gap", "stages",
            "bill"} <= set(got)
    assert got["format"] == "cordata.plan/1" and len(got["model_hash"]) == 16
    assert {"ranks", "mesh", "layers", "ops"} <= set(got["stages"][0])
    assert {"kind", "axes", "bytes", "count"} <= set(got["bill"][0])
    assert [line["kind"] for line in got["bill"]] and got["step_s"] > 0


@pytest.mark.parametrize("model, cluster", [("mlp:layers=6,in=64,hidden=512,out=64,batch=64", "local:4"),
                                            ("mlp:layers=4,in=480,hidden=480,out=480,batch=1024,optimizer=sgd", "local:4"),
                                            ("gpt:layers=2,hidden=64,heads=4,seq=32,batch=8,vocab=256", "local:2")])
def test_the_named_limit_is_the_nearest(model, cluster):
    args = ["plan", model, "--cluster", cluster, "--memory-limit"]
    nearest = int(re.search(r"--memory-limit (\d+) would fit", fails(4, args=[*args, "20000"]).err).group(1))
    fits = cordata(*args, nearest, "--json")
    assert fits.status == 0 and fits.json()["peak_memory_bytes"] <= nearest
    fails(4, "would fit", args=[*args, nearest * 99 // 100])


def test_a_large_model_is_planned_and_fits_by_its_own_program(tmp_path):
    """Stages estimated from their layers: the plan uses every device, and the simulator's count of memory is within the device's."""
    plan = tmp_path / "plan.json"
    done = cordata("plan", "gpt-2.6b", "--cluster", "p3.16xlarge:1", "-o", plan, "--json")
    assert done.status == 0, done.err
    found = done.json()
    assert sorted(r for stage in found["stages"] for r in stage["ranks"]) == list(range(8))
    assert {"selective", "layer"} & set(found["remat"])  # it doesn't fit otherwise
    assert cordata("plan", "gpt-2.6b", "--cluster", "p3.16xlarge:1", "--json").json()["step_s"] == found["step_s"]
    simulated = cordata("simulate", plan, "--json").json()
    assert simulated["peak_memory_bytes"] <= 16 * 2**30
    assert abs(simulated["step_s"] / found["step_s"] - 1) < 0.2


def test_a_large_model_that_fits_nowhere(tmp_path):
    done = cordata("plan", "gpt-39b", "--cluster", "p3.16xlarge:2")
    assert done.status == 4
    assert "no plan was found that fits 16.0 GiB a device" in done.err and "more devices" in done.err


GPT = "gpt:layers=4,hidden=32,heads=2,seq=16,vocab=64,batch=16"


def test_a_fixed_stage_is_as_it_was_said_and_the_rest_is_planned():
    layers = len(cordata("inspect", GPT, "--cluster", "h100:1", "--json").json()["layers"])
    fix = ["stage=0-1", "devices=0-3", "mesh=2x2", "sharding=batch/tensor"]
    plan = cordata("plan", GPT, "--cluster", "h100:1", "--microbatches", "2", "--fix", *fix, "--json").json()
    first, rest = plan["stages"][0], plan["stages"][1:]
    assert first["ranks"] == [0, 1, 2, 3] and first["mesh"]["shape"] == [2, 2] and first["layers"] == [0, 1]
    assert sum(len(s["layers"]) for s in rest) == layers - 2 and sorted(r for s in rest for r in s["ranks"]) == [4, 5, 6, 7]
    assert "sharding=batch/tensor" in plan["planner"]


def test_fixing_what_was_found_changes_nothing():
    at = ["plan", GPT, "--cluster", "local:2", "--json"]
    found = cordata(*at).json()
    fixes = [f"stage={s['layers'][0]}-{s['layers'][-1]},devices={s['ranks'][0]}-{s['ranks'][-1]}" for s in found["stages"]]
    again = cordata(*at, "--fix", *fixes).json()
    assert again["step_s"] == pytest.approx(found["step_s"], rel=1e-9)


def test_what_the_devices_cant_do_as_it_is_fixed_does_not_fit():
    last = len(cordata("inspect", MLP, "--cluster", "local:3", "--json").json()["layers"]) - 1
    fails(2, "3 devices", "6 or 9", args=["plan", MLP, "--cluster", "local:3", "--fix", f"stage=0-{last}", "devices=0-2", "sharding=data"])
