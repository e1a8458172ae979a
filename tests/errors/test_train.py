# SPDX-License-Identifier: Apache-2.0
"""What `cordata train` refuses, and that it does so before any rank starts: there is no mpirun in these tests' PATH."""
import ctypes.util
import json
import pathlib

import pytest
from command import cordata, fails

MLP = "mlp:layers=2,in=16,hidden=16,out=8"
GPT = "gpt:layers=1,hidden=16,heads=2,seq=16,vocab=64,batch=4"


def refused(status, *words, args):
    return fails(status, *words, args=["train", *args], env={"PATH": "/nowhere"})


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    file = tmp_path_factory.mktemp("train") / "plan.json"
    assert cordata("plan", MLP, "--cluster", "local:2", "--planner", "data", "-o", file).status == 0
    return file


def test_ranks_would_need_mpirun():
    """Else the tests below would show nothing."""
    refused(3, "mpirun", args=[MLP, "--planner", "single"])


WRONG = {
    "model": (["mpl"], ["'mpl'", "mlp"]),
    "override": (["mlp:hiden=8"], ["'hiden'", "hidden"]),
    "planner": ([MLP, "--planner", "dtaa"], ["no planner 'dtaa'", "'data'"]),
    "planner option": ([MLP, "--planner", "pipeline:stage=2"], ["stage=2", "stages="]),
    "cluster": ([MLP, "--cluster", "h10:2"], ["'h10:2'", "'h100'"]),
    "cluster and ranks": ([MLP, "--cluster", "local:2", "-n", "4"], ["-n 4", "2 devices"]),
    "ranks": ([MLP, "-n", "0"], ["--ranks", "0"]),
    "CPUs of fewer ranks": ([MLP, "-n", "2", "--cpu-list", "0"], ["a CPU for each of 2 ranks", "1 in '0'"]),
    "CPUs that are none": ([MLP, "-n", "2", "--cpu-list", "0,x"], ["a CPU's number", "'0,x'", "0,1,1"]),
    "a CPU that isn't there": ([MLP, "-n", "2", "--cpu-list", "1023,1023"], ["1023"]),
    "steps": ([MLP, "--steps", "-1"], ["--steps", "-1"]),
    "on-nan": ([MLP, "--on-nan", "maybe"], ["--on-nan", "maybe", "stop"]),
    "plugin missing": ([MLP, "--plugin", "/no/such.so"], ["/no/such.so", "--plugin"]),
    "plugin that is a text": ([MLP, "--plugin", __file__], [__file__, "PJRT plugin"]),
    "three devices, eight samples": ([MLP, "--planner", "data", "-n", "3"], ["3 devices", "8 samples", "6 or 9"]),
    "plan missing": ([MLP, "--plan", "/no/such/plan.json"], ["/no/such/plan.json"]),
    "data missing": ([GPT, "--data", "/no/such/text"], ["/no/such/text", "No such file"]),
    "data a folder": ([GPT, "--data", "/"], ["/"]),
    "metrics": ([MLP, "--metrics", "/no/such/m.jsonl"], ["/no/such/m.jsonl", "No such file"]),
    "trace": ([MLP, "--trace", "/no/such/t.json"], ["/no/such/t.json", "No such file"]),
    "checkpoint": ([MLP, "--checkpoint", "/proc/no/such"], ["/proc/no/such", "checkpoint"]),
    "checkpoint that is a file": ([MLP, "--checkpoint", __file__], [__file__, "checkpoint"]),
    "programs": ([MLP, "--programs", f"{__file__}/below"], [__file__, "file"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage(name):
    args, words = WRONG[name]
    refused(2, *words, args=args)


def test_a_library_that_is_no_plugin():
    name = ctypes.util.find_library("m")
    refused(2, name, "PJRT plugin", args=[MLP, "--plugin", name])


def test_data_that_is_too_little(tmp_path):
    data = tmp_path / "text"
    data.touch()
    refused(2, str(data), "empty", args=[GPT, "--data", data])
    data.write_bytes(b"\1" * 10)
    refused(2, str(data), "at least 17", "10", args=[GPT, "--data", data])
    data.write_bytes(b"\1" * 500 + b"\x80" + b"\1" * 500)
    refused(2, str(data), "128", "64", args=[GPT, "--data", data])
    refused(2, str(data), "token", args=[MLP, "--data", data])


def test_a_plan_for_something_else(plan):
    refused(2, "another model", MLP, args=["mlp", "--plan", plan])
    refused(2, "2 ranks", "-n 2", args=[MLP, "--plan", plan, "-n", "3"])


def edit(whole, path, value):
    keys = path.split("/")
    at = whole
    for key in keys[:-1]:
        at = at[int(key) if isinstance(at, list) else key]
    last = int(keys[-1]) if isinstance(at, list) else keys[-1]
    if value is None:
        del at[last]
    else:
        at[last] = value(at[last]) if callable(value) else value


EDITS = {
    "another format": ("format", "cordata.plan/7", "format"),
    "a key left out": ("stages", None, "stages"),
    "a number that is a word": ("microbatches", "two", "microbatches"),
    "microbatches that don't divide": ("microbatches", 3, "microbatches"),
    "other microbatches": ("microbatches", 2, "layer_of_op"),
    "a schedule that isn't there": ("schedule", "zigzag", "zigzag"),
    "a device twice": ("stages/0/ranks", [0, 0], "two places"),
    "a device too many": ("stages/0/ranks", [0, 2], "devices 0 to 1"),
    "a mesh of another size": ("stages/0/mesh/shape", [4], "ranks"),
    "an op too few": ("stages/0/ops", lambda ops: ops[:-1], "stages[0].ops"),
    "an argument too few": ("stages/0/args", lambda args: args[:-1], "stages[0].args"),
    "layers of another stage": ("stages/0/layers", [1, 2], "layers"),
    "a cluster of another size": ("cluster/devices_per_host", 3, "3 ranks"),
    "a bill that is forged": ("bill/0/bytes", lambda n: n + 4, "bill"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_plan_that_was_edited(name, plan, tmp_path):
    path, value, word = EDITS[name]
    whole = json.loads(plan.read_text())
    edit(whole, path, value)
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(whole))
    got = refused(2, word, args=[MLP, "--plan", edited, "-n", "2"])
    assert "internal" not in got.err and "Cordata:" not in got.err, got.err


def test_every_strategy_is_looked_at(plan, tmp_path):
    """One op after the other is given a way to run that doesn't exist."""
    whole = json.loads(plan.read_text())
    for i in range(0, len(whole["stages"][0]["ops"]), 7):
        wrong = json.loads(plan.read_text())
        wrong["stages"][0]["ops"][i] = [99]
        (tmp_path / "p.json").write_text(json.dumps(wrong))
        refused(2, "ops", args=[MLP, "--plan", tmp_path / "p.json"])


def test_a_plan_that_is_cut_off(plan, tmp_path):
    cut = tmp_path / "cut.json"
    cut.write_text(plan.read_text()[:1000])
    refused(2, str(cut), "JSON", args=[MLP, "--plan", cut])


@pytest.mark.parametrize("file", ["grad.mlir", "apply.mlir", "roles.json", "init.safetensors"])
def test_a_train_step_that_is_cut_off(file, tmp_path):
    assert cordata("export", MLP, "-o", tmp_path / "step").status == 0
    path = tmp_path / "step" / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(2, file, args=[tmp_path / "step", "--planner", "single", "--microbatches", "1"])


@pytest.mark.parametrize("file", ["grad.mlir", "apply.mlir", "init.safetensors"])
def test_a_train_step_that_lacks_a_file(file, tmp_path):
    assert cordata("export", MLP, "-o", tmp_path / "step").status == 0
    (tmp_path / "step" / file).unlink()
    refused(2, file, args=[tmp_path / "step", "--planner", "single", "--microbatches", "1"])


def test_a_step_without_values_is_planned_and_not_trained(tmp_path):
    assert cordata("export", MLP, "-o", tmp_path / "step").status == 0
    assert cordata("export", MLP, "-o", tmp_path / "step", "--no-values").status == 0
    assert not (tmp_path / "step" / "init.safetensors").exists()
    assert cordata("plan", tmp_path / "step", "--cluster", "local:2").status == 0
    refused(2, "init.safetensors", "--no-values", args=[tmp_path / "step", "--planner", "single", "--microbatches", "1"])


def test_what_is_checked_leaves_nothing_behind(tmp_path):
    refused(3, "mpirun", args=[MLP, "--planner", "single", "--metrics", tmp_path / "m", "--trace", tmp_path / "t", "--programs", tmp_path / "p"])
    assert not list(pathlib.Path(tmp_path).iterdir())
