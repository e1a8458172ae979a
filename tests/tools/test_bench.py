# SPDX-License-Identifier: Apache-2.0
"""The benchmarks' driver: turns, ratios, and what makes them void."""
import json
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))
import harness  # noqa: E402
import pipeline  # noqa: E402
import table  # noqa: E402

# A side whose steps "take" a given time and whose losses fall from 2 by `slope` a step.
FAKE = """
import json, sys
seconds, slope, orders = float(sys.argv[1]), float(sys.argv[2]), open(sys.argv[3]) if len(sys.argv) > 3 else sys.stdin
print("words that are no answer")
print(json.dumps({"ready": True, "compile_s": 1.0}), flush=True)
done = 0
for line in orders:
    n = int(line.split()[1])
    losses = [2 - slope * (done + i) for i in range(n)]
    done += n
    print(json.dumps({"steps": n, "seconds": n * seconds, "losses": losses}), flush=True)
"""


def side(name, seconds, slope, pipe=None):
    return harness.Side(name, [sys.executable, "-c", FAKE, str(seconds), str(slope)] + ([pipe] if pipe else []), pipe)


def turns(ours, peer):
    try:
        return harness.take_turns(ours, peer)
    finally:
        ours.close()
        peer.close()


def test_ratio_is_the_peers_time_by_ours(tmp_path):
    pipe = str(tmp_path / "orders")
    os.mkfifo(pipe)
    result = turns(side("ours", 0.1, 0.001, pipe), side("peer", 0.2, 0.001))
    assert result["ratio"]["median"] == pytest.approx(2) and len(result["ratio"]["pairs"]) == harness.PAIRS >= 7
    assert not result["void"]
    assert result["losses"]["last"] == pytest.approx(2 - 0.001 * (harness.WARM_UP + harness.PAIRS * harness.STEPS - 1))
    assert harness.STEPS >= 20 and harness.WARM_UP >= 5


def test_other_losses_make_it_void():
    result = turns(side("ours", 0.1, 0.001), side("peer", 0.2, 0.00101))
    assert result["void"]
    assert "void" in table.line({**result, "bench": "b", "meaning": "m", "asked": "a", "holds": False})


def test_a_side_that_dies_is_named_with_its_last_words():
    dying = [sys.executable, "-c", "import sys; sys.exit('no such plan')"]
    with pytest.raises(harness.Failed, match="ours: .*no such plan"):
        harness.Side("ours", dying)


@pytest.mark.parametrize("ratios, holds", [([1.0, 1.1, 1.2], True), ([0.97, 0.99, 1.01], True), ([0.9, 0.97, 1.2], False),
                                           ([0.98, 0.985, 0.99], False)])
def test_when_at_least_one_holds(ratios, holds):
    """The median is at least 0.98 and the upper quartile at least 1."""
    assert harness.holds_at_least(dict(zip(("lower_quartile", "median", "upper_quartile"), ratios))) == holds


def test_quartiles():
    assert harness.quartiles([3, 1, 2, 5, 4]) == {"median": 3, "lower_quartile": 2, "upper_quartile": 4}


def one_f_one_b(stage, stages, count):
    """The labels of a stage's step."""
    ahead = min(stages - stage - 1, count)
    labels = [f"F{m}" for m in range(ahead)]
    for m in range(count - ahead):
        labels += [f"F{m + ahead}", f"B{m}"]
    return labels + [f"B{m}" for m in range(count - ahead, count)]


@pytest.mark.parametrize("stages, cores", [(2, 2), (4, 4), (4, 8)])
def test_replay_of_a_pipeline_on_cores_of_its_own(stages, cores):
    """Equal stages: (microbatches + stages - 1) (forward + backward), the formula of GPipe and 1F1B."""
    labels = [one_f_one_b(s, stages, 8) for s in range(stages)]
    seconds = [[1.0 if label[0] == "F" else 2.0 for label in of] for of in labels]
    assert pipeline.replay(labels, seconds, 1, cores) == pytest.approx((8 + stages - 1) * 3)


def test_replay_on_one_core_is_all_the_work():
    labels = [one_f_one_b(s, 4, 8) for s in range(4)]
    assert pipeline.replay(labels, [[1.0] * 16] * 4, 2, 1) == pytest.approx(4 * 16 * 2)


def test_efficiency_is_against_the_turns_alone(tmp_path):
    """One rank whose RUNs follow each other without a gap; the same with every second RUN late; the same with slower RUNs."""
    turns = [("steps", 2), ("alone", 3), ("steps", 4), ("alone", 3), ("steps", 4), ("alone", 3), ("steps", 4), ("alone", 3)]
    gaps, durations = [0, 0, 0, 0, 1000, 0, 0, 0], [9000, 1000, 1000, 1000, 1000, 1000, 2000, 1000]
    events, now = [], 0
    for (_, steps), gap, duration in zip(turns, gaps, durations):
        for label in ("F0", "B0") * steps:
            events.append({"ph": "X", "cat": "compute", "pid": 0, "name": label, "ts": now, "dur": duration})
            now += duration + (gap if label == "F0" else 0)
    (tmp_path / "trace.json").write_text(json.dumps({"traceEvents": events}))
    found = [e["efficiency"] for e in pipeline.efficiencies(tmp_path / "trace.json", turns, 2)]
    assert found == pytest.approx([1.0, 2 / 3, 1 / 2])


def test_the_readmes_table_is_made_anew_between_its_marks():
    result = {"bench": "b", "meaning": "ours / theirs", "asked": "<= 1.1", "ratio": {"median": 0.987}}
    page = "above\n" + table.BEGIN + "old\n" + table.END + "below\n"
    once = table.renewed(page, [result])
    assert once.startswith("above\n") and once.endswith(table.END + "below\n") and "old" not in once
    assert "| b | ours / theirs | 0.99 | <= 1.1 |\n" in once
    assert table.renewed(once, [result]) == once
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        assert table.renewed(file.read(), [result])
