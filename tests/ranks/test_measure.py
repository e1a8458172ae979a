# SPDX-License-Identifier: Apache-2.0
"""`cordata cluster measure`: what it writes is a cluster like any other."""
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import time

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "errors")]
from command import BIN, cordata  # noqa: E402

MLP = "mlp:layers=2,in=16,hidden=16,out=8"
COLLECTIVES = {"all-reduce", "all-gather", "reduce-scatter", "all-to-all"}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    file = tmp_path_factory.mktemp("measured") / "mine.json"
    begin = time.monotonic()
    got = cordata("cluster", "measure", "--quick", "-n", 2, "-o", file)
    assert got.status == 0, got.err
    return file, got.out, time.monotonic() - begin


def test_its_file_is_a_cluster(measured):
    file, _, seconds = measured
    assert seconds < 60  # 15 on an idle machine
    shown = cordata("cluster", "show", file, "--json").json()
    assert shown == json.loads(file.read_text())
    assert (shown["hosts"], shown["devices_per_host"]) == (1, 2)
    assert re.search(r"measured on \d{4}-\d\d-\d\d ", shown["device"]["source"]) and "measured on" in shown["intra"]["source"]
    assert shown["device"]["peak_flops_per_s"]["f32"] > 1e8 and shown["intra"]["alpha_s"] > 0
    assert -4 <= shown["device"]["overlap"] <= 1
    plan = cordata("plan", MLP, "--cluster", file, "--json").json()
    assert plan["cluster"] == shown and sorted(r for s in plan["stages"] for r in s["ranks"]) == [0, 1]


def test_it_trains_where_local_ranks_do(measured):
    got = cordata("train", MLP, "--cluster", measured[0], "--steps", 1, "--json")
    assert got.status == 0, got.err


def test_fits_are_shown_with_their_residuals(measured):
    text = measured[1]
    assert re.search(r"same host \(0 and 1\) +\S+ .?s +\S+ GB/s +\d+ %", text), text
    for kind in COLLECTIVES:
        assert re.search(rf"^{kind} +2 +0 +\S+ .?s +\S+ GB/s( +\d+ %){{3}}$", text, re.M), text


def check_document(got, leaves_host):
    assert {r["kind"] for r in got["rings"]} == COLLECTIVES
    for fit in [x["fit"] for x in got["rings"] + got["pairs"]]:
        assert fit["alpha_s"] > 0 and 0 < fit["bandwidth_bytes_per_s"] < 1e12 and 0 <= fit["residual"] < 10
    for r in got["rings"]:
        assert r["leaves_host"] == leaves_host and len(r["samples"]) >= 2
        assert r["samples"][-1]["bytes"] > r["samples"][0]["bytes"]


def under_mpirun(*words):
    env = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run([os.environ.get("CORDATA_MPIEXEC", "mpirun"), "--oversubscribe", "--bind-to", "none", "-n", "2", *words],
                          env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_under_a_user_s_own_mpirun():
    got = under_mpirun(BIN, "cluster", "measure", "--quick", "--json")
    check_document(got, leaves_host=False)
    assert [p["kind"] for p in got["pairs"]] == ["same host"]


def test_ranks_that_share_a_cpu_are_slower():
    """One of three ranks has a CPU to itself, as far as the other tests leave it: their speeds are what the file says."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("wants two CPUs")
    got = cordata("cluster", "measure", "--quick", "-n", 3, "--cpu-list", f"{cpus[0]},{cpus[1]},{cpus[1]}", "--json").json()
    speeds, cluster = got["speeds"], got["cluster"]
    assert len(speeds) == 3 and max(speeds) == 1 and min(speeds) > 0.1
    slow = {d: g["device"]["speed"] for g in cluster.get("groups", []) for d in range(g["first_device"], g["first_device"] + g["devices"])}
    assert slow == {rank: speed for rank, speed in enumerate(speeds) if speed != 1}
    assert cluster["cores_shared_by"] == (1 if slow else 1.5)


def test_ranks_on_two_hosts():
    """Each rank told that it is alone on its host, as it would be."""
    alone = f"OMPI_COMM_WORLD_LOCAL_RANK=0 OMPI_COMM_WORLD_LOCAL_SIZE=1 exec {BIN} cluster measure --quick --json"
    got = under_mpirun("sh", "-c", alone)
    check_document(got, leaves_host=True)
    assert [p["kind"] for p in got["pairs"]] == ["other host"]
    assert (got["cluster"]["hosts"], got["cluster"]["devices_per_host"]) == (2, 1)
    assert "measured on" in got["cluster"]["inter"]["source"]


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    file = tmp_path_factory.mktemp("profiled") / "mine.json"
    got = cordata("cluster", "measure", "--quick", "-n", 2, "--ops", MLP, "-o", file, "--json")
    assert got.status == 0, got.err
    return file, got.json()


def rows(profile):
    with sqlite3.connect(profile) as opened:
        return opened.execute("SELECT device, op, sizes, dtype, seconds, measured FROM op_time").fetchall()


def test_ops_go_into_a_profile_that_the_file_names(profiled):
    """Whole and as two devices cut them: the first layer's product of 8 samples by 16 x 16, along each of its three dims."""
    file, got = profiled
    assert json.loads(file.read_text())["device"]["profile"] == "mine.ops.sqlite"
    found = rows(file.with_name("mine.ops.sqlite"))
    assert sorted((op, sizes, seconds) for _, op, sizes, _, seconds, _ in found) == sorted((o["op"], o["sizes"], o["seconds"]) for o in got["ops"])
    assert {(kind, dtype) for kind, _, _, dtype, _, _ in found} == {(got["cluster"]["device"]["kind"], "f32")}
    assert all(0 < seconds < 1 for *_, seconds, _ in found) and all("measured on" in when for *_, when in found)
    batch = 8  # the model's own
    products = {sizes for _, op, sizes, _, _, _ in found if op.startswith("stablehlo.dot_general")}
    for m, k, n in ((batch, 16, 16), (batch // 2, 16, 16), (batch, 8, 16), (batch, 16, 8)):
        assert f"{m}x{k}, {k}x{n} -> {m}x{n}" in products, products


def test_a_profile_is_what_plans_and_simulations_go_by(profiled, tmp_path):
    """Every op as measured times 1,000: what two data parallel ranks take grows by that of their shards, alike in plan and simulation."""
    def predicted(cluster):
        plan = cordata("plan", MLP, "--cluster", cluster, "--planner", "data", "--microbatches", 1, "-o", tmp_path / "plan.json", "--json").json()
        return plan["step_s"], cordata("simulate", tmp_path / "plan.json", "--json").json()["step_s"]

    file, got = profiled
    for name in ("mine.json", "mine.ops.sqlite"):
        (tmp_path / name).write_bytes(file.with_name(name).read_bytes())
    before = predicted(tmp_path / "mine.json")
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "mine.json").write_bytes(file.read_bytes())
    (slow / "mine.ops.sqlite").write_bytes(file.with_name("mine.ops.sqlite").read_bytes())
    with sqlite3.connect(slow / "mine.ops.sqlite") as opened:
        opened.execute("UPDATE op_time SET seconds = 1000 * seconds")
    after = predicted(slow / "mine.json")
    planned, simulated = (slowed - usual for usual, slowed in zip(before, after))
    shards = [o["seconds"] for o in got["ops"] if o["op"].startswith("stablehlo.dot_general") and o["sizes"] == "4x16, 16x16 -> 4x16"]
    assert planned > 900 * min(shards) and simulated == pytest.approx(planned, rel=0.001), (before, after)
    (slow / "mine.ops.sqlite").unlink()
    gone = cordata("plan", MLP, "--cluster", slow / "mine.json")
    assert gone.status == 2 and str(slow / "mine.ops.sqlite") in gone.err and "--ops" in gone.err


def test_profiles_are_added_to(profiled):
    file, _ = profiled
    profile = file.with_name("more.sqlite")
    for _ in range(2):
        got = cordata("cluster", "measure", "--quick", "--ops", MLP, "--profile", profile, "--json")
        assert got.status == 0, got.err
        assert len(rows(profile)) == len(got.json()["ops"]) > 5
    bad = file.with_name("bad.sqlite")
    bad.write_text("no database " * 100)
    got = cordata("cluster", "measure", "--quick", "--ops", MLP, "--profile", bad)
    assert got.status == 2 and str(bad) in got.err and bad.read_text() == "no database " * 100
