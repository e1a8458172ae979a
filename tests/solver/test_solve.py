# SPDX-License-Identifier: Apache-2.0
"""`cordata solve`: bad input, limits of time, signals, repeatability, certificates."""
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "errors")]
from command import BIN, ROOT, cordata, fails  # noqa: E402
from problems import FORBIDDEN, document, medium, write  # noqa: E402

TWO = document([((0, 2), [3, 1], [1, 5]), ((1, 3), [2, 4], [2, 1])], [(0, 1, [0, 7, 1, FORBIDDEN])], 6)


def text(change=lambda d: None):
    d = json.loads(json.dumps(TWO))
    change(d["problem"])
    return json.dumps(d)


def set_to(*path_and_value):
    *path, last, value = path_and_value

    def change(d):
        for key in path:
            d = d[key]
        d[last] = value
    return change


@pytest.mark.parametrize("content, words", [
    (text()[:60], ["wanted"]),
    ("", ["wanted"]),
    ("[]", ["wanted an object"]),
    ("{}", ["problem"]),
    (text(set_to("nodes", "costs", 1, [2, 4, 5])), ["problem.nodes.usages[1]", "wanted 3 numbers", "got 2"]),
    (text(set_to("nodes", "costs", 0, [])), ["problem.nodes.costs[0]", "none"]),
    (text(set_to("nodes", "costs", [[3, 1]])), ["problem.nodes", "wanted 2"]),
    (text(set_to("nodes", "usages", 0, 1, -5)), ["problem.nodes.usages[0][1]", "0 or more", "-5"]),
    (text(set_to("nodes", "costs", 0, 1, "x")), ["problem.nodes.costs[0][1]", "whole number"]),
    (text(set_to("nodes", "costs", 0, 1, 2**63)), ["problem.nodes.costs[0][1]", "below 2^63"]),
    (text(set_to("nodes", "costs", 0, 1, 1.5)), ["problem.nodes.costs[0][1]", "1.5"]),
    (text(set_to("nodes", "intervals", 1, [3, 1])), ["problem.nodes.intervals[1]", "[3, 1]"]),
    (text(set_to("nodes", "intervals", 1, [3])), ["problem.nodes.intervals[1]"]),
    (text(set_to("edges", "nodes", 0, [0, 2])), ["problem.edges.nodes[0]", "below 2"]),
    (text(set_to("edges", "nodes", 0, [0, -1])), ["problem.edges.nodes[0][1]", "-1"]),
    (text(set_to("edges", "costs", 0, [1, 2, 3])), ["problem.edges.costs[0]", "4 numbers", "got 3"]),
    (text(set_to("edges", "costs", [])), ["problem.edges.costs"]),
    (text(set_to("usage_limit", -1)), ["problem.usage_limit"]),
    (text(set_to("usage_limit", "much")), ["problem.usage_limit"]),
])
def test_bad_input_names_the_place(tmp_path, content, words):
    path = tmp_path / "p.json"
    path.write_text(content)
    fails(2, *words, args=["solve", path])


def test_truncated_gzip(tmp_path):
    path = tmp_path / "p.json.gz"
    path.write_bytes(gzip.compress(text().encode() * 50)[:-20])
    fails(2, "gzip", args=["solve", path])
    fails(2, "can't read", args=["solve", tmp_path / "none.json"])


@pytest.mark.parametrize("problem, cost, solution", [
    (TWO, 5, [0, 0]),
    (document([((0, 1), [5, 4, 9], [0, 3, 0])], [], 2), 5, [0]),
    (document([], [], 1), 0, []),
    # edges between the same two nodes, either way round, add up; a loop is a cost of its node
    (document([((0, 1), [0, 0], [0, 0])] * 2, [(0, 1, [5, 0, 0, 5]), (1, 0, [0, 9, 1, 0]), (0, 0, [0, 7, 7, 3])], 1), 1, [0, 1]),
])
def test_right_answers(tmp_path, problem, cost, solution):
    got = cordata("solve", write(problem, tmp_path / "p.json"), "--json")
    assert got.status == 0, got.err
    row = got.json()
    assert (row["cost"], row["lower_bound"], row["solution"], row["feasible"], row["optimal"]) == (cost, cost, solution, True, True)
    assert cordata("solve", tmp_path / "p.json").out.splitlines()[-1] == str(solution)


def test_large_sums(tmp_path):
    big = FORBIDDEN - 1
    nodes = [((0, 9), [big, big - 1], [2**62, 2**61]) for _ in range(40)]
    got = cordata("solve", write(document(nodes, [], 2**63 - 1), tmp_path / "p.json"), "--json")
    assert got.status == 4 and got.json()["infeasible"]
    nodes = [((n, n + 1), [big, big - 1 - n], [2**62, 2**61]) for n in range(20)]
    got = cordata("solve", write(document(nodes, [], 2**62), tmp_path / "p.json"), "--json")
    assert got.status == 0 and got.json()["solution"] == [1] * 20


def test_infeasible(tmp_path):
    fails(4, "least excess that was found is 1 at time 1", args=["solve", write(document([((0, 2), [1, 2], [3, 9]), ((1, 3), [1], [4])], [], 6), tmp_path / "p.json")])
    row = cordata("solve", tmp_path / "p.json", "--json").json()
    assert not row["feasible"] and row["infeasible"] and row["excess"] == 1 and row["solution"] == [0, 0]
    fails(4, "forbidden", args=["solve", write(document([((0, 1), [1, 1], [0, 0])] * 2, [(0, 1, [FORBIDDEN] * 4)], 6), tmp_path / "q.json")])


def hard(path, count=3000):
    """Far too large to be settled."""
    import random
    rng = random.Random(3)
    nodes = [((n, n + rng.randint(1, 40)), [rng.randrange(1000) for _ in range(12)], [rng.randrange(1000) for _ in range(12)]) for n in range(count)]
    edges = [(n - back, n, [rng.randrange(1000) for _ in range(144)]) for n in range(count) for back in (1, 3, 11) if n >= back]
    return write(document(nodes, edges, 4500), path)


def test_ends_in_time(tmp_path):
    path = hard(tmp_path / "p.json")
    for seconds in (1, 4):
        begin = time.monotonic()
        got = cordata("solve", path, "--seconds", seconds, "--json", "--trajectory", tmp_path / "log.csv")
        assert time.monotonic() - begin < seconds + 1, got.err
        assert len(got.json()["solution"]) == 3000
    assert (tmp_path / "log.csv").read_text().startswith("seconds,cost,bound\n") and "<polyline" in (tmp_path / "log.svg").read_text()


@pytest.mark.parametrize("which, after", [(signal.SIGINT, 1), (signal.SIGINT, 4), (signal.SIGTERM, 4)])
def test_a_signal_prints_the_best(tmp_path, which, after):
    path = hard(tmp_path / "p.json")
    process = subprocess.Popen([BIN, "solve", path, "--seconds", "60", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    time.sleep(after)
    process.send_signal(which)
    begin = time.monotonic()
    out, _ = process.communicate(timeout=20)
    assert time.monotonic() - begin < 1.5
    assert len(json.loads(out)["solution"]) == 3000


def test_one_thread_and_a_seed_repeat(tmp_path):
    path = write(medium(7, 20, 30), tmp_path / "p.json")
    rows = [cordata("solve", path, "--threads", 1, "--seed", 5, "--json").json() for _ in range(2)]
    assert [r["solution"] for r in rows] == [rows[0]["solution"]] * 2


def test_certificate(tmp_path):
    for seed in range(20, 26):
        path = write(medium(seed, 20, 60), tmp_path / "p.json")
        row = cordata("solve", path, "--certificate", tmp_path / "c.json", "--json").json()
        if not row["feasible"]:
            continue
        done = subprocess.run([sys.executable, ROOT / "tools" / "check_bound.py", path, tmp_path / "c.json"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) == row["certified_bound"] <= row["cost"]
        # a multiplier that was changed proves less, or something else; never more than there is
        certificate = json.loads((tmp_path / "c.json").read_text())
        certificate["edges"][0][2][0] += 1 << certificate["shift"] + 8
        (tmp_path / "c.json").write_text(json.dumps(certificate))
        done = subprocess.run([sys.executable, ROOT / "tools" / "check_bound.py", path, tmp_path / "c.json"], capture_output=True, text=True)
        assert int(done.stdout) <= row["cost"]


def test_explain(tmp_path):
    path = write(medium(8), tmp_path / "p.json")
    assert "contracted" in cordata("solve", path, "--explain").out
    row = cordata("solve", path, "--explain", "--core", tmp_path / "core.json", "--json").json()
    core = json.loads((tmp_path / "core.json").read_text())["core"]
    assert row["left"]["nodes"] == len(core["nodes"]) and row["left"]["times"] == len(core["limit"])
    assert os.path.getsize(tmp_path / "core.json") > 0


@pytest.mark.parametrize("model, cluster", [("gpt:layers=2,hidden=64,heads=2,seq=32,batch=8", "local:4"), ("gpt-2.6b", "p3.16xlarge:1")])
def test_the_planner_chose_the_same(tmp_path, model, cluster):
    """Every stage problem that the planner solved, solved again: byte-equal choices."""
    got = cordata("plan", model, "--cluster", cluster, "--dump-problems", tmp_path / "problems", "-o", tmp_path / "plan.json")
    assert got.status == 0, got.err
    dumped = sorted((tmp_path / "problems").glob("*.json"))
    assert dumped
    for path in dumped:
        again = cordata("solve", path)
        assert again.status == 0, again.err
        assert again.out.splitlines()[-1] + "\n" == path.with_suffix(".solution").read_text(), path.name
