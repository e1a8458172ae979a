# SPDX-License-Identifier: Apache-2.0
"""`cordata solve` beside CP-SAT on random problems of 50 to 300 nodes: the same cost, feasibility and bound.

CORDATA_SOLVER_CASES of them (default 6; `make test-solver`: 1,000), from CORDATA_SOLVER_SEED on (default: drawn and printed).
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "errors")]
from command import ROOT, cordata  # noqa: E402
from problems import greedy, medium, write  # noqa: E402

PEERS = pathlib.Path(os.environ.get("CORDATA_DEPS", "")) / "peers" / "bin" / "python"
CASES = int(os.environ.get("CORDATA_SOLVER_CASES", "6"))
SEED = int(os.environ.get("CORDATA_SOLVER_SEED") or random.SystemRandom().randrange(10**6) * 10**4)
LIMIT = int(os.environ.get("CORDATA_SOLVER_LIMIT", "20"))  # seconds a problem


def peer(which, path):
    done = subprocess.run([PEERS, ROOT / "bench" / "peers" / "intra_op.py", which, path, str(LIMIT), "1"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(seed, folder):
    """One problem: who settled it, and what else is counted."""
    problem = medium(seed)
    path = write(problem, folder / f"{seed}.json")
    got = cordata("solve", path, "--seconds", LIMIT, "--threads", 1, "--json", timeout=LIMIT + 5)
    ours = json.loads(got.out)
    counted = collections.Counter(ours=ours["optimal"] or ours["infeasible"], infeasible=ours["infeasible"])
    for which in ("cp-sat", "highs"):
        theirs = peer(which, path)
        if theirs["cost"] is not None:
            assert ours["lower_bound"] <= theirs["cost"], f"seed {seed}: bound {ours['lower_bound']}, {which} {theirs}"
        if ours["feasible"] and which == "cp-sat" and theirs["lower_bound"] is not None:
            assert theirs["lower_bound"] <= ours["cost"], f"seed {seed}: {ours['cost']}, {which} {theirs}"
        if theirs["optimal"]:
            counted[which] += 1
            break
    path.unlink()
    if not theirs["optimal"]:
        counted["open"] += 1
    elif not counted["ours"]:
        counted["late"] += 1
    elif theirs["cost"] is None:
        assert got.status == 4 and ours["infeasible"], f"seed {seed}: {which} says that nothing fits"
    else:
        assert (ours["cost"], ours["lower_bound"], ours["optimal"]) == (theirs["cost"], theirs["cost"], True), f"seed {seed}: {which} {theirs}"
    if ours["feasible"]:
        counted["greedy wrong"] += greedy(problem["problem"]) != ours["cost"]
    return counted


@pytest.mark.skipif(not PEERS.exists(), reason="no CP-SAT: `tools/setup solver` installs it")
def test_the_same_as_cp_sat(tmp_path):
    """Where CP-SAT settles a problem in time, ours is the same; else HiGHS is asked; what neither settles must not contradict ours."""
    print(f"CORDATA_SOLVER_SEED={SEED}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        sums = sum(pool.map(lambda seed: compare(seed, tmp_path), range(SEED, SEED + CASES)), collections.Counter())
    print(f"{CASES} problems, {LIMIT} s each: " + ", ".join(f"{k} {v}" for k, v in sums.items()))
    assert sums["late"] == 0
    assert sums["cp-sat"] + sums["highs"] >= CASES / 2
    assert sums["greedy wrong"] >= (CASES - sums["infeasible"]) // 2
