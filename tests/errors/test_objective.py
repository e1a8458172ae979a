# SPDX-License-Identifier: Apache-2.0
"""`cordata plan` with another objective, a time limit, and a cache: what comes of it, and what goes wrong."""
import json
import math
import re
import resource
import subprocess
import time

import pytest
from command import BIN, cordata, fails

MLP = "mlp:layers=4,in=64,hidden=256,out=64,batch=64"
LARGE = "gpt:layers=32,hidden=64,heads=4,seq=32,vocab=64,batch=32"  # stages are estimated
LONG = "gpt:layers=8,hidden=256,heads=4,seq=64,batch=16"  # takes half a minute for eight devices


def cluster(folder, devices, **more):
    file = folder / f"cluster-{devices}-{len(more)}.json"
    file.write_text(json.dumps({
        "format": "cordata.cluster/1", "name": "four", "hosts": 1, "devices_per_host": devices,
        "device": {"kind": "any", "peak_flops_per_s": {"f32": 1e11}, "memory_bytes": 1e9, "memory_bandwidth_bytes_per_s": 1e10},
        "intra": {"alpha_s": 1e-5, "bandwidth_bytes_per_s": 1e9}, **more}))
    return file


def used(plan):
    return sum(len(stage["ranks"]) for stage in plan["stages"])


def test_cost_per_token_is_the_best_of_all_numbers_of_devices(tmp_path):
    """The oracle: clusters of one to four devices, each planned for time."""
    costs = {}
    for devices in range(1, 5):
        plan = cordata("plan", MLP, "--cluster", cluster(tmp_path, devices), "--json").json()
        costs[devices] = plan["step_s"] * devices / 64
        assert plan["objective"] == {"name": "time", "value": plan["step_s"], "unit": "s a step"}
    found = cordata("plan", MLP, "--cluster", cluster(tmp_path, 4), "--objective", "cost-per-token", "--json").json()
    assert found["objective"]["value"] == pytest.approx(min(costs.values()))
    assert found["objective"]["unit"] == "device-seconds a sample"
    assert used(found) == min(costs, key=costs.get) < 4  # devices stay idle, though nobody asked for that
    assert found["gap"] < 1e-3
    paid = cordata("plan", MLP, "--cluster", cluster(tmp_path, 4, price={"per_device_hour": 7.2, "currency": "USD"}),
                   "--objective", "cost-per-token", "--json").json()
    assert paid["objective"]["value"] == pytest.approx(found["objective"]["value"] * 0.002)
    assert paid["objective"]["unit"] == "USD a sample"


def test_least_memory_is_the_least_that_fits(tmp_path):
    """The oracle: what --memory-limit says would fit, and that less doesn't."""
    args = ["plan", MLP, "--cluster", cluster(tmp_path, 2), "--remat", "none"]
    found = cordata(*args, "--objective", "memory", "--json").json()
    assert found["objective"] == {"name": "memory", "value": found["peak_memory_bytes"], "unit": "bytes a device"}
    nearest = int(re.search(r"--memory-limit (\d+) would fit", fails(4, args=[*args, "--memory-limit", "1000"]).err).group(1))
    assert math.ceil(found["peak_memory_bytes"]) <= 1.01 * nearest  # what was found for memory alone isn't always found again under a limit
    assert found["peak_memory_bytes"] < cordata(*args, "--json").json()["peak_memory_bytes"]
    any_remat = cordata(*args[:-2], "--objective", "memory", "--json").json()
    assert any_remat["peak_memory_bytes"] <= found["peak_memory_bytes"]
    fails(4, "would fit", args=[*args, "--objective", "memory", "--memory-limit", "1000"])


def test_text_says_the_objective(tmp_path):
    text = cordata("plan", MLP, "--cluster", cluster(tmp_path, 2), "--planner", "data", "--objective", "cost-per-token").out
    assert re.search(r"objective cost-per-token: \S+ device-seconds a sample", text)


def test_large_steps_are_planned_within_less_and_less(tmp_path):
    args = ["plan", LARGE, "--cluster", cluster(tmp_path, 4), "--microbatches", "8", "--json"]
    fastest = cordata(*args).json()
    least = cordata(*args, "--objective", "memory", timeout=300).json()
    assert least["objective"]["value"] == least["peak_memory_bytes"] < 0.7 * fastest["peak_memory_bytes"]
    assert least["step_s"] >= fastest["step_s"]
    fails(4, args=[*args, "--memory-limit", str(int(0.9 * least["peak_memory_bytes"]))])


def test_a_time_limit_that_is_too_short():
    begin = time.monotonic()
    fails(4, "no plan was found", "time limit of 10.0 ms", "--time-limit", args=["plan", LONG, "--cluster", "h100:1", "--time-limit", "0.01"])
    assert time.monotonic() - begin < 10


def test_a_time_limit_gives_the_best_so_far(tmp_path):
    """Where a second gives none yet, on a busy machine, more are tried; the whole search takes far longer."""
    for limit in (1, 2, 4, 8, 16):
        begin = time.monotonic()
        got = cordata("plan", LONG, "--cluster", "h100:1", "--time-limit", limit, "--cache", tmp_path, "--json")
        assert time.monotonic() - begin < 2 * limit + 5
        if got.status == 0:
            break
        assert got.status == 4, got.err
    plan = got.json()
    assert any("stopped by its time limit" in note for note in plan["notes"])
    assert 0 < plan["gap"] < 1 and used(plan) == 8
    assert list(tmp_path.iterdir()) == []  # what was stopped is not kept


def kept(folder):
    return sorted(folder.glob("*.json"))


def test_the_second_plan_is_from_the_cache(tmp_path):
    args = ["plan", MLP, "--planner", "data", "--cluster", cluster(tmp_path, 2), "--cache", tmp_path / "new" / "cache"]
    first = cordata(*args, "--json")
    assert first.status == 0 and "cache" not in first.err
    second = cordata(*args, "--json")
    assert second.out == first.out and "the plan is from the cache" in second.err
    [file] = kept(tmp_path / "new" / "cache")
    for other in (["--microbatches", "2"], ["--memory-limit", "1GB"], ["--objective", "cost-per-token"], ["--remat", "layer"]):
        assert "from the cache" not in cordata(*args, *other, "--json").err
    assert len(kept(tmp_path / "new" / "cache")) == 5
    assert "from the cache" not in cordata("plan", MLP.replace("256", "128"), *args[2:], "--json").err


DAMAGES = {
    "cut off": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "another number": lambda text: re.sub(r'"step_s":[^,]+', '"step_s":1.0', text),
    "another key": lambda text: text.replace('"unit":"samples"', '"unit":"tokens"'),
    "no cache at all": lambda text: "[1, 2]",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_cache_is_replaced(tmp_path, name):
    args = ["plan", MLP, "--planner", "data", "--cluster", cluster(tmp_path, 2), "--cache", tmp_path / "cache", "--json"]
    first = cordata(*args)
    [file] = kept(tmp_path / "cache")
    whole = file.read_text()
    damaged = DAMAGES[name](whole)
    assert damaged != whole
    file.write_text(damaged)
    second = cordata(*args)
    assert second.status == 0 and second.out == first.out
    assert "warning" in second.err and "damaged" in second.err
    assert "from the cache" not in second.err and file.read_text() == whole
    assert "from the cache" in cordata(*args).err


def test_a_full_disk_is_a_warning(tmp_path):
    """No file may grow: SIGXFSZ stays ignored, so writing fails as on a full disk."""
    (tmp_path / "cache").mkdir()
    args = [BIN, "plan", MLP, "--planner", "data", "--cluster", cluster(tmp_path, 2), "--cache", tmp_path / "cache", "--json"]
    done = subprocess.run([*map(str, args)], capture_output=True, text=True, timeout=60, restore_signals=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["format"] == "cordata.plan/1"
    assert "warning" in done.stderr and "could not be kept" in done.stderr
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_can_be_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    fails(2, "file", args=["plan", MLP, "--cluster", "local:2", "--cache", tmp_path / "file"])
    fails(2, "can't write to /proc", args=["plan", MLP, "--cluster", "local:2", "--cache", "/proc/none"])
